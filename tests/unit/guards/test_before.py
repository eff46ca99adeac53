"""What may go on to generation, and how kindly everything else is turned back."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.guards.base import rules
from silent_infinity.domain.guards.before import BEFORE, check_message, redact
from silent_infinity.domain.intent.templates import choose
from tests.support.vectors import description, load_vectors

GROUPS = (
    "secrets",
    "injection",
    "harm",
    "sexual",
    "abuse",
    "personal_data",
    "safe_messaging",
    "leak",
    "placeholder",
    "format",
)
HOSTILE = {
    "one letter": "a" * 10_000,
    "spaces": " " * 10_000,
    "digits": "1" * 10_000,
    "separated digits": "1 - " * 2_500,
    "opening tags": "<" * 10_000,
    "brackets": "[" * 10_000,
    "you": "you " * 2_500,
    "ignore all": "ignore all the " * 700,
    "how do i": "how do i " * 1_100,
    "fuck": "fuck " * 2_000,
    "password": "password " * 1_100,
    "dashes": "-----BEGIN " * 900,
    "ey": "eyJ" * 3_300,
    "addresses": "a@" * 5_000,
    "dots": "a." * 5_000,
    "dollars": "$a" * 5_000,
    "quotes": "\"'" * 5_000,
    "lines": "\n" * 10_000,
    "pretend you": "pretend you are the " * 500,
    "capitals": "AB12 " * 2_000,
}


@pytest.mark.parametrize("case", load_vectors("guards_before.json"), ids=description)
def test_a_message_is_blocked_by_the_rule_that_it_breaks_and_by_no_other(case: dict[str, Any]) -> None:
    """A wrong block shuts out someone in need; a missed one hands over the wheel."""
    verdict = check_message(case["message"], "en-US", "s")

    assert verdict.rule_id == case["rule_id"]
    assert verdict.blocked == bool(case["rule_id"])
    assert bool(verdict.reply_text) == verdict.blocked


@pytest.mark.parametrize("template", sorted({guard.template for guard in BEFORE}))
def test_every_refusal_leaves_the_door_open(template: str) -> None:
    """A person who is turned back must know that they can go on."""
    for seed in "abcdef":
        text = choose(template, "en", seed).text.lower()

        assert any(word in text for word in ("i'd like", "i'm still", "glad", "here", "all ears"))
        assert not any(
            word in text for word in ("violat", "policy", "inappropriate", "prohibited", "not allowed")
        )


@given(
    st.text(max_size=300),
    st.sampled_from(["AKIAIOSFODNN7EXAMPLE", "ghp_" + "a1" * 18, "sk-live-" + "ab12" * 5]),
)
@settings(max_examples=100, deadline=None)
def test_a_stored_text_never_holds_the_secret_that_was_in_it(around: str, secret: str) -> None:
    """What is not stored cannot be stolen."""
    assert secret not in redact(f"{around} {secret} {around}")


def test_redaction_keeps_everything_else() -> None:
    """The rest of the message is the person's, and they may come back to it."""
    text = "I cried. password: Tr0ub4dor&3 was his, AKIAIOSFODNN7EXAMPLE mine."

    assert redact(text) == "I cried. [password removed] was his, [access key removed] mine."


@given(st.text(max_size=500))
@settings(max_examples=100, deadline=None)
def test_redaction_changes_nothing_the_second_time(text: str) -> None:
    """A record may be written again when a turn is retried."""
    once = redact(text)

    assert redact(once) == once


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_no_pattern_is_slow_on_hostile_text(group: str, name: str) -> None:
    """One crafted message must not hold a function for seconds: the bound is wide, backtracking is worse."""
    text = HOSTILE[name]
    start = time.thread_time()
    for rule in rules(group):
        rule.pattern.search(text)

    assert time.thread_time() - start < 0.5


def test_rule_ids_name_their_group() -> None:
    """Counters are read by people."""
    for group in GROUPS:
        for rule in rules(group):
            assert rule.rule_id.split(".")[0] in {group, group.rstrip("s")}
