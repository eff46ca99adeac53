"""Questions said back: "why do I push people away" becomes "why you push people away"."""

import re
from typing import Final

from silent_infinity.domain.mirror import turn_around

_WH: Final = r"(why|how|what|when|where|who|which way|how long|how much|how often|how many times)"
_ONE: Final = (
    r"(i|we|he|she|it|they|this|that|everyone|everybody|nobody|no one|people|someone|anyone|everything"
    r"|nothing|things|my \w+|your \w+|the \w+)"
)
_ADVERBS: Final = r"((?:(?:always|never|ever|still|just|even|keep|only|so|really|also|actually|not) )*)"
_PLURAL: Final = frozenset({"i", "we", "they", "people", "things"})
_MODAL: Final = r"(can|can't|could|couldn't|will|won't|would|wouldn't)"


def indirect(question: str) -> str:
    """Return `question` (lower case, without its mark) as an indirect question in the second person, or an
    empty string.

    Only what can be turned with certainty is; everything else is better quoted.
    """
    text = re.sub(r"^(?:so|and|but|well|or|hi|hey|hello|ok|please|also|then|wait) ", "", question.strip())
    for pattern, build in _FORMS:
        match = re.fullmatch(pattern, text)
        if match:
            return build(match)
    return ""


def _how_to(match: re.Match[str]) -> str:
    return f"how to {_object(match[1])}"


def _what_to(match: re.Match[str]) -> str:
    return f"what to do{_object(match[1])}"


def _do(match: re.Match[str]) -> str:
    wh, auxiliary, subject, adverbs, rest = match.groups()
    opening = wh or "whether"
    verb, _, tail = rest.partition(" ")
    negative = "n't" in auxiliary
    if not negative and auxiliary == "does":
        if adverbs.strip().endswith("keep"):
            adverbs = adverbs.replace("keep", "keeps")
        else:
            verb = _third_person(verb)
    turned = _object(f" {tail}") if tail else ""
    middle = f"{auxiliary} " if negative else ""
    return f"{opening} {turn_around(subject)} {middle}{adverbs}{verb}{turned}"


def _be(match: re.Match[str]) -> str:
    wh, verb, subject, rest = match.groups()
    speaker = subject in {"i", "we"}
    mended = {"am": "are", "was": "were", "wasn't": "weren't"}.get(verb, verb) if speaker else verb
    return f"{wh or 'whether'} {turn_around(subject)} {mended} {_object(rest)}"


def _modal(match: re.Match[str]) -> str:
    wh, modal, subject, rest = match.groups()
    return f"{wh or 'whether'} {turn_around(subject)} {modal} {_object(rest)}"


def _should(match: re.Match[str]) -> str:
    return f"{match[1] or 'whether'} to {_object(match[2])}"


def _what_is(match: re.Match[str]) -> str:
    return f"what {_object(match[2])} {match[1]}"


def _agreeing(match: re.Match[str]) -> str:
    return _third_person(match[2]) if match[0].startswith("how does") else match[2]


def _object(text: str) -> str:
    leading = " " if text.startswith(" ") else ""
    turned = turn_around(text)
    return f"{leading}{turned}" if turned else ""


def _third_person(verb: str) -> str:
    if verb in {"have", "do", "go"}:
        return {"have": "has", "do": "does", "go": "goes"}[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


_FORMS: Final = (
    (
        r"(?:explain|describe|define|(?:tell|teach) me (?:more )?about|what about)((?: [a-z-]+){1,6})",
        lambda match: f"about{_object(match[1])}",
    ),
    (r"how (?:do|can|could|should|would) (?:i|we|one) ((?!feel\b|know\b|even\b)\w+.*)", _how_to),
    (
        r"how (?:do|does) ((?:[a-z'-]+ ){1,4})(work|help|happen|start|end|feel|affect|cause)( .*)?",
        lambda match: f"how {_object(match[1])} {_agreeing(match)}{_object(match[3] or '')}",
    ),
    (r"(how to \w+.*)", lambda match: turn_around(match[1])),
    (
        r"what (?:should|can|could|do|would) (?:i|we) do( .*)?",
        lambda match: f"what to do{_object(match[1] or '')}",
    ),
    (rf"(?:{_WH} )?(do|does|don't|doesn't) {_ONE} {_ADVERBS}(\w+.*)", _do),
    (rf"(?:{_WH} )?(am|is|are|was|were|isn't|aren't|wasn't|weren't) {_ONE} (\w+.*)", _be),
    (rf"(?:{_WH} )?{_MODAL} {_ONE} (\w+.*)", _modal),
    (r"(?:(when|where|how|who) )?should (?:i|we) ((?!be\b)\w+.*)", _should),
    (r"what (is|are) ((?!wrong|going|happening|the matter)(?:\w+(?:[ -]|$)){1,5})", _what_is),
)
