"""The picture: its parts add up, and whoever cannot see it is told the same."""

import re
from xml.etree import ElementTree as ET

import pytest

from costing import sankey

MONTH = {
    "usd": 30.0,
    "steps": [{"name": "batch", "saves": 10.0}, {"name": "caching", "saves": -1.0}],
    "rows": [
        {"class": "TC3", "title": "small talk", "model": "claude-haiku-4-5", "usd": 5.0},
        {"class": "TC4", "title": "mirroring", "model": "claude-sonnet-4-6", "usd": 25.0},
    ],
}


def test_every_flow_that_enters_a_node_leaves_it() -> None:
    """Money that vanishes in a picture is a mistake in the figures."""
    nodes, flows = sankey.of_month(MONTH)
    for node in nodes:
        into = sum(flow.usd for flow in flows if flow.end == node.name)
        out = sum(flow.usd for flow in flows if flow.start == node.name)
        if into and out:
            assert into == pytest.approx(out)

    assert "batch" in {flow.end for flow in flows}
    assert "caching" not in {flow.end for flow in flows}  # it lost money, so nothing flows there


def test_the_picture_is_well_formed_and_described() -> None:
    """A screen reader reads the label; nothing lies outside of the view."""
    picture = sankey.svg(*sankey.of_month(MONTH), "Money <of> a month", styled=True)
    root = ET.fromstring(picture)  # noqa: S314 -- our own picture

    assert "TC4 mirroring $25.00" in root.attrib["aria-label"]
    bars = [element for element in root.iter() if element.tag.endswith("rect")]
    assert len(bars) == 7
    for bar in bars:
        assert float(bar.attrib["y"]) + float(bar.attrib["height"]) <= sankey.HEIGHT
        assert float(bar.attrib["x"]) + sankey.BAR <= sankey.WIDTH
    assert not re.search(r"https?://(?!www\.w3\.org)", picture)


def test_bars_are_as_high_as_their_money() -> None:
    """The eye compares heights."""
    root = ET.fromstring(sankey.svg(*sankey.of_month(MONTH), "title"))  # noqa: S314 -- our own picture
    heights = [float(element.attrib["height"]) for element in root.iter() if element.tag.endswith("rect")]
    everything, spent, batch = heights[:3]

    assert spent + batch == pytest.approx(everything, abs=0.3)
    assert spent == pytest.approx(3 * batch, abs=0.3)


def test_no_money_makes_no_picture() -> None:
    """A flat line would look like a result."""
    with pytest.raises(ValueError, match="no money"):
        sankey.svg([sankey.Node("all", "all", 0, "spent")], [], "title")
