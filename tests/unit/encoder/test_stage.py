"""The semantic stage: long texts, other stages' findings, and missing weights."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.adapters.encoder.stage import OVERLAP, SEMANTIC, WEIGHTS, WINDOW, SemanticStage, windows
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.screen import screen
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

ASSETS = Path(__file__).parents[3] / "functions" / "crisis_screen"
CALM = "we walked along the river and had cake in the sun with my sister"
RISK = "i have written the letters to everybody and tomorrow nobody will have to look after me any more"


@pytest.fixture(scope="module")
def stage() -> SemanticStage:
    """The stage with the weights that ship."""
    return SemanticStage(ASSETS / WEIGHTS)


def _score(stage: SemanticStage, message: str, **found: Verdict) -> float:
    verdict = stage(ScreenCase(message, found=found))
    assert verdict is not None
    assert verdict.score is not None
    return verdict.score


@given(st.integers(0, 3000))
def test_windows_leave_out_no_token_and_are_never_too_long(count: int) -> None:
    """A disclosure may stand anywhere; what falls between two windows would never be read."""
    ids = list(range(count))
    pieces = list(windows(ids))

    assert sorted({token for piece in pieces for token in piece}) == ids
    assert all(len(piece) <= WINDOW for piece in pieces)
    assert all(a[-1] - b[0] >= OVERLAP - 2 for a, b in pairwise(pieces))


def test_meaning_is_read_where_no_word_gives_it_away(stage: SemanticStage) -> None:
    """That is what the stage is for."""
    assert _score(stage, RISK) > 0.5 > _score(stage, CALM)


@pytest.mark.parametrize("place", range(0, 60, 12))
def test_a_disclosure_is_found_wherever_it_stands_in_a_long_message(stage: SemanticStage, place: int) -> None:
    """People write pages, and the one sentence that matters stands in none of the usual places."""
    sentences = [f"{CALM} number {number}" for number in range(60)]
    sentences[place] = RISK

    assert _score(stage, ". ".join(sentences)) > 0.5


def test_what_other_stages_found_moves_the_score(stage: SemanticStage) -> None:
    """One probability is made of all that is known."""
    unsure = "i do not know how long i can keep doing this"
    low = Verdict(0, score=0.05)
    high = Verdict(0, score=0.95)

    assert _score(stage, unsure, learned=high) > _score(stage, unsure, learned=low)


MIXTURE = {"encoder": 0.7, "linear": 0.2, "rules_risk": 0.5, "rules_distress": 0.3, "bias": -0.1}
UNSURE = (0.4, 0.2, 0.1, 0.1, 0.1, 0.1)


class _Pieces:
    """Tokens are the lengths of words."""

    start, end = 101, 102

    def __call__(self, text: str) -> list[int]:
        return [len(word) for word in text.split()]


class _Encoder:
    """Answers `UNSURE`, or `risky` where a word has seven letters; `read` keeps what it was given."""

    def __init__(self, risky: Sequence[float] = UNSURE) -> None:
        self.read: list[list[int]] = []
        self._risky = risky

    def logits(self, ids: list[int]) -> "NDArray[np.float64]":
        self.read.append(ids)
        found: NDArray[np.float64] = np.log(np.array(self._risky if 7 in ids else UNSURE))
        return found


def _over(encoder: _Encoder, monkeypatch: pytest.MonkeyPatch) -> SemanticStage:
    source = {
        "thresholds": {
            "semantic": dict.fromkeys(("flag", "serious", "imminent", "distress", "step"), 0.6),
            "learned": dict.fromkeys(("flag", "serious", "imminent", "distress", "step"), 0.1),
        },
        "mixture": MIXTURE,
        "encoder_temperature": 1.0,
    }
    load = data.load
    monkeypatch.setattr(data, "load", lambda name: source if name == "screen.json" else load(name))
    stage = SemanticStage(Path("none.npz"))
    stage.__dict__["_parts"] = (encoder, _Pieces())
    return stage


def test_the_encoder_is_given_each_window_between_the_marks_of_start_and_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was trained on such texts, and answers differently without them."""
    encoder = _Encoder()
    _over(encoder, monkeypatch)(ScreenCase("i am tired"))

    assert encoder.read == [[101, 1, 2, 5, 102]]


