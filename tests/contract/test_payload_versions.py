"""Payloads stay readable one version back: during a gradual deployment both versions are at work.

The files hold what an earlier version of every state was given and has given back. The present code must take
the same input, and must give back at least what the earlier states behind it read.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.turn import Draft, Turn
from silent_infinity.ports.claims import Claim
from silent_infinity.usecases.capture_message import CaptureRequest
from silent_infinity.usecases.record_turn import Record, RecordRequest
from tests.support import payloads
from tests.support.vectors import VECTORS
from tests.support.world import MIRROR, ScriptedModel, World

FILES = sorted(VECTORS.glob("payloads_v*/*.json"))
RUNNABLE = [path for path in FILES if not path.stem.startswith(("queue_", "capture_replay"))]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _load(path: Path) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return payload


def _of(state: str) -> list[Path]:
    return [path for path in FILES if path.stem.startswith(f"{state}_")]


def _missing(before: Any, now: Any, where: str = "") -> list[str]:
    """Return the paths of what an earlier version gave and the present one does not, or as another type."""
    if isinstance(before, Mapping):
        if not isinstance(now, Mapping):
            return [where]
        gone = [f"{where}/{key}" for key in before if key not in now]
        kept = (_missing(value, now[key], f"{where}/{key}") for key, value in before.items() if key in now)
        return gone + [path for paths in kept for path in paths]
    if isinstance(before, list):
        return [] if isinstance(now, list) else [where]
    numbers = (int, float)
    alike = isinstance(now, numbers) if isinstance(before, numbers) else isinstance(now, type(before))
    return [] if alike or before is None or now is None else [where]


def _lost(before: Any, now: Any) -> bool:
    """Whether a value is not what it was, objects with further fields apart."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return any(key not in now or _lost(value, now[key]) for key, value in before.items())
    return bool(before != now)


def test_every_boundary_of_the_turn_has_files() -> None:
    """The tests below are worth nothing if a state is missing."""
    states = {_load(path)["state"] for path in FILES}

    assert states == {"capture", "screen", "intent", "generate", "validate", "record", "queue"}


@pytest.mark.parametrize("path", RUNNABLE, ids=_name)
def test_a_state_takes_what_an_earlier_version_sent_and_gives_what_it_read(path: Path) -> None:
    """Text, ids and scores may differ; fields and their types may not."""
    payload = _load(path)
    world = World(ScriptedModel(MIRROR))
    if payload["state"] == "capture" and "session_id" in payload["input"]["body"]:
        opening = {**payload["input"], "body": {"message": "Hello!"}, "claim_key": "opening"}
        opened = world.capture_message(CaptureRequest.from_event(opening)).turn
        assert opened is not None
        payload["input"]["body"]["session_id"] = opened.session_id

    result = json.loads(json.dumps(world._task(payload["state"])(payload["input"])))

    assert _missing(payload["output"], result) == []


@pytest.mark.parametrize("path", _of("capture"), ids=_name)
def test_a_turn_of_an_earlier_version_loses_nothing(path: Path) -> None:
    """Every state hands it on, and the last one records it."""
    turn = _load(path)["output"]["turn"]
    if turn is None:
        return

    read = to_payload(from_payload(Turn, turn))

    assert {key: read[key] for key in turn if _lost(turn[key], read[key])} == {}


@pytest.mark.parametrize("path", _of("generate"), ids=_name)
def test_a_draft_of_an_earlier_version_loses_nothing(path: Path) -> None:
    """It is validated by another function, perhaps of another version."""
    draft = _load(path)["output"]

    read = to_payload(from_payload(Draft, draft))

    assert {key: read[key] for key in draft} == draft


@pytest.mark.parametrize("path", [*_of("record"), *_of("queue")], ids=_name)
def test_a_record_of_an_earlier_version_becomes_a_valid_event(path: Path) -> None:
    """Records wait in the queue for days, far longer than a deployment takes."""
    payload = _load(path)["input"]
    request = RecordRequest.from_event(payload if "record" in payload else {"record": payload})
    world = World()

    answer = world.record_turn(request).answer

    [event] = world.events()
    assert JsonSchemaValidator().violations("turn_event", event) == []
    assert JsonSchemaValidator().violations("turn_answer", answer) == []
    assert event["crisis_flag_level"] == answer["crisis"]["level"] == request.record.answer["crisis"]["level"]
    assert event["path"] == request.record.path


@pytest.mark.parametrize("path", _of("record"), ids=_name)
def test_a_record_that_an_earlier_version_left_in_a_claim_is_finished(path: Path) -> None:
    """The earlier version died after it had fixed the reply; the present one finds its record."""
    record = _load(path)["input"]["record"]
    turn = record["turn"]
    world = World()
    world.store.claims[turn["claim_key"]] = Claim(
        turn["claim_key"],
        "",
        turn["turn_id"],
        turn["session_id"],
        "execution-1",
        0,
        0,
        answer=json.dumps(record["answer"]),
        record=json.dumps(record),
    )

    world.record_turn(RecordRequest(from_payload(Record, record)))

    assert [event["turn_id"] for event in world.events()] == [turn["turn_id"]]
    assert world.store.claims[turn["claim_key"]].record is None


def test_the_present_code_sends_nothing_less_than_the_version_that_is_written_down() -> None:
    """Whoever takes a field away must raise the version, and keep reading the one before."""
    written = VECTORS / f"payloads_v{payloads.VERSION}"

    now = payloads.caught()

    assert sorted(now) == sorted(path.stem for path in written.glob("*.json"))
    for name, payload in now.items():
        before = _load(written / f"{name}.json")
        assert _missing(before["input"], payload["input"]) == [], name
        assert _missing(before["output"], payload["output"]) == [], name
