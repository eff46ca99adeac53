"""The lexicon: what is looked for, and what may stand around it, as data.

A lexicon file has `words` (see `Normaliser`), `macros` (named pieces of patterns), `contexts` (what makes a
hit weaker or stronger) and `groups` of entries. All patterns are regular expressions over canonical text.
They are compiled when a message first needs them, because most messages need none and a cold start should
not pay for all. Beside it lies an index, derived from the patterns, of the words that a match must have: a
pattern is tried only where these are.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal

from silent_infinity import data
from silent_infinity.domain.crisis.normalise import Normaliser, unspelled

# Signs that stand for letters, and the letters that a sign may stand for, as one.
_SQUEEZED: Final = str.maketrans("01!|l3@457$8", "oiiiieaastsb")
_PLAIN: Final = str.maketrans("01!3@457$8", "oiieaastsb")
_NO_LETTER: Final = re.compile("[^a-z]+")
_DOUBLED: Final = re.compile(r"(.)\1+")
_LATIN_WORD: Final = re.compile("[a-z]+")
# How many words of a language open its lexicon: so many, and one more for so many different words.
_WORDS_THAT_TELL: Final = 2
_WORDS_FOR_ONE_MORE: Final = 50

Scope = Literal["before", "after", "sentence", "message"]

_MACRO: Final = re.compile(r"\{([a-z_][a-z_0-9]*)\}")
_WORD: Final = re.compile(r"(?<!\\)[a-z]{3,}")
# How many words are kept with what the index says of them.
_WORDS_KEPT: Final = 8192


class Rule:
    """A pattern with what the index says of it.

    `first` has the bit of the set of words that a match begins with, 0 if it may begin with any; `needs` has
    the bits of all sets of which a match has a word each.
    """

    __slots__ = ("_pattern", "_regex", "first", "needs")

    def __init__(self, pattern: str, sets: "list[int] | None") -> None:
        self._pattern = pattern
        self._regex: re.Pattern[str] | None = None
        known = sets or [-1]
        self.first = 0 if known[0] < 0 else 1 << known[0]
        self.needs = sum(1 << number for number in known if number >= 0)

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern, to be matched where a word begins."""
        if self._regex is None:
            self._regex = re.compile(self._pattern)
        return self._regex


@dataclass(frozen=True, slots=True)
class Entry:
    """One phrase that tells a level of risk.

    `unless` names contexts that void the hit, `cap` contexts that lower it to a level, `needs` contexts of
    which one must hold, `raise_to` contexts that lift it; `order` is the entry's group and place in it,
    `ceiling` the highest level that a hit can have. `subject` says whose risk it is: "self" hits are
    the writer's (and weaker with another subject), "other" hits need another person as subject, "any" hits do
    not ask.
    """

    id: str
    level: int
    pattern: str
    subject: Literal["self", "other", "third", "any"]
    unless: tuple[str, ...]
    needs: tuple[str, ...]
    cap: Mapping[str, int]
    raise_to: Mapping[str, int]
    note: str
    rule: Rule
    order: tuple[int, int]
    ceiling: int


_Known = tuple[int, tuple[tuple[int, int, Entry], ...]]


class Context:
    """A pattern that is looked for around a hit, in one scope."""

    def __init__(self, scope: Scope, pattern: str, sets: "list[int] | None") -> None:
        self.scope = scope
        self.pattern = pattern
        self.rule = Rule(rf"\b(?:{pattern})\b", sets)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern; "before" ends where the hit starts, "after" starts where it ends."""
        if self.scope == "before":
            return re.compile(rf"\b(?:{self.pattern}) ?$")
        if self.scope == "after":
            return re.compile(rf" ?(?:{self.pattern})(?!\w)")
        return self.rule.regex


@dataclass(frozen=True, slots=True)
class Combination:
    """A context that holds when all of some contexts hold and none of some others."""

    all_of: tuple[str, ...]
    none_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of which one is taken at one place of the text: the first that matches, the highest level
    first."""

    name: str
    entries: tuple[Entry, ...]


