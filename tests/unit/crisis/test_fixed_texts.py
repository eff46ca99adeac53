"""What the state machine falls back on when the screen is down."""

import re
from typing import Any

import jsonata
import pytest

from silent_infinity import data
from silent_infinity.domain.crisis.help_lines import by_ids
from silent_infinity.domain.crisis.reply_guard import check_reply
from silent_infinity.domain.problems import help_block
from stacks.safety_texts import safety_texts
from tests.support.vectors import load_vectors

FLAGS = data.load("red_flags.json")["patterns"]
CASES = load_vectors("crisis_golden_en.json")
UNMISTAKABLE = [case for case in CASES if case.get("unmistakable")]
# Figures of speech, games and fiction do hit: with the screen down, a false alarm costs a set of help lines.
FIGURATIVE = {"idiom", "gaming", "fiction", "lyrics"}
HARMLESS = [case for case in CASES if case["level"] == 0 and case["category"] not in FIGURATIVE]


def _hit(text: str) -> bool:
    return any(re.search(flag["pattern"], text.lower()) for flag in FLAGS)


@pytest.mark.parametrize("case", UNMISTAKABLE, ids=lambda case: case["text"])
def test_every_unmistakable_disclosure_is_a_red_flag(case: dict[str, Any]) -> None:
    """With the screen down, these patterns are all that stands between the words and an ordinary answer."""
    assert case["level"] >= 3
    assert _hit(case["text"])


def test_no_literally_harmless_message_is_a_red_flag() -> None:
    """An outage must not turn recipes, medication and news into crises."""
    assert [case["text"] for case in HARMLESS if _hit(case["text"])] == []


def test_the_patterns_mean_the_same_in_jsonata() -> None:
    """The state machine does not speak Python."""
    texts = [case["text"].lower() for case in (*UNMISTAKABLE, *HARMLESS)]
    for flag in FLAGS:
        expression = jsonata.Jsonata(f"$map(texts, function($t) {{ $contains($t, /{flag['pattern']}/) }})")

        assert list(expression.evaluate({"texts": texts})) == [
            re.search(flag["pattern"], text) is not None for text in texts
        ], flag["id"]


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag["id"])
def test_a_pattern_survives_being_embedded(flag: dict[str, str]) -> None:
    """It is substituted into a JSONata expression inside a JSON string inside a template."""
    assert flag["pattern"].isascii()
    assert flag["pattern"] == flag["pattern"].lower()
    assert not set(flag["pattern"]) & set("\\/\"'`%\n")
    assert "(?<" not in flag["pattern"]


@pytest.mark.parametrize("name", ["fallback", "red_flag", "still_in_progress", "help"])
def test_a_fixed_text_names_help_lines_for_the_us_and_the_world(name: str) -> None:
    """Whoever reads it may be in crisis, and nothing is known of where."""
    text = data.load("static_replies.json")[name]["text"]

    assert "call or text 988" in text
    assert "text HOME to 741741" in text
    assert "findahelpline.com" in text


def test_the_red_flag_text_is_a_whole_imminent_reply() -> None:
    """It is served to people at level 3 and 4 without a look at anything else."""
    assert (
        check_reply(data.load("static_replies.json")["red_flag"]["text"], kind="imminent", locale="en-US")
        == ()
    )


def test_the_fixed_resources_exist() -> None:
    """They are looked up at synth."""
    assert by_ids(data.load("static_replies.json")["fallback_resources"])


def test_fixed_answers_show_the_same_help_whoever_makes_them() -> None:
    """The stacks may not import the layer, so both put the same data into words."""
    assert safety_texts().help == help_block()
