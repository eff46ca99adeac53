"""Automatic demotion: once for each request, told to people, and never a loop of failures."""

from dataclasses import replace

import pytest

from silent_infinity.adapters.memory.alerts import MemoryAlerts
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.pending import Pending
from silent_infinity.domain.registry.demotions import Demoted, Demotion, Outcome
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.variant_store import RegistryWrite
from silent_infinity.usecases.demote_variant import (
    SUBJECT_DEMOTED,
    SUBJECT_PERSON_NEEDED,
    DemoteVariant,
)
from silent_infinity.usecases.manage_variants import ManageVariants
from tests.support.registry import NOW, variant

CATEGORY = "COMPOSE_POSITION"
PRODUCTION = variant(CATEGORY, "prod", "production", 100)
CANARY = variant(CATEGORY, "x", "canary", 20, ranges=[[0, 2000]])
REQUEST = Demotion(CATEGORY, "x", "Crisis flags doubled.", "rollup", "night-1")
WAITING = Pending("r", "update", NOW.isoformat(), "operator:a", "2026-03-02T12:05:00+00:00", {"status": "x"})


class World:
    """A registry, and what people on call were told."""

    def __init__(self, *rows: VariantRecord) -> None:
        clock = FixedClock(NOW)
        self.store = MemoryVariantStore(clock, rows)
        self.alerts = MemoryAlerts()
        manage = ManageVariants(
            store=self.store,
            validator=JsonSchemaValidator(),
            clock=clock,
            randomness=SeededRandomness(1),
            sleep=clock.advance,
        )
        self.demote = DemoteVariant(manage=manage, store=self.store, alerts=self.alerts, clock=clock)

    def entries(self, variant_id: str = "x") -> list[str]:
        """Return the actions of a variant's audit entries."""
        return [entry.facts["action"] for entry in self.store.entries.get((CATEGORY, variant_id), [])]


def test_a_canary_is_back_at_the_beginning_and_people_know() -> None:
    """The audit log has the reason; the mailbox has names only."""
    world = World(PRODUCTION, CANARY)
    result = world.demote(REQUEST)
    row = world.store.records[CATEGORY, "x"]
    [entry] = world.store.entries[CATEGORY, "x"]

    assert result == Demoted(CATEGORY, "x", Outcome.DEMOTED)
    assert (row.status, row.rollout_percent, row.ranges) == ("experimental", 0, ())
    assert (entry.facts["actor"], entry.facts["action"]) == ("system:rollup", "automatic_demotion")
    assert "Crisis flags doubled." in entry.facts["reason"]
    facts = {"category": CATEGORY, "variant_id": "x", "actor": "system:rollup", "request_id": "night-1"}
    assert world.alerts.sent == [(SUBJECT_DEMOTED, facts)]


def test_the_same_request_is_carried_out_once_even_after_an_operator_went_on() -> None:
    """Lambda delivers an alarm's call at least once; the second must not undo what a person did since."""
    world = World(PRODUCTION, CANARY)
    world.demote(REQUEST)
    world.store.records[CATEGORY, "x"] = replace(CANARY, version=3)
    world.demote(REQUEST)

    assert world.store.records[CATEGORY, "x"].status == "canary"
    assert world.entries() == ["automatic_demotion"]


def test_a_request_that_could_not_be_told_of_is_told_of_when_it_comes_again() -> None:
    """The variant is back already by then, and nobody would hear of it."""
    world = World(PRODUCTION, CANARY)
    world.alerts.unavailable = True
    with pytest.raises(StoreUnavailableError):
        world.demote(REQUEST)
    world.alerts.unavailable = False
    result = world.demote(REQUEST)

    assert result.outcome is Outcome.DEMOTED
    assert [subject for subject, _ in world.alerts.sent] == [SUBJECT_DEMOTED]
    assert world.entries() == ["automatic_demotion"]


@pytest.mark.parametrize(
    "row",
    [variant(CATEGORY, "x", "experimental"), variant(CATEGORY, "x", "retired")],
    ids=["back", "retired"],
)
def test_what_serves_nobody_needs_no_demotion(row: VariantRecord) -> None:
    """A rollup that finds the same regression every night is not to fill the audit log with it."""
    world = World(PRODUCTION, row)

    assert world.demote(REQUEST).outcome is Outcome.ALREADY
    assert (world.entries(), world.alerts.sent) == ([], [])


