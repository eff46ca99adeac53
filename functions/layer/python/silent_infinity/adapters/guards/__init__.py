"""The project's own guards behind the port of the others, so that one set of tests holds for all."""
