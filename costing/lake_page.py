"""The tables of docs/lake-costs.md, made from the data. `python -m costing.lake_page` writes them into it."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from costing import lake
from costing.lake import ALL_LATE, GB, KB, MB, NIGHT, TB, WEEK, Data, Lake

PAGE = Path(__file__).parents[1] / "docs" / "lake-costs.md"
NAMES = {1_000_000: "1 million", 100_000_000: "100 million", 10_000_000_000: "10,000 million"}

TITLES = {
    "short": "In short",
    "bytes": "What was measured",
    "athena": "What Athena reads in a month",
    "bill": "A month's bill, in a lake that is a year old, if every night makes all of last month anew",
    "storage": "What is kept",
    "limits": "Where the design ends",
}

_PLACE = re.compile(r"(<!-- made by costing/lake_page\.py: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Rows = Sequence[Sequence[str]]


def tables(data: Data | None = None) -> Mapping[str, Rows]:
    """Return every table by name: a row of headings, then the others."""
    lakes = [Lake(turns, data) for turns in lake.VOLUMES]
    return {name: make(lakes, data or lake.measured()) for name, make in _TABLES.items()}


def written(text: str) -> str:
    """Return the page with its tables made anew."""
    made = tables()
    return _PLACE.sub(lambda found: f"{found[1]}{markdown(made[found[2]])}\n{found[3]}", text)


def markdown(rows: Rows) -> str:
    """Return rows as a table of Markdown, numbers to the right."""
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def size(count: float) -> str:
    """Return bytes with three digits, in units of 1,024."""
    for unit, least in (("TB", TB), ("GB", GB), ("MB", MB), ("kB", KB)):
        if count >= 0.9995 * least:
            return f"{_digits(count / least)} {unit}"
    return f"{count:.0f} B"


def usd(amount: float) -> str:
    """Return dollars, cents only where they say something."""
    return f"{amount:,.0f}" if amount >= 1000 else f"{amount:,.2f}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _heads(lakes: Sequence[Lake]) -> list[str]:
    return [NAMES[one.turns] for one in lakes]


def _short(lakes: Sequence[Lake], _data: Data) -> Rows:
    rows = [["turns a month", "Athena reads", "Athena, USD", "the whole lake, USD"]]
    for one in lakes:
        runs = [[*one.athena(kind), *one.athena(WEEK)] for kind in (NIGHT, ALL_LATE)]
        bills = [one.bill(kind) for kind in (NIGHT, ALL_LATE)]
        rows.append(
            [
                NAMES[one.turns],
                " to ".join(size(sum(read.bytes for read in each)) for each in runs),
                " to ".join(usd(sum(read.usd for read in each)) for each in runs),
                " to ".join(usd(sum(line.usd for line in each)) for each in bills),
            ]
        )
    return rows


def _bytes(_lakes: Sequence[Lake], data: Data) -> Rows:
    rows = [
        [
            "table",
            "rows a turn",
            "bytes a row, small objects",
            "bytes a row, large objects",
        ]
    ]
    for name, table in data["tables"].items():
        if table["grows"]:
            rows.append([
                f"`{name}`",
                f"{table['rows'] / data['events']:.2f}",
                f"{table['small'] / table['rows']:.0f}" if table["layer"] == "bronze" else "",
                f"{table['large'] / table['rows']:.0f}",
            ])  # fmt: skip
    gold = sum(t["small"] / data["days"] for t in data["tables"].values() if not t["grows"])
    rows.append([f"gold, all tables: {size(gold)} a day, at any volume", "", "", ""])
    return rows


def _athena(lakes: Sequence[Lake], _data: Data) -> Rows:
    rows = [["statements", "a month", *(f"{head}: read" for head in _heads(lakes)),
             *(f"{head}: USD" for head in _heads(lakes))]]  # fmt: skip
    for title, kind in (("**night**", NIGHT), ("**night, all of last month anew**", ALL_LATE)):
        found = [one.athena(kind) for one in lakes]
        rows.append([title, f"{sum(r.runs for r in found[0]):,.0f}",
                     *(size(sum(r.bytes for r in reads)) for reads in found),
                     *(usd(sum(r.usd for r in reads)) for reads in found)])  # fmt: skip
        rows.extend(
            [
                _named(reads[0].statement),
                f"{reads[0].runs:,.0f}",
                *(size(r.bytes) for r in reads),
                *(usd(r.usd) for r in reads),
            ]
            for reads in zip(*found, strict=True)
        )
    weeks = [one.athena(WEEK)[0] for one in lakes]
    rows.append(["**weekly report**", f"{weeks[0].runs:,.0f}", *(size(r.bytes) for r in weeks),
                 *(usd(r.usd) for r in weeks)])  # fmt: skip
    return rows


def _bill(lakes: Sequence[Lake], _data: Data) -> Rows:
    bills = [one.bill() for one in lakes]
    rows = [
        ["", *(f"{head}: quantity" for head in _heads(lakes)), *(f"{head}: USD" for head in _heads(lakes))]
    ]
    rows.extend(
        [
            f"{lines[0].service}, {lines[0].what}",
            *(_quantity(line.quantity, line.unit) for line in lines),
            *(usd(line.usd) for line in lines),
        ]
        for lines in zip(*bills, strict=True)
    )
    empty = [""] * len(lakes)
    rows.append(["**together**", *empty, *(f"**{usd(sum(x.usd for x in lines))}**" for lines in bills)])
    rows.append([
        "of a million turns", *empty,
        *(usd(sum(x.usd for x in lines) / one.turns * 1e6) for lines, one in zip(bills, lakes, strict=True)),
    ])  # fmt: skip
    quiet = [sum(x.usd for x in one.bill(NIGHT)) for one in lakes]
    rows.append(["together, if nothing ever comes late", *empty, *(usd(each) for each in quiet)])
    first = [sum(x.usd for x in one.bill(months=1)) for one in lakes]
    rows.append(["together, in the lake's first month", *empty, *(usd(each) for each in first)])
    return rows


def _named(statement: str) -> str:
    return statement if " " in statement else f"`{statement}`"


def _quantity(value: float, unit: str) -> str:
    if unit in ("GB", "TB"):
        return size(value * (GB if unit == "GB" else TB))
    return f"{value:,.0f} {unit}".strip()


def _storage(lakes: Sequence[Lake], _data: Data) -> Rows:
    rows = [
        ["", *(f"{head}: 1 month" for head in _heads(lakes)), *(f"{head}: 1 year" for head in _heads(lakes))]
    ]
    stored = [one.stored(months) for months in (1, 12) for one in lakes]
    rows.extend([layer, *(size(each[layer]) for each in stored)] for layer in stored[0])
    price = lake.prices()["prices"]["s3_gb_month"]
    rows.append([
        "USD a month", *(usd(lake.priced(price, sum(each.values()) / GB)) for each in stored),
    ])  # fmt: skip
    return rows


def _limits(lakes: Sequence[Lake], data: Data) -> Rows:
    limits = {name: one["value"] for name, one in lake.prices()["limits"].items()}
    peak = lake.prices()["assumptions"]["peak"]
    seconds = limits["athena_dml_minutes"] * 60
    scan_limit = f"{lake.SCAN_LIMIT_GB:,} GB"

    def row(title: str, limit: str, value: Callable[[Lake], str]) -> list[str]:
        return [title, limit, *(value(one) for one in lakes)]

    return [
        ["", "limit", *_heads(lakes)],
        row(
            "turns a second, mean / busiest hour",
            "",
            lambda one: f"{one.events_a_second:,.1f} / {one.events_a_second * peak:,.1f}",
        ),
        row("largest statement of a night reads", scan_limit, lambda one: size(one.scanned_most(NIGHT))),
        row("the same, all of last month anew", scan_limit, lambda one: size(one.scanned_most(ALL_LATE))),
        row(
            "which is, in the time that a statement has",
            f"{limits['athena_dml_minutes']} minutes",
            lambda one: f"{size(one.scanned_most(ALL_LATE) / seconds)} a second",
        ),
        row(
            "Firehose, turns, busiest hour",
            f"{limits['firehose_mib_a_second']} MiB/s",
            lambda one: f"{one.firehose_mib_a_second:,.3g} MiB/s",
        ),
        row("turns in an object of bronze", "128 MB of JSON", lambda one: f"{one.rows_an_object:,.0f}"),
        row("such objects a day", "", lambda one: f"{one.objects_of_a_day('bronze_turn_events'):,.0f}"),
        row("a day of silver", "", lambda one: size(one.a_day("silver_turns"))),
        row(
            "`TurnEvents`, write units a second, busiest hour",
            f"{limits['dynamodb_table_writes_a_second']:,}",
            lambda one: f"{one.write_units_a_second:,.0f}",
        ),
        row("shards of its stream, at least", "", lambda one: f"{one.shards:,}"),
        row("consumers at a time, busiest hour", "one a shard", lambda one: f"{one.consumers:,.2g}"),
    ]


_TABLES: Mapping[str, Callable[[Sequence[Lake], Data], Rows]] = {
    "short": _short,
    "bytes": _bytes,
    "athena": _athena,
    "bill": _bill,
    "storage": _storage,
    "limits": _limits,
}


def main() -> int:
    """Write the page's tables."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
