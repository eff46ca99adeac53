"""A small sentence encoder in NumPy: no framework, no network, one file of weights."""
