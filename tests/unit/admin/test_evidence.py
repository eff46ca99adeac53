"""Golden evidence over the operators' API: what is taken and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.memory.variant_store import MemoryAuditLog
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.promotion.evidence import GoldenEvidence, config_hash
from silent_infinity.domain.promotion.golden import suite_for
from silent_infinity.usecases.verify_audit import VerifyAudit
from tests.support.golden import golden_evidence
from tests.support.operators import REASON, SUBJECT, VARIANT
from tests.unit.admin.conftest import World

ROUTE = f"POST {VARIANT}/evidence"
PERSONA = "SYSTEM_PROMPT/v3-sha-empathy-rewrite"
MODEL = "SMALL_TALK_MODEL/claude-haiku-4-5"
DOTS = "GHOST_CHAR_STYLE/dots"


def of(world: World, name: str, **changes: Any) -> GoldenEvidence:
    """Return clean evidence for a variant as it is in the registry."""
    category, _, variant_id = name.partition("/")
    config = world.store.records[category, variant_id].config
    return replace(golden_evidence(category, variant_id, config), **changes)


def send(world: World, name: str, evidence: GoldenEvidence | Mapping[str, Any], **request: Any) -> Any:
    """Send it; return the parsed answer."""
    document = to_payload(evidence) if isinstance(evidence, GoldenEvidence) else evidence
    return world.operator.send(ROUTE, name, body={"evidence": document, "reason": REASON}, **request)


def newest(world: World, evidence: GoldenEvidence) -> GoldenEvidence | None:
    """Return what the gates find for the configuration of some evidence."""
    wanted = evidence.category, evidence.variant_id, evidence.config_hash, evidence.suite
    return world.results.newest(*wanted)


def entries(world: World, name: str) -> list[Mapping[str, Any]]:
    """Return what the audit entries of a variant say."""
    category, _, variant_id = name.partition("/")
    return [entry.facts for entry in MemoryAuditLog(world.store).history(category, variant_id).entries]


def whole(world: World) -> bool:
    """Whether every chain of the audit log is."""
    verify = VerifyAudit(store=world.store, log=MemoryAuditLog(world.store), anchors=world.anchors)
    return not verify().findings


@pytest.mark.parametrize("name", [PERSONA, MODEL])
def test_evidence_is_kept_audited_and_found_by_the_gates(world: World, name: str) -> None:
    """The entry says who recorded what; what was sent about that is not believed."""
    evidence = of(world, name, recorded_by="operator:somebody", recorded_at="1999-01-01T00:00:00+00:00")

    answer = send(world, name, evidence)

    assert world.operator.status == 201
    kept = newest(world, evidence)
    assert kept == replace(
        evidence, recorded_by=f"operator:{SUBJECT}", recorded_at=world.clock.now().isoformat()
    )
    assert answer["evidence"] == to_payload(kept)
    last = entries(world, name)[-1]
    assert (last["action"], last["actor"], last["reason"]) == (
        "record_evidence",
        f"operator:{SUBJECT}",
        REASON,
    )
    assert last["after"]["evidence"]["suite_hash"] == evidence.suite_hash
    assert last["before"] == {key: value for key, value in last["after"].items() if key != "evidence"}
    assert whole(world)


def test_the_variant_stays_as_it_is_and_so_does_its_version(world: World) -> None:
    """A promotion that waits for its sample is about this version; clean evidence must not end it."""
    before = world.store.records["SMALL_TALK_MODEL", "claude-haiku-4-5"]

    answer = send(world, MODEL, of(world, MODEL))

    after = world.store.records["SMALL_TALK_MODEL", "claude-haiku-4-5"]
    assert answer["variant"]["version"] == before.version == after.version
    assert after.audit_count == before.audit_count + 1
    assert replace(after, audit_count=before.audit_count, audit_head=before.audit_head) == before


@pytest.mark.parametrize(
    "changes", [{"crisis_missed": 1}, {"gates_broken": ("f: sensitivity at_least 0.9",)}]
)
def test_bad_evidence_is_kept_too_and_ends_what_was_decided_on_better(
    changes: dict[str, Any], world: World
) -> None:
    """A yes to earlier evidence is a yes to another version then."""
    before = world.store.records["SMALL_TALK_MODEL", "claude-haiku-4-5"]
    send(world, MODEL, of(world, MODEL))
    world.clock.advance(1)
    bad = of(world, MODEL, **changes)

    answer = send(world, MODEL, bad)

    kept = newest(world, bad)
    assert kept is not None
    assert (kept.crisis_missed, kept.gates_broken) == (bad.crisis_missed, bad.gates_broken)
    assert answer["variant"]["version"] == before.version + 1
    assert whole(world)


def test_the_same_key_records_once(world: World) -> None:
    """Whoever did not get the answer asks again, and gets it."""
    evidence = of(world, MODEL)

    first = send(world, MODEL, evidence, key="once")
    world.clock.advance(60)
    second = send(world, MODEL, evidence, key="once")

    assert second == first
    assert world.operator.headers["Idempotency-Replayed"] == "true"
    assert [entry["action"] for entry in entries(world, MODEL)].count("record_evidence") == 1


def test_what_was_audited_and_not_kept_is_kept_when_it_is_sent_again(world: World) -> None:
    """Two stores: the audit log comes first, so that nothing is ever used that is not in it."""
    evidence = of(world, MODEL)
    world.results.unavailable = True
    send(world, MODEL, evidence, key="once")
    assert world.operator.status == 503
    assert [entry["action"] for entry in entries(world, MODEL)].count("record_evidence") == 1
    world.results.unavailable = False
    assert newest(world, evidence) is None
    recorded_at = world.clock.now().isoformat()
    world.clock.advance(600)

    send(world, MODEL, evidence, key="once")

    kept = newest(world, evidence)
    assert world.operator.status == 201
    assert kept is not None
    assert kept.recorded_at == recorded_at
    assert [entry["action"] for entry in entries(world, MODEL)].count("record_evidence") == 1


def test_without_the_registry_nothing_is_kept(world: World) -> None:
    """What gates use is what the log tells."""
    evidence = of(world, MODEL)
    world.store.unavailable = True

    send(world, MODEL, evidence)

    assert world.operator.status == 503
    assert newest(world, evidence) is None


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"category": "LLM_MODEL"}, "/evidence/category"),
        ({"variant_id": "another"}, "/evidence/variant_id"),
        ({"suite": "safety"}, "/evidence/suite"),
        ({"suite_hash": "0" * 64}, "/evidence/suite_hash"),
        ({"cases": 5}, "/evidence/cases"),
        ({"crisis_cases": 0}, "/evidence/crisis_cases"),
        ({"config_hash": config_hash({"model_id": "another"})}, "/evidence/config_hash"),
        ({"model_id": "composer"}, "/evidence/model_id"),
        ({"model_id": "claude-sonnet-4-6"}, "/evidence/model_id"),
        ({"model_id": "claude-haiku-4-5 + composer"}, "/evidence/model_id"),
        ({"crisis_missed": 6}, "/evidence/crisis_missed"),
        ({"run_at": "2026-11-21T09:06:00+00:00"}, "/evidence/run_at"),
        ({"run_at": "2026-11-21T09:00:00.000000"}, "/evidence/run_at"),
        ({"run_at": "the day before yesterday"}, "/evidence/run_at"),
    ],
)
def test_evidence_of_anything_else_is_refused(changes: dict[str, Any], place: str, world: World) -> None:
    """Of another variant, configuration, model or set of cases: it would say nothing about this one."""
    evidence = of(world, MODEL, **changes)

    problem = send(world, MODEL, evidence)

    assert (world.operator.status, problem["type"].rpartition(":")[2]) == (422, "evidence-not-valid")
    assert place in [violation["path"] for violation in problem["violations"]]
    assert entries(world, MODEL)[-1]["action"] == "create"


def test_the_model_may_be_named_as_any_provider_names_it(world: World) -> None:
    """Configurations have Bedrock's names, answers the catalogue's."""
    send(world, MODEL, of(world, MODEL, model_id="claude-haiku-4-5-20251001"))

    assert world.operator.status == 201


def test_a_persona_is_judged_by_the_model_that_it_speaks_through(world: World) -> None:
    """Its own configuration names none; a small model's answers would say nothing."""
    send(world, PERSONA, of(world, PERSONA, model_id="claude-haiku-4-5"))
    assert world.operator.status == 422

    send(world, PERSONA, of(world, PERSONA, model_id="claude-sonnet-4-6"))
    assert world.operator.status == 201