def test_of_a_long_text_the_riskiest_window_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A risk is a level of 2 or more, and not only the highest."""
    passive = (0.1, 0.1, 0.7, 0.04, 0.02, 0.04)
    stage = _over(_Encoder(passive), monkeypatch)

    assert stage.classes("goodbye " + "so " * 400) == pytest.approx(passive)
    assert stage.classes("so " * 400 + "goodbye") == pytest.approx(passive)


@pytest.mark.parametrize(
    ("found", "margin"),
    [
        ({"learned": Verdict(0, score=0.8)}, 0.2 * log(4)),
        ({"learned": Verdict(3, score=0.8)}, 0.2 * log(4)),
        ({"rules": Verdict(1), "learned": Verdict(0, score=0.8)}, 0.3 + 0.2 * log(4)),
        ({"rules": Verdict(2), "learned": Verdict(0, score=0.8)}, 0.5 + 0.2 * log(4)),
        ({"rules": Verdict(4), "learned": Verdict(0, score=0.2)}, 0.5 - 0.2 * log(4)),
    ],
    ids=["no rule", "the linear model is no rule", "distress", "risk", "the linear model doubts"],
)
def test_the_risk_is_mixed_of_encoder_linear_model_and_rules(
    found: dict[str, Verdict], margin: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights were fitted to this formula; in another one they mean nothing."""
    stage = _over(_Encoder(), monkeypatch)
    expected = 1 / (1 + exp(-(-0.1 + 0.7 * log(0.4 / 0.6) + margin)))

    assert _score(stage, "i am tired", **found) == pytest.approx(expected)


def test_what_is_mixed_are_still_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels are told apart by shares: moving the risk must leave them as they were."""
    mixed = _over(_Encoder(), monkeypatch)._mixed(UNSURE, Verdict(0, score=0.99), 2)

    assert sum(mixed) == pytest.approx(1)
    assert mixed[1] / mixed[0] == pytest.approx(0.5)
    assert mixed[2:] == pytest.approx([mixed[2]] * 4)


@pytest.mark.parametrize("found", [{}, {"rules": Verdict(2)}, {"learned": Verdict(0)}])
def test_without_the_linear_model_the_encoder_speaks_for_itself(
    found: dict[str, Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stage that fails must not take the next with it."""
    assert _score(_over(_Encoder(), monkeypatch), "i am tired", **found) == pytest.approx(0.4)


def test_the_thresholds_are_the_stages_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mixed probability means something else than that of the linear model alone."""
    verdict = _over(_Encoder(), monkeypatch)(ScreenCase("i am tired"))

    assert verdict is not None
    assert verdict.level < RISK_LEVEL


@pytest.mark.parametrize("message", ["", "  ", "\u200b"])
def test_of_nothing_nothing_is_said(stage: SemanticStage, message: str) -> None:
    """An encoder has an opinion even of an empty text."""
    assert stage(ScreenCase(message)) is None


def test_a_message_in_another_language_is_not_read(stage: SemanticStage) -> None:
    """The encoder has seen English only."""
    assert stage(ScreenCase("no sé qué hacer con mi vida, estoy muy cansado de todo")) is None


def test_without_weights_the_other_stages_decide_and_the_turn_says_so(tmp_path: Path) -> None:
    """A broken asset must not cost anybody the screen."""
    stages = (*LAYER_STAGES, (SEMANTIC, SemanticStage(tmp_path / WEIGHTS)))

    result = screen("i want to end my life", [], Posture(), "en-US", [], "x", stages)

    assert result.level >= 3
    assert result.degraded == (SEMANTIC,)
