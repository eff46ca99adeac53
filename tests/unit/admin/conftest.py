"""The operators' API over stores in memory, with the initial variants and their first audit entries."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from silent_infinity.adapters.http.admin import respond
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.golden_results import MemoryGoldenResults
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.variant_metrics import MemoryVariantMetrics
from silent_infinity.adapters.memory.variant_store import (
    MemoryAnchors,
    MemoryAuditLog,
    MemoryPromotions,
    MemoryVariantStore,
)
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.bootstrap.operators import routes_for_operators
from silent_infinity.domain.initial_variants import initial_variant_records
from silent_infinity.domain.problems import ok
from silent_infinity.domain.registry.commands import Action, Command, RecordChange
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.ports.variant_store import RegistryWrite
from silent_infinity.usecases.manage_variants import ManageVariants
from tests.support.operators import CLIENT_ID, POOL_ID, Operator

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class World:
    """Stores, a clock, and an operator who sends requests."""

    def __init__(self) -> None:
        self.clock = FixedClock(START)
        self.store = MemoryVariantStore(self.clock)
        self.metrics = MemoryVariantMetrics()
        self.anchors = MemoryAnchors()
        self.results = MemoryGoldenResults()
        rows = [
            recorded(
                RecordChange(Action.CREATE, None, record),
                at=START.isoformat(),
                actor="system:initial-population",
                reason="Initial population",
                request_id="seed",
            )
            for record in initial_variant_records()
        ]
        self.store.apply(RegistryWrite(0, [row for row, _ in rows], [entry for _, entry in rows]))
        validator = JsonSchemaValidator()
        self.manage = ManageVariants(
            store=self.store,
            validator=validator,
            clock=self.clock,
            randomness=SeededRandomness(3),
            sleep=self.clock.advance,
        )
        self.routes = routes_for_operators(
            store=self.store,
            log=MemoryAuditLog(self.store),
            anchors=self.anchors,
            promotions=MemoryPromotions(self.store),
            metrics=self.metrics,
            results=self.results,
            manage=ManageVariants(
                store=self.store,
                validator=validator,
                clock=self.clock,
                randomness=SeededRandomness(3),
                sleep=self.clock.advance,
            ),
            validator=validator,
            clock=self.clock,
        )
        self.operator = Operator(self.handle)

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer a proxy event as the function does."""
        return respond(event, lambda: self.routes, pool_id=POOL_ID, client_id=CLIENT_ID, cors_origin="*")

    def approve(self, name: str) -> None:
        """Carry out the next step of a variant's open promotion, as after a person's yes."""
        category, _, variant_id = name.partition("/")
        record = self.store.records[category, variant_id]
        promotion = self.store.promotions[record.promotion_id or ""]
        entered = record.status == promotion.to_status
        command = Command(
            action=Action.UPDATE if entered else Action.PROMOTE,
            category=category,
            variant_id=variant_id,
            actor="operator:approver",
            reason="The figures are good enough.",
            request_id=f"{promotion.promotion_id}#{record.version}",
            expected_version=record.version,
            rollout_percent=promotion.next_percent if entered else promotion.rollout_percent,
            retire_incumbent=promotion.retire_incumbent and not entered,
            approved=True,
            promotion_id=promotion.promotion_id,
        )
        self.manage(command, command.request_id, lambda _: ok({}))


@pytest.fixture
def world() -> World:
    """A registry in which nothing has happened yet."""
    return World()


@pytest.fixture
def operator(world: World) -> Operator:
    """Somebody who may do everything."""
    return world.operator


Handler = Callable[[dict[str, Any]], dict[str, Any]]
