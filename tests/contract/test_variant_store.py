"""What every store of the registry promises: changes that stand or fall together, and nothing in between."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.claims import DynamoClaimStore
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.domain.payload import PayloadError, to_payload
from silent_infinity.domain.pending import Pending
from silent_infinity.domain.registry.commands import PromotionClosed, PromotionRequest
from silent_infinity.domain.registry.view import View
from silent_infinity.ports.claims import Claim
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.variant_store import RegistryWrite, StoredOutcome
from tests.contract import aws
from tests.contract.registry_stores import NOW, RECORD, Registry, aws_registry, change, grow, memory_registry
from tests.contract.threads import at_once

OUTCOME = StoredOutcome(
    key="admin#1",
    body_hash="b0d1",
    status_code=200,
    body='{"version": 1}',
    expires_at=int(NOW.timestamp()) + 60,
    headers={"ETag": '"1"'},
)
PROMOTION = PromotionRequest(
    promotion_id="promotion-1",
    category=RECORD.category,
    variant_id=RECORD.variant_id,
    from_status="staged",
    to_status="canary",
    rollout_percent=10.0,
    requested_by="operator:1",
    requested_at="2026-11-21T09:00:00+00:00",
    reason="It did well enough",
    variant_version=2,
)
PENDING = Pending(
    change_id="request-1",
    action="update",
    requested_at="2026-11-21T09:00:00+00:00",
    requested_by="operator:1",
    effective_at="2026-11-21T09:05:00+00:00",
    changes={"rollout_percent": 25.0, "ranges": [[0, 2500]], "promotion_id": None},
)


def test_an_empty_registry_has_version_zero(registry: Registry) -> None:
    """The first change of a new deployment needs something to condition on."""
    snapshot = registry.store.snapshot()

    assert snapshot.version == 0
    assert snapshot.records == {}


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(RECORD, id="an arm"),
        pytest.param(replace(RECORD, pending=PENDING), id="a waiting change"),
        pytest.param(
            replace(RECORD, parent_variant_id="seven", predecessor_id="seven", promotion_id="p-1"),
            id="every optional field",
        ),
        pytest.param(replace(RECORD, created_at="", config={}, ranges=()), id="nothing that may be empty"),
    ],
)
def test_a_row_is_read_as_it_was_written(registry: Registry, record: Any) -> None:
    """What is decided next is decided on this."""
    write = change(record)
    registry.store.apply(write)

    snapshot = registry.store.snapshot()

    assert snapshot.version == 1
    assert snapshot.records == {record.key: write.records[0]}
    assert list(registry.log.history(*record.key).entries) == list(write.entries)


def test_a_pending_change_goes_when_it_is_taken_away(registry: Registry) -> None:
    """A reader that still finds a cancelled change would bring it into force."""
    registry.store.apply(change(replace(RECORD, pending=PENDING)))
    waiting = registry.store.snapshot().records[RECORD.key]
    registry.store.apply(change(replace(waiting, pending=None), waiting, registry_version=1))

    assert registry.store.snapshot().records[RECORD.key].pending is None


def test_several_rows_change_together(registry: Registry) -> None:
    """A promotion moves two variants; one without the other would leave two in production, or none."""
    other = replace(RECORD, variant_id="ten")
    first, second = change(RECORD), change(other)
    registry.store.apply(
        RegistryWrite(0, (*first.records, *second.records), (*first.entries, *second.entries))
    )

    assert set(registry.store.snapshot().records) == {RECORD.key, other.key}
    assert len(registry.log.recent(limit=10).entries) == 2


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda row: change(row, row, registry_version=0), id="the registry has moved on"),
        pytest.param(lambda row: change(row, row, registry_version=2), id="such a registry is not there yet"),
        pytest.param(lambda row: change(RECORD, registry_version=1), id="the row is there already"),
        pytest.param(
            lambda row: change(row, replace(row, version=3), registry_version=1),
            id="the row has another version",
        ),
        pytest.param(
            lambda row: change(row, replace(row, audit_count=0), registry_version=1),
            id="the entry is there already",
        ),
        pytest.param(
            lambda row: change(
                replace(RECORD, variant_id="ten"),
                replace(RECORD, variant_id="ten", version=4),
                registry_version=1,
            ),
            id="the row that was changed is gone",
        ),
        pytest.param(
            lambda row: change(
                replace(RECORD, variant_id="ten"), replace(RECORD, variant_id="ten"), registry_version=1
            ),
            id="the row that was changed for the first time is gone",
        ),
        pytest.param(
            lambda row: change(row, row, registry_version=1, outcome=OUTCOME),
            id="the key was used meanwhile",
        ),
        pytest.param(
            lambda row: change(row, row, registry_version=1, promotion=PROMOTION),
            id="the promotion is open already",
        ),
    ],
)
def test_a_conflict_changes_nothing(registry: Registry, write: Any) -> None:
    """Half a change is worse than none: the audit log would tell of something that is not so."""
    registry.store.apply(change(RECORD, outcome=OUTCOME, promotion=PROMOTION))
    before = registry.store.snapshot()

    with pytest.raises(ConflictError):
        registry.store.apply(write(before.records[RECORD.key]))

    assert registry.store.snapshot() == before
    assert len(registry.log.recent(limit=10).entries) == 1


def test_an_outcome_is_kept_for_its_time(registry: Registry) -> None:
    """A repeated request gets the answer of the first one, however late the store removes what expired."""
    registry.store.apply(change(RECORD, outcome=OUTCOME))

    assert registry.store.outcome("admin#1") == OUTCOME
    assert registry.store.outcome("admin#2") is None

    registry.clock.advance(60)

    assert registry.store.outcome("admin#1") is None


def test_an_expired_outcome_makes_room(registry: Registry) -> None:
    """A key may be used again after its day, whether the old item was removed by then or not."""
    registry.store.apply(change(RECORD, outcome=OUTCOME))
    registry.clock.advance(61)
    standing = registry.store.snapshot().records[RECORD.key]
    later = replace(OUTCOME, body="{}", expires_at=OUTCOME.expires_at + 3600)
    registry.store.apply(change(standing, standing, registry_version=1, outcome=later))

    assert registry.store.outcome("admin#1") == later


def test_of_many_changes_of_one_snapshot_one_succeeds(registry: Registry) -> None:
    """Two operators who saw the same registry must not both act on it, even on different variants."""

    def write(number: int) -> bool:
        try:
            registry.store.apply(change(replace(RECORD, variant_id=f"arm-{number}")))
        except ConflictError:
            return False
        return True

    assert at_once(12, write).count(True) == 1
    assert len(registry.store.snapshot().records) == 1
    assert registry.store.snapshot().version == 1


def test_promotions_are_listed_newest_first(registry: Registry) -> None:
    """An operator looks for what waits now, and goes back from there, in as many pages as it takes."""
    for number in range(7):
        registry.store.apply(
            change(
                replace(RECORD, variant_id=f"arm-{number}"),
                registry_version=number,
                promotion=replace(
                    PROMOTION,
                    promotion_id=f"promotion-{number}",
                    requested_at=f"2026-11-2{number}T09:00:00+00:00",
                    status="applied" if number % 2 else "awaiting_evidence",
                ),
            )
        )

    whole = registry.promotions.newest().promotions
    first = registry.promotions.newest(status="awaiting_evidence", limit=3)
    rest = registry.promotions.newest(status="awaiting_evidence", limit=3, cursor=first.cursor)

    assert [one.promotion_id for one in whole] == [f"promotion-{number}" for number in range(6, -1, -1)]
    assert [one.promotion_id for one in first.promotions] == ["promotion-6", "promotion-4", "promotion-2"]
    assert [one.promotion_id for one in rest.promotions] == ["promotion-0"]
    assert rest.cursor is None
    assert whole[-1] == replace(
        PROMOTION, promotion_id="promotion-0", requested_at="2026-11-20T09:00:00+00:00"
    )
    with pytest.raises(ValueError, match="cursor"):
        registry.promotions.newest(cursor="nonsense")


def test_a_promotion_ends_with_the_change_that_ends_it(registry: Registry) -> None:
    """What was withdrawn must not be listed as if somebody still had to say yes."""
    registry.store.apply(change(RECORD, promotion=PROMOTION))
    standing = registry.store.snapshot().records[RECORD.key]
    closed = PromotionClosed(PROMOTION.promotion_id, "withdrawn", "2026-11-21T10:00:00+00:00", "operator:a")
    undo = replace(change(standing, standing, registry_version=1), closed=[closed])
    registry.store.apply(undo)

    [found] = registry.promotions.newest().promotions

    assert found == replace(
        PROMOTION, status="withdrawn", closed_at="2026-11-21T10:00:00+00:00", closed_by="operator:a"
    )
    assert registry.promotions.newest(status="awaiting_evidence").promotions == ()


def test_a_promotion_that_is_gone_does_not_stand_in_the_way(registry: Registry) -> None:
    """The change that ends it is an undo more often than not."""
    registry.store.apply(change(RECORD))
    standing = registry.store.snapshot().records[RECORD.key]
    closed = PromotionClosed("promotion-9", "withdrawn", "2026-11-21T10:00:00+00:00", "operator:a")
    registry.store.apply(replace(change(standing, standing, registry_version=1), closed=[closed]))

    assert registry.store.snapshot().version == 2
    assert registry.promotions.newest().promotions == ()


def test_one_execution_takes_a_promotion(registry: Registry) -> None:
    """Two at work on one variant would ask people twice."""
    registry.store.apply(change(RECORD, promotion=PROMOTION))
    taken = at_once(8, lambda number: registry.promotions.take("promotion-1", f"arn:{number % 4}"))
    found = registry.promotions.find("promotion-1")

    assert found is not None
    assert taken == [f"arn:{number % 4}" == found.execution for number in range(8)]
    assert taken.count(True) == 2
    assert registry.promotions.take("promotion-2", "arn:1") is False
    assert registry.promotions.find("promotion-2") is None


def test_a_promotion_that_is_over_is_not_taken_and_keeps_its_evidence(registry: Registry) -> None:
    """What people decided on stays what they decided on."""
    registry.store.apply(change(RECORD, promotion=PROMOTION))
    registry.promotions.note_evidence("promotion-1", "first")
    registry.promotions.note_evidence("promotion-1", "second")
    standing = registry.store.snapshot().records[RECORD.key]
    closed = PromotionClosed("promotion-1", "expired", "2026-11-21T10:00:00+00:00", "system:promotion")
    registry.store.apply(replace(change(standing, standing, registry_version=1), closed=[closed]))
    registry.promotions.note_evidence("promotion-1", "third")
    registry.promotions.note_evidence("promotion-2", "third")
    found = registry.promotions.find("promotion-1")

    assert found is not None
    assert (found.evidence_hash, found.status, found.execution) == ("second", "expired", "")
    assert registry.promotions.take("promotion-1", "arn:1") is False
    assert registry.promotions.find("promotion-2") is None


def test_promotions_of_a_variant_are_found_from_a_time_on(registry: Registry) -> None:
    """The night asks whether the variant, as it is, was decided on."""
    for number, variant_id in enumerate(("five", "five", "six", "five")):
        registry.store.apply(
            change(
                replace(RECORD, variant_id=f"arm-{number}"),
                registry_version=number,
                promotion=replace(
                    PROMOTION,
                    promotion_id=f"promotion-{number}",
                    variant_id=variant_id,
                    requested_at=f"2026-11-2{number}T09:00:00+00:00",
                ),
            )
        )

    def found(since: str, category: str = RECORD.category) -> list[str]:
        listed = registry.promotions.of_variant(category, "five", since)
        return [promotion.promotion_id for promotion in listed]

    assert found("2026-11-01T00:00:00+00:00") == ["promotion-3", "promotion-1", "promotion-0"]
    assert found("2026-11-21T09:00:00+00:00") == ["promotion-3", "promotion-1"]
    assert found("2026-11-21T09:00:00.5+00:00") == ["promotion-3"]
    assert found("2026-11-01T00:00:00+00:00", "LLM_MODEL") == []


def test_a_store_that_is_down_says_so(dynamodb: DynamoDBClient) -> None:
    """Every caller must tell "nothing there" from "cannot tell"; the message holds a code only."""
    down = memory_registry()
    assert isinstance(down.store, MemoryVariantStore)
    down.store.unavailable = True
    missing = aws_registry(dynamodb)
    for table in (aws.VARIANTS, aws.AUDIT_LOG, aws.PROMOTIONS, aws.CLAIMS):
        dynamodb.delete_table(TableName=table)

    for registry in (down, missing):
        for read in (
            registry.store.snapshot,
            lambda registry=registry: registry.store.apply(change(RECORD)),
            lambda registry=registry: registry.store.outcome("admin#1"),
            lambda registry=registry: registry.log.history("A", "b"),
            lambda registry=registry: registry.log.recent(limit=1),
            registry.promotions.newest,
            lambda registry=registry: registry.promotions.find("promotion-1"),
            lambda registry=registry: registry.promotions.take("promotion-1", "arn:1"),
            lambda registry=registry: registry.promotions.note_evidence("promotion-1", "hash"),
            lambda registry=registry: registry.promotions.of_variant("A", "b", "2026"),
        ):
            with pytest.raises(StoreUnavailableError, match=r"^(Unavailable|ResourceNotFoundException)$"):
                read()


def test_a_row_from_before_there_were_versions_is_changed_once(dynamodb: DynamoDBClient) -> None:
    """Deployments that have variants already must be able to change them, and still not lose an update."""
    registry = aws_registry(dynamodb)
    old = {"category": "LLM_MODEL", "variant_id": "a", "status": "staged", "created_at": "2026-01-01"}
    dynamodb.put_item(TableName=aws.VARIANTS, Item=to_item({**old, "pk": "VARIANT#LLM_MODEL", "sk": "a"}))
    standing = registry.store.snapshot().records["LLM_MODEL", "a"]
    assert (standing.version, standing.audit_count, standing.audit_head) == (1, 0, "")

    registry.store.apply(change(replace(standing, status="canary"), standing))

    changed = registry.store.snapshot().records["LLM_MODEL", "a"]
    assert (changed.status, changed.version, changed.audit_count) == ("canary", 2, 1)
    with pytest.raises(ConflictError):
        registry.store.apply(change(replace(standing, status="retired"), standing, registry_version=1))


def test_what_is_no_variant_is_not_read_as_one(dynamodb: DynamoDBClient) -> None:
    """The registry's own state lies in the table, and one damaged row must not stop all changes."""
    registry = aws_registry(dynamodb)
    grow(registry, 1)
    row = {"category": "LLM_MODEL", "variant_id": "a", "status": "staged"}
    for item in ({"pk": "VARIANT#LLM_MODEL", "sk": "damaged"}, {**row, "pk": "DRAFT#LLM_MODEL", "sk": "a"}):
        dynamodb.put_item(TableName=aws.VARIANTS, Item=to_item(item))

    assert set(registry.store.snapshot().records) == {RECORD.key}


