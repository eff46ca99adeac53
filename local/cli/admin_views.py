"""What operators read: variants, comparisons, the audit log and promotions, as wide as their terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

from local.cli.terminal import bold, table
from local.tools.locations import with_layer

Document = Mapping[str, Any]

WIDEST = 160
BAR = 10
FOLDED = 6  # so many variants that share production are a row each; more are one row
SHOWN_HASH = 12
INDENT = "  "


def columns() -> int:
    """Columns to fill."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)


def reference(variant: Document) -> str:
    """A variant as commands name it."""
    return f"{variant['category']}/{variant['variant_id']}"


def percent(value: float) -> str:
    """A rollout."""
    return f"{value:g} %"


def bar(value: float) -> str:
    """A rollout as ten cells. What is above 0 shows."""
    full = int(value * BAR / 100 + 0.5) or (1 if value > 0 else 0)
    return "█" * full + "·" * (BAR - full)


def moment(text: str) -> str:
    """A time to the second; Z is UTC."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    except ValueError:
        return text or "unknown"


def person(actor: str | None) -> str:
    """An actor, short enough for a table."""
    kind, _, name = (actor or "unknown").partition(":")
    return f"{kind} {name[:8]}" if kind == "operator" else name or kind


def variant_list(variants: Sequence[Document], *, fold: bool) -> str:
    """All variants by category, in one width. With `fold`, a large production pool is one row."""
    if not variants:
        return f"{INDENT}No variants."
    groups = [list(group) for _, group in groupby(variants, key=lambda variant: str(variant["category"]))]
    rows = [_rows(members, fold) for members in groups]
    lines = iter(fitted([row for of_group in rows for row in of_group], right={2}).splitlines())
    return "\n\n".join(
        "\n".join([_heading(members[0]), *islice(lines, len(of_group))])
        for members, of_group in zip(groups, rows, strict=True)
    )


def _heading(member: Document) -> str:
    return f"{bold(member['category'])}  per {member['unit']}{', critical' if member['critical'] else ''}"


def _rows(members: Sequence[Document], fold: bool) -> list[list[str]]:
    pool = [variant for variant in members if variant["status"] == "production" and not variant["ranges"]]
    folded = pool if fold and len(pool) >= FOLDED else []
    arms = sum(each["rollout_percent"] for each in members if each["running"])
    share = pool[0]["rollout_percent"] - arms if pool else 0
    rows = []
    if folded:
        rows.append(
            [f"({len(folded)} variants)", "production", percent(share), bar(share), "in equal shares"]
        )
    return rows + [
        [
            str(each["variant_id"]),
            str(each["status"]),
            percent(each["rollout_percent"]),
            bar(each["rollout_percent"]),
            _remarks(each, f"serves {percent(share)}, as arms run" if [each] == pool and arms else ""),
        ]
        for each in sorted(members, key=_rank)
        if each not in folded
    ]


def _rank(variant: Document) -> tuple[int, int, str]:
    order = ["production", "canary", "staged", "experimental", "retired"]
    return order.index(variant["status"]), variant["pool_rank"], variant["variant_id"]


def _remarks(variant: Document, share: str) -> str:
    remarks = ["running"] if variant["running"] else [share] if share else []
    if variant["cooldown"]:
        remarks.append(f"{variant['cooldown']['action']} in {variant['cooldown']['seconds_left']:.0f} s")
    if variant["promotion_id"]:
        remarks.append("promotion open")
    if variant["target_cohort"] != "all":
        remarks.append(f"{variant['target_cohort']} only")
    return ", ".join(remarks)


def variant_detail(variant: Document, entries: Sequence[Document]) -> str:
    """Everything about one variant, and its last changes."""
    running = "   an experiment that runs" if variant["running"] else ""
    delay = "; critical: a change waits for its cooldown" if variant["critical"] else ""
    facts = [
        ["status", str(variant["status"])],
        ["rollout", f"{percent(variant['rollout_percent'])}  {bar(variant['rollout_percent'])}{running}"],
        ["waits", _waiting(variant)],
        ["promotion", variant["promotion_id"] or ""],
        ["for", f"{_cohort(variant['target_cohort'])}, assigned per {variant['unit']}{delay}"],
        ["buckets", ranges(variant["ranges"])],
        ["seed", str(variant["seed"])],
        *_nested("config", variant["config"]),
        *_nested("has to hold", variant["pass_criteria"]),
        ["branches off", variant["parent_variant_id"] or ""],
        ["took over from", variant["predecessor_id"] or ""],
        ["created", f"{moment(variant['created_at'])} by {person(variant['created_by'])}"],
        ["changed", f"{moment(variant['last_modified'])} by {person(variant['last_modified_by'])}"],
        ["version", f"{variant['version']}, {_entries(variant)}"],
    ]
    parts = [f"{bold(reference(variant))}\n{paragraph(variant['description'])}", _facts(facts)]
    if "metrics_7d" in variant:
        parts.append(_figures(variant["metrics_7d"], variant["variant_id"]))
    if entries:
        parts.append(f"{bold('Last changes')}\n{audit_table(entries, name_variants=False)}")
    return "\n\n".join(parts)


def _cohort(cohort: str) -> str:
    return "everybody" if cohort == "all" else cohort.replace("_", " ") + " only"


def _entries(variant: Document) -> str:
    if not variant["audit_count"]:
        return "no audit entries"
    entries = "1 audit entry" if variant["audit_count"] == 1 else f"{variant['audit_count']} audit entries"
    return f"{entries}, head {variant['audit_head'][:SHOWN_HASH]}"


def _waiting(variant: Document) -> str:
    cooldown = variant["cooldown"]
    if not cooldown:
        return ""
    return (
        f"{cooldown['action']}{_becomes(cooldown['changes'])} in {cooldown['seconds_left']:.0f} s, at"
        f" {moment(cooldown['effective_at'])}; asked for by {person(cooldown['requested_by'])}"
    )


def _becomes(changes: Document) -> str:
    """What a waiting change does to the rollout, in words."""
    status, rollout = changes.get("status"), changes.get("rollout_percent")
    parts = [str(status)] if status else []
    parts += [f"at {percent(rollout)}"] if rollout is not None else []
    return f" to {' '.join(parts)}" if parts else ""


def ranges(found: Sequence[Sequence[int]]) -> str:
    """Buckets of 10,000, with the last one named (the API names the one behind it)."""
    return ", ".join(f"{first}-{end - 1}" for first, end in found) + (" of 10,000" if found else "")


def _nested(name: str, values: Document) -> list[list[str]]:
    names = [name, *[""] * (len(values) - 1)]
    return [
        [name, f"{key}: {value if isinstance(value, str) else _compact(value)}"]
        for name, (key, value) in zip(names, sorted(values.items()), strict=False)
    ]


def _compact(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_compact(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(_compact(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(rows: Sequence[Sequence[str]]) -> str:
    shown = [(name, value) for name, value in rows if value]
    label = max(len(name) for name, _ in shown) + 2
    lines = []
    for name, value in shown:
        wrapped = textwrap.wrap(value, max(columns() - label - len(INDENT), 20)) or [""]
        lines.append(f"{INDENT}{name:<{label}}{wrapped[0]}")
        lines += [f"{INDENT}{'':<{label}}{line}" for line in wrapped[1:]]
    return "\n".join(lines)


def _figures(figures: Document, variant_id: str) -> str:
    production = figures["production"]
    names = sorted({*figures["metrics"], *(production["metrics"] if production else {})})
    title = bold(f"Figures of {figures['from']} to {figures['to']}")
    if not names:
        return f"{title}\n{INDENT}None yet: they are computed once a day, for the day before."
    rows = [["metric", "n", variant_id, *(["n", production["variant_id"]] if production else [])]]
    for name in names:
        sides = [figures["metrics"].get(name), *([production["metrics"].get(name)] if production else [])]
        rows.append([name, *(cell for side in sides for cell in _figure(side))])
        rows += [
            [f"{name} {quantile}", *(cell for side in sides for cell in _quantile(side, quantile))]
            for quantile in ("p50", "p95")
            if any(side and quantile in side for side in sides)
        ]
    return f"{title}\n{fitted(rows, right={1, 2, 3, 4})}"


def _figure(figure: Document | None) -> list[str]:
    return [f"{figure['n']:,}", number(figure["value"], figure["kind"])] if figure else ["", "none"]


def _quantile(figure: Document | None, name: str) -> list[str]:
    return ["", number(figure.get(name), "") if figure else "none"]


def number(value: float | None, kind: str, *, signed: bool = False, digits: int = 4) -> str:
    """A mean, or a rate in percent."""
    if value is None:
        return "-"
    sign = "+" if signed else ""
    if kind == "rate":
        return f"{100 * value:{sign}.2f} %"
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.{digits}g}"


def comparison(document: Document) -> str:
    """Two variants side by side, and what the p values may be used for."""
    marks: dict[str, str] = {}
    rows = [["metric", "n of a", "n of b", "a", "b", "b - a", "95 % interval", "p", ""]]
    for metric in document["metrics"]:
        kind = metric["kind"]
        rows.append(
            [
                metric["metric"],
                f"{metric['a']['n']:,}",
                f"{metric['b']['n']:,}",
                number(metric["a"]["value"], kind),
                number(metric["b"]["value"], kind),
                number(metric["difference"], kind, signed=True),
                _interval(metric),
                probability(metric["p"]),
                _mark(metric, marks),
            ]
        )
    return "\n\n".join(
        [
            f"{bold(document['category'])}  a: {document['a']}, b: {document['b']}\n"
            f"{INDENT}{document['from']} to {document['to']}, both included",
            _wide(rows) or _narrow(rows),
            *(["\n".join(paragraph(f"{mark} {said}") for said, mark in marks.items())] if marks else []),
            paragraph(document["statement"]),
        ]
    )


def _wide(rows: Sequence[Sequence[str]]) -> str:
    shown = fitted(rows, right=set(range(1, 8)), least=0)
    return shown if max(len(line) for line in shown.splitlines()) <= columns() else ""


def _narrow(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        f"{INDENT}{bold(metric)}  {of_a} and {of_b} units\n"
        f"{INDENT * 2}a {a}, b {b}, b - a {difference} ({interval})\n"
        f"{INDENT * 2}p {p}  {mark}".rstrip()
        for metric, of_a, of_b, a, b, difference, interval, p, mark in rows[1:]
    )


def _mark(metric: Document, marks: dict[str, str]) -> str:
    said = metric["explanation"] or (
        "" if metric["enough_units"] else "Fewer than 500 units on a side: this says little, whatever its p."
    )
    return marks.setdefault(said, f"({len(marks) + 1})") if said else ""


def _interval(metric: Document) -> str:
    if metric["low"] is None or metric["high"] is None:
        return "-"
    low, high = (number(metric[bound], metric["kind"], signed=True, digits=3) for bound in ("low", "high"))
    return f"{low.removesuffix(' %')} to {high}"


def probability(p: float | None) -> str:
    """A p value to what it is worth."""
    if p is None:
        return "-"
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def audit_table(entries: Sequence[Document], *, name_variants: bool = True) -> str:
    """Entries as they were written: who did what to which variant, and why."""
    if not entries:
        return f"{INDENT}No entries."
    lines = []
    for entry in entries:
        where = f"{reference(entry)} " if name_variants else ""
        action = str(entry["action"] or "unreadable").replace("_", " ")
        line = f"{INDENT}{moment(entry['at'])}  {where}#{entry['sequence']}  {bold(action)}"
        became = change(entry["before"], entry["after"])
        became += f", in force from {moment(entry['effective_at'])}" if entry["effective_at"] else ""
        if became and len(f"{line}: {became}") <= columns():
            lines.append(f"{line}: {became}")
        else:
            lines += [line, *([paragraph(became, INDENT * 3)] if became else [])]
        lines.append(paragraph(f"{person(entry['actor'])}: {entry['reason'] or 'no reason'}", INDENT * 3))
    return "\n".join(lines)


def change(before: Document | None, after: Document | None) -> str:
    """What became of status and rollout, and which other fields changed."""
    if not after:
        return ""
    if not before:
        return f"{after['status']} at {percent(after['rollout_percent'])}"
    pending = after.get("pending")
    if pending and pending != before.get("pending"):
        return f"waits to become{_becomes(pending['changes']).removeprefix(' to')}"
    others = sorted(
        name.replace("_", " ")
        for name in {*before, *after}
        if before.get(name) != after.get(name) and name not in _NO_NEWS
    )
    return "; ".join([*_stage(before, after), *([", ".join(others)] if others else [])])


_NO_NEWS = {"status", "rollout_percent", "ranges", "seed", "pending"} | {
    "predecessor_id",
    "promotion_id",
    "last_modified",
    "last_modified_by",
    "measured_since",
}
"""Fields that follow from what is said of an entry anyway."""


def _stage(before: Document, after: Document) -> list[str]:
    then = f"{before['status']} at {percent(before['rollout_percent'])}"
    now = f"{after['status']} at {percent(after['rollout_percent'])}"
    return [] if then == now else [f"{then} -> {now}"]


_FLAWS = {
    "changed": "not what was written",
    "foreign": "belongs elsewhere",
    "removed": "missing in the middle",
    "reordered": "does not follow from the one before",
    "truncated": "missing at the end",
    "forged": "was never recorded with the variant",
    "head": "the variant names another last entry",
    "row": "the variant is not as its last entry left it",
    "anchor": "not as it was when it was anchored",
    "unaudited": "a variant that nobody is recorded to have made",
}
"""What a finding means; the API's own words are in docs/api.md."""


