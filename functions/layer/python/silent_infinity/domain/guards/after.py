"""Checks of a draft reply before it is served.

Checks that modify run first, so that all others judge what would really be served.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain import english, prose
from silent_infinity.domain.crisis.reply_guard import prohibited
from silent_infinity.domain.guards import grounding, mirroring, personal_data
from silent_infinity.domain.guards.base import Finding, Outcome, Rule, rules
from silent_infinity.domain.languages import identify, same, wanted
from silent_infinity.domain.mirror import comparable, turn_around
from silent_infinity.domain.prompts import quoted_passages

TIDIED: Final = "format.tidied"
CrisisGuard = Callable[[str], Sequence[str]]
"""Takes a crisis reply, returns the rule ids that it breaks."""


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """What a draft is judged against.

    `allowed_contacts` are help-line numbers and addresses that a reply may give, as the help-line data writes
    them. `history` is what both sides said before.
    """

    turn_class: str
    message: str
    source: str = "model"
    allowed_contacts: tuple[str, ...] = ()
    crisis_guard: CrisisGuard | None = None
    history: tuple[str, ...] = ()
    turned: str = field(init=False, default="")

    def __post_init__(self) -> None:
        said = " ".join(comparable(self.message))
        object.__setattr__(self, "turned", f" {said} | {' '.join(comparable(turn_around(said)))} ")

    def said_by_person(self, phrase: str) -> bool:
        """Whether `phrase` is made of the person's own words, as written or turned around."""
        own = " ".join(comparable(phrase))
        return bool(own) and f" {own} " in self.turned


