"""Simulated people: realistic turn events and feedback, with planted effects and known truth."""
