"""A `TextGuard` that has been told what to say, for tests of what asks it."""

from dataclasses import dataclass, field

from silent_infinity.domain.guards.personal_data import Span
from silent_infinity.ports.text_guard import Direction, Opinion, TextGuardError


@dataclass
class MemoryTextGuard:
    """Blocks texts that hold a `forbidden` word, and finds every `private` word (text to type) in them.

    `down` is the code with which it fails, if it does. `asked` are the texts that it was asked about.
    """

    forbidden: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    down: str = ""
    asked: list[str] = field(default_factory=list)

    def judge(self, text: str, direction: Direction, locale: str) -> Opinion:
        self.asked.append(text)
        if self.down:
            raise TextGuardError(self.down)
        spans = [
            Span(text.index(word), text.index(word) + len(word), kind, f"memory.{kind.lower()}")
            for word, kind in self.private.items()
            if word in text
        ]
        return Opinion(
            tuple(rule for word, rule in self.forbidden.items() if word in text),
            tuple(sorted(spans, key=lambda span: span.start)),
        )
