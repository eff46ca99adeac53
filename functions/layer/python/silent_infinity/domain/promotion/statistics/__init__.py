"""What a promotion is judged by: tests that may be looked at on every night without deceiving anybody."""
