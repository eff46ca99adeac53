"""A change is decided, recorded and answered in one step, once for each key, whoever else is at work."""

import json
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.audit import GENESIS
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry.commands import Action, Command, PromotionRequest, Refusal
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.variant_store import OUTCOME_SECONDS, RegistryWrite, StoredOutcome
from silent_infinity.usecases.manage_variants import (
    LONGEST_PAUSE_SECONDS,
    REPLAYED,
    TRIES,
    Applied,
    ManageVariants,
    change_key,
)
from tests.support.registry import NOW, command, usual_config, variant

CATEGORY = "COMPOSE_POSITION"
RAMP = command(Action.UPDATE, CATEGORY, "x", rollout_percent=1, expected_version=1)


class BusyStore(MemoryVariantStore):
    """A store in which something else is written before each of the next `others` changes."""

    others: tuple[RegistryWrite, ...] = ()
    written: RegistryWrite | None = None

    def apply(self, write: RegistryWrite) -> None:
        if self.others:
            first, *rest = self.others
            self.others = tuple(rest)
            super().apply(replace(first, registry_version=self.version))
        super().apply(write)
        self.written = write


class World:
    """A registry of two variants, and somebody who changes it."""

    def __init__(self) -> None:
        self.clock = FixedClock(NOW)
        rows = [variant(CATEGORY, "prod", "production", 100), variant(CATEGORY, "x", "experimental")]
        self.store = BusyStore(self.clock, [*rows, variant("SYSTEM_PROMPT", "prod", "production", 100)])
        self.pauses: list[float] = []
        self.prompts: dict[tuple[str, int], str] = {}
        self.manage = ManageVariants(
            store=self.store,
            validator=JsonSchemaValidator(),
            clock=self.clock,
            randomness=SeededRandomness(1),
            prompts=lambda: self.prompts,
            sleep=self.pauses.append,
        )

    def __call__(self, ask: Command, key: str = "key-1") -> HttpResponse:
        return self.manage(ask, key, _answer)

    def rollout(self) -> float:
        """Return how much of the traffic `x` has."""
        return self.store.records[CATEGORY, "x"].rollout_percent


def _answer(applied: Applied) -> HttpResponse:
    document = {"version": applied.record.version, "rows": len(applied.records), "waits": applied.waits}
    return ok(document, status=202 if applied.waits else 200)


@pytest.fixture
def world() -> World:
    """Return a registry that nobody has changed yet."""
    return World()


def test_row_entry_and_answer_are_written_together(world: World) -> None:
    """What is not in the audit log has not happened."""
    response = world(RAMP)
    row = world.store.records[CATEGORY, "x"]
    [entry] = world.store.entries[CATEGORY, "x"]

    assert (row.version, row.audit_count, row.audit_head) == (2, 1, entry.hash)
    assert json.loads(response.body) == {"version": 2, "rows": 1, "waits": False}
    facts = entry.facts
    assert facts["previous_hash"] == GENESIS
    assert (facts["actor"], facts["action"], facts["reason"]) == (RAMP.actor, "update", RAMP.reason)
    assert (facts["request_id"], facts["at"]) == (RAMP.request_id, NOW.isoformat())
    assert (facts["before"]["rollout_percent"], facts["after"]["rollout_percent"]) == (0, 1)


def test_the_same_key_again_changes_nothing_and_gives_the_same_answer(world: World) -> None:
    """An operator whose connection broke asks again; API Gateway then gives the request another id."""
    first = world(RAMP)
    again = world(replace(RAMP, request_id="request-2"))

    assert (again.status_code, again.body) == (first.status_code, first.body)
    assert again.headers == {**first.headers, REPLAYED: "true"}
    assert len(world.store.entries[CATEGORY, "x"]) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(RAMP, rollout_percent=0.5),
        replace(RAMP, expected_version=2),
        replace(RAMP, variant_id="prod"),
        replace(RAMP, reason="For another reason altogether."),
        replace(RAMP, action=Action.PAUSE),
    ],
    ids=["field", "version", "variant", "reason", "action"],
)
def test_the_same_key_for_another_change_is_refused(world: World, other: Command) -> None:
    """The answer of another change would be believed to be this one's."""
    world(RAMP)

    with pytest.raises(Refusal, match="idempotency-key-reused"):
        world(other)