@dataclass(frozen=True, slots=True)
class Review:
    """The text that may be served, if nothing blocks, and every rule that fired."""

    text: str
    findings: tuple[Finding, ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        """Rule ids of the blocks, in order, each once."""
        return tuple(dict.fromkeys(f.rule_id for f in self.findings if f.outcome is Outcome.BLOCK))

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """Rule ids of everything that fired, in order, each once. Tidying up is no alarm."""
        return tuple(dict.fromkeys(f.rule_id for f in self.findings if f.rule_id != TIDIED))


Check = Callable[[str, ReplyContext], list[Finding]]


def review(text: str, context: ReplyContext) -> Review:
    """Run every check over `text`."""
    findings: list[Finding] = []
    for modify in MODIFIERS:
        for finding in modify(text, context):
            findings.append(finding)
            text = finding.text
    for check in AFTER:
        findings.extend(check(text, context))
    return Review(text, tuple(findings))


@cache
def limits(turn_class: str) -> dict[str, Any]:
    """Return the limits of a turn class; an unknown class is held to the longest of them."""
    classes: dict[str, dict[str, Any]] = data.load("quality.json")["classes"]
    return classes.get(turn_class, classes["TC5"])


# --- checks that modify ---

_LABEL = re.compile(
    r"^\s{0,4}(?:\*\*)?(?:assistant|silent infinity|ai|reply|response|therapist|bot)(?:\*\*)? ?: ?(?:\*\*)?",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"\*\*([^*\n]{1,300})\*\*|(?<![\w*])\*([^*\n]{1,300})\*(?![\w*])")
_MANY_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LIST_ITEM = re.compile(r"(?m)^[ \t]{0,6}(?:[-*\u2022]|\d{1,2}[.)]) +\S")
_ENDED = re.compile(r"[.!?\u2026\u0964\u061f\u06d4\u3002\uff01\uff1f][\"'\u2019\u201d)\]]*$")


def tidy(text: str, context: ReplyContext) -> list[Finding]:
    """Remove what small models add around a reply (labels, quotation marks, emphasis, an unfinished last
    sentence), and give a reflective reply its two paragraphs.
    """
    tidied = _MANY_LINES.sub("\n\n", _EMPHASIS.sub(r"\1\2", _LABEL.sub("", text.strip(), count=1))).strip()
    if (
        len(tidied) > 2
        and tidied[0] in '"\u201c'
        and tidied[-1] in '"\u201d'
        and not set('"\u201c\u201d') & set(tidied[1:-1])
    ):
        tidied = tidied[1:-1].strip()
    tidied = _drop_unfinished(tidied)
    if context.turn_class == "TC4":
        tidied = _two_paragraphs(tidied)
    return [] if tidied == text else [Finding(TIDIED, Outcome.MODIFY, tidied)]


def _drop_unfinished(text: str) -> str:
    if not text or _ENDED.search(text) or _LIST_ITEM.search(text):
        return text
    cut = max(text.rfind(mark) for mark in (". ", "! ", "? ", ".\n", "!\n", "?\n", '." ', '?" '))
    # Half a reply that stops in the middle of a thought is worth more than none, but not less than half.
    return text[: cut + 1].rstrip() if cut >= 0.5 * len(text) else text


def _two_paragraphs(text: str) -> str:
    parts = prose.paragraphs(text)
    if len(parts) != 1 or _LIST_ITEM.search(text) or "\n" in text:
        return text
    said = prose.sentences(text)
    if len(said) < 2:
        return text
    half = (len(said) + 1) // 2
    return " ".join(said[:half]) + "\n\n" + " ".join(said[half:])


def remove_personal_data(text: str, context: ReplyContext) -> list[Finding]:
    """Leave out what is personal data and no help line's, then every long number and secret that is left.

    Names, dates and user names that the person wrote are theirs to hear back; numbers and addresses that
    could reach somebody never are.
    """
    found: list[Finding] = []
    redacted = personal_data.redact(text, context.allowed_contacts, keep=partial(keeps, context))
    if redacted.rule_ids:
        text = redacted.text
        found.extend(Finding(rule_id, Outcome.MODIFY, text) for rule_id in redacted.rule_ids)
    digits, addresses = _allowed(context.allowed_contacts)
    for rule in rules("personal_data"):
        changed = rule.pattern.sub(partial(_left_out, rule, digits, addresses), text)
        if changed != text:
            text = changed
            found.append(Finding(rule.rule_id, Outcome.MODIFY, text))
    for rule in rules("secrets"):
        changed = rule.pattern.sub(rule.replacement, text)
        if changed != text and not context.said_by_person(changed):
            text = changed.replace("[", "(").replace("]", ")")
            found.append(Finding(rule.rule_id, Outcome.MODIFY, text))
    return found


def keeps(context: ReplyContext, span: personal_data.Span, value: str) -> bool:
    """Whether a reply may hold `value` though it is personal data."""
    if span.type == "URL":
        return True  # `check_urls` blocks what is unknown: a note in its place would hide that
    if span.rule_id == f"personal_data.{personal_data.MENTIONED}":
        return True  # whom a reply mentions is a known author, or somebody the person spoke of
    return span.type in _SAID_BACK and context.said_by_person(value)


_SAID_BACK = frozenset({"NAME", "DATE_OF_BIRTH", "USERNAME", "ADDRESS"})

_DATE = re.compile(
    r"(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d"
    r"|(?:19|20)\d\d ?[-\u2013] ?(?:19|20)\d\d"
)


def _left_out(rule: Rule, digits: frozenset[str], addresses: frozenset[str], match: re.Match[str]) -> str:
    value = match.group()
    number = re.sub(r"\D", "", value)
    if (
        number in digits
        or (len(number) == 11 and number.removeprefix("1") in digits)
        or value.lower() in addresses
        or _DATE.fullmatch(value.strip())
    ):
        return value
    return rule.replacement


@cache
def _allowed(contacts: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    digits: set[str] = set()
    addresses: set[str] = set()
    for contact in (*data.load("guards.json")["allowed_contacts"], *contacts):
        for number in re.findall(r"\+?\d(?:[ ().\u2010-\u2015/-]{0,2}\d){1,22}", contact):
            plain = re.sub(r"\D", "", number)
            digits.add(plain)
        addresses |= {word.strip(".,;()<>").lower() for word in contact.split() if "@" in word or "." in word}
    return frozenset(digits), frozenset(addresses)


# --- checks that block ---


def check_length(text: str, context: ReplyContext) -> list[Finding]:
    """Block what is empty, too short to say anything, or far beyond the class."""
    limit = limits(context.turn_class)
    count = len(prose.words(text))
    if not count:
        return [_block("length.empty")]
    # Scripts without spaces put a whole sentence into one "word".
    spaceless = text.isascii() is False and len(text) >= 4 * limit["min_words"]
    if count < limit["min_words"] and not spaceless:
        return [_block("length.too_short")]
    too_long = len(text) > limit["max_characters"] or len(prose.sentences(text)) > limit["max_sentences"]
    return [_block("length.too_long")] if too_long else []


def check_format(text: str, context: ReplyContext) -> list[Finding]:
    """Block role labels, code, headings, lists where none belong, and too many paragraphs."""
    found = _matches("format", text, context)
    limit = limits(context.turn_class)
    if not limit["lists"] and _LIST_ITEM.search(text):
        found.append(_block("format.list"))
    if len(prose.paragraphs(text)) > limit["max_paragraphs"]:
        found.append(_block("format.paragraphs"))
    return found


def check_placeholders(text: str, context: ReplyContext) -> list[Finding]:
    """Block blanks that were never filled in."""
    return _matches("placeholder", text, context)


def check_leak(text: str, context: ReplyContext) -> list[Finding]:
    """Block delimiters, talk about instructions, and passages of the prompts themselves."""
    found = _matches("leak", text, context)
    if any(not _of_the_person(passage, context) for passage in quoted_passages(text)):
        found.append(_block("leak.prompt"))
    return found


def _of_the_person(passage: str, context: ReplyContext) -> bool:
    """Whether every word of weight in `passage` is the person's: who says what an example says is mirrored as
    the example is.
    """
    said = frozenset(comparable(context.message)) | english.words("stopwords")
    return context.said_by_person(passage) or said.issuperset(comparable(passage))


_URL = re.compile(
    r"\b(?:https?|ftp)://[^\s<>\"')\]]{1,2000}|\bwww\.[^\s<>\"')\]]{1,2000}"
    r"|(?<![@\w.-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,3}\.(?:com|org|net|io|gov|edu|co|info|app|ai|me|health|care|uk|us|de|in|int|eu|ca|au|ly|xyz|dev|ru|cn|site|online|link|biz)\b(?:/[^\s<>\"')\]]{0,2000})?",
    re.IGNORECASE,
)


def check_urls(text: str, context: ReplyContext) -> list[Finding]:
    """Block web addresses that are neither on the allow-list nor a help line's."""
    hosts = frozenset(data.load("guards.json")["allowed_hosts"])
    _, addresses = _allowed(context.allowed_contacts)
    known = hosts | {_host(address) for address in addresses}
    return [_block("url.unknown")] if any(_host(m.group()) not in known for m in _URL.finditer(text)) else []


def _host(url: str) -> str:
    return (
        re.sub(r"^[a-z]{1,6}://", "", url.lower())
        .split("/")[0]
        .split("@")[-1]
        .split(":")[0]
        .removeprefix("www.")
        .rstrip(".")
    )


def check_safe_messaging(text: str, context: ReplyContext) -> list[Finding]:
    """Block methods, diagnosis, dosage, false promises, posing as human, minimising, refusing, and advice
    where none belongs.
    """
    found = _matches("safe_messaging", text, context)
    language = identify(text)
    if language is not None and language != "en":
        found += _elsewhere(text, context, language)
    return found


def _elsewhere(text: str, context: ReplyContext, language: str) -> list[Finding]:
    """Return what a reply in another language must not say, by the rules that crisis replies have there."""
    tables = data.load("guards_elsewhere.json")
    own = prose.unaccented(context.message)
    found = []
    if context.turn_class != "TC6":  # a crisis reply has met these rules already
        for code, words in prohibited(text, language).items():
            rule_id = tables["rules"].get(code)
            if rule_id and (rule_id == "safe_messaging.method" or not _stems_of(words, own)):
                found.append(_block(rule_id))
    advice = tables["advice"].get(language)
    if advice and context.turn_class == "TC4":
        matches = re.finditer(advice, prose.unaccented(text))
        if any(not _stems_of(match.group(), own) for match in matches):
            found.append(_block("safe_messaging.advice"))
    return found


def _stems_of(words: str, own: str) -> bool:
    """Whether a word of weight among `words` begins like one of the person's own, who may hear it back."""
    return any(word[:6] in own for word in prose.words(prose.unaccented(words)) if len(word) > 5)


def check_language(text: str, context: ReplyContext) -> list[Finding]:
    """Block a reply in another language than the message's, where both can be told.

    A crisis reply is in the language of its help lines, and the composer has few languages.
    """
    if context.turn_class == "TC6" or context.source == "composer":
        return []
    asked, given = wanted(context.message), identify(text)
    if asked is None or given is None or same(asked, given):
        return []
    return [_block("language.other")]


def check_grounding(text: str, context: ReplyContext) -> list[Finding]:
    """Block what a model makes up: figures, studies, people, certainty, and facts about the person."""
    if context.source == "composer":
        return []
    found = grounding.claims(text, context.message, context.history, context.turn_class)
    return [_block(claim.rule_id) for claim in found if not claim.soft]


def check_mirroring(text: str, context: ReplyContext) -> list[Finding]:
    """Block a reply that says a sentence of the person back unturned, and a reflective one in which no phrase
    of theirs comes back, or all of it does.

    The composer mirrors wherever it safely can; where its reserve wording does not, a lower score says so.
    """
    if context.source == "composer":
        return []
    if mirroring.asked_back(context.message, text):
        return [_block("mirroring.parroted")]
    if context.turn_class != "TC4":
        return []
    if mirroring.parroted(context.message, text):
        return [_block("mirroring.parroted")]
    return [] if mirroring.score(context.message, text) >= mirroring.ENOUGH else [_block("mirroring.missing")]


def check_crisis(text: str, context: ReplyContext) -> list[Finding]:
    """Hold a crisis reply to the clinical rules, which another module knows."""
    if context.turn_class != "TC6" or context.crisis_guard is None:
        return []
    return [_block(rule_id) for rule_id in context.crisis_guard(text)]


def _block(rule_id: str) -> Finding:
    return Finding(rule_id, Outcome.BLOCK)


def _matches(group: str, text: str, context: ReplyContext) -> list[Finding]:
    folded = prose.fold(text)
    found = []
    for rule in rules(group):
        if rule.classes and context.turn_class not in rule.classes:
            continue
        for match in rule.pattern.finditer(folded):
            if rule.own_words and context.said_by_person(match.group()):
                continue
            found.append(_block(rule.rule_id))
            break
    return found


MODIFIERS: Final[tuple[Check, ...]] = (tidy, remove_personal_data)
AFTER: Final[tuple[Check, ...]] = (
    check_length,
    check_format,
    check_placeholders,
    check_leak,
    check_urls,
    check_safe_messaging,
    check_language,
    check_grounding,
    check_mirroring,
    check_crisis,
)
"""The checks that block, in the order in which their rules are reported."""
