"""What every store of reference data promises: it adds, and never overwrites."""

from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.registry_items import audit_item, entry_of, variant_item, variant_record
from silent_infinity.adapters.aws.seeding import AwsSeedStore
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.seeding import MemorySeedStore
from silent_infinity.domain.audit import AuditEntry, digest
from silent_infinity.domain.initial_variants import initial_variant_records
from silent_infinity.domain.registry.commands import Action, RecordChange
from silent_infinity.domain.registry.recording import audited_state, recorded
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.seeding import PromptChangedError, SeedStore
from silent_infinity.usecases.seed_reference_data import Seeded, SeedReferenceData
from tests.contract import aws
from tests.contract.threads import at_once

NOW = "2026-11-21T09:00:00+00:00"


@dataclass(frozen=True)
class MemoryTables:
    """A store in memory, and what lies in it."""

    store: MemorySeedStore

    def rows(self) -> list[VariantRecord]:
        """Return every row of the registry."""
        return list(self.store.variants.values())

    def entries(self) -> list[AuditEntry]:
        """Return every audit entry."""
        return [entry for chain in self.store.chains.values() for entry in chain]

    def put_row(self, record: VariantRecord) -> None:
        """Put a row past the store."""
        self.store.variants[record.key] = record

    def put_entry(self, entry: AuditEntry) -> None:
        """Put an audit entry past the store."""
        self.store.chains[entry.category, entry.variant_id] = [entry]


@dataclass(frozen=True)
class AwsTables:
    """The store on AWS, and what lies in its tables."""

    store: AwsSeedStore
    dynamodb: DynamoDBClient

    def rows(self) -> list[VariantRecord]:
        """Return every row of the registry."""
        return [variant_record(item) for item in self.dynamodb.scan(TableName=aws.VARIANTS)["Items"]]

    def entries(self) -> list[AuditEntry]:
        """Return every audit entry."""
        return [entry_of(item) for item in self.dynamodb.scan(TableName=aws.AUDIT_LOG)["Items"]]

    def put_row(self, record: VariantRecord) -> None:
        """Put a row past the store."""
        self.dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(record))

    def put_entry(self, entry: AuditEntry) -> None:
        """Put an audit entry past the store."""
        self.dynamodb.put_item(TableName=aws.AUDIT_LOG, Item=audit_item(entry))


Tables = MemoryTables | AwsTables


@pytest.fixture(params=["memory", "aws"])
def tables(request: pytest.FixtureRequest) -> Tables:
    """An empty store of one implementation."""
    if request.param == "memory":
        return MemoryTables(MemorySeedStore())
    dynamodb: DynamoDBClient = request.getfixturevalue("dynamodb")
    s3: S3Client = request.getfixturevalue("s3")
    return AwsTables(aws_seed_store(dynamodb, s3), dynamodb)


def aws_seed_store(dynamodb: DynamoDBClient, s3: S3Client) -> AwsSeedStore:
    """Return the store on AWS."""
    return AwsSeedStore(
        dynamodb,
        s3,
        variants_table=aws.VARIANTS,
        audit_table=aws.AUDIT_LOG,
        prompts_table=aws.PROMPTS,
        prompts_bucket=aws.BUCKET,
    )


@pytest.fixture
def seed_store(tables: Tables) -> SeedStore:
    """The store alone."""
    return tables.store


def seeding(store: SeedStore) -> SeedReferenceData:
    """Return the seeding of the whole initial population."""
    return SeedReferenceData(
        store=store,
        variants=initial_variant_records(),
        prompts=(),
        clock=FixedClock(datetime.fromisoformat(NOW)),
    )


def created(record: VariantRecord) -> tuple[VariantRecord, AuditEntry]:
    """Return a row and its first entry."""
    change = RecordChange(Action.CREATE, None, record)
    return recorded(change, at=NOW, actor="system:test", reason="Made for a test", request_id="r")


def test_the_population_is_put_once(tables: Tables) -> None:
    """Every deployment seeds; the second one must find nothing to do."""
    seed, count = seeding(tables.store), len(initial_variant_records())

    assert seed("first") == Seeded(variants=count, prompts=0)
    assert seed("second") == Seeded(variants=0, prompts=0)
    assert len(tables.rows()) == len(tables.entries()) == count
    assert {entry.facts["request_id"] for entry in tables.entries()} == {"first"}


