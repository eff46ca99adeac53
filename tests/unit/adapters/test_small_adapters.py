"""Clocks, randomness, prompt files, the live switch, error codes, and cutting at a sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.llm import live_switch
from silent_infinity.adapters.llm.codes import code
from silent_infinity.adapters.llm.streamed import whole_sentences
from silent_infinity.adapters.memory.clock import FixedClock, SteppingClock
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.adapters.system.randomness import SystemRandomness
from silent_infinity.ports.llm import LiveModelForbiddenError
from silent_infinity.ports.prompts import PromptNotFoundError

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_the_system_clock_is_aware_and_moves() -> None:
    """A time without a zone is compared with one that has it sooner or later."""
    clock = SystemClock()
    first = clock.now()

    assert first.utcoffset() == timedelta(0)
    assert clock.now() >= first


def test_a_fixed_clock_moves_when_it_is_moved() -> None:
    """Tests decide what the time is."""
    clock = FixedClock(START)
    clock.advance(1.5)

    assert clock.now() == clock.now() == START + timedelta(seconds=1.5)


def test_a_stepping_clock_moves_with_every_reading() -> None:
    """Durations come out above zero without anybody waiting."""
    clock = SteppingClock(START, step_seconds=0.25)

    assert [clock.now(), clock.now(), clock.now()] == [START + timedelta(seconds=0.25 * n) for n in range(3)]


def test_system_randomness_has_the_length_and_does_not_repeat() -> None:
    """Turn ids are made from it."""
    tokens = {SystemRandomness().token(16) for _ in range(50)}

    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {16}


def test_seeded_randomness_repeats_itself_from_the_seed() -> None:
    """A failing test must fail again."""
    first, second, other = SeededRandomness(3), SeededRandomness(3), SeededRandomness(4)

    assert [first.token(10), first.token(10)] == [second.token(10), second.token(10)]
    assert SeededRandomness(3).token(10) != other.token(10)


def test_prompt_files_are_listed_and_read(tmp_path: Path) -> None:
    """Seeding publishes what is in the folder: other files are no versions."""
    for name in ("system/v2.md", "system/v10.md", "mirror/v1.md", "system/notes.md", "golden/cases.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    files = PromptFiles(tmp_path)

    assert files.versions() == (("mirror", 1), ("system", 2), ("system", 10))
    assert files.text("system", 10) == "system/v10.md"


@pytest.mark.parametrize("template_id", ["../secret", "/etc", "sys/tem", "", "System", "system\n"])
def test_a_template_id_names_a_folder_and_no_way_out(tmp_path: Path, template_id: str) -> None:
    """Ids come from configurations that operators edit."""
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "v1.md").write_text("secret", encoding="utf-8")

    with pytest.raises(PromptNotFoundError):
        PromptFiles(prompts).text(template_id, 1)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "http://10.0.0.1:8080/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://localhost@example.com/v1",
        "nonsense",
    ],
)
def test_the_switch_forbids_what_lies_beyond_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a host name looks like home."""
    monkeypatch.setenv(live_switch.VARIABLE, "1")

    with pytest.raises(LiveModelForbiddenError, match=live_switch.VARIABLE):
        live_switch.require_permission(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/v1", "http://localhost:1/v1", "http://[::1]:8080/v1", "http://127.9.9.9/"]
)
def test_the_switch_allows_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local model server and the fakes of the tests."""
    monkeypatch.setenv(live_switch.VARIABLE, "1")

    live_switch.require_permission(url)


def test_without_the_switch_everything_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is off in production."""
    monkeypatch.delenv(live_switch.VARIABLE)

    live_switch.require_permission("https://api.openai.com/v1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ThrottlingException", "bedrock:ThrottlingException"),
        ("http-429", "bedrock:http-429"),
        ("", "bedrock:unknown"),
        ("the prompt was: I feel", "bedrock:unknown"),
        ("x" * 65, "bedrock:unknown"),
        (None, "bedrock:None"),
    ],
)
def test_what_does_not_look_like_a_code_is_not_passed_on(value: object, expected: str) -> None:
    """A provider's words may quote the conversation."""
    assert code("bedrock", value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three", "One. Two!"),
        ('He said "stop." And th', 'He said "stop."'),
        ("No end in sight", ""),
        ("It costs 3.50 dollars and", ""),
        ("Really? Yes.", "Really? Yes."),
        ("यह ठीक है। और", "यह ठीक है।"),
        ("そうですね。 それから", "そうですね。"),
        ("Wait… and then", "Wait…"),
        ("First paragraph.\n\nSecond par", "First paragraph."),
    ],
)
def test_a_late_reply_is_cut_after_its_last_whole_sentence(text: str, expected: str) -> None:
    """In any script; a decimal point ends nothing."""
    assert whole_sentences(text) == expected


@given(st.text(alphabet="ab .!?\n\"'", max_size=60))
def test_a_cut_reply_is_the_beginning_of_the_whole_one(text: str) -> None:
    """Nothing is invented, and cutting again changes nothing."""
    cut = whole_sentences(text)

    assert text.strip().startswith(cut)
    assert whole_sentences(cut) == cut
