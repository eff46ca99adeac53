"""The lexicon: what is looked for, and what may stand around it, as data.

A lexicon file has `words` (see `Normaliser`), `macros` (named pieces of patterns), `contexts` (what makes a
hit weaker or stronger) and `groups` of entries. All patterns are regular expressions over canonical text.
They are compiled when a message first needs them, because most messages need none and a cold start should not
pay for all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final, Literal

from silent_infinity import data
from silent_infinity.domain.crisis.normalise import Normaliser

Scope = Literal["before", "after", "sentence", "message"]

_MACRO: Final = re.compile(r"\{([a-z_][a-z_0-9]*)\}")
_WORD: Final = re.compile(r"(?<!\\)[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One phrase that tells a level of risk.

    `unless` names contexts that void the hit, `cap` contexts that lower it to a level, `needs` contexts of
    which one must hold, `raise_to` contexts that lift it. `subject` says whose risk it is: "self" hits are
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

    @property
    def ceiling(self) -> int:
        """The highest level that a hit can have."""
        return max(self.level, *self.raise_to.values()) if self.raise_to else self.level


class Context:
    """A pattern that is looked for around a hit, in one scope."""

    def __init__(self, scope: Scope, pattern: str) -> None:
        self.scope = scope
        self._pattern = pattern

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern; "before" ends where the hit starts, "after" starts where it ends."""
        if self.scope == "before":
            return re.compile(rf"\b(?:{self._pattern}) ?$")
        if self.scope == "after":
            return re.compile(rf" ?(?:{self._pattern})(?!\w)")
        return re.compile(rf"\b(?:{self._pattern})\b")


@dataclass(frozen=True, slots=True)
class Combination:
    """A context that holds when all of some contexts hold and none of some others."""

    all_of: tuple[str, ...]
    none_of: tuple[str, ...]


class Group:
    """Entries that are looked for together, when a text holds any of the group's keys.

    The keys are pieces of words; every match of every entry holds at least one (a test derives them anew).
    """

    def __init__(self, name: str, keys: tuple[str, ...], entries: tuple[Entry, ...]) -> None:
        self.name = name
        self.keys = keys
        # The highest level first: at one place of the text the first entry that matches is taken.
        self.entries = tuple(sorted(entries, key=lambda entry: -entry.level))

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """One alternation with a group `e<index>` for each entry."""
        branches = "|".join(f"(?P<e{i}>{entry.pattern})" for i, entry in enumerate(self.entries))
        return re.compile(rf"\b(?:{branches})(?!\w)")


class Lexicon:
    """The rules of one language, with the normaliser that its patterns expect."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        macros: Mapping[str, str] = source["macros"]

        def expand(pattern: str) -> str:
            while _MACRO.search(pattern):
                pattern = _MACRO.sub(lambda name: f"(?:{macros[name.group(1)]})", pattern)
            return pattern

        self.language: str = source["language"]
        self.contexts: Mapping[str, Context | Combination] = MappingProxyType(
            {
                name: Context(context["scope"], expand(context["pattern"]))
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
                tuple(group["keys"]),
                tuple(_entry(entry, expand(entry["pattern"]), defaults) for entry in group["entries"]),
            )
            for group in source["groups"]
        )
        vocabulary = {
            word for group in self.groups for entry in group.entries for word in _WORD.findall(entry.pattern)
        }
        lists: Mapping[str, str] = data.load(f"lexicon/words_{self.language}.json")
        self.normalise = Normaliser(
            source["words"],
            frozenset(vocabulary),
            frozenset(lists["known"].split()),
            frozenset(lists["real"].split()),
        )


def _entry(source: Mapping[str, Any], pattern: str, defaults: Mapping[str, Any]) -> Entry:
    subject = source.get("subject", "self")
    own: Mapping[str, Any] = {**defaults[subject], **source}
    return Entry(
        id=source["id"],
        level=source["level"],
        pattern=pattern,
        subject=subject,
        # Negation first: it decides most often, and costs least.
        unless=tuple(sorted((*own["unless"], *source.get("also_unless", ())), key="negated".__ne__)),
        needs=tuple(own["needs"]),
        cap=MappingProxyType({**own["cap"], **source.get("also_cap", {})}),
        raise_to=MappingProxyType(own["raise_to"]),
        note=source.get("note", ""),
    )


@cache
def lexicon(language: str = "en") -> Lexicon:
    """Return the lexicon of `language`, read once.

    Raises:
        FileNotFoundError: there is no lexicon for the language.
    """
    return Lexicon(data.load(f"lexicon/{language}.json"))