def test_a_key_belongs_to_whoever_sent_it(world: World) -> None:
    """Two operators may both send `1`; and the claim cannot be taken for that of a turn."""
    world(RAMP)
    world(replace(RAMP, actor="operator:other", rollout_percent=0.5, expected_version=2))

    assert world.rollout() == 0.5
    assert change_key("operator:a", "b") != change_key("operator:", "ab")
    assert change_key("operator:a", "b").startswith("admin#")


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    """Keys that are kept for ever are paid for, for ever."""
    world(RAMP)
    world.clock.advance(OUTCOME_SECONDS + 1)

    with pytest.raises(Refusal, match="version-mismatch"):
        world(RAMP)


def test_a_refused_change_leaves_no_trace_and_may_be_right_later(world: World) -> None:
    """The key of a refused request may come again after what stood in its way is gone."""
    with pytest.raises(Refusal, match="version-mismatch"):
        world(replace(RAMP, expected_version=2))
    assert (world.store.entries, world.store.outcomes, world.store.version) == ({}, {}, 0)
    world(command(Action.PAUSE, CATEGORY, "x"), "key-2")

    assert world(replace(RAMP, expected_version=2)).status_code == 200


def test_a_change_that_meets_another_is_decided_anew(world: World) -> None:
    """It is decided over what is there by then: here another variant took the first buckets."""
    other = variant(CATEGORY, "y", "experimental", 1, ranges=[[0, 100]])
    world.store.others = (RegistryWrite(0, [other], []),)
    world(RAMP)

    assert world.store.records[CATEGORY, "x"].ranges == ((100, 200),)
    assert len(world.pauses) == 1


def test_a_version_that_moved_meanwhile_is_not_written_over(world: World) -> None:
    """If-Match names what the operator saw."""
    moved = replace(world.store.records[CATEGORY, "x"], version=2, description="moved")
    world.store.others = (RegistryWrite(0, [moved], []),)

    with pytest.raises(Refusal, match="version-mismatch"):
        world(RAMP)
    assert world.store.records[CATEGORY, "x"] == moved


def test_the_same_request_twice_at_the_same_time_happens_once(world: World) -> None:
    """A client that does not wait for its first answer."""
    twin = World()
    first = twin(RAMP)
    assert twin.store.written is not None
    world.store.others = (twin.store.written,)
    second = world(RAMP)

    assert second.body == first.body
    assert second.headers[REPLAYED] == "true"
    assert len(world.store.entries[CATEGORY, "x"]) == 1


def test_a_copy_that_comes_between_reading_and_deciding_gets_the_answer_too(world: World) -> None:
    """It would be told that the version is old, by the very change that it asks for."""
    first = world(RAMP)
    seen = [None]

    def late(key: str) -> StoredOutcome | None:
        return seen.pop() if seen else MemoryVariantStore.outcome(world.store, key)

    world.store.outcome = late  # type: ignore[method-assign]
    second = world(RAMP)

    assert (second.body, second.headers[REPLAYED]) == (first.body, "true")


def test_an_endless_rush_is_said_to_be_one(world: World) -> None:
    """Nobody waits for minutes; the pauses grow, and are no two the same, so that two do not meet again."""
    others = [variant("MANDALA_FACE", f"y{number}", "experimental") for number in range(TRIES)]
    world.store.others = tuple(RegistryWrite(0, [other], []) for other in others)

    with pytest.raises(Refusal, match="registry-busy") as refused:
        world(RAMP)
    assert refused.value.status == 503
    assert len(world.pauses) == TRIES
    assert len(set(world.pauses)) == TRIES
    assert world.pauses[0] <= 0.02
    assert LONGEST_PAUSE_SECONDS / 2 <= world.pauses[-1] <= LONGEST_PAUSE_SECONDS
    assert world.rollout() == 0


def test_a_store_that_is_down_is_no_conflict(world: World) -> None:
    """It may have been written: the caller asks again with the same key."""
    world.store.unavailable = True

    with pytest.raises(StoreUnavailableError):
        world(RAMP)
    assert world.pauses == []


