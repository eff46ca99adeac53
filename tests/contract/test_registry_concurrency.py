"""Many operators at once: what succeeded is in the log, what did not left nothing, and the rules hold.

Over moto its calls happen one after the other, as DynamoDB's transactions do; the threads race between them.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from silent_infinity.adapters.memory.variant_store import MemoryAnchors
from silent_infinity.adapters.system.randomness import SystemRandomness
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.registry.commands import Action, Command, RecordChange, Refusal
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.registry.view import is_experiment
from silent_infinity.domain.variant_categories import registry_rules
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.variant_store import RegistryWrite
from silent_infinity.usecases.manage_variants import REPLAYED, Applied, ManageVariants
from silent_infinity.usecases.verify_audit import VerifyAudit
from tests.contract.registry_stores import RECORD, Registry
from tests.contract.threads import at_once

WRITERS = 50
CATEGORIES = ("STARTER_POOL_SIZE", "TOPIC_HIERARCHY")
CONFIGS: dict[str, dict[str, object]] = {
    "STARTER_POOL_SIZE": {"size": 5},
    "TOPIC_HIERARCHY": {"hierarchy": "tabs"},
}
ARM = replace(RECORD, status="experimental", rollout_percent=0.0, ranges=(), config={"size": 5})

Outcome = tuple[str, int]
"""`done` or the slug of the refusal, and the writer's number."""


def _fill(registry: Registry, records: list[VariantRecord]) -> None:
    """Create the rows with their histories, as few at a time as a transaction takes."""
    for start in range(0, len(records), 40):
        made = [
            recorded(
                RecordChange(Action.CREATE, None, record),
                at="2026-11-21T08:00:00+00:00",
                actor="system:initial-population",
                reason="Initial population",
                request_id="seed",
            )
            for record in records[start : start + 40]
        ]
        registry.store.apply(
            RegistryWrite(
                registry.store.snapshot().version,
                [record for record, _ in made],
                [entry for _, entry in made],
            )
        )


def _manage(registry: Registry) -> ManageVariants:
    return ManageVariants(
        store=registry.store,
        validator=JsonSchemaValidator(),
        clock=registry.clock,
        randomness=SystemRandomness(),
        sleep=lambda seconds: time.sleep(seconds / 10),
    )


def _answer(applied: Applied) -> HttpResponse:
    return HttpResponse(200, json.dumps({"version": applied.record.version}), {"ETag": "x"})


def _history(registry: Registry, key: tuple[str, str]) -> list[AuditEntry]:
    return list(registry.log.history(*key).entries)


def _command(action: Action, key: tuple[str, str], number: int, **more: object) -> Command:
    known = Command(action, *key, f"operator:{number}", "A reason that is long enough", f"request-{number}")
    return replace(known, **more)  # type: ignore[arg-type] # fields of a command


def _outcomes(manage: ManageVariants, command: Callable[[int], Command]) -> list[Outcome]:
    """Have every writer send its command at the same time, and return what became of each."""

    def write(number: int) -> Outcome:
        try:
            manage(command(number), f"key-{number}", _answer)
        except Refusal as refusal:
            return refusal.slug, number
        return "done", number

    return at_once(WRITERS, write)


def _verified(registry: Registry) -> bool:
    check = VerifyAudit(store=registry.store, log=registry.log, anchors=MemoryAnchors())
    found = check()
    assert found.variants == len(registry.store.snapshot().records)
    assert not found.unaudited
    return found.ok


def test_what_succeeded_on_one_variant_is_its_history(registry: Registry) -> None:
    """Fifty changes of what each of them read: no update is lost, no entry is missing or too many."""
    _fill(registry, [ARM])
    manage = _manage(registry)

    def command(number: int) -> Command:
        standing = registry.store.snapshot().records[ARM.key]
        return _command(
            Action.UPDATE,
            ARM.key,
            number,
            expected_version=standing.version,
            pass_criteria={**standing.pass_criteria, f"writer-{number}": number},
        )

    done: set[int] = set()
    for _ in range(2):
        outcomes = _outcomes(manage, command)
        assert {slug for slug, _ in outcomes} <= {"done", "version-mismatch", "idempotency-key-reused"}
        done |= {number for slug, number in outcomes if slug == "done"}

    row = registry.store.snapshot().records[ARM.key]
    history = _history(registry, ARM.key)
    assert done
    assert {entry.facts["actor"] for entry in history[1:]} == {f"operator:{number}" for number in done}
    assert len(history) == len(done) + 1 == row.audit_count == row.version
    assert [entry.sequence for entry in history] == list(range(1, len(history) + 1))
    assert row.pass_criteria == {f"writer-{number}": number for number in done}
    assert _verified(registry)