def test_every_row_comes_with_the_beginning_of_its_history(tables: Tables) -> None:
    """A chain that begins with the row leaves no change of it that nobody answers for."""
    seeding(tables.store)("deployment")
    chains = {(entry.category, entry.variant_id): entry for entry in tables.entries()}

    for row in tables.rows():
        entry = chains[row.key]
        assert (row.version, row.audit_count, row.audit_head) == (1, 1, entry.hash)
        assert entry.sequence == 1
        assert entry.hash == digest(entry.document)
        assert entry.facts["actor"] == "system:initial-population"
        assert entry.facts["action"] == "create"
        assert entry.facts["before"] is None
        assert entry.facts["after"] == audited_state(row)


def test_what_operators_changed_stays(tables: Tables) -> None:
    """A deployment that resets a paused variant would put people back into a failed experiment."""
    record, entry = created(initial_variant_records()[0])
    retired = replace(record, status="retired", rollout_percent=0, version=7)
    tables.put_row(retired)

    assert not tables.store.put_variant_if_absent(record, entry)
    assert tables.rows() == [retired]
    # A row of an older deployment has no chain, and a chain that began now would claim it was made now.
    assert tables.entries() == []


def test_a_history_is_never_begun_anew(tables: Tables) -> None:
    """A row that vanished shows in the verification only as long as nothing hides that it was there."""
    record, entry = created(initial_variant_records()[0])
    tables.put_entry(entry)

    assert not tables.store.put_variant_if_absent(record, replace(entry, hash="f" * 64))
    assert tables.rows() == []
    assert tables.entries() == [entry]


def test_a_seeding_that_stopped_half_way_is_finished_by_the_next(tables: Tables) -> None:
    """CloudFormation calls again; nothing may be missing, and nothing be there twice."""
    half = initial_variant_records()[:20]
    for record in half:
        tables.store.put_variant_if_absent(*created(record))

    assert seeding(tables.store)("again").variants == len(initial_variant_records()) - len(half)
    assert {row.key for row in tables.rows()} == {record.key for record in initial_variant_records()}
    assert len(tables.entries()) == len(initial_variant_records())


def test_concurrent_seedings_make_one_row_and_one_entry(tables: Tables) -> None:
    """Two pipelines at once: each row is somebody's, and its entry is of the same one."""
    record = initial_variant_records()[0]

    def put(number: int) -> bool:
        change = RecordChange(Action.CREATE, None, replace(record, description=str(number)))
        row, entry = recorded(change, at=NOW, actor="system:test", reason="r", request_id=str(number))
        return tables.store.put_variant_if_absent(row, entry)

    outcomes = at_once(8, put)
    (row,), (entry,) = tables.rows(), tables.entries()

    assert outcomes.count(True) == 1
    assert row.audit_head == entry.hash
    assert entry.facts["request_id"] == row.description == str(outcomes.index(True))


def test_a_prompt_is_published_once(seed_store: SeedStore) -> None:
    """The same version with the same text is the normal case of a second deployment."""
    assert seed_store.publish_prompt("system", 2, "You listen.", NOW) is True
    assert seed_store.publish_prompt("system", 2, "You listen.", NOW) is False
    assert seed_store.publish_prompt("system", 3, "You listen well.", NOW) is True


def test_a_published_version_does_not_change(seed_store: SeedStore) -> None:
    """Turn events name a version; if its text could change, they would say nothing."""
    seed_store.publish_prompt("system", 2, "You listen.", NOW)

    with pytest.raises(PromptChangedError) as caught:
        seed_store.publish_prompt("system", 2, "You talk.", NOW)

    assert str(caught.value) == "system version 2"


def test_concurrent_deployments_publish_one_text(seed_store: SeedStore) -> None:
    """Two pipelines at once: one wins, and the other with another text is told."""

    def publish(number: int) -> str:
        try:
            return str(seed_store.publish_prompt("system", 2, f"text {number % 2}", NOW))
        except PromptChangedError:
            return "changed"

    outcomes = at_once(8, publish)

    assert outcomes.count("True") == 1
    assert outcomes.count("False") == 3
    assert outcomes.count("changed") == 4
