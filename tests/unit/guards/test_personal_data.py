"""What identifies somebody is found, and what only looks like it stays: help lines above all."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.guards import checksums
from silent_infinity.domain.guards.after import ReplyContext, review
from silent_infinity.domain.guards.personal_data import NOTES, OTHER_NOTE, Span, find, redact
from tests.support.vectors import VECTORS

GOLDEN = [
    json.loads(line)
    for line in (VECTORS / "safety" / "pii_golden.jsonl").read_text(encoding="utf-8").splitlines()
]
HOSTILE = (
    *("1" * 10_000, "1 " * 5_000, "a@" * 5_000, "A " * 5_000, "Anna " * 2_000, "12 Main " * 1_200),
    *(
        "my name is " * 900,
        "www." * 2_500,
        ":" * 10_000,
        "AB12 " * 2_000,
        "i live at 1 " * 900,
        "C/ a a " * 1_400,
    ),
    *(
        "12 rue de la " * 800,
        "House No 1, " * 900,
        "@" * 10_000,
        "(at)" * 2_500,
        "0 1-" * 2_500,
        "user is a" * 1_000,
    ),
)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: str(case["text"]))
def test_the_personal_data_of_a_message_is_found_to_the_character(case: dict[str, Any]) -> None:
    """Each line says what is in it; lines without spans are the false alarms that must not happen."""
    found = [(span.start, span.end, span.type) for span in find(case["text"])]

    assert found == [(span["start"], span["end"], span["type"]) for span in case["spans"]]


def _numbers_to_reach_help() -> list[str]:
    return sorted(
        {
            way["at"]
            for line in data.load("help_lines.json")["lines"]
            for way in line.get("ways", [])
            if any(character.isdigit() for character in way["at"])
        }
        | {"988", "741741", "116 123", "1-800-273-8255"}
    )


@pytest.mark.parametrize("number", _numbers_to_reach_help())
def test_no_help_line_is_ever_taken_out_of_a_reply(number: str) -> None:
    """A redacted help line in a crisis reply may cost a life."""
    for text in (f"You can call {number} at any hour.", f"Please reach {number}. My phone is off."):
        assert redact(text).text == text

        reviewed = review(text, ReplyContext(turn_class="TC6", message="help", allowed_contacts=(number,)))
        assert number in reviewed.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the number 4111 1111 1111 1112 is on it", []),
        ("it says 529.982.247-26 there", []),
        ("mine (020 7946 0958 at night)", [("020 7946 0958", "PHONE")]),
        ("BE68 5390 0754 7034 ING", [("BE68 5390 0754 7034", "IBAN")]),
        ("call 1 800 911 2000", []),
    ],
    ids=[
        *("a card's check digit is wrong", "a tax number's check digits are wrong"),
        *("a bracket of the sentence", "a word after an account", "a help line with its country code"),
    ],
)
def test_a_number_is_what_it_is_and_no_more(text: str, found: list[tuple[str, str]]) -> None:
    """Order numbers have as many digits as cards; the words around a number belong to the sentence."""
    assert [(text[span.start : span.end], span.type) for span in find(text)] == found


def test_a_redacted_text_says_what_was_there_and_keeps_the_rest() -> None:
    """A note keeps the sentence readable, and names no value."""
    redacted = redact("Mail anna@example.org or call +44 7700 900123, Anna.")

    assert redacted.text == "Mail (an e-mail address, left out) or call (a number, left out), Anna."
    assert redacted.rule_ids == ("personal_data.email", "personal_data.number")


def test_what_is_to_be_kept_is_kept() -> None:
    """A person may hear their own name back."""
    text = "my name is Ruth Adler, ruth@example.net"

    def keep(span: Span, value: str) -> bool:
        return span.type == "NAME" and value == "Ruth Adler"

    assert redact(text, keep=keep).text == f"my name is Ruth Adler, {NOTES['EMAIL']}"


def test_contacts_that_are_allowed_are_no_personal_data() -> None:
    """A reply may give the line that the locale has, and nothing else that looks like it."""
    text = "Call 0800 555 0199 or write to help@line.example."

    assert find(text, allowed=("0800 555 0199", "help@line.example")) == ()
    assert [span.type for span in find(text)] == ["PHONE", "EMAIL"]


def test_a_name_that_the_person_gave_comes_back_and_an_invented_one_does_not() -> None:
    """Being called by one's name is warmth; a bot that introduces itself with one poses as human."""
    context = ReplyContext(turn_class="TC5", message="my name is Ruth and I can't sleep")

    assert "Ruth" in review("You said: my name is Ruth. What keeps you awake at night?", context).text
    assert "Helen" not in review("Hello, my name is Helen. What keeps you awake at night?", context).text


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (checksums.luhn, "4111111111111111"),
        (checksums.luhn, "490154203237518"),
        (checksums.luhn, "046454286"),
        (checksums.iban, "DE89370400440532013000"),
        (checksums.iban, "FR1420041010050500013M02606"),
        (checksums.verhoeff, "234123412346"),
        (checksums.dni, "12345678Z"),
        (checksums.dni, "X1234567L"),
        (checksums.insee, "184127645108946"),
        (checksums.steuer_id, "86095742719"),
        (checksums.cpf, "52998224725"),
        (checksums.tfn, "123456782"),
        (checksums.base58check, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ],
)
def test_a_check_digit_tells_a_number_from_its_neighbours(check: Any, number: str) -> None:
    """The published example of each office fits; with one figure changed, none does."""
    assert check(number)
    for place, character in enumerate(number):
        if not character.isdigit() or (check is checksums.dni and place == len(number) - 1):
            continue
        if check is checksums.base58check and place == 0:
            continue
        changed = "1" if character in "02" else str((int(character) + 1) % 10 or 1)
        assert not check(number[:place] + changed + number[place + 1 :]), place


def test_a_social_security_number_has_no_empty_group() -> None:
    """Numbers that were never given out are no one's."""
    assert checksums.ssn("536904399")
    assert not any(
        checksums.ssn(number) for number in ("000904399", "666904399", "936904399", "536004399", "536900000")
    )


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_spans_are_in_order_within_the_text_and_apart(text: str) -> None:
    """Whoever cuts by spans must be able to trust them."""
    end = 0
    for span in find(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


@given(st.sampled_from(GOLDEN), st.sampled_from(GOLDEN))
@settings(max_examples=80, deadline=None)
def test_a_redacted_text_holds_no_personal_data_any_more(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A record may be redacted again when a turn is retried."""
    once = redact(f"{one['text']}\n{other['text']}").text

    assert redact(once).text == once


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_no_text_is_slow_to_search(text: str) -> None:
    """One crafted message must not hold a function for seconds: the bound is wide, backtracking is worse."""
    start = time.thread_time()
    find(text)

    assert time.thread_time() - start < 0.6


def test_every_type_has_its_note() -> None:
    """A note that says "number" for a name would mislead."""
    types = {span["type"] for case in GOLDEN for span in case["spans"]}

    assert types >= NOTES.keys()
    assert all(note.startswith("(") and note.endswith("left out)") for note in (*NOTES.values(), OTHER_NOTE))
