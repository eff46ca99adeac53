"""What Athena refuses whatever the SQL says, each number with its source."""

from __future__ import annotations

QUERY_BYTES = 262_144
"""Bytes of a query string in UTF-8. https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""