def test_a_start_that_waits_is_called_off() -> None:
    """In five minutes it would serve people."""
    world = World(PRODUCTION, replace(variant(CATEGORY, "x", "experimental"), pending=WAITING))

    assert world.demote(REQUEST).outcome is Outcome.DEMOTED
    assert world.store.records[CATEGORY, "x"].pending is None


def test_a_paused_canary_is_taken_back_too() -> None:
    """Whoever pauses it may start it again with one click; the stage has to be earned anew."""
    world = World(PRODUCTION, variant(CATEGORY, "x", "canary"))

    assert world.demote(REQUEST).outcome is Outcome.DEMOTED
    assert world.store.records[CATEGORY, "x"].status == "experimental"


def test_production_gives_way_to_its_predecessor() -> None:
    """People hear what serves now."""
    world = World(
        variant(CATEGORY, "x", "production", 100, predecessor_id="old"), variant(CATEGORY, "old", "canary")
    )

    assert world.demote(REQUEST) == Demoted(CATEGORY, "x", Outcome.DEMOTED, "old")
    assert world.alerts.sent[0][1]["restored"] == "old"
    assert (world.entries(), world.entries("old")) == (["automatic_demotion"], ["restore"])


@pytest.mark.parametrize(
    ("request_", "slug"),
    [
        (replace(REQUEST, variant_id="prod"), "no-predecessor"),
        (replace(REQUEST, variant_id="nobody"), "variant-not-found"),
        (replace(REQUEST, category="NOTHING"), "category-not-found"),
    ],
)
def test_what_cannot_be_taken_back_is_a_persons_to_look_at(request_: Demotion, slug: str) -> None:
    """Trying again would fail again; silence would leave people with it."""
    world = World(PRODUCTION, CANARY)
    result = world.demote(request_)

    assert result.outcome is Outcome.PERSON_NEEDED
    [(subject, facts)] = world.alerts.sent
    assert (subject, facts["refused"]) == (SUBJECT_PERSON_NEEDED, slug)
    assert world.entries("prod") == []


def test_subjects_fit_into_a_mail() -> None:
    """SNS refuses a subject of a hundred characters."""
    assert max(map(len, (SUBJECT_DEMOTED, SUBJECT_PERSON_NEEDED))) < 100


def test_the_same_request_with_other_words_is_the_same_request() -> None:
    """A rollup that is run again may have counted a few more."""
    world = World(PRODUCTION, CANARY)
    world.demote(REQUEST)
    world.store.records[CATEGORY, "x"] = replace(CANARY, version=3)

    assert world.demote(replace(REQUEST, reason="Crisis flags tripled.")).outcome is Outcome.ALREADY
    assert world.entries() == ["automatic_demotion"]


@pytest.mark.parametrize("reason", ["", "x", "y" * 2_000, "line\nbreak"])
def test_any_reason_will_do(reason: str) -> None:
    """Nobody is there to be asked for a better one."""
    world = World(PRODUCTION, CANARY)
    world.demote(replace(REQUEST, reason=reason))
    [entry] = world.store.entries[CATEGORY, "x"]

    assert 10 <= len(entry.facts["reason"]) <= 500
    assert "\n" not in entry.facts["reason"]


@pytest.mark.parametrize(
    ("trigger", "actor"), [("alarm", "system:alarm"), ("operator:eve", "system:automation")]
)
def test_nothing_but_a_person_passes_for_a_person(trigger: str, actor: str) -> None:
    """The audit log tells people and the system apart by the actor."""
    assert replace(REQUEST, trigger=trigger).actor == actor


def test_a_registry_that_is_never_quiet_fails_the_run() -> None:
    """Lambda and the workflow try again: this one passes."""

    class Rushed(MemoryVariantStore):
        def apply(self, write: RegistryWrite) -> None:
            raise ConflictError("registry")

    world = World(PRODUCTION, CANARY)
    world.store.__class__ = Rushed

    with pytest.raises(StoreUnavailableError, match="registry-busy"):
        world.demote(REQUEST)
    assert world.alerts.sent == []
