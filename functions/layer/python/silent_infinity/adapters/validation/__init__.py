"""Validation with jsonschema."""
