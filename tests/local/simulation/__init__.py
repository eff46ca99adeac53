"""Tests of the simulated people."""
