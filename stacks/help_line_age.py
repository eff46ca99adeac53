"""How long ago somebody looked whether the help lines still exist.

Of all that is deployed, these numbers alone go wrong by themselves. The clock is a parameter: whether a synth
passes may depend on the day, a test may not.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from stacks.paths import DATA

HELP_LINES = DATA / "help_lines.json"
STRICT_ENVIRONMENT = "prod"
# Dates are written down wherever somebody sits, and compared in UTC.
_TIME_ZONES = timedelta(days=1)


class StaleHelpLinesError(ValueError):
    """Help lines were not checked for too long, or do not say when they were. Names each."""


def read(path: Path = HELP_LINES) -> dict[str, Any]:
    """Return the data file as it is."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def dated(document: Mapping[str, Any]) -> Iterator[tuple[str, date]]:
    """Yield what to call each help line and each emergency number, and the day on which it was checked.

    Raises:
        StaleHelpLinesError: an entry has no date, or one that is none.
    """
    for kind in ("lines", "emergency"):
        for entry in document.get(kind, ()):
            country = entry.get("country", "?")
            name = (
                f"{entry.get('name', '?')} ({country})"
                if kind == "lines"
                else f"emergency number ({country})"
            )
            try:
                yield name, date.fromisoformat(entry["checked_on"])
            except (KeyError, ValueError, TypeError):
                raise StaleHelpLinesError(f"{name} does not say when it was checked") from None


def complaint(document: Mapping[str, Any], today: date) -> str:
    """Return what is wrong with the age of the data on a day; empty if nothing is.

    A day that has not come yet is a slip of the pen, and would never go stale.
    """
    try:
        entries = list(dated(document))
        longest = timedelta(days=int(document["max_age_days"]))
    except StaleHelpLinesError as error:
        return str(error)
    except (KeyError, ValueError, TypeError):
        return "help_lines.json does not say for how many days (max_age_days) its lines are good"
    if not any(True for _ in document.get("lines", ())):
        return "there are no help lines"
    old = [name for name, checked in entries if today - checked > longest]
    if old:
        return f"not checked for over {longest.days} days: {', '.join(old)}"
    early = [name for name, checked in entries if checked - today > _TIME_ZONES]
    return f"checked on a day that has not come yet: {', '.join(early)}" if early else ""
