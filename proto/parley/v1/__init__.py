"""The wire contract, version 1: schemas and the stubs generated from them (never edited by hand)."""
