"""The learned part of the guard against prompt injection."""
