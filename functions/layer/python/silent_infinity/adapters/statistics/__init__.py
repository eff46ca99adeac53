"""Implementations on SciPy, which takes long to import: for the one function that ships it."""
