"""The processes of one machine's Parley, started and watched as children."""
