"""What was wrong with bad turns, and where."""

from silent_infinity.domain.lake.failures import Failed, by_class, by_intent, failures

NOW = [
    Failed("timeout", "venting", "TC4", "sonnet", 30, "turn-9"),
    Failed("timeout", "question", "TC5", "sonnet", 10, "turn-3"),
    Failed("guard", "venting", "TC4", "haiku", 5, "turn-7"),
]
BEFORE = [
    Failed("timeout", "venting", "TC4", "sonnet", 10, "turn-1"),
    Failed("gone", "venting", "TC4", "s", 2, ""),
]


def test_each_failure_has_its_share_its_change_and_one_example() -> None:
    """A share of all turns, so that weeks of different size can be held beside each other."""
    timeout, guard, gone = failures(NOW, BEFORE, 1000, 500)

    assert (timeout.name, timeout.turns, timeout.share, timeout.share_before) == ("timeout", 40, 0.04, 0.02)
    assert timeout.change == 0.02
    assert timeout.example == "turn-3"
    assert timeout.most_in == {"turn_class": "TC4", "intent": "venting", "model_id": "sonnet"}
    assert (guard.turns_before, guard.change) == (0, 0.005)
    assert (gone.turns, gone.example, gone.most_in) == (0, "", {})


def test_without_turns_before_there_is_no_change() -> None:
    """The first week is no rise from nothing."""
    [timeout, *_] = failures(NOW, [], 1000, 0)

    assert timeout.share_before is None
    assert timeout.change is None


def test_the_grid_has_the_share_of_each_classs_own_turns() -> None:
    """A class with few turns may be the one that is ill."""
    grid = by_class(NOW, {"TC4": 300, "TC5": 20, "TC3": 50, "TC6": 0})

    assert grid.columns == ("TC3", "TC4", "TC5")
    assert grid.rows == (("timeout", (0.0, 0.1, 0.5)), ("guard", (0.0, 5 / 300, 0.0)))


def test_the_grid_of_intents_is_the_same_the_other_way() -> None:
    """Intents have their own turns below the line."""
    assert by_intent(NOW, {"venting": 350}).rows == (("timeout", (30 / 350,)), ("guard", (5 / 350,)))
