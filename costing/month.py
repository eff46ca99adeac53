"""A month of calls, one by one: who comes when, what is asked, what the caches hold, what each call costs.

Caches are followed as Anthropic documents them (platform.claude.com, Prompt caching): a prefix is kept from
its last use for the life of its point, a call reads the longest prefix that is still kept and writes the rest
up to its last point, and a prefix below the model's minimum is not cached at all. Prices are those of the
catalogue on the day.
"""

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from costing.memo import MILLION, TITLES, Row
from costing.routing import Asked
from silent_infinity.domain.models import Model, Price, catalogue
from silent_infinity.domain.pricing import price_on
from silent_infinity.domain.prompt_cache import kept
from silent_infinity.domain.turn import SystemBlock

DAYS: Final = 30
DAY_SECONDS: Final = 86_400
BETWEEN_MESSAGES_SECONDS: Final = 90.0
"""Mean pause between two messages of a conversation; pauses are exponential."""

BY_HOUR: Final = (4, 3, 2, 2, 1, 1, 2, 3, 4, 4, 4, 4, 5, 4, 4, 4, 5, 5, 6, 7, 8, 9, 8, 6)
"""Relative frequency of conversations that begin in each hour of the day: an assumption, evenings most."""

SAVINGS: Final = frozenset({"tiering", "batch", "caching", "bypass", "cascade"})
EVERYTHING: Final = "claude-sonnet-4-6"
"""What does everything without tiers."""

TTL_SECONDS: Final[Mapping[str, int]] = {"5m": 300, "1h": 3600}


@dataclass(frozen=True, slots=True)
class Call:
    """A call in tokens.

    `system_tokens` are those of each block of `system`, `text_tokens` those of all else that goes in.
    """

    turn_class: str
    model_id: str
    system: tuple[SystemBlock, ...]
    system_tokens: tuple[int, ...]
    text_tokens: int
    output_tokens: int

    @property
    def input_tokens(self) -> int:
        """All input tokens, whatever is cached of them."""
        return self.text_tokens + sum(self.system_tokens)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message's possible calls: the screen's, the reply's, the sentinel's."""

    in_band: bool
    bypassed: bool
    screen: Call
    reply: Call | None
    sentinel: Call


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of a conversation, and the summary that they would get at the end of the week."""

    turns: tuple[Turn, ...]
    synthesis: Call


@dataclass(frozen=True, slots=True)
class Plan:
    """What is saved, and at the prices of which `day` (ISO 8601).

    `savings` are of `SAVINGS`: `tiering` (each class has its own model; without it Sonnet does everything),
    `batch` and `caching` (the provider's discounts), `bypass` (templates and clarifying questions are served
    without a model, and not observed), `cascade` (the screen's model is asked only about the ambiguous band).
    `token_factor` scales all texts, `output_factor` the replies alone.
    """

    day: str
    savings: frozenset[str] = SAVINGS
    turns: int = 200_000
    syntheses_per_turn: float = 0.03
    output_factor: float = 1.0
    token_factor: float = 1.0
    price_factor: float = 1.0


@dataclass(slots=True)
class _Sum:
    """What the calls of one class and model add up to."""

    calls: int = 0
    input: int = 0
    cache_read: int = 0
    output: int = 0
    usd: float = 0

    def add(self, call: Call, read: int, written: Mapping[str, int], price: Price, factor: float) -> None:
        """Count a call that read and wrote so many cached tokens, at `factor` times the list price."""
        fresh = call.input_tokens - read - sum(written.values())
        usd = (
            fresh * price.input
            + read * price.cache_read
            + written.get("5m", 0) * price.cache_write_5m
            + written.get("1h", 0) * price.cache_write_1h
            + call.output_tokens * price.output
        )
        self.calls += 1
        self.input += call.input_tokens
        self.cache_read += read
        self.output += call.output_tokens
        self.usd += usd * factor / MILLION


