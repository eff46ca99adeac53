"""The memo's month as it was published, and as its own assumptions and prices really give it.

The published unit costs take the cache's discount twice: 536 *blended* input tokens are what 2,480 cost after
the discount, and the memo then prices them at the cache-read rate. Its all-Sonnet month prices four kinds of
calls alike. The corrected month multiplies the blended tokens by the list price, for both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

MILLION: Final = 1_000_000
_SONNET: Final = "sonnet"
TITLES: Final[Mapping[str, str]] = {
    "TC1": "crisis screen",
    "TC2": "sentinel",
    "TC3": "small talk",
    "TC4": "reflective mirroring",
    "TC5": "teaching",
    "TC6": "crisis conversation",
    "TC7": "weekly synthesis",
}


@dataclass(frozen=True, slots=True)
class Row:
    """The calls of a class in a month: how many, on what, with how many tokens each, for how much in all."""

    name: str
    title: str
    model: str
    calls: float
    input_tokens: float
    output_tokens: float
    usd: float

    def to_json(self) -> dict[str, Any]:
        """Return the row as the report's file has it; dollars to the cent, calls to the whole."""
        return {
            "class": self.name,
            "title": self.title,
            "model": self.model,
            "calls": round(self.calls),
            "input_tokens": round(self.input_tokens, 1),
            "output_tokens": round(self.output_tokens, 1),
            "usd": round(self.usd, 2),
        }


@cache
def facts() -> Mapping[str, Any]:
    """Return what the memo states."""
    document: Mapping[str, Any] = json.loads(
        (Path(__file__).parent / "memo.json").read_text(encoding="utf-8")
    )
    return document


def blended_tokens(more_tokens: int = 0) -> float:
    """Return the memo's input tokens of a call after the cache's discount: 536, and 736 for the sentinel.

    Nine in ten system prompts are read from the cache at a tenth of the price; the tenth is priced as if it
    were not written to the cache, which really costs a quarter more, or twice as much for an hour.
    """
    known = facts()
    read = known["cache_read_share"] * known["cache_read_factor"]
    return float(
        known["system_tokens"] * (read + 1 - known["cache_read_share"])
        + known["message_tokens"]
        + more_tokens
    )


def input_tokens(entry: Mapping[str, Any]) -> float:
    """Return the memo's input tokens for a call of a class; batch calls meet no cache."""
    if entry.get("uncached"):
        return float(facts()["system_tokens"] + facts()["message_tokens"])
    return blended_tokens(entry["more_tokens"])


def unit_usd(entry: Mapping[str, Any], model: str) -> float:
    """Return the list price of one call of a class on a model, in US dollars."""
    price = facts()["prices"][model]
    return float(input_tokens(entry) * price["input"] + entry["output_tokens"] * price["output"]) / MILLION


def published() -> list[Row]:
    """Return the memo's tiered month as published; its total is $1,418.70."""
    return [
        _row(entry, entry["model"], entry["calls"], entry["published_unit_usd"])
        for entry in facts()["classes"]
    ]


def published_all_sonnet() -> float:
    """Return the memo's month with Sonnet for everything as published: $3,582.40."""
    return float(sum(part["calls"] * part["unit_usd"] for part in facts()["published_all_sonnet"]))


def corrected(calls: Mapping[str, float] | None = None) -> list[Row]:
    """Return the tiered month under the memo's assumptions and prices; its total is $1,830.53.

    `calls` are other numbers of calls by class; classes that it does not name keep the memo's.
    """
    asked = calls or {}
    return [
        _row(entry, entry["model"], asked.get(entry["name"], entry["calls"]), unit_usd(entry, entry["model"]))
        for entry in facts()["classes"]
    ]


def corrected_all_sonnet() -> list[Row]:
    """Return the month with Sonnet for everything, under the same assumptions and prices, without batch."""
    return [_row(entry, _SONNET, entry["calls"], unit_usd(entry, _SONNET)) for entry in facts()["classes"]]


def total(rows: list[Row]) -> float:
    """Return what the rows cost together, in US dollars."""
    return sum(row.usd for row in rows)


def _row(entry: Mapping[str, Any], model: str, calls: float, unit: float) -> Row:
    return Row(
        entry["name"],
        TITLES[entry["name"]],
        model,
        calls,
        input_tokens(entry),
        float(entry["output_tokens"]),
        calls * unit,
    )