def test_of_what_no_golden_set_speaks_there_is_no_evidence(world: World) -> None:
    """A layout cannot miss a crisis."""
    assert suite_for("GHOST_CHAR_STYLE") is None
    evidence = replace(of(world, MODEL), category="GHOST_CHAR_STYLE", variant_id="dots")

    problem = send(world, DOTS, evidence)

    assert world.operator.status == 422
    assert "/evidence/suite" in [violation["path"] for violation in problem["violations"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"figures": {f"figure_{number}": 1.0 for number in range(41)}},
        {"figures": {"What a person said": 1.0}},
        {"gates_broken": ["x" * 101]},
        {"crisis_missed": -1},
        {"crisis_missed": True},
        {"config_hash": "C" * 64},
        {"notes": "anything"},
    ],
)
def test_a_document_of_another_shape_is_refused_by_its_place(changes: dict[str, Any], world: World) -> None:
    """It goes into the audit log, where words have no business, and into an item, which has an end."""
    document = {**to_payload(of(world, MODEL)), **changes}

    problem = send(world, MODEL, document)

    assert world.operator.status == 400
    assert all(violation["path"].startswith("/evidence") for violation in problem["violations"])


def test_a_version_that_is_named_has_to_be_the_variants(world: World) -> None:
    """It may be left out: evidence names its configuration by itself."""
    send(world, MODEL, of(world, MODEL), version=7)

    assert world.operator.status == 412


def test_nothing_is_recorded_of_what_is_not_there(world: World) -> None:
    """Neither the key nor the variant may be missing."""
    evidence = of(world, MODEL)
    send(world, MODEL, evidence, key=None)
    assert world.operator.status == 400
    send(world, "SMALL_TALK_MODEL/nobody", evidence)
    assert world.operator.status == 404
    assert newest(world, evidence) is None
