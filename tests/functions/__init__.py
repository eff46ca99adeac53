"""Handlers: what an event becomes, and what comes back."""
