"""The cost report: the memo's month, the corrected one, and the same month on this system's routing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from costing import memo
from costing.memo import Row
from costing.month import Conversation, Month, Plan, bill
from costing.routing import RoutedTurn

FORMAT: Final = 1
ANSWERED: Final = ("TC3", "TC4", "TC5")
CRISIS: Final = "TC6"

STEPS: Final = {
    "tiering": "each class on its own model",
    "batch": "weekly synthesis by batch",
    "caching": "instructions kept at the provider",
    "bypass": "templates and clarifying questions without a model, and not observed",
    "cascade": "the screen's model only for the ambiguous band",
}
"""The savings in the order in which the waterfall takes them."""

OUTPUTS: Final = (0.5, 0.75, 1.5, 2.0)
TOKENS: Final = (1.1, 1.33)
VOLUMES: Final = (0.01, 0.1, 5.0)
"""Traffic as shares of the month's."""
BEDROCK_FACTOR: Final = 1.1


def summary(
    routed: Sequence[RoutedTurn],
    conversations: Sequence[Conversation],
    *,
    turns: int,
    seed: int,
    day: str,
) -> dict[str, Any]:
    """Return all figures of the report, ready for JSON."""
    plan = Plan(day, turns=turns)
    nothing = replace(plan, savings=frozenset())
    whole = bill(conversations, plan, seed)
    return {
        "format": FORMAT,
        "day": day,
        "memo": {
            "published": _table(memo.published(), memo.published_all_sonnet()),
            "corrected": _table(memo.corrected(), memo.total(memo.corrected_all_sonnet())),
        },
        "routing": routing(routed),
        "at_memo_assumptions": at_memo_assumptions(routed),
        "at_list_prices": {
            **whole.to_json(),
            "seed": seed,
            "without_any_saving": round(bill(conversations, nothing, seed).usd, 2),
            "steps": steps(conversations, nothing, seed),
            "without": {
                name: round(
                    bill(conversations, replace(plan, savings=plan.savings - {name}), seed).usd - whole.usd, 2
                )
                for name in STEPS
            },
        },
        "variations": variations(conversations, plan, whole, seed),
    }


def routing(routed: Sequence[RoutedTurn]) -> dict[str, Any]:
    """Return where the messages went, by the class that their author meant."""
    classes: dict[str, Any] = {}
    for meant in (*ANSWERED, CRISIS):
        mine = [turn for turn in routed if turn.meant == meant]
        if mine:
            classes[meant] = {
                "messages": len(mine),
                "in_band": round(sum(turn.in_band for turn in mine) / len(mine), 4),
                "bypassed": round(sum(turn.bypassed for turn in mine) / len(mine), 4),
                "paths": dict(Counter(_outcome(turn) for turn in mine).most_common()),
            }
    return {"messages": len(routed), "classes": classes}