def test_changes_that_name_no_version_all_happen_or_say_so(registry: Registry) -> None:
    """An undo needs no version: each one that was not refused is in the log, one after the other."""
    _fill(registry, [replace(ARM, status="staged", rollout_percent=5.0, ranges=((0, 500),)), _incumbent(0)])

    outcomes = _outcomes(_manage(registry), lambda number: _command(Action.PAUSE, ARM.key, number))

    row = registry.store.snapshot().records[ARM.key]
    history = _history(registry, ARM.key)
    done = {f"operator:{number}" for slug, number in outcomes if slug == "done"}
    assert {slug for slug, _ in outcomes} <= {"done", "nothing-to-change", "registry-busy"}
    assert {entry.facts["actor"] for entry in history[1:]} == done
    assert len(history) - 1 == len(done) >= 1
    assert (row.rollout_percent, row.ranges, row.audit_count) == (0, (), len(history))
    assert _verified(registry)


def test_a_repeated_key_changes_nothing(registry: Registry) -> None:
    """A request that is sent again, at once or later, gets the first answer, and the log has it once."""
    _fill(registry, [ARM])
    manage = _manage(registry)
    command = _command(Action.UPDATE, ARM.key, 1, expected_version=1, description="Changed once")

    answers = at_once(WRITERS, lambda number: manage(command, "one-key", _answer))
    after = registry.store.snapshot()
    again = manage(replace(command, request_id="another"), "one-key", _answer)

    assert registry.store.snapshot() == after
    assert len(_history(registry, ARM.key)) == 2
    assert {(answer.status_code, answer.body) for answer in [*answers, again]} == {(200, '{"version": 2}')}
    assert [REPLAYED in answer.headers for answer in answers].count(False) == 1
    assert again.headers[REPLAYED] == "true"
    assert _verified(registry)


def _incumbent(place: int) -> VariantRecord:
    category = CATEGORIES[place]
    return replace(
        ARM,
        category=category,
        variant_id="now",
        status="production",
        rollout_percent=100.0,
        config=CONFIGS[category],
    )


def test_fifty_starts_leave_five_running_and_no_bucket_twice(registry: Registry) -> None:
    """Each is right about what it read; together they would run fifty experiments on the same people."""
    arms = [
        replace(
            ARM,
            category=CATEGORIES[number % 2],
            variant_id=f"arm-{number}",
            config=CONFIGS[CATEGORIES[number % 2]],
        )
        for number in range(WRITERS)
    ]
    _fill(registry, [*arms, _incumbent(0), _incumbent(1)])

    outcomes = _outcomes(
        _manage(registry),
        lambda number: _command(
            Action.UPDATE, arms[number].key, number, expected_version=1, rollout_percent=1.0
        ),
    )

    records = registry.store.snapshot().records
    running = [record for record in records.values() if is_experiment(record)]
    most = registry_rules().most_running_experiments
    assert sorted(slug for slug, _ in outcomes) == ["done"] * most + ["too-many-experiments"] * (
        WRITERS - most
    )
    assert {record.key for record in running} == {
        arms[number].key for slug, number in outcomes if slug == "done"
    }
    for category in CATEGORIES:
        taken = sorted(
            bounds for record in running if record.category == category for bounds in record.ranges
        )
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(taken))
        assert sum(end - start for start, end in taken) == 100 * sum(
            record.category == category for record in running
        )
        assert len({record.seed for record in running if record.category == category}) <= 1
    assert len(registry.log.recent(limit=200).entries) == len(records) + most
    assert _verified(registry)


@pytest.mark.parametrize("other", [Action.ROLLBACK, Action.RETIRE])
def test_two_different_changes_leave_one_history(registry: Registry, other: Action) -> None:
    """Half of them one thing, half another: whatever won, the row is as the last entry says."""
    _fill(registry, [replace(ARM, status="staged"), _incumbent(0)])

    def command(number: int) -> Command:
        action = other if number % 2 else Action.UPDATE
        more = {"description": f"By {number}"} if action is Action.UPDATE else {}
        return _command(action, ARM.key, number, expected_version=1, **more)

    outcomes = _outcomes(_manage(registry), command)

    assert [slug for slug, _ in outcomes].count("done") == 1
    assert len(_history(registry, ARM.key)) == 2
    assert _verified(registry)
