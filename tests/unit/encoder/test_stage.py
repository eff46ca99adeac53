"""The semantic stage: long texts, other stages' findings, and missing weights."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.encoder.stage import OVERLAP, SEMANTIC, WEIGHTS, WINDOW, SemanticStage, windows
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.screen import screen
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from silent_infinity.domain.crisis.verdict import ScreenCase, Verdict

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


def test_a_message_in_another_language_is_not_read(stage: SemanticStage) -> None:
    """The encoder has seen English only."""
    assert stage(ScreenCase("no sé qué hacer con mi vida, estoy muy cansado de todo")) is None


def test_without_weights_the_other_stages_decide_and_the_turn_says_so(tmp_path: Path) -> None:
    """A broken asset must not cost anybody the screen."""
    stages = (*LAYER_STAGES, (SEMANTIC, SemanticStage(tmp_path / WEIGHTS)))

    result = screen("i want to end my life", [], Posture(), "en-US", [], "x", stages)

    assert result.level >= 3
    assert result.degraded == (SEMANTIC,)