@dataclass(frozen=True, slots=True)
class Month:
    """A month's bill. Rows have all input tokens, cached or not; `cache_read_share` is a share of them."""

    rows: tuple[Row, ...]
    turns: int
    cache_read_share: float

    @property
    def usd(self) -> float:
        """What the month costs, in US dollars."""
        return sum(row.usd for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return the bill as the report's file has it."""
        return {
            "turns": self.turns,
            "usd": round(self.usd, 2),
            "usd_per_1000_turns": round(1000 * self.usd / self.turns, 4),
            "cache_read_share": round(self.cache_read_share, 4),
            "rows": [row.to_json() for row in self.rows],
        }


@dataclass(slots=True)
class Cache:
    """What a provider holds, by model and prefix: until when (seconds since the month began)."""

    _until: dict[tuple[str, tuple[SystemBlock, ...]], float] = field(default_factory=dict)

    def use(self, call: Call, model: Model, now: float) -> tuple[int, dict[str, int]]:
        """Return (tokens read, tokens written by life) of a call now, and keep what it uses.

        Points are where the adapters place them; a prefix below the model's minimum by our own count has
        none.
        """
        points = []
        tokens = 0
        for place, count in enumerate(call.system_tokens):
            tokens += count
            ttl = call.system[place].cache_ttl
            if ttl and _kept(call.system, model.id)[place] and tokens >= model.min_cacheable_tokens:
                points.append((call.system[: place + 1], tokens, ttl))
        read = 0
        for identity, tokens, _ in points:
            if self._until.get((model.id, identity), -1.0) >= now:
                read = tokens
        written: dict[str, int] = {}
        done = read
        for identity, tokens, ttl in points:
            if tokens > done:
                written[ttl] = written.get(ttl, 0) + tokens - done
                done = tokens
            self._until[model.id, identity] = now + TTL_SECONDS[ttl]
        return read, written


def bill(conversations: Sequence[Conversation], plan: Plan, seed: int = 1) -> Month:
    """Return what a month costs in which these conversations come again and again, in random order.

    Args:
        conversations: the distinct ones; each comes about equally often.
        plan: what is saved, and at what prices.
        seed: of the arrivals, which are the same for every plan of the same size.
    """
    caches = Cache()
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    scaled = [_scaled(conversation, plan) for conversation in conversations]
    calls = sorted(_calls(scaled, plan, random.Random(seed)), key=lambda due: due[0])
    for now, call in calls:
        model, price = _priced(_model_of(call, plan), plan.day)
        read, written = caches.use(call, model, now) if "caching" in plan.savings else (0, {})
        sums[call.turn_class, model.id].add(call, read, written, price, plan.price_factor)
    for call in _syntheses(scaled, plan):
        model, price = _priced(_model_of(call, plan), plan.day)
        factor = 1 - model.batch_discount if "batch" in plan.savings else 1.0
        sums[call.turn_class, model.id].add(call, 0, {}, price, plan.price_factor * factor)
    rows = tuple(_row(name, model, total) for (name, model), total in sorted(sums.items()))
    tokens = sum(total.input for total in sums.values())
    return Month(rows, plan.turns, sum(total.cache_read for total in sums.values()) / max(tokens, 1))


def _calls(
    conversations: Sequence[Conversation], plan: Plan, chance: random.Random
) -> Iterator[tuple[float, Call]]:
    turns = 0
    for index in itertools.count():
        if index % len(conversations) == 0:
            order = list(conversations)
            chance.shuffle(order)
        conversation = order[index % len(conversations)]
        hour = chance.choices(range(24), BY_HOUR)[0]
        now = chance.randrange(DAYS) * DAY_SECONDS + (hour + chance.random()) * 3600
        for turn in conversation.turns:
            if turns >= plan.turns:
                return
            turns += 1
            if turn.in_band or "cascade" not in plan.savings:
                yield now, turn.screen
            answered = "bypass" in plan.savings and turn.bypassed
            if turn.reply and not answered:
                yield now + 0.5, turn.reply
            if not answered:
                yield now + 5, turn.sentinel
            now += chance.expovariate(1 / BETWEEN_MESSAGES_SECONDS)


def _syntheses(conversations: Sequence[Conversation], plan: Plan) -> Iterator[Call]:
    number = math.floor(plan.turns * plan.syntheses_per_turn)
    return itertools.islice(itertools.cycle(one.synthesis for one in conversations), number)


def _scaled(conversation: Conversation, plan: Plan) -> Conversation:
    """Return the conversation as it would be with other lengths; tokens are whole."""

    def scaled(call: Call) -> Call:
        text = plan.token_factor
        system = tuple(round(tokens * text) for tokens in call.system_tokens)
        output = round(call.output_tokens * text * plan.output_factor)
        return replace(
            call, system_tokens=system, text_tokens=round(call.text_tokens * text), output_tokens=output
        )

    if plan.token_factor == plan.output_factor == 1:
        return conversation
    turns = (
        replace(
            turn,
            screen=scaled(turn.screen),
            reply=scaled(turn.reply) if turn.reply else None,
            sentinel=scaled(turn.sentinel),
        )
        for turn in conversation.turns
    )
    return Conversation(tuple(turns), scaled(conversation.synthesis))


def _model_of(call: Call, plan: Plan) -> str:
    return call.model_id if "tiering" in plan.savings else EVERYTHING


def _row(name: str, model: str, total: _Sum) -> Row:
    calls = total.calls
    return Row(name, TITLES[name], model, calls, total.input / calls, total.output / calls, total.usd)


def _priced(name: str, day: str) -> tuple[Model, Price]:
    """Return the model and its list price.

    Raises:
        LookupError: the catalogue does not know it: a month without it would be too cheap.
    """
    model = catalogue().find(name)
    price = price_on(model.prices, day) if model else None
    if model is None or price is None:
        raise LookupError(f"the catalogue has no price of {name}")
    return model, price


def measured(asked: Asked, counts: Mapping[str, int]) -> Call:
    """Return the question in tokens."""
    system_tokens = tuple(counts[block.text] for block in asked.system)
    return Call(
        asked.turn_class, asked.model_id, asked.system, system_tokens, counts[asked.text], counts[asked.reply]
    )


@cache
def _kept(system: tuple[SystemBlock, ...], model_id: str) -> tuple[bool, ...]:
    model = catalogue().find(model_id)
    return kept(system, model) if model else tuple(False for _ in system)
