"""Measurements: the load that real clients make, and what it costs and delays. It knows the wire and nothing behind it."""
