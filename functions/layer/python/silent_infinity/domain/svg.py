"""Parts of pictures in HTML pages: inline SVG without scripts, colours by class.

Every picture has a title and a description for those who cannot see it.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

WIDTH: Final = 460
"""Units of a picture across, if nothing else is said."""


def svg(height: int, title: str, description: str, parts: Iterable[str], width: int = WIDTH) -> str:
    """Return a picture that a screen reader can name and describe."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}: {escape(description)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return a label; `kind` is a class of the style sheet."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>'


def bar(  # noqa: PLR0917 - the geometry in SVG's order
    x: float, y: float, width: float, height: float, kind: str, tip: str = "", more: str = ""
) -> str:
    """Return a rectangle with a tooltip."""
    tip = f"<title>{escape(tip)}</title>" if tip else ""
    size = f'width="{round(max(width, 0), 1)}" height="{round(max(height, 0), 1)}"'
    return f'<rect x="{round(x, 1)}" y="{round(y, 1)}" {size} class="{kind}"{more}>{tip}</rect>'
