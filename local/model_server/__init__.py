"""A small language model behind an OpenAI-compatible HTTP API, for the local stack only."""

MODEL_ALIAS = "smollm2-135m-instruct"