def at_memo_assumptions(routed: Sequence[RoutedTurn]) -> dict[str, Any]:
    """Return the memo's month at its prices, counts and tokens per call, with this system's share of calls.

    Messages of each class are spread as this system spread the authored ones of that class: some are answered
    without a model, some are taken for another class. The 4,000 crisis calls stay as they are, whatever the
    screen made of the authored ones, and false alarms come on top, as crisis calls even where the words are
    vetted. `share_as_meant` leaves out what being taken for another class saves or costs.
    """
    entries = {entry["name"]: entry for entry in memo.facts()["classes"]}
    volume = {name: float(entries[name]["calls"]) for name in (*ANSWERED, CRISIS)}
    messages = float(memo.facts()["turns"])
    scale = messages / sum(volume.values())
    calls = dict.fromkeys((*ANSWERED, CRISIS), 0.0)
    calls[CRISIS] = volume[CRISIS]
    band = bypassed = 0.0
    spared = 0.0
    for meant, count in volume.items():
        mine = [turn for turn in routed if turn.meant == meant]
        band += scale * count * sum(turn.in_band for turn in mine) / len(mine)
        if meant == CRISIS:
            continue
        each = count / len(mine)
        for turn in mine:
            if turn.bypassed:
                bypassed += each
                spared += each * memo.unit_usd(entries[meant], entries[meant]["model"])
            else:
                # A false alarm that is answered with vetted words spares nothing: it counts as a crisis call.
                calls[turn.reply.turn_class if turn.reply else CRISIS] += each
    calls |= {"TC1": band, "TC2": messages - bypassed}
    rows = memo.corrected(calls)
    before, after = memo.total(memo.corrected()), memo.total(rows)
    usd = {row.name: row.usd for row in rows}
    corrected = {row.name: row.usd for row in memo.corrected()}
    cascade = corrected["TC1"] - usd["TC1"]
    unobserved = corrected["TC2"] - usd["TC2"]
    saved = {"cascade": cascade, "bypass": spared, "bypass, not observed": unobserved}
    return {
        **_table(rows, None),
        "corrected_usd": round(before, 2),
        "share_of_corrected": round(after / before, 4),
        "share_as_meant": round(1 - sum(saved.values()) / before, 4),
        "saved": {
            **{name: round(value, 2) for name, value in saved.items()},
            "taken for another class": round(before - after - sum(saved.values()), 2),
        },
    }


def steps(conversations: Sequence[Conversation], nothing: Plan, seed: int) -> list[dict[str, Any]]:
    """Return what each saving takes off the bill when it is added after those before it."""
    found = []
    plan, before = nothing, bill(conversations, nothing, seed).usd
    for name, title in STEPS.items():
        plan = replace(plan, savings=plan.savings | {name})
        after = bill(conversations, plan, seed).usd
        found.append(
            {"name": name, "title": title, "saves": round(before - after, 2), "usd": round(after, 2)}
        )
        before = after
    return found


def variations(
    conversations: Sequence[Conversation], plan: Plan, whole: Month, seed: int
) -> list[dict[str, Any]]:
    """Return the month under other assumptions, each with the reason to look at it."""
    other: list[tuple[str, str, Plan]] = [
        *(
            (
                f"replies {factor:g} times as long",
                "how long a real model's replies are is not measured",
                replace(plan, output_factor=factor),
            )
            for factor in OUTPUTS
        ),
        *(
            (
                f"{factor:g} times the tokens",
                "Claude's tokenizer may cut texts finer than SmolLM2's",
                replace(plan, token_factor=factor),
            )
            for factor in TOKENS
        ),
        (
            "through a geographic profile of Bedrock",
            "10 % above the list price: platform.claude.com, Pricing",
            replace(plan, price_factor=BEDROCK_FACTOR),
        ),
        *(
            (f"{turns:,} turns", "caches live on traffic", replace(plan, turns=turns))
            for turns in (max(1, round(share * plan.turns)) for share in VOLUMES)
        ),
    ]
    rows = []
    for name, reason, changed in other:
        month = bill(conversations, changed, seed)
        rows.append(
            {
                "name": name,
                "reason": reason,
                "turns": month.turns,
                "usd": round(month.usd, 2),
                "usd_per_1000_turns": round(1000 * month.usd / month.turns, 4),
                "change": round((month.usd / month.turns) / (whole.usd / whole.turns) - 1, 4),
                "cache_read_share": round(month.cache_read_share, 4),
            }
        )
    return rows


def _table(rows: list[Row], all_sonnet: float | None) -> dict[str, Any]:
    table: dict[str, Any] = {"rows": [row.to_json() for row in rows], "usd": round(memo.total(rows), 2)}
    if all_sonnet is not None:
        table["all_sonnet_usd"] = round(all_sonnet, 2)
        table["saved_by_tiering"] = round(1 - memo.total(rows) / all_sonnet, 4)
    return table


def _outcome(turn: RoutedTurn) -> str:
    return turn.reply.turn_class if turn.path == "generate" and turn.reply else turn.path
