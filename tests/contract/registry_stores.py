"""The registry of variants with its logs, of each implementation, and changes for it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.audit_log import DynamoAuditLog
from silent_infinity.adapters.aws.promotions import DynamoPromotions
from silent_infinity.adapters.aws.variant_store import DynamoVariantStore
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.variant_store import (
    MemoryAuditLog,
    MemoryPromotions,
    MemoryVariantStore,
)
from silent_infinity.domain.registry.commands import Action, RecordChange
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.audit_log import AuditLog
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.variant_store import RegistryWrite, VariantStore
from tests.contract import aws

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

RECORD = VariantRecord(
    category="STARTER_POOL_SIZE",
    variant_id="five",
    status="staged",
    description="Five topics",
    rollout_percent=5.0,
    ranges=((0, 500),),
    config={"size": 5, "weights": [0.5, 1], "note": None},
    seed="five",
    created_at="2026-11-21T09:00:00+00:00",
    created_by="operator:1",
    last_modified="2026-11-21T09:00:00+00:00",
    last_modified_by="operator:1",
)


@dataclass(frozen=True)
class Registry:
    """The stores that a change spans."""

    store: VariantStore
    log: AuditLog
    promotions: Promotions
    clock: FixedClock


def memory_registry() -> Registry:
    """Return an empty registry in memory."""
    clock = FixedClock(NOW)
    store = MemoryVariantStore(clock)
    return Registry(store, MemoryAuditLog(store), MemoryPromotions(store), clock)


def aws_registry(client: DynamoDBClient) -> Registry:
    """Return a registry over the tables of `client`."""
    clock = FixedClock(NOW)
    store = DynamoVariantStore(
        client,
        clock=clock,
        variants_table=aws.VARIANTS,
        audit_table=aws.AUDIT_LOG,
        promotions_table=aws.PROMOTIONS,
        idempotency_table=aws.CLAIMS,
    )
    log = DynamoAuditLog(client, aws.AUDIT_LOG)
    return Registry(store, log, DynamoPromotions(client, aws.PROMOTIONS), clock)


def change(
    after: VariantRecord,
    before: VariantRecord | None = None,
    *,
    registry_version: int = 0,
    at: str = "2026-11-21T09:00:00+00:00",
    **more: Any,
) -> RegistryWrite:
    """Return the write of one row and its entry; `more` are further fields of the write."""
    record, entry = recorded(
        RecordChange(Action.UPDATE if before else Action.CREATE, before, after),
        at=at,
        actor="operator:1",
        reason="A reason that is long enough",
        request_id=f"request-{registry_version}",
    )
    return RegistryWrite(registry_version, (record,), (entry,), **more)


def grow(registry: Registry, times: int, record: VariantRecord = RECORD) -> VariantRecord:
    """Create the row and change it until its chain has `times` entries; return the row as it is stored."""
    for number in range(times):
        snapshot = registry.store.snapshot()
        standing = snapshot.records.get(record.key)
        after = replace(standing or record, description=f"Change {number}")
        moment = f"2026-11-21T09:{number // 60:02}:{number % 60:02}+00:00"
        registry.store.apply(change(after, standing, registry_version=snapshot.version, at=moment))
    return registry.store.snapshot().records[record.key]
