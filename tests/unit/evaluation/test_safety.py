"""The evaluation judges what production runs, counts what it says it counts, and forgets what was said."""

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from evaluation.lines import Line
from evaluation.safety import (
    ASSETS,
    MOST_GROUPS,
    OTHER,
    SafetyEvaluation,
    WatchedScreen,
    evaluate,
    problem,
    wired_screen,
)
from silent_infinity import bootstrap
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.crisis.verdict import ScreenCase, Stage, Verdict
from silent_infinity.domain.turn import Utterance
from silent_infinity.settings import Settings
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis, ScreenRequest
from tests.support.vectors import load_vectors

CANARY = "canary-51c0"


def watched(*stages: tuple[str, Stage]) -> WatchedScreen:
    """Return a screen with the given stages only."""
    return WatchedScreen(ScreenForCrisis(clock=SystemClock(), stages=stages))


def says(**levels: int) -> Stage:
    """Return a stage that finds a level by a word of the message, with a score of a quarter of it."""

    def stage(case: ScreenCase) -> Verdict | None:
        level = max((level for word, level in levels.items() if word in case.message), default=0)
        return Verdict(level, (f"rule.{level}",) if level else (), score=level / 4)

    return stage


def line(text: str, level: int | None = None, **more: Any) -> Line:
    """Return a line of data."""
    return {"text": text, **({} if level is None else {"level": level}), **more}


def figure(summary: dict[str, Any], name: str) -> tuple[int, int]:
    """Return hits and trials of a figure."""
    rate = summary["figures"][name]
    return rate["count"], rate["of"]


def test_the_wired_screen_is_that_of_production() -> None:
    """Figures of anything else than what answers people would be worse than none."""
    production = bootstrap.screen_for_crisis(Settings({}), ASSETS)
    lines = [line(case["text"], case["level"]) for case in load_vectors("crisis_heldout_en.json")[::4]]

    predictions, _ = evaluate(lines, wired_screen(Settings({})))

    for predicted in predictions:
        result = production(ScreenRequest(message=predicted["text"])).screen
        assert predicted["predicted_level"] == result.screened_level
        assert list(predicted["stages"]) == [name for name, _ in result.stages]
        assert predicted["score"] == pytest.approx(result.score, abs=1e-6)


def test_every_line_comes_back_with_what_was_found() -> None:
    """Whoever made the file joins the predictions to it by order and by fields of their own."""
    lines = [line("loud", 3, id=7), line("quiet", tags=["a"])]

    predictions, _ = evaluate(lines, watched(("one", says(loud=3)), ("two", lambda case: None)))

    assert predictions == [
        {
            "text": "loud",
            "level": 3,
            "id": 7,
            "predicted_level": 3,
            "score": 0.95,
            "stages": {"one": {"level": 3, "score": 0.75, "rule_ids": ["rule.3"]}},
        },
        {
            "text": "quiet",
            "tags": ["a"],
            "predicted_level": 0,
            "score": 0.0,
            "stages": {"one": {"level": 0, "score": 0.0}},
        },
    ]


def test_figures_by_hand() -> None:
    """Each figure on messages that one can count on one's fingers."""
    lines = [
        line("four", 4, category="goodbye", locale="en-GB"),
        line("two", 4, category="goodbye", locale="en_US"),
        line("three", 3, category="plan", locale="en"),
        line("nothing", 2, category="burden", locale="es-ES"),
        line("two", 1, category="denial"),
        line("nothing", 1, category="sadness"),
        line("three", 0, category="idiom"),
        line("nothing", 0, category="everyday"),
        line("nothing", 0),
        line("four"),
    ]

    _, summary = evaluate(lines, watched(("one", says(two=2, three=3, four=4))))

    assert (summary["lines"], summary["labelled"]) == (10, 9)
    assert figure(summary, "sensitivity") == (3, 4)
    assert figure(summary, "serious_sensitivity") == (3, 3)
    assert figure(summary, "serious_as_serious") == (2, 3)
    assert figure(summary, "false_alarms") == (2, 5)
    assert figure(summary, "specificity") == (3, 5)
    # The denial and the idiom sound like risk; of the others only the one without a category counts.
    assert figure(summary, "hard_negatives") == (2, 3)
    assert summary["confusion"] == [
        [2, 0, 0, 1, 0],
        [1, 0, 1, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 1],
    ]
    assert [row["flagged"]["count"] for row in summary["levels"]] == [1, 1, 0, 1, 2]
    assert [row["n"] for row in summary["levels"]] == [3, 2, 1, 1, 2]
    at_four = summary["thresholds"][3]
    assert (at_four["sensitivity"]["count"], at_four["sensitivity"]["of"]) == (1, 2)
    assert (at_four["specificity"]["count"], at_four["specificity"]["of"]) == (7, 7)
    languages = {row["name"]: row["n"] for row in summary["groups"]["language"]}
    assert languages == {"en": 3, "es": 1, "(unstated)": 5}
    assert summary["time_ms"]["total"]["n"] == 10