class Lexicon:
    """The rules of one language, with the normaliser that its patterns expect."""

    def __init__(self, source: Mapping[str, Any], index: Mapping[str, Any], lists: Mapping[str, str]) -> None:
        macros: Mapping[str, str] = source["macros"]

        def expand(pattern: str) -> str:
            while _MACRO.search(pattern):
                pattern = _MACRO.sub(lambda name: f"(?:{macros[name.group(1)]})", pattern)
            return pattern

        self.language: str = source["language"]
        self.contexts: Mapping[str, Context | Combination] = MappingProxyType(
            {
                name: Context(context["scope"], expand(context["pattern"]), index["contexts"].get(name))
                if "pattern" in context
                else Combination(tuple(context["all"]), tuple(context.get("none", ())))
                for name, context in source["contexts"].items()
            }
        )
        self.subjects: Mapping[str, str] = MappingProxyType(
            {word: subject for subject, words in source["subjects"].items() for word in words}
        )
        defaults: Mapping[str, Any] = source["defaults"]
        self.groups = tuple(
            Group(
                group["id"],
                tuple(
                    _entry(
                        entry,
                        expand(entry["pattern"]),
                        defaults,
                        index["entries"].get(entry["id"]),
                        (number, rank),
                    )
                    for rank, entry in enumerate(sorted(group["entries"], key=lambda entry: -entry["level"]))
                ),
            )
            for number, group in enumerate(source["groups"])
        )
        vocabulary = {
            word for group in self.groups for entry in group.entries for word in _WORD.findall(entry.pattern)
        }
        self.normalise = Normaliser(
            source["words"],
            frozenset(vocabulary),
            frozenset(lists["known"].split()),
            frozenset(lists["real"].split()),
        )
        self._index(index["sets"])
        self.word: Callable[[str], _Known] = lru_cache(_WORDS_KEPT)(self._word)

    def _index(self, sets: list[str]) -> None:
        self._bits: dict[str, int] = {}
        self._beginnings: dict[str, int] = {}
        for number, words in enumerate(sets):
            for word in words.split():
                table, key = (self._beginnings, word[:-1]) if word[-1] == "*" else (self._bits, word)
                table[key] = table.get(key, 0) | 1 << number
        self._sizes = sorted({len(beginning) for beginning in self._beginnings})
        self._starting: dict[int, list[Entry]] = {}
        for group in self.groups:
            for entry in group.entries:
                self._starting.setdefault(entry.rule.first, []).append(entry)
        self._anywhere = tuple(map(_sought, self._starting.pop(0, [])))
        self._firsts = sum(self._starting)

    def _word(self, word: str) -> _Known:
        """Return the bits of the sets that `word` is in, and the entries that may begin with it, in the order
        of their groups, each with the bits it needs and its group."""
        bits = self._bits.get(word, 0)
        for size in self._sizes:
            bits |= self._beginnings.get(word[:size], 0)
        if not bits & self._firsts:
            return bits, self._anywhere
        entries = [entry for first, entries in self._starting.items() if first & bits for entry in entries]
        return bits, tuple(
            sorted([*map(_sought, entries), *self._anywhere], key=lambda sought: sought[2].order)
        )


def _sought(entry: Entry) -> tuple[int, int, Entry]:
    return entry.rule.needs, entry.order[0], entry


def _entry(
    source: Mapping[str, Any],
    pattern: str,
    defaults: Mapping[str, Any],
    sets: list[int] | None,
    order: tuple[int, int],
) -> Entry:
    subject = source.get("subject", "self")
    usual: Mapping[str, Any] = defaults[subject]
    own: Mapping[str, Any] = {**usual, **source}
    unless = (*own["unless"], *usual.get("also_unless", ()), *source.get("also_unless", ()))
    raise_to: Mapping[str, int] = own["raise_to"]
    return Entry(
        id=source["id"],
        level=source["level"],
        pattern=pattern,
        subject=subject,
        # Negation first: it decides most often, and costs least.
        unless=tuple(sorted(dict.fromkeys(unless), key="negated".__ne__)),
        needs=tuple(own["needs"]),
        cap=MappingProxyType({**own["cap"], **usual.get("also_cap", {}), **source.get("also_cap", {})}),
        raise_to=MappingProxyType(raise_to),
        note=source.get("note", ""),
        rule=Rule(rf"(?:{pattern})(?!\w)", sets),
        order=order,
        ceiling=max(source["level"], *raise_to.values()) if raise_to else source["level"],
    )


@cache
def lexicon(language: str = "en") -> Lexicon:
    """Return the lexicon of `language`, read once.

    Raises:
        FileNotFoundError: there is no lexicon for the language.
    """
    source = data.load(f"lexicon/{language}.json")
    return Lexicon(
        source, data.load(f"lexicon/index_{language}.json"), data.load(f"lexicon/words_{language}.json")
    )


def squeezed(folded: str) -> str:
    """Return the letters of a folded text, without what stands between them and none twice in a row."""
    return _DOUBLED.sub(r"\1", _NO_LETTER.sub("", folded.translate(_SQUEEZED)))


class Gate:
    """Tells whether a lexicon may have anything to say of a message."""

    def __init__(self, language: str, source: Mapping[str, Any]) -> None:
        self.language = language
        self._words = frozenset(source["words"].split())
        self._sure = frozenset(source["sure"].split())
        self._keys = tuple(squeezed(key) for key in source["keys"])
        script = source.get("script")
        self._script = re.compile(f"[{script[0]}-{script[1]}]") if script else None

    def opens(self, folded: str, words: set[str], letters: str) -> bool:
        """Return whether to read a text: its folded form, the Latin words in it, its letters squeezed."""
        enough = _WORDS_THAT_TELL + len(words) // _WORDS_FOR_ONE_MORE
        if len(self._words & words) >= enough or not self._sure.isdisjoint(words):
            return True
        if any(key in letters for key in self._keys):
            return True
        return self._script is not None and self._script.search(folded) is not None


@cache
def _gates() -> tuple[Gate, ...]:
    gates: Mapping[str, Mapping[str, Any]] = data.load("lexicon/gates.json")["languages"]
    return tuple(Gate(language, source) for language, source in gates.items())


def other_languages(folded: str) -> tuple[str, ...]:
    """Return the languages other than English whose lexicons should read a text that `fold` has been through.

    It costs little to read too often: no phrase of these lexicons stands in another language's text. What is
    typed is what counts, not the locale: people write in the language that they feel in.
    """
    joined = unspelled(folded)
    words = {*_LATIN_WORD.findall(joined), *_LATIN_WORD.findall(joined.translate(_PLAIN))}
    letters = squeezed(folded)
    return tuple(gate.language for gate in _gates() if gate.opens(folded, words, letters))
