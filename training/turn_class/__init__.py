"""The learned part of the turn classification."""
