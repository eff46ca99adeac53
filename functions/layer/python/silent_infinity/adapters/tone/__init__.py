"""Readers of tone: the project's own words, and time that is kept for those of others."""
