"""The registry of variants as feature flags."""
