"""Promotions: what the gates found, what a person is asked, and what becomes of it."""
