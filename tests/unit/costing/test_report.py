"""The report: the memo's month on this system's routing, and a page that says what it is."""

import pytest

from costing import memo, page, report
from costing.month import Call, Conversation, Turn
from costing.routing import Asked, RoutedTurn
from silent_infinity.domain.turn import SystemBlock


def _asked(turn_class: str) -> Asked:
    return Asked(turn_class, (SystemBlock("told", "1h"),), "text", "reply", "claude-haiku-4-5")


def _turn(meant: str, path: str, *, to: str = "", in_band: bool = False) -> RoutedTurn:
    return RoutedTurn(meant, path, in_band, _asked("TC1"), _asked(to or meant), "message", "served")


CALM = [
    *(_turn("TC3", "template") for _ in range(3)),
    _turn("TC3", "generate"),
    *(_turn("TC4", "generate", in_band=place == 0) for place in range(4)),
    *(_turn("TC5", "generate") for _ in range(4)),
]
CRISIS = [_turn("TC6", "crisis"), _turn("TC6", "vetted")]


def test_the_memos_month_with_this_systems_share_of_calls() -> None:
    """Three in four of small talk without a model; one in four tellings in the band. By hand."""
    found = report.at_memo_assumptions([*CALM, *CRISIS])
    calls = {row["class"]: row["calls"] for row in found["rows"]}

    assert calls == {
        "TC1": round(200_000 / 194_000 * 20_000),
        "TC2": 200_000 - 37_500,
        "TC3": 12_500,
        "TC4": 80_000,
        "TC5": 60_000,
        "TC6": 4_000,
        "TC7": 6_000,
    }
    assert found["corrected_usd"] == 1830.53
    assert found["saved"]["bypass"] == pytest.approx(37_500 * 940.8e-6, abs=0.01)
    assert found["saved"]["taken for another class"] == 0


def test_a_crisis_costs_what_it_costs_whatever_the_screen_made_of_it() -> None:
    """Nothing may be saved on a crisis: missed ones and vetted replies do not lower the bill."""
    missed = [_turn("TC6", "generate", to="TC4"), _turn("TC6", "template")]
    before, after = (report.at_memo_assumptions([*CALM, *crisis]) for crisis in (CRISIS, missed))

    assert before["usd"] == after["usd"]


@pytest.mark.parametrize(("path", "reply"), [("crisis", _asked("TC6")), ("vetted", None)])
def test_a_false_alarm_spares_nothing(path: str, reply: Asked | None) -> None:
    """It is a call of the crisis class on top of the 4,000, even where the words that it gets are vetted."""
    alarmed = [*CALM[:-1], RoutedTurn("TC5", path, False, _asked("TC1"), reply, "message", "served")]
    found = report.at_memo_assumptions([*alarmed, *CRISIS])
    calls = {row["class"]: row["calls"] for row in found["rows"]}

    assert calls["TC6"] == 4_000 + 15_000
    assert found["saved"]["taken for another class"] == pytest.approx(
        15_000 * (13_128 - 9_288) * 1e-6, abs=0.01
    )


def test_the_rest_of_the_saving_adds_up() -> None:
    """What is claimed is what the two months differ by."""
    found = report.at_memo_assumptions([*CALM, *CRISIS])

    known = {name: usd for name, usd in found["saved"].items() if name != "taken for another class"}
    meant = 1 - sum(known.values()) / found["corrected_usd"]
    assert found["share_as_meant"] == pytest.approx(meant, abs=1e-4)
    assert found["corrected_usd"] - found["usd"] == pytest.approx(sum(found["saved"].values()), abs=0.02)
    assert found["usd"] == pytest.approx(
        memo.total(memo.corrected({row["class"]: row["calls"] for row in found["rows"]})), abs=0.05
    )


def test_steps_lead_from_no_saving_to_the_whole_month() -> None:
    """A waterfall that does not land where it says would hide a cost."""
    call = Call("TC4", "claude-sonnet-4-6", (SystemBlock("p" * 12_000, "1h"),), (2_400,), 100, 50)
    light = Call("TC1", "claude-haiku-4-5", (), (), 100, 10)
    synthesis = Call("TC7", "claude-haiku-4-5", (), (), 900, 300)
    turns = (Turn(False, False, light, call, light), Turn(True, True, light, call, light))
    found = report.summary(
        [*CALM, *CRISIS], [Conversation(turns, synthesis)], turns=300, seed=2, day="2026-11-21"
    )
    listed = found["at_list_prices"]

    spent = listed["without_any_saving"]
    for step in listed["steps"]:
        spent -= step["saves"]
        assert step["usd"] == pytest.approx(spent, abs=0.011)
    assert listed["steps"][-1]["usd"] == listed["usd"]
    titles = [title for title, _, _ in page.tables(found)]
    assert len(titles) == len(set(titles)) == 7
    html = page.html({**found, "limits": ["No real provider was asked."]})
    assert "No real provider was asked." in html
    assert "1,830.53" in html
    assert "<script" not in html
