"""What every stage of the crisis screen is given, and what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

RISK_LEVEL = 2
"""From this level on, a message is answered in the crisis flow."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one stage found in one message.

    `level` is 0-4 by the rubric; `rule_ids` are what holds it up, the weightiest first; `safe_exit` says
    that the person tells of being safe now, with no risk in the message; `about_other` says that all risk
    found is another person's. `score` is the stage's own probability (0-1) that the level is 2 or more, None
    for a stage that knows only levels.
    """

    level: int
    rule_ids: tuple[str, ...] = ()
    safe_exit: bool = False
    about_other: bool = False
    score: float | None = None


@dataclass(frozen=True, slots=True)
class ScreenCase:
    """A message in its context.

    `history` holds the same person's recent messages, oldest first; `locale` is a BCP 47 tag; `found` has the
    verdicts of the stages that have answered already, by name.
    """

    message: str
    history: Sequence[str] = ()
    locale: str = "en-US"
    found: Mapping[str, Verdict] = field(default_factory=dict)


class Stage(Protocol):
    """One way of reading a message."""

    def __call__(self, case: ScreenCase, /) -> Verdict | None:
        """Return the verdict, or None when this stage has nothing to say about such a case."""
        ...