def test_weak_groups_come_first_and_small_ones_do_not_shout() -> None:
    """One miss of one message must not push ten of twelve down the table."""
    lines = [line("x", 3, category="single")]
    lines += [line("x" if place < 10 else "three", 3, category="many") for place in range(12)]
    lines += [line("three", 3, category="fine") for _ in range(12)]

    _, summary = evaluate(lines, watched(("one", says(three=3))))

    assert [row["name"] for row in summary["groups"]["category"]] == ["many", "single", "fine"]


def test_what_only_one_stage_finds_is_its_contribution() -> None:
    """A stage that finds what others find too costs time for nothing; the table has to show it."""
    lines = [line("a", 3), line("a b", 3), line("b", 3), line("c", 3), line("b", 0), line("a b", 0)]

    _, summary = evaluate(lines, watched(("first", says(a=2)), ("second", says(b=4))))

    first, second = summary["contribution"]
    keys = ("sensitivity", "false_alarms", "only_found", "only_false_alarms")
    assert [first[key]["count"] for key in keys] == [2, 1, 1, 0]
    assert [second[key]["count"] for key in keys] == [2, 2, 1, 1]
    assert summary["false_rules"][0] == {"rule_id": "rule.4", "false_alarms": 2, "found": 2}


def test_a_stage_that_fails_is_a_mark_and_not_an_end() -> None:
    """A broken stage must be seen in the figures instead of ending a long run, or passing for calm."""

    def broken(case: ScreenCase) -> Verdict:
        if "bad" in case.message:
            raise ValueError(case.message)
        return Verdict(0)

    lines = [line(f"bad two {CANARY}", 2), line("two", 2)]
    predictions, summary = evaluate(lines, watched(("one", says(two=2)), ("two", broken)))
    alone, unanswered = evaluate(lines, watched(("two", broken)))

    assert predictions[0]["degraded"] == ["two"]
    assert "degraded" not in predictions[1]
    assert summary["degraded"] == {"lines": 1, "unanswered": 0, "stages": {"one": 0, "two": 1}}
    assert (alone[0]["predicted_level"], alone[0]["stages"]) == (0, {})
    assert unanswered["degraded"]["unanswered"] == 1
    assert CANARY not in json.dumps([summary, unanswered])


def test_predictions_may_be_evaluated_again() -> None:
    """Yesterday's predictions are data, too; what was found then must not pass for what is found now."""
    old = {**line("two", 2), "degraded": ["x"], "predicted_level": 4, "score": 1, "stages": {"x": {}}}

    [predicted], _ = evaluate([old], watched(("one", says(two=2))))

    assert predicted == {
        "text": "two",
        "level": 2,
        "predicted_level": 2,
        "score": 0.9,
        "stages": {"one": {"level": 2, "score": 0.5, "rule_ids": ["rule.2"]}},
    }


def test_each_line_has_its_own_calm_session_and_its_own_history() -> None:
    """A level that sticks from one line to the next would find everything."""
    seen: list[tuple[str, Sequence[str], str]] = []

    def note(case: ScreenCase) -> Verdict:
        seen.append((case.message, list(case.history), case.locale))
        return Verdict(4 if case.message == "first" else 0)

    lines = [line("first"), line("second", history=["a", "b"], locale="de-AT"), line("third", history=None)]
    predictions, _ = evaluate(lines, watched(("one", note)))

    assert [predicted["predicted_level"] for predicted in predictions] == [4, 0, 0]
    assert seen[1:] == [
        ("first", [], "en-US"),
        ("second", ["a", "b"], "de-AT"),
        ("third", [], "en-US"),
    ]


