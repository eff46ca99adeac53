"""Error codes of providers, safe to log: what a provider says in words may quote the conversation."""

import re

MALFORMED = (ValueError, KeyError, IndexError, TypeError, AttributeError)
"""What reading an answer raises that is not of the documented form."""

_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def code(provider: str, value: object) -> str:
    """Return `provider:value`, or `provider:unknown` if the value does not look like a code."""
    text = str(value)
    return f"{provider}:{text if _CODE.fullmatch(text) else 'unknown'}"