@pytest.mark.parametrize(
    "damage",
    [
        {"rollout_percent": "5"},
        {"rollout_percent": None},
        {"version": "3"},
        {"audit_count": None},
        {"status": "elsewhere"},
        {"ranges": [[1]]},
        {"ranges": [["a", "b"]]},
        {"pool_rank": "1"},
        {"config": [1]},
    ],
    ids=str,
)
def test_a_row_that_nobody_can_count_with_stops_no_other_change(
    dynamodb: DynamoDBClient, damage: dict[str, Any]
) -> None:
    """A rollback in an incident must not fail because somebody typed into another row by hand."""
    registry = aws_registry(dynamodb)
    grow(registry, 1)
    damaged = to_item({**to_payload(replace(RECORD, variant_id="damaged", pending=None)), **damage})
    dynamodb.put_item(
        TableName=aws.VARIANTS, Item={**damaged, **to_item({"pk": "VARIANT#STARTER_POOL_SIZE", "sk": "d"})}
    )

    assert set(registry.store.snapshot().records) == {RECORD.key}


@pytest.mark.parametrize(
    "damage",
    [
        {"effective_at": "soon"},
        {"effective_at": "2026-11-21T09:05:00"},
        {"effective_at": None},
        {"changes": {"ranges": [3]}},
        {"changes": {"rollout_percent": "25"}},
        {"changes": None},
    ],
    ids=str,
)
def test_a_pending_change_that_cannot_be_read_is_none(
    dynamodb: DynamoDBClient, damage: dict[str, Any]
) -> None:
    """The turn takes the row as it stands; operators must see the same row, and be able to undo it."""
    registry = aws_registry(dynamodb)
    row = to_payload(replace(RECORD, pending=PENDING))
    row = {**row, "pending": {**row["pending"], **damage}, "pk": f"VARIANT#{RECORD.category}", "sk": "five"}
    dynamodb.put_item(TableName=aws.VARIANTS, Item=to_item(row))

    held = View.of(registry.store.snapshot().records, NOW + timedelta(days=1)).records

    assert held == {RECORD.key: RECORD}


