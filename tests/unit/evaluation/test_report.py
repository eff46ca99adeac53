"""The report: whole, self-contained, for everybody's eyes, and without a word of anybody's message."""

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from evaluation import plots
from evaluation.report import html
from evaluation.safety import WatchedScreen, evaluate
from evaluation.tables import interval, milliseconds, share, tables
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.crisis.verdict import ScreenCase, Verdict
from silent_infinity.domain.svg import WIDTH
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis

CANARY = "canary-93be"
VOID = {"meta", "br"}


def summary(labelled: bool = True, **more: Any) -> dict[str, Any]:
    """Return a summary of a hundred messages, scored by their number."""

    def stage(case: ScreenCase) -> Verdict:
        number = int(case.message.split()[0])
        return Verdict(number // 20, (f"rule.{number // 20}",), score=number / 100)

    lines = [
        {
            "text": f"{place} {CANARY}",
            **({"level": (place + place % 7) // 22} if labelled else {}),
            "category": f"c{place % 5}",
        }
        for place in range(100)
    ]
    screen = ScreenForCrisis(clock=SystemClock(), stages=[("first", _numbered(stage)), ("second", _silent)])
    _, found = evaluate(lines, WatchedScreen(screen))
    data = [{"name": "x.jsonl", "lines": 100, "sha256": "ab" * 32}]
    return {"made_at": "2026-11-21T14:00:00+00:00", "model": "none", "data": data, **found, **more}


def _numbered(stage: Any) -> Any:
    return lambda case: stage(case) if case.message[0].isdigit() else Verdict(0)


def _silent(case: ScreenCase) -> Verdict:
    return Verdict(0)


class Reader(HTMLParser):
    """Reads a page: open and close tags must match."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_whole_and_fetches_nothing() -> None:
    """It is opened on machines without a network, and may be about data that must not leave one."""
    page = html("Crisis screen", summary())

    reader = Reader(page)
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in reader.tags}
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", page)


def test_no_message_is_in_the_page_or_in_a_table() -> None:
    """A report is made to be sent around."""
    found = summary()

    assert CANARY not in html("Crisis screen", found)
    assert CANARY not in str(tables(found))


def test_labels_are_text_and_never_markup() -> None:
    """Categories come from the file that somebody else made."""
    found = summary()
    found["groups"]["category"][0]["name"] = "<script>alert(1)</script>"
    found["contribution"][0]["stage"] = '"><b>'
    found["data"][0]["name"] = "<i>.jsonl"

    page = html("A & B", found)

    assert Reader(page).open == []
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "A &amp; B" in page


def test_every_picture_has_a_name_and_says_what_it_shows() -> None:
    """Who cannot see a curve can still hear the figure."""
    page = html("Crisis screen", summary())

    pictures = [attrs for tag, attrs in Reader(page).tags if tag == "svg" and attrs.get("role") == "img"]
    labels = [str(attrs["aria-label"]) for attrs in pictures]
    assert [label.split(":")[0] for label in labels] == [
        "ROC curve",
        "Scores by true class",
        "Calibration",
        "Confusion",
        "What each stage adds",
        "Time per message",
    ]
    assert all(re.search(r"\d", label) for label in labels)
    for drawn in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawn)  # noqa: S314 - our own picture


def test_tables_have_headers_and_can_be_reached_by_keyboard() -> None:
    """A table that scrolls sideways is lost to who has no pointer, unless it takes the focus."""
    reader = Reader(html("Crisis screen", summary()))

    regions = [attrs for tag, attrs in reader.tags if tag == "div" and attrs.get("role") == "region"]
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for attrs in regions} <= set(ids)
    assert all(attrs.get("tabindex") == "0" for attrs in regions)
    assert {attrs.get("scope") for tag, attrs in reader.tags if tag == "th"} == {"col", "row"}
    assert ("html", {"lang": "en"}) in reader.tags


def test_light_dark_and_paper_have_a_colour_for_everything() -> None:
    """A colour that is missing in one of the three is black on black."""
    page = html("Crisis screen", summary())
    style = page[page.index("<style>") : page.index("</style>")]

    palettes = [
        set(re.findall(r"--(\w+):", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    used = set(re.findall(r"var\(--(\w+)\)", style))
    assert len(palettes) == 3
    assert all(palette == used for palette in palettes)


def test_every_class_in_a_picture_is_styled() -> None:
    """SVG without a style is drawn black."""
    page = html("Crisis screen", summary())
    style = page[page.index("<style>") : page.index("</style>")]
    drawn = {
        name
        for picture in re.findall(r"<svg.*?</svg>", page, re.DOTALL)
        for names in re.findall(r'class="([^"]*)"', picture)
        for name in names.split()
    }

    assert drawn - {"label", "off"} <= set(re.findall(r"\.([a-z]\w*)", style))


def test_a_run_without_labels_makes_a_page_without_figures() -> None:
    """There is still the time to look at; nothing may divide by nothing."""
    page = html("Crisis screen", summary(labelled=False))

    assert Reader(page).open == []
    assert "No line has a label" in page
    assert "ROC curve" not in page


@pytest.mark.parametrize("level", range(5))
def test_a_file_of_one_level_makes_a_page(level: int) -> None:
    """Somebody will look at the farewells alone."""
    screen = WatchedScreen(ScreenForCrisis(clock=SystemClock(), stages=[("first", _silent)]))
    _, found = evaluate([{"text": "x", "level": level}], screen)

    assert Reader(html("Crisis screen", found)).open == []


def test_broken_gates_stand_out() -> None:
    """The first table is the one that decides."""
    gate = {"file": "x.jsonl", "figure": "sensitivity", "bound": "at_least", "limit": 0.95, "value": 0.9}
    found = summary(gates=[{**gate, "kept": False}, {**gate, "limit": 0.9, "kept": True}])

    [first, *_] = tables(found)
    assert first.rows == (
        ("x.jsonl: sensitivity", "0.9", "≥ 0.95", "BROKEN"),
        ("x.jsonl: sensitivity", "0.9", "≥ 0.9", "kept"),
    )
    assert '<td class="broken">BROKEN</td>' in html("Crisis screen", found)


def test_every_rate_of_a_summary_is_json() -> None:
    """The summary is read by other programs: no NaN, nothing but plain values."""
    found = summary()

    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_figures_are_printed_with_what_a_reader_needs() -> None:
    """Four digits of a rate of fifty messages would be a lie."""
    rate = {"value": 0.97143, "low": 0.9, "high": 0.995}
    assert share(rate["value"]) == "97.1 %"
    assert interval(rate) == "90.0 – 99.5 %"
    assert share(None) == interval({"low": None}) == "–"
    assert [milliseconds(value) for value in (0.01234, 1.234, 12.34, 1234.5, None)] == [
        "0.012",
        "1.23",
        "12.3",
        "1,234",
        "–",
    ]


def test_plots_stay_within_their_frame() -> None:
    """Extreme figures are the ones that matter, and the ones that fall off the edge."""
    found = summary()
    rate = {"value": 1.0, "count": 1}
    row = {
        "stage": "s",
        "sensitivity": rate,
        "only_found": rate,
        "false_alarms": rate,
        "only_false_alarms": rate,
    }
    drawn = [
        plots.roc_curve([[0, 0, 1], [0, 1, 1], [1, 1, 0]], {"value": 1.0}, (0.0, 1.0)),
        plots.contribution_bars([row]),
        plots.time_boxes(
            {"total": {"n": 1, **dict.fromkeys(("min", "p25", "p50", "p75", "p90", "p99", "max"), 98765.0)}}
        ),
        plots.score_histogram(found["scores"]),
    ]

    for picture in drawn:
        root = ElementTree.fromstring(picture)  # noqa: S314 - our own picture
        for shape in root.iter():
            left = float(shape.get("x", shape.get("cx", "0")))
            assert 0 <= left + float(shape.get("width", "0") if shape.tag == "rect" else "0") <= WIDTH
