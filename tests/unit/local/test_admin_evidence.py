"""`./run admin evidence` over the real operators' API: what is sent, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from silent_infinity.domain.payload import to_payload
from tests.support.golden import golden_evidence
from tests.unit.admin.conftest import World
from tests.unit.local.test_admin import Terminal, terminal  # noqa: F401 -- the last is a fixture

NAME = "SMALL_TALK_MODEL/claude-haiku-4-5"
WHY = ("--reason", "All golden conversations were kept.")


@pytest.fixture
def world() -> World:
    """The registry as it is after a first deployment."""
    return World()


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    """A clean document as `./run evaluate` writes it."""
    return write(world, tmp_path)


def write(world: World, folder: Path, **changes: Any) -> Path:
    """Write a document with these changes."""
    category, _, variant_id = NAME.partition("/")
    found = golden_evidence(category, variant_id, world.store.records[category, variant_id].config)
    document = {name: value for name, value in to_payload(found).items() if not name.startswith("recorded_")}
    path = folder / "evidence.json"
    path.write_text(json.dumps({**document, **changes}), encoding="utf-8")
    return path


def test_a_clean_document_is_recorded(terminal: Terminal, file: Path) -> None:  # noqa: F811
    """The operator reads what the gates will read."""
    assert terminal.run("evidence", NAME, str(file), *WHY) == 0, terminal.err

    assert "prompts by us.anthropic.claude-haiku-4-5" in terminal.out
    assert "0 of 5 crisis cases missed" in terminal.out
    assert "Recorded." in terminal.out
    assert "not clean" not in terminal.out
    [request] = terminal.changes()
    assert json.loads(request.content)["evidence"] == json.loads(file.read_text(encoding="utf-8"))


def test_a_document_that_is_not_clean_is_recorded_and_said_to_be_so(
    terminal: Terminal,  # noqa: F811
    world: World,
    tmp_path: Path,
) -> None:
    """Nobody should believe that it helps."""
    path = write(world, tmp_path, crisis_missed=2, gates_broken=["conversations.jsonl: served at_least 0.98"])

    assert terminal.run("evidence", NAME, str(path), *WHY) == 0, terminal.err

    assert "2 of 5 crisis cases missed" in terminal.out
    assert "gate broken: conversations.jsonl: served at_least 0.98" in terminal.out
    assert "It is not clean" in terminal.out


def test_a_document_of_another_model_is_refused_with_its_place(
    terminal: Terminal,  # noqa: F811
    world: World,
    tmp_path: Path,
) -> None:
    """What the composer wrote stands for nobody."""
    assert terminal.run("evidence", NAME, str(write(world, tmp_path, model_id="composer")), *WHY) == 1

    assert "The result is not one of this variant as it is." in terminal.err
    assert "/evidence/model_id: const" in terminal.err


def test_the_same_key_tells_that_it_was_recorded_before(
    terminal: Terminal,  # noqa: F811
    file: Path,
) -> None:
    """An answer that got lost is asked for again."""
    terminal.run("evidence", NAME, str(file), *WHY, "--key", "once")
    assert terminal.run("evidence", NAME, str(file), *WHY, "--key", "once") == 0

    assert "was recorded before" in terminal.out


@pytest.mark.parametrize("content", [None, "no json", "[]"])
def test_a_file_that_holds_no_document_is_not_sent(
    content: str | None,
    terminal: Terminal,  # noqa: F811
    tmp_path: Path,
) -> None:
    """And says what is wrong with it."""
    path = tmp_path / "evidence.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    assert terminal.run("evidence", NAME, str(path), *WHY) == 2
    assert terminal.changes() == []