def test_more_rows_than_one_page_are_read(dynamodb: DynamoDBClient) -> None:
    """DynamoDB hands out a megabyte at a time; a registry that is half read has no incumbents."""
    registry = aws_registry(dynamodb)
    for number in range(5):
        record = replace(RECORD, variant_id=f"arm-{number}", config={"text": "x" * 300_000})
        registry.store.apply(change(record, registry_version=number))

    assert len(registry.store.snapshot().records) == 5


def test_outcomes_and_claims_of_turns_do_not_meet(dynamodb: DynamoDBClient) -> None:
    """They share a table: nobody may be served an operator's answer as a reply, or the other way round."""
    registry, claims = aws_registry(dynamodb), DynamoClaimStore(dynamodb, aws.CLAIMS)
    registry.store.apply(change(RECORD, outcome=OUTCOME))
    claims.put_if_absent(Claim("claim-1", "b0d1", "turn-1", "session-1", "owner", 1_000, 4_000_000_000))

    assert registry.store.outcome("claim-1") is None
    with pytest.raises(PayloadError):
        claims.find("admin#1")
    standing = registry.store.snapshot().records[RECORD.key]
    write = change(standing, standing, registry_version=1, outcome=replace(OUTCOME, key="claim-1"))
    with pytest.raises(ConflictError):
        registry.store.apply(write)
