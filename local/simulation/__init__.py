"""Simulated people and their turns: realistic turn events and feedback, with planted effects and known truth."""
