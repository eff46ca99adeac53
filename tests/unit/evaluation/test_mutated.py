"""What mutations cost: only risk counts, only changed messages count, and the figures repeat."""

from random import Random

from evaluation.lines import Line
from evaluation.mutated import MutationEvaluation
from evaluation.mutations import MUTATIONS
from evaluation.tables import tables

LINES: list[Line] = [
    {"text": "two words", "level": 3},
    {"text": "words only", "level": 2, "history": ["before"]},
    {"text": "two", "level": 4},
    {"text": "two words", "level": 1},
    {"text": "two words"},
]


def upper(text: str, random: Random) -> str:
    """Stand in for an operator: write in capitals."""
    return text.upper()


def same(text: str, random: Random) -> str:
    """Stand in for an operator that finds nothing to change."""
    return text


def test_before_and_after_by_hand() -> None:
    """A screen that reads small letters only, and "two" only in the last message."""
    seen: list[Line] = []

    def flagged(line: Line) -> bool:
        seen.append(line)
        return "two" in line["text"]

    evaluation = MutationEvaluation(flagged, {"upper": upper, "same": same})
    for line in LINES:
        evaluation.add(line)

    capitals, unchanged, split = evaluation.summary()
    assert (capitals["name"], capitals["before"]["count"], capitals["before"]["of"]) == ("upper", 2, 3)
    assert (capitals["after"]["count"], capitals["fall"]) == (0, 0.666667)
    assert (unchanged["after"]["of"], unchanged["fall"]) == (0, None)
    # One word cannot be sent as two messages; of the others the first word has gone before, and was screened.
    assert (split["before"]["count"], split["after"]["count"], split["after"]["of"]) == (1, 1, 2)
    assert {"text": "two", "level": 3, "history": []} in seen
    assert {"text": "only", "level": 2, "history": ["before", "words"]} in seen
    [table] = tables({"mutations": evaluation.summary()})
    assert table.rows[0][-1] == "-66.7"


def test_the_same_file_gives_the_same_figures() -> None:
    """A gate on chance would be broken by chance."""

    def summary() -> list[dict[str, object]]:
        evaluation = MutationEvaluation(lambda line: hash(line["text"]) % 2 == 0)
        for line in LINES:
            evaluation.add(line)
        return evaluation.summary()

    assert summary() == summary()
    assert [row["name"] for row in summary()] == [*MUTATIONS, "split"]
