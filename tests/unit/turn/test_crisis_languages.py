"""A crisis in another language than English, through the whole turn."""

from typing import Any

import pytest

from silent_infinity.domain.crisis.help_lines import for_locale
from silent_infinity.domain.crisis.replies import reply_ids
from tests.support.vectors import description, load_vectors
from tests.support.world import ScriptedModel, World

# The screen reads languages of its own; these words are flagged whatever the locale is.
ACTIVE_RISK = "I want to die and I have been planning it."
GOOD = [case for case in load_vectors("crisis_good_replies.json") if case["kind"] == "active"]


@pytest.mark.parametrize("case", GOOD, ids=description)
def test_good_generated_words_are_served_in_the_persons_language(case: dict[str, Any]) -> None:
    """Rules for seven languages are worth nothing if the turn still throws their replies away."""
    world = World(ScriptedModel(case["text"]))

    answer = world.turn(ACTIVE_RISK, locale=case["locale"])["body"]

    assert answer["reply"] == {"text": case["text"], "kind": "crisis"}
    assert answer["crisis"]["resources"] == [line.to_payload() for line in for_locale(case["locale"])]


@pytest.mark.parametrize(
    ("locale", "language", "words"),
    [
        ("es-MX", "es", "llamar al 800 911 2000"),
        ("pt-PT", "pt", "ligar para 1411"),
        ("fr-BE", "fr", "appeler le 0800 32 123"),
        ("de-AT", "de", "unter 142 anrufen"),
        ("hi-Latn-IN", "hi-Latn", "14416 par call karein"),
        ("en-DE", "en", "call 0800 1110111"),
        ("ja-JP", "en", "call 0120-279-338"),
    ],
)
def test_a_vetted_reply_names_the_line_of_the_country_in_words_that_the_person_reads(
    locale: str, language: str, words: str
) -> None:
    """The line of the place, and the language of the person: each alone would be half of the help."""
    world = World(ScriptedModel("As an AI language model I cannot help with that."))

    answer = world.turn(ACTIVE_RISK, locale=locale)["body"]

    assert words in answer["reply"]["text"]
    assert world.events()[0]["reply_id"] in reply_ids(["active"], language)
    assert words in [line["wording"] for line in answer["crisis"]["resources"]]


def test_vetted_replies_are_not_repeated_when_the_language_changes_on_the_way() -> None:
    """People switch; what they have read stays read."""
    world = World(ScriptedModel("I cannot help with that."))
    session_id, served = None, []
    for locale in ("es-MX", "en-US", "es-MX", "en-US", "es-MX", "es-MX"):
        answer = world.turn(ACTIVE_RISK, session_id=session_id, locale=locale)["body"]
        session_id = answer["session_id"]
        served.append(world.events()[-1]["reply_id"])
        world.later(60)

    assert len(set(served)) == len(served)