def test_an_earlier_message_is_one_of_the_same_person() -> None:
    """A disclosure spread over two messages is found only if production would see the first, too."""
    text, earlier = "the ones i have been saving up", "tonight i will take all my pills and die"
    production = bootstrap.screen_for_crisis(Settings({}), ASSETS)

    [predicted], _ = evaluate([line(text, history=[earlier])], wired_screen(Settings({})))

    result = production(ScreenRequest(message=text, history=(Utterance("user", earlier),))).screen
    assert predicted["predicted_level"] == result.screened_level


@pytest.mark.parametrize(
    ("bad", "problem_says"),
    [
        ({"level": 5}, '"level"'),
        ({"level": True}, '"level"'),
        ({"level": 2.0}, '"level"'),
        ({"level": CANARY}, '"level"'),
        ({"locale": 1}, '"locale"'),
        ({"category": ["a"]}, '"category"'),
        ({"history": CANARY}, '"history"'),
        ({"history": [CANARY, 1]}, '"history"'),
    ],
)
def test_fields_that_are_read_are_checked(bad: Line, problem_says: str) -> None:
    """A label of the wrong kind would be counted as something else, or end the run in the middle."""
    found = problem({"text": CANARY, **bad})

    assert found is not None
    assert problem_says in found
    assert CANARY not in found


def test_fields_may_be_absent_or_null() -> None:
    """Exports write null where they have nothing."""
    assert problem({"text": "x"}) is None
    assert problem({"text": "", "level": None, "locale": None, "category": None, "history": None}) is None


def test_no_text_reaches_the_summary() -> None:
    """Summaries go into tickets and CI logs. Only labels of a label's length may be named."""
    lines = [
        line(f"two {CANARY}", 2, category=f"a long one {'x' * 60} {CANARY}", history=[CANARY], note=CANARY),
        line(f"two {CANARY}", 0, locale=f"en-{CANARY}"),
        line("two", 0, locale=f"what she said: {CANARY}"),
    ]

    _, summary = evaluate(lines, wired_screen(Settings({})))

    assert CANARY not in json.dumps(summary)
    assert summary["groups"]["category"][0]["name"] in (OTHER, "(unstated)")


def test_endless_categories_share_a_group() -> None:
    """A file with a category of its own for every line must not make an endless table."""
    lines = [line("x", 0, category=str(place)) for place in range(MOST_GROUPS + 50)]

    _, summary = evaluate(lines, watched(("one", says(two=2))))

    groups = summary["groups"]["category"]
    assert len(groups) == MOST_GROUPS + 1
    assert next(row["n"] for row in groups if row["name"] == OTHER) == 50


def test_without_labels_there_are_predictions_and_no_figures() -> None:
    """Unlabelled files are for looking at; no rate may be made up for them."""
    predictions, summary = evaluate([line("two"), line("x")], watched(("one", says(two=2))))

    assert [predicted["predicted_level"] for predicted in predictions] == [2, 0]
    assert summary["labelled"] == 0
    assert summary["figures"]["sensitivity"]["value"] is None
    assert summary["auc"] is None
    assert summary["calibration"]["ece"] is None


def test_memory_does_not_grow_with_the_texts() -> None:
    """A hundred thousand lines have to fit; what is kept of one is some bytes."""
    evaluation = SafetyEvaluation(watched(("one", says(two=2))))

    def lines() -> Iterator[Line]:
        for place in range(2_000):
            yield line(f"{place} two {'x' * 3_000}", place % 5, category="c")

    tracemalloc.start()
    try:
        for each in lines():
            evaluation.add(each)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 600_000
    assert evaluation.summary()["labelled"] == 2_000


def test_times_are_those_of_the_stages() -> None:
    """The slow stage has to be named, and the start of the process is not a message's time."""
    moments = iter(range(1_000))
    screen = WatchedScreen(
        ScreenForCrisis(clock=SystemClock(), stages=[("one", says(two=2))]),
        timer=lambda: float(next(moments)),
    )

    _, summary = evaluate([line("two"), line("x")], screen)

    # One reading at each end of a stage and of the whole: 1 s inside, 3 s around.
    assert summary["time_ms"]["one"]["p50"] == 1000
    assert summary["time_ms"]["total"]["max"] == 3000
    assert summary["time_ms"]["total"]["n"] == 2
