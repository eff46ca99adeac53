"""Parts of the weekly report's page: tables, notes, pictures. Everything is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

FINE: Final = "fine"
ALARM: Final = "alarm"
PLAIN: Final = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. `bar` (0 to 1) draws a bar instead of text, `heat` (0 to 1) colours the ground."""

    text: str = ""
    kind: str = ""
    bar: float | None = None
    heat: float | None = None
    code: bool = False


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | Cell]], texts: int = 1) -> str:
    """Return a table whose first `texts` columns hold words, the others figures; without rows, a sentence."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    if not cells:
        return f"<p>{escape(caption)}: nothing in this week.</p>"
    heads = "".join(
        f'<th scope="col"{_kind("text" if place < texts else cells[0][place].kind)}>{escape(name)}</th>'
        for place, name in enumerate(head)
    )
    body = "".join(_row(row, texts) for row in cells)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[Cell], texts: int) -> str:
    first, *others = cells
    return (
        f'<tr><th scope="row"{_kind("text")}>{_inner(first)}</th>'
        + "".join(_cell(cell, "text" if place < texts else "") for place, cell in enumerate(others, start=1))
        + "</tr>"
    )


def _cell(cell: Cell, kind: str) -> str:
    if cell.bar is not None:
        return f'<td class="bar" aria-hidden="true"><span style="--w:{_percent(cell.bar)}"></span></td>'
    if cell.heat is not None:
        return f'<td class="heat" style="--h:{_percent(cell.heat)}">{_inner(cell)}</td>'
    return f"<td{_kind(' '.join(filter(None, (kind, cell.kind))))}>{_inner(cell)}</td>"


def _inner(cell: Cell) -> str:
    return f"<code>{escape(cell.text)}</code>" if cell.code and cell.text else escape(cell.text)


def _kind(name: str) -> str:
    return f' class="{name}"' if name else ""


def _percent(value: float) -> str:
    return f"{max(0.0, min(1.0, value)):.1%}"


def notice(words: str, kind: str = PLAIN) -> str:
    """Return a sentence that should not be overlooked; `kind` is FINE, ALARM or PLAIN."""
    return f"<div{_kind(' '.join(filter(None, ('notice', kind))))}><p>{escape(words)}</p></div>"


def card(title: str, inner: str, note: str = "") -> str:
    """Return a titled box; `inner` is HTML."""
    words = f"<p>{escape(note)}</p>" if note else ""
    return f'<div class="figures"><h3 class="sub">{escape(title)}</h3>{inner}{words}</div>'


def figure(title: str, picture: str, caption: str = "", *, wide: bool = False) -> str:
    """Return a picture in a box; `picture` is SVG."""
    words = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    kind = ' class="wide"' if wide else ""
    return f'<figure><h3 class="sub">{escape(title)}</h3><div{kind}>{picture}</div>{words}</figure>'


def section(name: str, title: str, intro: str, parts: Iterable[str]) -> str:
    """Return a section that the page's list of contents can point to."""
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>\n'
        f"<p>{escape(intro)}</p>\n{''.join(parts)}</section>\n"
    )


def contents(sections: Mapping[str, str]) -> str:
    """Return links to the sections, by their names."""
    links = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in sections.items())
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
