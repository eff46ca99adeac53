"""The weekly synthesis (TC7): which week, who is due, what a model is shown of it, and what may be kept.

Only what the person wrote is shown to the model: the service's replies would be summarised as if they were
part of somebody's life. What touches on a crisis is left out as a whole session, because the messages around
it tell of it too; somebody who is, or was this week, in danger gets no summary at all.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from silent_infinity.data import load
from silent_infinity.domain import prose
from silent_infinity.domain.crisis.posture import IMMINENT_LEVEL, Posture
from silent_infinity.domain.crisis.screen import ScreenError, screen
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.languages import identify, same
from silent_infinity.domain.locales import parse_locale
from silent_infinity.domain.prompts import Prompt, PromptError, bundled, delimited, render
from silent_infinity.domain.quality import validate_reply
from silent_infinity.domain.quality_codes import instructions_for
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.domain.weeks import Week

TURN_CLASS: Final = "TC7"
CRISIS_ECHO: Final = "crisis.echo"
OTHER_LANGUAGE: Final = "language"

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LATIN_SHARE = 0.5
_BETWEEN = "\n\n"
_FIRST_PERSON: Final = {
    "you are": "I am",
    "you were": "I was",
    "you're": "I'm",
    "you've": "I've",
    "you'd": "I'd",
    "you'll": "I'll",
    "yourself": "myself",
    "yours": "mine",
    "your": "my",
    "you": "I",
}
_SECOND_PERSON: Final = re.compile(rf"\b(?:{'|'.join(_FIRST_PERSON)})\b", re.IGNORECASE)
_HISTORY = 4
"""How many messages before one the screen hears, as it does in a turn."""

LevelOf = Callable[[str, Sequence[str], str], int]
"""Takes a message, the same person's messages before it and a locale; returns a crisis level (0-4)."""


# --- who is due ---


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn as the synthesis looks at it: what the person wrote, when, and how it was met."""

    message: str
    received_at: str
    reply_kind: str
    crisis_level: int


@dataclass(frozen=True, slots=True)
class SpokenSession:
    """A session with its turns, oldest first."""

    session_id: str
    locale: str
    posture: Posture
    turns: tuple[SpokenTurn, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """What somebody wrote on one day, oldest first. `name` is the day of the week."""

    name: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What a summary is made of, and the sessions that it comes from."""

    session_ids: tuple[str, ...]
    locale: str
    days: tuple[Day, ...]

    @property
    def said(self) -> str:
        """Everything that the person wrote, as one text."""
        return "\n\n".join(message for day in self.days for message in day.messages)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The material of one person's week, or why there is none: `crisis` or `little`."""

    material: Material | None
    reason: str = ""


def rules() -> Mapping[str, Any]:
    """Return the rules of `data/synthesis.json`."""
    found: Mapping[str, Any] = load("synthesis.json")
    return found


def offline_level(message: str, history: Sequence[str], locale: str) -> int:
    """Return the level that the screen's own stages give a message; 4 if none of them can read it."""
    try:
        return screen(message, history, Posture(), locale, (), "", LAYER_STAGES).screened_level
    except ScreenError:
        return IMMINENT_LEVEL


def gather(sessions: Iterable[SpokenSession], week: Week, level_of: LevelOf = offline_level) -> Gathered:
    """Return what may be summarised of somebody's week.

    `sessions` are all of the person's that were written to since the week began, with all their turns:
    whoever is in danger after the week is not sent a summary of it either.
    """
    limits = rules()
    known = list(sessions)
    if any(_withholds(session, week) for session in known):
        return Gathered(None, "crisis")
    usable = []
    for session in known:
        spoken = _of_week(session, week)
        if spoken and not _touches_crisis(session, spoken, week, level_of):
            usable.append((session, spoken))
    usable = usable[-limits["max_sessions"] :]
    turns = sum(len(spoken) for _, spoken in usable)
    characters = sum(len(turn.message) for _, spoken in usable for turn in spoken)
    if turns < limits["min_turns"] or characters < limits["min_characters"]:
        return Gathered(None, "little")
    return Gathered(
        Material(
            session_ids=tuple(session.session_id for session, _ in usable),
            locale=_commonest([session.locale for session, spoken in usable for _ in spoken]),
            days=_days([turn for _, spoken in usable for turn in spoken]),
        )
    )


def _moment(turn: SpokenTurn) -> datetime:
    return datetime.fromisoformat(turn.received_at)


def _withholds(session: SpokenSession, week: Week) -> bool:
    return session.posture.active or any(
        turn.crisis_level >= rules()["withhold_level"] and _moment(turn) >= week.start
        for turn in session.turns
    )


def _of_week(session: SpokenSession, week: Week) -> list[SpokenTurn]:
    """Return the turns of the week that were answered in a way that may be summarised."""
    kinds = rules()["kinds"]
    return [turn for turn in session.turns if week.holds(_moment(turn)) and turn.reply_kind in kinds]


def _touches_crisis(
    session: SpokenSession, spoken: Sequence[SpokenTurn], week: Week, level_of: LevelOf
) -> bool:
    """Whether any turn of the week was one of risk, by its record or to a second look.

    The second look is for what was recorded while the screen was down.
    """
    limits = rules()
    for turn in session.turns:
        recorded = turn.crisis_level >= limits["leave_out_level"]
        if week.holds(_moment(turn)) and (recorded or turn.reply_kind in limits["leave_out_kinds"]):
            return True
    said = [turn.message for turn in spoken]
    return any(
        level_of(message, said[max(0, place - _HISTORY) : place], session.locale) >= RISK_LEVEL
        for place, message in enumerate(said)
    )


