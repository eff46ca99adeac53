"""Implementations on the operating system: time, randomness, and prompt files beside the code."""
