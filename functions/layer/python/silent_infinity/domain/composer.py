"""The reflective composer: the reply of last resort, written without a model.

A deterministic mirror in the manner of Carl Rogers: it turns the person's own words around and leaves room.
It never advises, explains or diagnoses, and it says nothing back that it is not sure of: for everything else
it has reserve wordings that only listen. Only English can be turned around: whoever writes in another
language is answered in theirs, if there are words for it, and told that these are few. Whatever comes in,
what goes out passes `quality.validate_reply`.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain import prose
from silent_infinity.domain.guards.after import limits
from silent_infinity.domain.languages import identify
from silent_infinity.domain.mirror import Clause, echoable
from silent_infinity.domain.quality import validate_reply
from silent_infinity.domain.questions import indirect

_SELF: Final = ("you ", "you're ", "you've ", "you'd ", "you'll ")
_LEADING_JOIN: Final = re.compile(r"^(?:because|so|and|but|although|though) ")
_SPEAKER: Final = re.compile(r"\bi\b")
_LINKS: Final = frozenset({"and", "so", "very", "really", "just", "too"})
_ASKING: Final = re.compile(r"^(?:how|what|what's|why|which|who|explain|tell me|teach me|describe|define)\b")
_BESIDES: Final = re.compile(
    r",? (?:and )?(?:please )?(?:show|tell|teach|help) you(?: how| what| why| more)?$"
)
_ABOUT_ME: Final = re.compile(r"\b(?:you|your|you're|u|ur)\b")
_HARSH_BEFORE: Final = (
    r"^(you are|you're|you were|you've been) "
    r"((?:such |just |so |really |nothing but |completely |totally |always |only |never |a complete |not )*)"
)
_UNLIKELY_GLAD: Final = (
    r"\b(?:not|never|no|nothing|nobody|can't|don't|isn't|wasn't|hardly|used to|wish|but|anymore)\b"
)
_MAX_ECHO: Final = 26


def compose(message: str, turn_class: str, seed: str = "", help_text: str = "") -> str:
    """Return a reply to `message` for TC3, TC4 or TC5 (any other class is answered like TC4).

    The same message, class and seed give the same reply. `help_text` (help lines, as their data words them)
    is added as a paragraph of its own; give it for a message that was not screened, and nothing of it is said
    back. The reply is never empty and never longer than its class allows.
    """
    shape = turn_class if turn_class in {"TC3", "TC4", "TC5"} else "TC4"
    help_text = help_text.strip()
    # Help lines come along when nobody has screened the message: then nothing of it is said back either.
    reply = _elsewhere(message, shape, seed, cautious=bool(help_text))
    if reply is None and not help_text:
        reply = _mirrored(message, shape, seed)
    if reply is None or not _acceptable(reply, message, shape):
        reply = _reserve(message, shape, seed, cautious=bool(help_text))
    return f"{reply}\n\n{help_text}" if help_text else reply


def _elsewhere(message: str, turn_class: str, seed: str, *, cautious: bool) -> str | None:
    """Return a reply for a message in another language than English: in that one, or in English that says
    why. None if the message is English, or cannot be told.
    """
    language = identify(message)
    if language in (None, "en") or _darkness(message):
        return None
    texts = _lists()["elsewhere"].get(language) or _lists()["elsewhere"]["*"]
    name = "dark" if cautious else "other"
    text = _pick(texts[name], seed, f"elsewhere.{name}")
    return text if turn_class == "TC4" else text.replace("\n\n", " ")


def _acceptable(reply: str, message: str, turn_class: str) -> bool:
    # The composer is what is left when everything else failed, so it judges itself before anyone else does.
    return (
        len(reply) <= limits(turn_class)["good_characters"]
        and validate_reply(reply, "composer", turn_class, message).acceptable
    )


def _mirrored(message: str, turn_class: str, seed: str) -> str | None:
    """Return a reply that says something of `message` back, or None where nothing should be."""
    if _darkness(message):
        # Whatever else it says, a message with such words is not taken apart for a phrase to return.
        return None
    clauses = echoable(message)
    if not clauses:
        return None
    if turn_class == "TC5":
        return _about_question(clauses, seed)
    if turn_class == "TC3" and (_small(message) or not _light(clauses)):
        return None
    best = max(range(len(clauses)), key=lambda index: (_weight(clauses[index], index, len(clauses)), -index))
    kind, text = _said(clauses[best])
    if turn_class == "TC3":
        frame = _pick(_texts("small", "frames"), seed, kind)
        return f"{frame.replace('{c}', text)} {_pick(_texts('small', 'after'), seed, 'small')}"
    feeling = _feeling(clauses[best].original)
    if feeling == "neutral":
        feeling = _feeling(" ".join(clause.original for clause in clauses))
    if kind in {"asking", "wondering", "quoted_question"} and feeling in {"neutral", "glad"}:
        feeling = "question"
    mirrored = _frame(kind, _with_neighbour(clauses, best, kind, text), seed)
    return f"{mirrored}\n\n{_pick(_texts('presence', feeling), seed, 'presence')}"


def _small(message: str) -> str:
    """Return what kind of light message this is, where one answer fits all of its kind."""
    folded = prose.fold(message)
    kinds = ("goodbye", "thanks", "identity", "how_are_you")
    found = next((kind for kind in kinds if _pattern(kind).search(folded)), "")
    return "you" if found == "how_are_you" else found


def _light(clauses: Sequence[Clause]) -> bool:
    """Whether the weightiest clause is a plain telling: anything else sounds odd when it is light."""
    best = max(clauses, key=lambda clause: _weight(clause, 0, 1))
    return _said(best)[0] == "told"


def _about_question(clauses: Sequence[Clause], seed: str) -> str | None:
    asked = [clause for clause in clauses if clause.asked or indirect(clause.original)]
    if asked:
        said = _said(Clause(asked[-1].original, asked[-1].turned, asked=True))
    else:
        said = _said(max(clauses, key=lambda clause: _weight(clause, 0, 1)))
    kind, text = said
    kind = {"wondering": "asking", "fragment": "looking"}.get(kind, kind)
    return f"{_frame(kind, text, seed)} {_pick(_texts('teaching', 'after'), seed, 'teaching')}"


def _darkness(message: str) -> str:
    """Return `heavy` where risk or violence is plain, `dark` where it may be meant, otherwise an empty
    string.

    This is no screen. It only decides what must not be said back: the composer also answers when the screen
    is down. Words of grief are taken out first, because a death that is mourned may be spoken of.
    """
    folded = prose.fold(message)
    if _pattern("heavy").search(folded):
        return "heavy"
    return "dark" if _pattern("dark").search(_pattern("grieving").sub(" ", folded)) else ""


def _reserve(message: str, turn_class: str, seed: str, *, cautious: bool = False) -> str:
    """Return a reply that says nothing back and still answers the kind of message that came."""
    folded = prose.fold(message)
    darkness = _darkness(message) or ("dark" if cautious else "")
    if darkness:
        name = darkness
    elif _pattern("hostile").search(folded):
        name = "hostile"
    elif not any(character.isalpha() for character in folded):
        name = "wordless"
    elif _pattern("missed").search(folded):
        name = "missed"
    elif _ABOUT_ME.search(folded) and len(folded) < 200:
        name = "about_me"
    else:
        name = "other"
    text = _pick(_texts("reserve", name), seed, name)
    if darkness or turn_class == "TC4":
        return text if turn_class == "TC4" else text.replace("\n\n", " ")
    if turn_class == "TC3":
        if name == "hostile":
            return text.replace("\n\n", " ")
        return _pick(_texts("small", _small(message) or "plain"), seed, "small")
    if name in {"hostile", "missed", "about_me"}:
        return text.replace("\n\n", " ")
    opening = _pick(_texts("teaching", "plain"), seed, "plain")
    return f"{opening} {_pick(_texts('teaching', 'after'), seed, 'teaching')}"


# --- choosing what to say back ---


def _weight(clause: Clause, index: int, count: int) -> float:
    """How much a clause carries: feeling and the person's own part in it weigh more than circumstance."""
    tokens = clause.original.split()
    weight = 0.0
    if _feeling(clause.original) != "neutral":
        weight += 2.5
    if re.search(r"\bfe(?:el|els|lt|eling)\b", clause.original):
        weight += 1.0
    if re.search(r"\bfelt like|feels like|as if|as though\b", clause.original):
        weight += 1.0
    if clause.original.startswith(("i ", "i'm ", "i've ", "i'd ", "i'll ", "we ")):
        weight += 1.2
    elif re.search(r"\b(?:i|me|my|myself)\b", clause.original):
        weight += 0.6
    if 4 <= len(tokens) <= 14:
        weight += 1.0
    elif len(tokens) < 3 or len(tokens) > 20:
        weight -= 1.5
    if re.search(r"\b(?:should|must|ought|have to|need to|guess)\b", clause.original):
        weight -= 1.5
    if clause.original.startswith(("but ", "when ", "if ", "because ", "since ", "so ", "and ")):
        weight -= 0.5
    # What people say last is often what they came to say.
    return weight + 0.6 * index / max(1, count - 1)


