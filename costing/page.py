"""The cost report as one HTML page and as lines for a terminal. It holds figures and no text of a person."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from costing import sankey

Summary = Mapping[str, Any]
Cells = tuple[str, ...]

STYLE: Final = (Path(__file__).resolve().parent.parent / "evaluation" / "report.css").read_text(
    encoding="utf-8"
)
WIDER: Final = "\nmain { max-width: 64rem; } figure { margin-bottom: 1.5rem; }\n"


def tables(summary: Summary) -> list[tuple[str, list[Cells], str]]:
    """Return (title, rows with a heading, note) of every table, in reading order."""
    memo, ours, listed = summary["memo"], summary["at_memo_assumptions"], summary["at_list_prices"]
    corrected, published = memo["corrected"], memo["published"]
    return [
        (
            "The memo's month as published (200,000 turns)",
            _bill(published),
            f"All on Sonnet, as published: {_usd(published['all_sonnet_usd'])}. The cache's discount is "
            "taken twice, and four kinds of calls are priced as one.",
        ),
        (
            "The memo's month, corrected: the same assumptions and prices",
            _bill(corrected),
            f"All on Sonnet, the same way: {_usd(corrected['all_sonnet_usd'])}. Tiering by itself saves "
            f"{_share(corrected['saved_by_tiering'])}.",
        ),
        (
            "This system at the memo's prices, counts and tokens per call",
            _bill(ours),
            f"{_share(ours['share_of_corrected'])} of the corrected month. Saved: "
            + ", ".join(f"{name} {_usd(value)}" for name, value in ours["saved"].items())
            + f". With every message taken as it was meant: {_share(ours['share_as_meant'])}. "
            "The 4,000 crisis calls are untouched; those above are false alarms of the screen.",
        ),
        (
            f"Where {summary['routing']['messages']:,} authored messages went",
            _routing(summary["routing"]),
            "By the class that their author meant. In the band: the screen's model (TC1) is asked.",
        ),
        (
            f"This system at list prices, {listed['turns']:,} turns, tokens as counted",
            _bill(listed),
            f"{_usd(listed['usd_per_1000_turns'])} for 1,000 turns; {_share(listed['cache_read_share'])} of "
            "all input tokens are read from a cache.",
        ),
        (
            "What each saving gives",
            [
                ("saving", "added in this order", "month after it", "dearer without it alone"),
                ("none", "", _usd(listed["without_any_saving"]), ""),
                *(
                    (
                        step["title"],
                        _usd(step["saves"]),
                        _usd(step["usd"]),
                        _usd(listed["without"][step["name"]]),
                    )
                    for step in listed["steps"]
                ),
            ],
            "The savings overlap, so each is worth something else after the others: the last column takes "
            "one alone away from the whole. A negative figure is a loss.",
        ),
        (
            "Under other assumptions",
            [
                ("assumption", "USD", "per 1,000 turns", "change", "read from cache"),
                *(
                    (
                        row["name"],
                        _usd(row["usd"]),
                        _usd(row["usd_per_1000_turns"]),
                        f"{row['change']:+.1%}",
                        _share(row["cache_read_share"]),
                    )
                    for row in summary["variations"]
                ),
            ],
            "; ".join(dict.fromkeys(row["reason"] for row in summary["variations"])) + ".",
        ),
    ]


def html(summary: Summary) -> str:
    """Return the page: readable in the dark, on a phone and on paper; nothing is fetched."""
    listed = summary["at_list_prices"]
    picture = sankey.svg(*sankey.of_month(listed), "Where a month's money goes")
    parts = "".join(
        f"<section><h2>{escape(title)}</h2>{_html_table(rows)}<p>{escape(note)}</p></section>"
        for title, rows, note in tables(summary)
    )
    limits = "".join(f"<li>{escape(line)}</li>" for line in summary["limits"])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Cost report</title>\n<style>\n{STYLE}{WIDER}{sankey.STYLE}</style>\n</head>\n<body>\n"
        "<main>\n"
        f"<header><h1>What a month costs</h1><p>{listed['turns']:,} turns, prices of {summary['day']}.</p>"
        f"</header>\n<figure>{picture}</figure>\n{parts}"
        f"<section><h2>What these figures are not</h2><ul>{limits}</ul></section>\n"
        "</main>\n</body>\n</html>\n"
    )


def _html_table(rows: Sequence[Cells]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows[0])
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows[1:]
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _bill(month: Mapping[str, Any]) -> list[Cells]:
    rows: list[Cells] = [("class", "model", "calls", "input tokens", "output tokens", "USD")]
    rows += [
        (
            f"{row['class']} {row['title']}",
            row["model"],
            f"{row['calls']:,}",
            f"{row['input_tokens']:,.0f}",
            f"{row['output_tokens']:,.0f}",
            _usd(row["usd"]),
        )
        for row in month["rows"]
    ]
    return [*rows, ("in all", "", "", "", "", _usd(month["usd"]))]


def _routing(found: Mapping[str, Any]) -> list[Cells]:
    rows: list[Cells] = [("meant as", "messages", "in the band", "bypassed", "went to")]
    rows += [
        (
            name,
            f"{row['messages']:,}",
            _share(row["in_band"]),
            _share(row["bypassed"]),
            ", ".join(f"{path} {count:,}" for path, count in row["paths"].items()),
        )
        for name, row in found["classes"].items()
    ]
    return rows


def _usd(value: float) -> str:
    return f"${value:,.2f}"


def _share(value: float) -> str:
    return f"{value:.1%}"
