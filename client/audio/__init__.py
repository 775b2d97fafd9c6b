"""Sound on the client's side: files, playback, devices. Everything inside is 48 kHz mono s16le."""
