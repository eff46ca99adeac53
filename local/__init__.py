"""The local stack: the same templates that AWS gets, on a laptop. Never deployed."""
