"""The memo's arithmetic: as published, and right."""

import pytest

from costing import memo


def test_the_published_month_is_reproduced_to_the_cent() -> None:
    """Whoever compares the two has to find the memo's own figures first."""
    rows = {row.name: round(row.usd, 2) for row in memo.published()}

    assert rows == {
        "TC1": 60.0, "TC2": 114.0, "TC3": 27.5, "TC4": 472.0, "TC5": 702.0, "TC6": 31.2, "TC7": 12.0
    }  # fmt: skip
    assert round(memo.total(memo.published()), 2) == 1418.70
    assert round(memo.published_all_sonnet(), 2) == 3582.40


def test_the_corrected_month_prices_blended_tokens_once() -> None:
    """The same assumptions and prices without the second discount: $1,830.53 (the design, section 13)."""
    rows = {row.name: round(row.usd, 2) for row in memo.corrected()}

    assert memo.blended_tokens() == pytest.approx(536)
    assert memo.blended_tokens(200) == pytest.approx(736)
    assert rows == {
        "TC1": 136.96, "TC2": 220.16, "TC3": 47.04, "TC4": 589.44, "TC5": 787.68, "TC6": 37.15, "TC7": 12.1
    }  # fmt: skip
    assert round(memo.total(memo.corrected()), 2) == 1830.53


def test_all_on_sonnet_is_corrected_the_same_way() -> None:
    """A saving against a wrong figure would be a wrong saving: the real one is two fifths, not 78 %."""
    month = memo.total(memo.corrected_all_sonnet())

    assert round(month, 2) == 3020.59
    assert 1 - memo.total(memo.corrected()) / month == pytest.approx(0.394, abs=0.001)


def test_fewer_calls_cost_proportionally_less() -> None:
    """The simulated month changes the number of calls and nothing else of the memo's."""
    rows = {row.name: row for row in memo.corrected({"TC1": 20_000})}

    assert rows["TC1"].usd == pytest.approx(13.696)
    assert rows["TC4"].usd == pytest.approx(589.44)
