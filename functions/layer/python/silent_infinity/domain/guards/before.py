"""Checks of a message before anything is generated from it.

A block is not an accusation: every one of them answers kindly and leaves the door open. None of them is
consulted on a crisis turn; the workflow decides that before it looks at the verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from silent_infinity.domain import prose
from silent_infinity.domain.guards.base import Finding, Outcome, rules
from silent_infinity.domain.intent.templates import choose

MAX_CHARACTERS: Final = 4000
"""Longest message (characters, after normalisation) that is answered in one turn."""

Check = Callable[[str], Finding | None]


@dataclass(frozen=True, slots=True)
class Guard:
    """One check of the registry: its name, the template of its reply, and what it does."""

    name: str
    template: str
    check: Check


@dataclass(frozen=True, slots=True)
class InputVerdict:
    """Whether a message may go on. `reply_text` is what the person is told when it may not."""

    blocked: bool
    rule_id: str = ""
    reply_text: str = ""
    template: str = ""


def check_message(message: str, locale: str = "en-US", seed: str = "") -> InputVerdict:
    """Return the verdict of the first check that blocks `message`; `seed` fixes the wording of the reply."""
    for guard in BEFORE:
        finding = guard.check(message)
        if finding is not None and finding.outcome is Outcome.BLOCK:
            reply = choose(guard.template, locale, seed).text
            return InputVerdict(True, finding.rule_id, reply, guard.template)
    return InputVerdict(False)


def redact(text: str) -> str:
    """Return `text` for storage: every secret replaced by a note that says what was there."""
    for rule in rules("secrets"):
        text = rule.pattern.sub(rule.replacement, text)
    return text


def check_blank(message: str) -> Finding | None:
    """Block a message without a visible character."""
    if prose.plain(message).strip():
        return None
    return Finding("length.blank", Outcome.BLOCK)


def check_length(message: str) -> Finding | None:
    """Block a message that is too long to be answered with care."""
    return Finding("length.too_long", Outcome.BLOCK) if len(message) > MAX_CHARACTERS else None


def check_secrets(message: str) -> Finding | None:
    """Block a message that gives away an access key, a password or a private key."""
    for rule in rules("secrets"):
        if rule.pattern.search(message):
            return Finding(rule.rule_id, Outcome.BLOCK)
    return None


def check_injection(message: str) -> Finding | None:
    """Block an attempt to give the model other instructions, by pattern or by the learned part."""
    # Imported with the first message: its patterns and weights are no part of a cold start.
    from silent_infinity.domain.guards import injection

    return injection.check(message)


def check_abuse(message: str) -> Finding | None:
    """Block insults and threats that are aimed at the conversation. Swearing about one's life is not
    abuse.
    """
    return _first_block("abuse", message)


def check_sexual(message: str) -> Finding | None:
    """Block sexual requests. What someone tells about their life or suffered is never one."""
    return _first_block("sexual", message)


def check_harm(message: str) -> Finding | None:
    """Block requests for ways to hurt someone else."""
    return _first_block("harm", message)


def _first_block(group: str, message: str) -> Finding | None:
    folded = " ".join(prose.fold(message).split())
    for rule in rules(group):
        if rule.pattern.search(folded) and not (rule.unless and rule.unless.search(folded)):
            return Finding(rule.rule_id, Outcome.BLOCK)
    return None


BEFORE: Final[tuple[Guard, ...]] = (
    Guard("blank", "blocked_empty", check_blank),
    Guard("length", "blocked_length", check_length),
    Guard("secrets", "blocked_secret", check_secrets),
    Guard("injection", "blocked_injection", check_injection),
    Guard("harm", "blocked_harm", check_harm),
    Guard("sexual", "blocked_sexual", check_sexual),
    Guard("abuse", "blocked_abuse", check_abuse),
)
"""The guards in the order in which they are asked: the first that blocks answers."""