def _feeling(text: str) -> str:
    """Return the feeling whose words are most frequent in `text`, or `neutral`."""
    for feeling, pattern in _special_feelings():
        if pattern.search(text):
            return feeling
    tokens = prose.words(text)
    best, count = "neutral", 0
    for feeling, lexicon in _feelings():
        hits = sum(token in lexicon for token in tokens)
        if hits > count:
            best, count = feeling, hits
    if best == _lists()["positive"] and re.search(
        r"\b(?:not|never|no|can't|don't|isn't|wasn't|nobody|used to|wish|but)\b", text
    ):
        return "neutral"
    return best


def _said(clause: Clause) -> tuple[str, str]:
    """Return (frame, words) that say `clause` back."""
    if clause.asked or _ASKING.match(clause.original):
        question = indirect(clause.original)
        if question:
            return ("wondering" if question.startswith(("why", "whether you")) else "asking"), question
        if clause.asked or clause.original.startswith(("how ", "what ", "what's ", "why ", "which ", "who ")):
            return "quoted_question", clause.original
    text = _BESIDES.sub("", _LEADING_JOIN.sub("", clause.turned)) or clause.turned
    harsh = _harsh(text)
    if harsh:
        return "told", harsh
    if _pattern("world").match(text) and _pattern("verb").search(text):
        return "world", text
    whole = text if _is_sentence(text) else _completed(text)
    return ("told", whole) if whole else ("fragment", clause.original)


