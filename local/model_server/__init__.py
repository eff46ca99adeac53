"""A small language model behind an OpenAI-compatible HTTP API, for the local stack only."""
