"""The picture of the turn shows the turn as it is."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree

import pytest

from local.diagram import PICTURE, IncompletePictureError, draw, read
from tests.statemachines.definitions import all_states, raw_turn

SVG = "{http://www.w3.org/2000/svg}"


def changed(**states: dict[str, Any]) -> dict[str, Any]:
    """The definition with fields of some states changed; names have underscores for spaces."""
    definition = copy.deepcopy(raw_turn())
    for name, fields in states.items():
        definition["States"].setdefault(name.replace("_", " "), {}).update(fields)
    return definition


def test_the_picture_is_drawn_from_the_file_as_it_is_now() -> None:
    """The README shows it first. After a change of the workflow run `python -m local.diagram`."""
    assert PICTURE.read_text(encoding="utf-8") == draw(raw_turn())


def test_every_state_and_every_arrow_is_in_the_picture() -> None:
    """Whoever reads the picture instead of the file must not miss a way out."""
    picture = ElementTree.fromstring(draw(raw_turn()))  # noqa: S314 -- our own drawing
    words = " ".join(text.text or "" for text in picture.iter(f"{SVG}text"))
    arrows = [path for path in picture.iter(f"{SVG}path") if path.get("marker-end")]

    for name, _state in all_states(raw_turn()):
        assert name in words or name.split()[-1] in words, name
    # One more for the beginning, and one in the legend.
    assert len(arrows) == len(read(raw_turn()).edges) + 2


def test_a_state_without_a_place_stops_the_drawing() -> None:
    """A new state must be put somewhere, not left out."""
    with pytest.raises(IncompletePictureError, match="Think again"):
        draw(changed(Think_again={"Type": "Pass", "Next": "Respond"}))


def test_an_edge_without_a_way_stops_the_drawing() -> None:
    """A line across the picture would be worse than none."""
    with pytest.raises(IncompletePictureError, match="no route"):
        draw(changed(Plan_a_reply={"Next": "Respond"}))


def test_the_picture_changes_with_the_file() -> None:
    """Otherwise the comparison above proves nothing."""
    assert draw(changed(Respond={"Comment": "Something else."})) != draw(raw_turn())
    assert draw(changed(Generate_a_reply={"Next": "Is there time to try again?"})) != draw(raw_turn())