def _is_sentence(text: str) -> bool:
    """Whether `text` can follow "that": it has a subject, and a verb that goes with it."""
    if text.startswith(_SELF):
        return True
    long_enough = len(text.split()) >= 3 or text.startswith("it's ")
    return bool(long_enough and _pattern("declarative").match(text) and _pattern("verb").search(text))


def _completed(text: str) -> str:
    """Return `text` with the subject that people leave out ("can't sleep", "so sad"), or an empty string."""
    tokens = text.split()
    if _pattern("bare_verb").match(text) and len(tokens) >= 2:
        return f"you {text}"
    if _pattern("state").match(text):
        return f"you are {text}"
    if tokens[0] == "been" and len(tokens) > 1:
        return f"you have {text}"
    if len(tokens) <= 4 and all(token in _adjectives() or token in _LINKS for token in tokens):
        return f"you feel {text}"
    return ""


def _harsh(text: str) -> str:
    """Return a harsh judgment of oneself as what it is, a feeling: "you are worthless" becomes "you feel
    worthless".
    """
    words = _lists()["harsh"]
    match = re.match(_HARSH_BEFORE + rf"({'|'.join(words['as'].split())})\b", text)
    if match and "not" not in match[2]:
        verb = {"you were": "you felt", "you've been": "you have been feeling"}.get(match[1], "you feel")
        return f"{verb} {match[2]}{text[match.start(3) :]}"
    match = re.match(_HARSH_BEFORE + rf"({words['like']})\b", text) or re.match(
        _HARSH_BEFORE + r"(failure|loser|idiot|mess|disappointment|fraud|coward)\b", text
    )
    if match and "not" not in match[2]:
        verb = {"you were": "you felt like", "you've been": "you have been feeling like"}.get(
            match[1], "you feel like"
        )
        return f"{verb} {match[2]}{text[match.start(3) :]}"
    return ""


def _with_neighbour(clauses: Sequence[Clause], best: int, kind: str, text: str) -> str:
    """Return `text` joined with what the person said right before or after it, where both read well
    together.
    """
    if kind != "told":
        return text
    for index, order in ((best + 1, 1), (best - 1, -1)):
        if not 0 <= index < len(clauses) or clauses[index].asked:
            continue
        said = _said(clauses[index])
        count = len(said[1].split())
        if said[0] != "told" or count < 2 or count + len(text.split()) > _MAX_ECHO:
            continue
        if said[1] in text or text in said[1]:
            continue
        pair = (text, said[1]) if order == 1 else (said[1], text)
        return f"{pair[0]}, and that {pair[1]}"
    return text


# --- wording ---


def _frame(kind: str, text: str, seed: str) -> str:
    if kind in {"fragment", "quoted_question", "looking"}:
        text = _SPEAKER.sub("I", text)  # what is quoted is written as the person would write it
    return _pick(_texts("frames", kind), seed, kind).replace("{c}", text)


def _pick(texts: Sequence[str], seed: str, purpose: str) -> str:
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return texts[int.from_bytes(digest[:4], "big") % len(texts)]


def _lists() -> dict[str, Any]:
    loaded: dict[str, Any] = data.load("composer.json")
    return loaded


def _texts(group: str, name: str) -> list[str]:
    texts: list[str] = _lists()[group][name]
    return texts


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_lists()["patterns"][name])


@cache
def _special_feelings() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((entry["feeling"], re.compile(entry["pattern"])) for entry in _lists()["special_feelings"])


@cache
def _feelings() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((name, frozenset(words.split())) for name, words in _lists()["feelings"].items())


@cache
def _adjectives() -> frozenset[str]:
    return frozenset(_lists()["adjectives"].split())
