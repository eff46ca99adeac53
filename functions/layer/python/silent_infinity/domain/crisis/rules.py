"""Stage a of the crisis screen: lexicon rules over canonical text.

A hit of the lexicon is weighed by what stands around it: negation, whose risk it is, the past, quotation and
fiction, everyday readings, and words of time that make it imminent. The verdict is the maximum over the hits
that remain.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import accumulate
from operator import or_
from typing import Final

from silent_infinity.domain.crisis.lexicon import Combination, Entry, Lexicon, Rule, lexicon, other_languages
from silent_infinity.domain.crisis.normalise import Canonical
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, Verdict

_DISTRESS: Final = 1
_ACTIVE: Final = 3
_IMMINENT: Final = 4
# How far around a hit its sentence is read. Longer sentences than this are read in part, around each hit.
_REACH: Final = 240
_CLAUSE_REACH: Final = 110
# Words are looked up in blocks of this many; a match ends at the latest in the second block after its own.
_BLOCK: Final = 16
_BLOCKS_OF_A_MATCH: Final = 3
# How far from a hit the message's contexts are looked for, in a message that is longer than twice that.
_NEIGHBOURHOOD: Final = 700
# How many words of the messages before this one are joined with it.
_JOINED_WORDS: Final = 40
_JOINED_MESSAGES: Final = 3
_CLAUSE_BREAK: Final = re.compile(r" , | \. | but | and now | however | though | although ")
_SUBJECT_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Hit:
    entry: Entry
    level: int
    about_other: bool


def screen_message(message: str, history: Sequence[str] = (), *, language: str | None = None) -> Verdict:
    """Return the verdict of the rules on `message`.

    `history` holds the same person's recent messages, oldest first. It is read only for a disclosure that
    runs over into this message; what an earlier message said by itself does not count again. `language` names
    the one lexicon to read with; without it the English one reads, and every other whose words are there.

    Raises:
        FileNotFoundError: there is no lexicon for `language`.
    """
    fold = lexicon(language or "en").normalise.fold
    folded, earlier = fold(message), [fold(text) for text in history[-_JOINED_MESSAGES:]]
    languages = (language,) if language else ("en", *other_languages("\n".join((*earlier, folded))))
    found: list[_Hit] = []
    safe, unsafe = False, False
    for name in languages:
        rules = lexicon(name)
        reading = _Reading(rules, rules.normalise.read(folded))
        hits = reading.hits()
        if earlier and _best(hits) < _IMMINENT:
            hits = [*hits, *_carried_over(rules, reading, earlier)]
        found += hits
        safe = safe or reading.holds("safe_exit")
        unsafe = unsafe or reading.holds("not_safe")
    level = _best(found)
    risks = [hit for hit in found if hit.level >= RISK_LEVEL]
    ranked = sorted(found, key=lambda hit: -hit.level)
    return Verdict(
        level=level,
        rule_ids=tuple(dict.fromkeys(hit.entry.id for hit in ranked)),
        safe_exit=level < RISK_LEVEL and safe and not unsafe,
        about_other=bool(risks) and all(hit.about_other for hit in risks),
    )


def _best(hits: Sequence[_Hit]) -> int:
    return max((hit.level for hit in hits), default=0)


def _carried_over(rules: Lexicon, current: "_Reading", folded: Sequence[str]) -> list[_Hit]:
    """Return the hits that exist only because of what was written just before."""
    earlier = [rules.normalise.read(text) for text in folded]
    tail = " ".join(" ".join(part.text.split()[-_JOINED_WORDS:]) for part in earlier).strip(" .,")
    head = " ".join(current.text.split()[:_JOINED_WORDS])
    if not tail or not head:
        return []
    joined = _Reading(rules, Canonical(f"{tail} {head}", ()))
    found = joined.hits(across=len(tail))
    before = _Reading(rules, earlier[-1])
    for name, lift in (("followed_by_imminence", _IMMINENT), ("followed_by_confirmation", None)):
        if current.holds(name):
            for hit in before.hits():
                if hit.level >= RISK_LEVEL and not hit.about_other:
                    found.append(_Hit(hit.entry, lift or hit.level, about_other=False))
    if current.holds("followed_by_retraction"):
        # What was denied a moment ago, and is not denied any more.
        found += [
            _Hit(hit.entry, _ACTIVE, about_other=False)
            for hit in before.hits()
            if hit.level == _DISTRESS and hit.entry.level >= RISK_LEVEL
        ]
    return found


class _Reading:
    """One canonical text, with what is asked about it more than once."""

    def __init__(self, rules: Lexicon, canonical: Canonical) -> None:
        self._rules = rules
        self.text = canonical.text
        self._quoted = canonical.quoted
        self._message_contexts: dict[tuple[str, int | None], bool] = {}
        self._masks: dict[tuple[int, int], int] = {}
        self._risers: dict[str, bool] = {}
        words = self.text.split(" ")
        self._words = [rules.word(word) for word in words]
        self._starts = [0, *accumulate(len(word) + 1 for word in words[:-1])]
        self._blocks = [
            reduce(or_, (bits for bits, _ in self._words[at : at + _BLOCK]))
            for at in range(0, len(words), _BLOCK)
        ]

    @cached_property
    def _everything(self) -> int:
        return reduce(or_, self._blocks)

    @cached_property
    def _breaks(self) -> list[int]:
        return [-1, *(m.start() for m in re.finditer(r" \. ", self.text)), len(self.text)]

    def hits(self, across: int | None = None) -> list[_Hit]:
        """Return the hits that can decide the verdict; with `across`, only such as span that position.

        Matches are weighed from the most serious down, and no further than where a lesser one could not
        change the verdict any more.
        """
        found: list[_Hit] = []
        weighed: dict[tuple[str, str, int], _Hit | None] = {}
        best = settled = 0
        for entry, start, end in sorted(self._matches(across), key=lambda match: -match[0].ceiling):
            if entry.ceiling < best or settled == entry.ceiling:
                break
            if entry.level <= settled and not self._can_rise(entry):
                continue
            around = _Surroundings(self, start, end)
            if entry.level <= settled and not self._rises(entry, around):
                continue
            key = (entry.id, around.window, start // _NEIGHBOURHOOD)
            if key not in weighed:
                weighed[key] = self._weigh(entry, around)
                hit = weighed[key]
                if hit is None:
                    continue
                found.append(hit)
                best = max(best, hit.level)
                # Whose risk it is must be known too, so another person's does not settle it.
                if not hit.about_other and hit.level == best:
                    settled = best
        return found

    def _can_rise(self, entry: Entry) -> bool:
        """Whether the words that would lift `entry` are anywhere in the text."""
        known = self._risers.get(entry.id)
        if known is None:
            contexts = (self._rules.contexts[name] for name in entry.raise_to)
            known = self._risers[entry.id] = any(
                isinstance(context, Combination)
                or self._everything & context.rule.needs == context.rule.needs
                for context in contexts
            )
        return known

    def _rises(self, entry: Entry, around: "_Surroundings") -> bool:
        return any(self._in_context(name, around) for name in entry.raise_to)

    def _matches(self, across: int | None) -> list[tuple[Entry, int, int]]:
        matches: list[tuple[Entry, int, int]] = []
        text, words, starts, blocks = self.text, self._words, self._starts, self._blocks
        for block in range(len(blocks)):
            near = reduce(or_, blocks[block : block + _BLOCKS_OF_A_MATCH])
            for place in range(block * _BLOCK, min(len(words), (block + 1) * _BLOCK)):
                taken = -1
                for needs, group, entry in words[place][1]:
                    if near & needs != needs or group == taken:
                        continue
                    match = entry.rule.regex.match(text, starts[place])
                    if match and (across is None or match.start() < across < match.end()):
                        taken = group
                        matches.append((entry, *match.span()))
        return matches

    def mask(self, left: int, right: int) -> int:
        """Return the bits of the sets that have a word between two positions, or a little beyond them."""
        first = bisect_right(self._starts, left) // _BLOCK
        last = bisect_left(self._starts, right) // _BLOCK
        known = self._masks.get((first, last))
        if known is None:
            known = self._masks[first, last] = reduce(or_, self._blocks[max(0, first - 1) : last + 1], 0)
        return known

    def _found(self, rule: Rule, left: int, right: int) -> bool:
        """Whether `rule` matches anywhere between two positions of the text."""
        if self.mask(left, right) & rule.needs != rule.needs:
            return False
        if not rule.first:
            return rule.regex.search(self.text, left, right) is not None
        places = range(bisect_left(self._starts, left), bisect_left(self._starts, right))
        return any(
            self._words[place][0] & rule.first and rule.regex.match(self.text, self._starts[place])
            for place in places
        )

    def holds(self, name: str, place: int | None = None) -> bool:
        """Whether the message has the context `name`, anywhere or in the neighbourhood of a place.

        In a long message, a film that is mentioned pages away does not make a disclosure fiction.
        """
        block = None if place is None or len(self.text) <= 2 * _NEIGHBOURHOOD else place // _NEIGHBOURHOOD
        known = self._message_contexts.get((name, block))
        if known is None:
            context = self._rules.contexts[name]
            if isinstance(context, Combination):
                known = all(self.holds(part, place) for part in context.all_of) and not any(
                    self.holds(part, place) for part in context.none_of
                )
            else:
                left = 0 if block is None else max(0, (block - 1) * _NEIGHBOURHOOD)
                right = len(self.text) if block is None else (block + 2) * _NEIGHBOURHOOD
                known = self._found(context.rule, left, right)
            self._message_contexts[name, block] = known
        return known

    def _weigh(self, entry: Entry, around: "_Surroundings") -> _Hit | None:
        about_other = entry.subject in ("other", "third")
        level = entry.level
        if entry.subject != "any":
            subject = around.subject
            if subject == "general" or (about_other and subject == "self"):
                return None
            if entry.subject == "third" and subject != "other":
                return None
            if entry.subject == "self" and subject == "other":
                level, about_other = min(level, RISK_LEVEL), True
            if about_other and self.holds("fiction", around.start):
                return None
        if any(self._in_context(name, around) for name in entry.unless):
            negated = level >= RISK_LEVEL and not about_other and self._denied(around)
            return _Hit(entry, _DISTRESS, about_other=False) if negated else None
        if entry.needs and not any(self._in_context(name, around) for name in entry.needs):
            return None
        if not about_other:
            for name, lifted in entry.raise_to.items():
                if lifted > level and self._in_context(name, around):
                    level = lifted
        for name, ceiling in entry.cap.items():
            if level > ceiling and self._in_context(name, around):
                level = ceiling
        return _Hit(entry, level, about_other)

    def _denied(self, around: "_Surroundings") -> bool:
        """Whether a voided hit is the writer's own denial: distress with a denial is still distress."""
        return self._in_context("negated", around) and not self.holds("fiction", around.start)

    def _in_context(self, name: str, around: "_Surroundings") -> bool:
        if name == "quoted":
            return around.is_quoted and self.holds("speech", around.start)
        context = self._rules.contexts[name]
        if isinstance(context, Combination):
            return all(self._in_context(part, around) for part in context.all_of) and not any(
                self._in_context(part, around) for part in context.none_of
            )
        if context.scope == "message":
            return self.holds(name, around.start)
        needs = context.rule.needs
        if around.mask & needs != needs:
            return False
        text = around.scope(context.scope)
        found = context.regex.match(text) if context.scope == "after" else context.regex.search(text)
        return found is not None

    def sentence(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the sentence around a hit."""
        index = bisect_right(self._breaks, start)
        left = self._breaks[index - 1] + 1
        after = bisect_right(self._breaks, end - 1)
        right = self._breaks[min(after, len(self._breaks) - 1)]
        return left, right

    def is_quoted(self, start: int) -> bool:
        """Whether a position stands in quotation marks."""
        return any(left <= start < right for left, right in self._quoted)

    def subject_before(self, left: int, start: int) -> str:
        """Return whose action a hit at `start` tells of: "self", "other" (a person), "general" or ""."""
        window = self.text[max(left, start - _CLAUSE_REACH) : start]
        words = _SUBJECT_WORD.findall(window)
        subjects = self._rules.subjects
        return next((subjects[word] for word in reversed(words) if word in subjects), "")


class _Surroundings:
    """The pieces of text around one hit, cut out when they are asked for."""

    def __init__(self, reading: _Reading, start: int, end: int) -> None:
        self._reading = reading
        self.start = start
        self._end = end
        left, right = reading.sentence(start, end)
        self._left = max(left, start - _REACH)
        self._right = min(right, end + _REACH)
        self.window = f"{reading.text[self._left : start]}|{reading.text[start : self._right]}"

    @cached_property
    def mask(self) -> int:
        """The bits of the sets that have a word near the hit."""
        return self._reading.mask(self._left, self._right)

    @cached_property
    def subject(self) -> str:
        """See `_Reading.subject_before`."""
        return self._reading.subject_before(self._left, self.start)

    @cached_property
    def is_quoted(self) -> bool:
        """Whether the hit stands in quotation marks."""
        return self._reading.is_quoted(self.start)

    def scope(self, name: str) -> str:
        """Return the text of a scope: the clause before, what follows in the sentence, or the sentence."""
        text = self._reading.text
        if name == "before":
            return self._clause_before
        if name == "after":
            return text[self._end : self._right]
        return text[self._left : self._right]

    @cached_property
    def _clause_before(self) -> str:
        text = self._reading.text[max(self._left, self.start - _CLAUSE_REACH) : self.start]
        cut = 0
        for found in _CLAUSE_BREAK.finditer(text):
            cut = found.end()
        return text[cut:]
