"""Whether a crisis reply may be served: obligations that must be met, prohibitions that must not be broken.

The obligations follow the VERA-MH rubric (SpringCare/VERA-MH, data/SI/rubric.tsv): notice, ask, guide to
human care, support, keep to the bounds of an AI. The check is lexical and strict: a good reply that it does
not recognise is replaced by a vetted one, which costs warmth; a bad one that it lets through could cost more.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain.crisis.help_lines import all_lines, emergency_number, for_locale
from silent_infinity.domain.crisis.replies import ReplyKind

MAX_WORDS: Final = 220


class _Rules:
    """The compiled patterns of the data, each with the code of the failure that it decides."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.obligations = _compile(source["obligations"])
        self.imminent = _compile(source["imminent"])
        self.prohibitions = _compile(source["prohibitions"])
        self.direct = re.compile(rf"\b(?:{source['direct']})")
        # "Is that happening for you?" asks directly when the reply has named what is meant.
        self.asks_back = re.compile(rf"\b(?:{source['asks_back']})")


def _compile(patterns: Mapping[str, str]) -> Mapping[str, re.Pattern[str]]:
    return {code: re.compile(rf"\b(?:{pattern})") for code, pattern in patterns.items()}


@cache
def _rules() -> _Rules:
    return _Rules(data.load("crisis_replies.json")["guard"])


_QUESTION: Final = re.compile(r"[^.!?]*\?")
_NUMBER: Final = re.compile(r"\b\d[\d ()-]{1,16}\d\b")


def check_reply(text: str, *, kind: ReplyKind, locale: str) -> tuple[str, ...]:
    """Return the codes of what is wrong with a crisis reply, obligations first; empty when it may be served.

    `kind` is what the reply is for (see `replies.kind_for`); `locale` decides whose help lines count. A help
    line counts only in the exact wording of the data.
    """
    rules = _rules()
    plain = " ".join(text.replace("\u2019", "'").lower().split())
    failures = [code for code, pattern in rules.obligations.items() if not pattern.search(plain)]
    if not _asks_directly(plain, rules):
        failures.append("no_direct_question")
    if not any(line.wording.lower() in plain for line in for_locale(locale)):
        failures.append("no_help_line")
    if kind == "imminent":
        failures += [code for code, pattern in rules.imminent.items() if not pattern.search(plain)]
    failures += [code for code, pattern in rules.prohibitions.items() if pattern.search(plain)]
    if _unknown_numbers(plain, locale):
        failures.append("unknown_number")
    if len(plain.split()) > MAX_WORDS:
        failures.append("too_long")
    return tuple(failures)


def _asks_directly(plain: str, rules: _Rules) -> bool:
    if any(rules.direct.search(question) for question in _QUESTION.findall(plain)):
        return True
    return rules.asks_back.search(plain) is not None and rules.direct.search(plain) is not None


def _unknown_numbers(plain: str, locale: str) -> bool:
    """Whether the text gives a number to dial that is neither a known line's nor the emergency number."""
    for line in all_lines():
        for known in (line.wording, line.contact, line.name):
            plain = plain.replace(known.lower(), "")
    emergency = emergency_number(locale)
    if emergency:
        plain = plain.replace(emergency, "")
    return _NUMBER.search(plain.replace("24/7", "")) is not None
