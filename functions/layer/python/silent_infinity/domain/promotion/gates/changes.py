"""Where two configurations differ, for people who decide between them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from silent_infinity.domain.promotion.evidence import ConfigChange


def config_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ConfigChange, ...]:
    """Return where `after` differs, as JSON pointers (RFC 6901) in the order of their text.

    Objects are gone into, lists are compared as a whole.
    """
    return tuple(sorted(_changes("", before, after), key=lambda change: change.path))


def _changes(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ConfigChange]:
    for key in {*before, *after}:
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changes(place, old, new)
        elif _text(before, key) != _text(after, key):
            yield ConfigChange(place, _text(before, key), _text(after, key))


def _text(config: Mapping[str, Any], key: str) -> str:
    return json.dumps(config[key], sort_keys=True, ensure_ascii=False) if key in config else ""