def test_a_conflict_leaves_nothing_half_written(world: World) -> None:
    """A row without its entry, or the other way round, is what the audit log is to rule out."""
    write = RegistryWrite(7, [variant(CATEGORY, "z", "experimental")], [])

    with pytest.raises(ConflictError):
        world.store.apply(write)
    assert (CATEGORY, "z") not in world.store.records


def test_an_opened_promotion_is_written_with_its_row(world: World) -> None:
    """A promotion that nobody finds, or a row that names none, would wait for ever."""
    staged = variant(CATEGORY, "s", "staged", 5, ranges=[[0, 500]])
    world.store.records[staged.key] = staged
    ask = command(Action.PROMOTE, CATEGORY, "s", expected_version=1, request_id="request-9")
    response = world(ask)

    assert (response.status_code, json.loads(response.body)["waits"]) == (202, True)
    assert world.store.promotions["request-9"].variant_version == 2
    assert world.store.records[staged.key].promotion_id == "request-9"


@pytest.mark.parametrize(
    ("action", "more", "status"),
    [
        (Action.ROLLBACK, {}, "withdrawn"),
        (Action.DEMOTE, {}, "withdrawn"),
        (Action.PAUSE, {}, "withdrawn"),
        (Action.AUTOMATIC_DEMOTION, {}, "taken_back"),
        (Action.CLOSE_PROMOTION, {}, "rejected"),
        (Action.CLOSE_PROMOTION, {"outcome": Outcome.EXPIRED}, "expired"),
        (Action.CLOSE_PROMOTION, {"outcome": Outcome.FAILED, "promotion_id": "request-9"}, "failed"),
        (Action.PROMOTE, {"approved": True, "promotion_id": "request-9", "rollout_percent": 25}, "applied"),
    ],
)
def test_a_promotion_ends_together_with_what_ends_it(
    world: World, action: Action, more: dict[str, Any], status: str
) -> None:
    """A list of what waits for a person is of use only if it holds nothing else."""
    staged = variant(CATEGORY, "s", "staged", 5, ranges=[[0, 500]])
    world.store.records[staged.key] = staged
    world(command(Action.PROMOTE, CATEGORY, "s", expected_version=1, request_id="request-9"))
    world(command(action, CATEGORY, "s", expected_version=2, actor="operator:b", **more), "key-2")

    promotion = world.store.promotions["request-9"]
    assert (promotion.status, promotion.closed_by) == (status, "operator:b")
    assert promotion.closed_at == NOW.isoformat()
    assert world.store.records[staged.key].promotion_id is None


def test_a_promotion_stays_open_until_its_last_step(world: World) -> None:
    """Until then an operator sees that more is to come, and nobody asks for another one."""
    staged = variant(CATEGORY, "s", "staged", 5, ranges=[[0, 500]])
    world.store.records[staged.key] = staged
    yes: dict[str, Any] = {"approved": True, "promotion_id": "request-9"}
    world(command(Action.PROMOTE, CATEGORY, "s", expected_version=1, request_id="request-9"))
    world(command(Action.PROMOTE, CATEGORY, "s", expected_version=2, **yes), "entry")
    entered = world.store.promotions["request-9"], world.store.records[staged.key]
    world(command(Action.UPDATE, CATEGORY, "s", expected_version=3, rollout_percent=25, **yes), "ramp")

    assert (entered[0].status, entered[0].next_percent) == ("awaiting_evidence", 25)
    assert (entered[1].rollout_percent, entered[1].promotion_id) == (10, "request-9")
    assert world.store.promotions["request-9"].status == "applied"
    assert world.store.records[staged.key].promotion_id is None