def verification(document: Document) -> str:
    """Whether the histories are whole."""
    said = [f"{document['entries']:,} entries of {document['variants']} variants were checked."]
    said.append(
        f"Anchored until {moment(document['anchored_until'])}; later ones were checked against the variants."
        if document["anchored_until"]
        else "No anchor names them yet: they were checked against the variants only."
    )
    if document["unaudited"]:
        said.append(f"Older than the log, and without a history: {', '.join(document['unaudited'])}.")
    if document["ok"]:
        return f"{bold('The history is whole.')}\n{paragraph(' '.join(said))}"
    rows = [
        [reference(found), f"#{found['sequence']}", f"{found['flaw']}: {_FLAWS.get(found['flaw'], '')}"]
        for found in document["findings"]
    ]
    return (
        f"{bold('The history is NOT whole.')}\n{paragraph(' '.join(said))}\n\n{fitted(rows)}\n\n"
        + paragraph("Change nothing now, and tell whoever is responsible: docs/operations.md.")
    )


def promotion_list(promotions: Sequence[Document]) -> str:
    """Promotions, newest first."""
    if not promotions:
        return f"{INDENT}No promotions."
    lines = []
    for one in promotions:
        status = one["status"].replace("_", " ")
        lines.append(f"{INDENT}{moment(one['requested_at'])}  {reference(one)}  {way(one)}  {bold(status)}")
        lines.append(paragraph(f"{person(one['requested_by'])}: {one['reason']}", INDENT * 3))
    return "\n".join(lines)


