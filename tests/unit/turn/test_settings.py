"""What the environment tells a function, and what it must not tell anybody."""

import pytest

from silent_infinity import bootstrap
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.settings import MissingSettingError, Settings
from tests.support.world import START


def test_an_empty_variable_is_no_value() -> None:
    """Templates render what is not set as an empty string."""
    settings = Settings({"A": "", "N": ""})

    assert settings.text("A", "default") == "default"
    assert settings.optional("A") is None
    assert settings.integer("N", 3) == 3
    with pytest.raises(MissingSettingError, match=r"\bA\b"):
        settings.text("A")


def test_a_number_that_is_none_is_named_and_not_guessed() -> None:
    """A limit that silently falls back to a default is found when it is too late; its value may be secret."""
    with pytest.raises(MissingSettingError, match=r"\bN\b") as caught:
        Settings({"N": "canary"}).integer("N", 3)

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_fraction_is_read_as_one_and_nothing_else_is() -> None:
    """The band of the screen is such a number: a typing error in it must not pass for the default."""
    settings = Settings({"HALF": "0.5", "NONE": "", "WRONG": "canary"})

    assert (settings.number("HALF", 0.1), settings.number("NONE", 0.1)) == (0.5, 0.1)
    with pytest.raises(MissingSettingError, match="WRONG") as caught:
        settings.number("WRONG", 0.1)
    assert "canary" not in str(caught.value)


def test_an_unknown_provider_is_refused() -> None:
    """A misspelt provider must not end in a service that quietly answers without any model."""
    with pytest.raises(MissingSettingError, match="LLM_PROVIDER"):
        bootstrap.language_model(Settings({"LLM_PROVIDER": "bedrok"}), FixedClock(START))