def test_a_promotion_of_what_is_replaced_is_withdrawn_and_not_applied(world: World) -> None:
    """A yes is to one variant; what steps down for it has not been promoted."""
    world.store.records[CATEGORY, "prod"] = variant(CATEGORY, "prod", "production", 50, promotion_id="old")
    arriving = variant(CATEGORY, "s", "production", 50, ranges=[[0, 5000]], promotion_id="new")
    world.store.records[arriving.key] = arriving
    for name, row in (("old", "prod"), ("new", "s")):
        world.store.promotions[name] = PromotionRequest(
            name, CATEGORY, row, "canary", "production", 50, "operator:a", NOW.isoformat(), "because"
        )
    yes = {"approved": True, "promotion_id": "new", "expected_version": 1}
    world(command(Action.UPDATE, CATEGORY, "s", rollout_percent=100, **yes))

    assert {name: one.status for name, one in world.store.promotions.items()} == {
        "old": "withdrawn",
        "new": "applied",
    }


def test_a_promotion_that_its_row_has_lost_can_be_ended(world: World) -> None:
    """After a table was restored, the list would show it for ever."""
    world.store.promotions["lost"] = PromotionRequest(
        "lost", CATEGORY, "x", "staged", "canary", 10, "operator:a", NOW.isoformat(), "because"
    )
    world(command(Action.CLOSE_PROMOTION, CATEGORY, "x", promotion_id="lost", outcome=Outcome.FAILED))

    assert world.store.promotions["lost"].status == "failed"
    assert [entry.facts["action"] for entry in world.store.entries[CATEGORY, "x"]] == ["close_promotion"]


def test_a_change_beside_an_open_promotion_leaves_it_open(world: World) -> None:
    """New words about a variant decide nothing."""
    staged = variant(CATEGORY, "s", "staged", 5, ranges=[[0, 500]])
    world.store.records[staged.key] = staged
    world(command(Action.PROMOTE, CATEGORY, "s", expected_version=1, request_id="request-9"))
    world(command(Action.UPDATE, CATEGORY, "s", expected_version=2, description="Other words"), "key-2")

    assert world.store.promotions["request-9"].status == "awaiting_evidence"
    assert world.store.records[staged.key].promotion_id == "request-9"


@pytest.mark.parametrize(
    ("ask", "path", "keyword"),
    [
        (command(Action.CREATE, CATEGORY, "new"), "/config", "required"),
        (command(Action.CREATE, CATEGORY, "new", config={"nonsense": 1}), "/config", "additionalProperties"),
        (replace(RAMP, config={"nonsense": 1}), "/config", "additionalProperties"),
        (
            command(Action.CREATE, "LLM_MODEL", "new", config={**usual_config("LLM_MODEL"), "model_id": "a"}),
            "/config/model_id",
            "enum",
        ),
        (
            command(Action.CREATE, "SYSTEM_PROMPT", "new", config=usual_config("SYSTEM_PROMPT")),
            "/config/s3_key",
            "enum",
        ),
    ],
    ids=["none", "unknown-field", "update", "unknown-model", "unpublished-prompt"],
)
def test_a_configuration_is_valid_when_it_is_written(
    world: World, ask: Command, path: str, keyword: str
) -> None:
    """What is not valid would be found out by a turn."""
    with pytest.raises(Refusal, match="config-not-valid") as refused:
        world(ask)

    assert {"path": path, "keyword": keyword} in refused.value.violations


def test_a_published_prompt_may_be_named(world: World) -> None:
    """With the checksum of its text."""
    config = usual_config("SYSTEM_PROMPT")
    world.prompts = {("system", 4): config["prompt_sha"]}

    assert world(command(Action.CREATE, "SYSTEM_PROMPT", "new", config=config)).status_code == 200


def test_the_system_may_change_many_rows_with_one_answer(world: World) -> None:
    """A rollback of production is two rows, two entries, one request."""
    staged = variant(CATEGORY, "now", "production", 100, predecessor_id="prod")
    world.store.records[staged.key] = staged
    world.store.records[CATEGORY, "prod"] = variant(CATEGORY, "prod", "canary")
    world(command(Action.ROLLBACK, CATEGORY, "now"))
    entries = [world.store.entries[CATEGORY, name][0].facts for name in ("now", "prod")]

    assert [entry["action"] for entry in entries] == ["rollback", "restore"]
    assert len({entry["request_id"] for entry in entries}) == 1
    assert world.store.records[CATEGORY, "prod"].status == "production"