def _commonest(names: Sequence[str]) -> str:
    return max(dict.fromkeys(names), key=names.count)


def _days(turns: Sequence[SpokenTurn]) -> tuple[Day, ...]:
    limits = rules()
    ordered = sorted(turns, key=_moment)
    kept = thinned(
        [turn.message[: limits["message_characters"]] for turn in ordered], limits["max_characters"]
    )
    days: dict[str, list[str]] = {}
    for place, message in kept:
        days.setdefault(_DAYS[_moment(ordered[place]).astimezone(UTC).weekday()], []).append(message)
    return tuple(Day(name, tuple(messages)) for name, messages in days.items())


def thinned(texts: Sequence[str], most_characters: int) -> list[tuple[int, str]]:
    """Return (place, text) of as many texts as fit, taken evenly, so that no part of a week is lost."""
    for count in range(len(texts), 0, -1):
        step = (len(texts) - 1) / max(1, count - 1)
        places = sorted({round(place * step) for place in range(count)})
        if sum(len(texts[place]) for place in places) <= most_characters:
            return [(place, texts[place]) for place in places]
    return []


# --- what a model is asked ---


@dataclass(frozen=True, slots=True)
class Record:
    """One summary that has to be written.

    `record_id` is what a batch calls it: letters and digits that say part and place. `failures` are what was
    wrong with the summary of the first round, and `spent` what that cost.
    """

    record_id: str
    user_id_hash: str
    material: Material
    model_id: str
    max_tokens: int
    temperature: float
    failures: tuple[str, ...] = ()
    spent: Usage = field(default_factory=Usage)


def record_id(part: int, place: int) -> str:
    """Return the id of a record: eleven letters and digits, as Bedrock's documentation has them."""
    return f"P{part:06d}R{place:03d}"


def part_of(name: str) -> int | None:
    """Return the part that a record id names, or None if it is none of ours."""
    match = re.fullmatch(r"P(\d{6})R\d{3}", name)
    return int(match[1]) if match else None


def prompt() -> Prompt:
    """Return the prompt of the class.

    Raises:
        PromptError: the class has none.
    """
    wanted = turn_classes()[TURN_CLASS].prompt
    if wanted is None:
        raise PromptError(f"{TURN_CLASS} has no prompt")
    return bundled(wanted.template_id, wanted.version)


def question(record: Record, asked: Prompt) -> tuple[tuple[SystemBlock, ...], tuple[Utterance, ...]]:
    """Return (instructions, messages) for a record.

    The days are named outside of the delimiters, the person's words stand between them, disarmed.
    """
    locale = record.material.locale
    told = [SystemBlock(render(asked, {"locale": locale if parse_locale(locale).language else "en"}))]
    if record.failures:
        wrong = "\n".join(f"- {line}" for line in instructions_for(record.failures))
        told.append(SystemBlock(f"A first version could not be used:\n{wrong}"))
    days = _BETWEEN.join(
        f"{day.name}\n{delimited(_BETWEEN.join(day.messages))}" for day in record.material.days
    )
    closing = f"\n\n{asked.closing}" if asked.closing else ""
    return tuple(told), (Utterance("user", f"{days}{closing}"),)


# --- what may be kept ---


@dataclass(frozen=True, slots=True)
class Checked:
    """A summary as it may be kept, and why it may not: codes, none if it may."""

    text: str
    score: float
    failures: tuple[str, ...]


def check(text: str, record: Record, level_of: LevelOf = offline_level) -> Checked:
    """Judge a summary: the guards and the quality score of its class, its length, and no word of a crisis."""
    said = record.material.said
    judged = validate_reply(text, "model", TURN_CLASS, said)
    failures = [] if judged.acceptable else list(judged.failures)
    failures += _length(judged.text)
    spoken, told = identify(said), identify(judged.text)
    if spoken and told and not same(spoken, told):
        failures.append(OTHER_LANGUAGE)
    if _speaks_of_risk(judged.text, record.material.locale, level_of):
        failures.append(CRISIS_ECHO)
    return Checked(judged.text, judged.score, tuple(dict.fromkeys(failures)))


def _speaks_of_risk(text: str, locale: str, level_of: LevelOf) -> bool:
    """Whether the screen finds a risk in any sentence, read as it stands or as the person would say it.

    The screen listens for "I"; a summary says "you".
    """
    return any(
        level_of(reading, (), locale) >= RISK_LEVEL
        for sentence in prose.sentences(text)
        for reading in {sentence, _in_first_person(sentence)}
    )


def _in_first_person(sentence: str) -> str:
    return _SECOND_PERSON.sub(lambda found: _FIRST_PERSON[found[0].lower()], prose.plain(sentence))


def _length(text: str) -> list[str]:
    limits = rules()["words"]
    count = len(prose.words(text))
    letters = [character for character in text if character.isalpha()]
    latin = sum(character < "\u0250" for character in letters) >= _LATIN_SHARE * len(letters)
    if count < (limits["min"] if latin else limits["min_other_scripts"]):
        return ["length.too_short"]
    return ["length.too_long"] if count > limits["max"] else []
