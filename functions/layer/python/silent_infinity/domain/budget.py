"""What a request may cost at most, and how a session's budget brings requests down.

The levels are those of story US-6.1: full, reduced (shorter conversation, shorter reply, the class's cheaper
model if it has one), minimal (no model).
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from silent_infinity.domain.models import Catalogue, Price, catalogue
from silent_infinity.domain.pricing import price_on
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance

FULL, REDUCED, MINIMAL = "full", "reduced", "minimal"

SESSION_SPENT, DAY_SPENT = "budget:session", "budget:day"
WAS_REDUCED, UNAVAILABLE = "budget:reduced", "budget:unavailable"
"""Codes of the gateway: what is spent, what was served for less, and that nobody could count."""

_LETTERS = re.compile(r"[A-Za-z ]+")

PROSE_BYTES_PER_TOKEN = 3
"""Our own instructions are prose, of which tokenisers make one token of four bytes or more."""

LETTERS_PER_TOKEN = 2
MESSAGE_TOKENS = 8
"""What a provider adds around each message, at most."""


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """Shares of a session's budget that have to be left for a level, and what a reduced request keeps.

    `reduced_utterances` of the conversation, counted from its end, and `reduced_max_tokens`, a share.
    """

    full_from: float
    reduced_from: float
    reduced_utterances: int
    reduced_max_tokens: float

    def level(self, used: int, budget: int) -> str:
        """Return the level of a session that has used so many of its tokens."""
        left = budget - used
        if left >= self.full_from * budget:
            return FULL
        return REDUCED if left >= self.reduced_from * budget else MINIMAL

    def last_reduced(self, budget: int) -> int:
        """Return how many tokens may have been used for a model to be asked at all."""
        return budget - math.ceil(self.reduced_from * budget)

    def shortened(self, messages: Sequence[Utterance]) -> tuple[Utterance, ...]:
        """Return the end of a conversation, beginning with the person's words."""
        kept = list(messages[-self.reduced_utterances :])
        while len(kept) > 1 and kept[0].role != "user":
            kept.pop(0)
        return tuple(kept)

    def shorter(self, max_tokens: int) -> int:
        """Return the length that a reduced reply may have."""
        return max(1, int(max_tokens * self.reduced_max_tokens))


def level_of(codes: Iterable[str]) -> str:
    """Return how far budgets have brought a generation down, from the codes that it left; empty if not."""
    found = set(codes)
    if found & {SESSION_SPENT, DAY_SPENT}:
        return MINIMAL
    return REDUCED if WAS_REDUCED in found else ""


def is_budget_code(code: str) -> bool:
    """Whether a code says that a budget was spent, short or not to be had."""
    return code in (SESSION_SPENT, DAY_SPENT, WAS_REDUCED, UNAVAILABLE)


def most_input_tokens(system: Sequence[SystemBlock], messages: Sequence[Utterance]) -> int:
    """Return more tokens than a request has, but for text made to be split badly.

    Two letters a token, and every other character one for each of its bytes, is above what tokenisers make of
    what people write; no tokeniser makes more tokens than there are bytes.
    """
    ours = sum(len(block.text.encode()) for block in system)
    theirs = sum(_tokens(message.text) + MESSAGE_TOKENS for message in messages)
    return math.ceil(ours / PROSE_BYTES_PER_TOKEN) + theirs


def most_micro_usd(
    *,
    model_id: str,
    provider: str,
    day: str,
    input_tokens: int,
    max_tokens: int,
    cache_ttls: Sequence[str | None] = (),
    models: Catalogue | None = None,
) -> int:
    """Return the most that a call may cost at the provider on the day (ISO 8601), in millionths of a dollar.

    All input is priced as the dearest that it may be: written to a cache, if the request asks for one. A
    model without a known price costs nothing, as in `pricing.priced`.
    """
    model = (models or catalogue()).find(model_id)
    price = price_on(model.prices, day) if model else None
    if model is None or price is None:
        return 0
    # A provider may have several prices, by inference profile: `bedrock`, `bedrock:us`.
    factors = (value for name, value in model.price_factors.items() if name.partition(":")[0] == provider)
    dollars_a_million = input_tokens * _dearest(price, cache_ttls) + max_tokens * price.output
    # Rounded first: binary fractions must not add a millionth.
    return math.ceil(round(dollars_a_million * max((1.0, *factors)), 3))


def micro_usd(usage: Usage) -> int:
    """Return what was paid, in millionths of a dollar, rounded up."""
    return math.ceil(round(usage.cost_usd * 1e6, 3))


def _dearest(price: Price, cache_ttls: Sequence[str | None]) -> float:
    known = {"5m": price.cache_write_5m, "1h": price.cache_write_1h}
    return max((price.input, *(known.get(ttl, 0.0) for ttl in cache_ttls if ttl)))


def _tokens(text: str) -> int:
    letters = sum(len(run) for run in _LETTERS.findall(text))
    return math.ceil(letters / LETTERS_PER_TOKEN) + len(text.encode()) - letters
