"""One conversation on the terminal: what is said, what is heard, what is shown."""
