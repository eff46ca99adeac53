"""The sections of the weekly report's page, one in each module."""
