"""Small checks before and after generation, each of which passes, blocks or modifies, under a stable id."""