def way(promotion: Document, then: float | None = None) -> str:
    """From which stage to which, with the share of its first step and of the one after it.

    A member of a pool has its part of it, whatever its percentage.
    """
    with_layer()
    from silent_infinity.domain.promotion.words import is_pool

    stages = f"{promotion['from_status']} -> {promotion['to_status']}"
    if is_pool(promotion["category"], promotion["to_status"]):
        return f"{stages}, in its pool"
    after = "" if then is None else f", then {percent(then)}"
    return f"{stages} at {percent(promotion['rollout_percent'])}{after}"


def paragraph(text: str, indent: str = INDENT) -> str:
    """Text wrapped to the terminal."""
    lines = textwrap.wrap(text, max(columns() - len(indent), 20))
    return "\n".join(f"{indent}{line}" for line in lines)


def fitted(rows: Sequence[Sequence[str]], right: set[int] | None = None, least: int = 12) -> str:
    """A table; `right` are the columns of figures.

    One that is too wide has its first column cut short, to `least` characters (0: not at all).
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    over = sum(widths) + 2 * (len(widths) - 1) + len(INDENT) - columns()
    first = max(widths[0] - max(over, 0), least) if least else widths[0]
    return table(
        [
            [
                _cut(cell, first)
                if not place
                else cell.rjust(widths[place])
                if place in (right or ())
                else cell
                for place, cell in enumerate(row)
            ]
            for row in rows
        ],
        INDENT,
    )


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"


def evidence(recorded: Mapping[str, Any], *, replayed: bool) -> str:
    """What was recorded of a golden set, and whether the gates will take it."""
    broken = recorded["gates_broken"]
    clean = not broken and not recorded["crisis_missed"]
    lines = [
        f"  {recorded['suite']} by {recorded['model_id']}, run at {moment(recorded['run_at'])}: "
        f"{recorded['crisis_missed']} of {recorded['crisis_cases']} crisis cases missed",
        *(f"  gate broken: {gate}" for gate in broken),
        f"  {bold('Recorded.')} "
        + (
            "Gates go by it while the configuration stays as it is."
            if clean
            else "It is not clean: gates that need it fail, and a promotion on earlier evidence ends."
        ),
    ]
    if replayed:
        lines.append("  This was recorded before, under the same key; it was not recorded again.")
    return "\n".join(lines)
