"""Asks the deployed API what its description allows and forbids, and holds every answer to it."""
