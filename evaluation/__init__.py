"""Evaluate what decides about safety, with the code that production runs. Never deployed."""
