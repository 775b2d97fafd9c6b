"""What both tiers of Parley agree on: the wire contract (`parley.v1`), frames, errors, settings, logs, the directory.

It imports neither tier, no engine library, no LiveKit and no DSP.
"""

__version__ = "0.1.0"
