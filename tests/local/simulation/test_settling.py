"""A local stack that believes that what was simulated has been so all the while."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.cli import simulate
from local.cli.__main__ import build_parser
from local.simulation.scenario import Scenario, Share, registry
from local.simulation.settling import Settling, settling
from local.tools.errors import LocalError
from silent_infinity.adapters.aws.live_misses import DynamoLiveMissCounts
from silent_infinity.adapters.aws.registry_items import variant_item
from silent_infinity.domain.initial_variants import initial_variant_records
from silent_infinity.domain.lake.running_arms import running_arms
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.live_misses import LiveMisses
from silent_infinity.usecases.rollup_run import arms_file
from tests.contract import aws

CATEGORY, ARM = "GHOST_CHAR_STYLE", "dots"
UNTIL = date(2026, 11, 21)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BUCKET = "lake"


@dataclass
class Stack:
    """The tables and the lake of a stack, by moto."""

    dynamodb: Any
    s3: Any
    settling: Settling

    def put(self, record: VariantRecord) -> None:
        """Write a row."""
        self.dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(record))

    def rows(self) -> dict[tuple[str, str], VariantRecord]:
        """The rows of the category."""
        return {record.key: record for record in self.settling._rows(CATEGORY).values()}


def scenario(percent: float = 5) -> Scenario:
    """Three days with the arm."""
    return Scenario(50, 3, UNTIL, 1, registry((), [Share(CATEGORY, ARM, percent)]))


def rows() -> list[VariantRecord]:
    """The category's rows as they are after somebody gave the arm 5 %."""
    seeded = [record for record in initial_variant_records() if record.category == CATEGORY]
    given: dict[str, Any] = {
        "rollout_percent": 5.0,
        "ranges": ((0, 500),),
        "seed": "s",
        "measured_since": NOW.isoformat(),
    }
    return [
        replace(one, measured_since="2026-11-21T23:00:00+00:00")
        if one.variant_id != ARM
        else replace(one, **given)
        for one in seeded
    ]


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack whose arm serves since an hour."""
    with mock_aws():
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        aws.create_tables(dynamodb)
        s3.create_bucket(Bucket=BUCKET)
        outputs = {
            "VariantsTableName": aws.VARIANTS,
            "VariantMetricsTableName": aws.VARIANT_METRICS,
            "LakeBucketName": BUCKET,
        }
        clients = {"dynamodb": dynamodb, "s3": s3}
        made = Stack(dynamodb, s3, settling(SimpleNamespace(client=clients.get, outputs=outputs), [CATEGORY]))
        for record in rows():
            made.put(record)
        yield made


def test_the_comparison_then_begins_with_the_first_simulated_day(stack: Stack) -> None:
    """As the rollup reads it: what the figures are of is what was simulated."""
    assert running_arms(stack.rows(), NOW, UNTIL) == ()
    changed = stack.settling.settle(scenario(), 3000)

    [arm] = running_arms(stack.rows(), NOW, UNTIL)
    assert (arm.variant_id, arm.since, arm.shares_since) == (ARM, "2026-11-19", "2026-11-19")
    assert sorted(changed) == sorted([f"{CATEGORY}/{ARM}", f"{CATEGORY}/{arm.production[0]}"])


def test_nothing_else_of_a_row_changes(stack: Stack) -> None:
    """Its version least of all: evidence is bound to it."""
    before = stack.rows()
    stack.settling.settle(scenario(), 3000)

    after = stack.rows()
    assert {key: replace(row, measured_since="") for key, row in after.items()} == {
        key: replace(row, measured_since="") for key, row in before.items()
    }


def test_what_is_older_than_the_days_stays_as_it_is(stack: Stack) -> None:
    """A comparison that has long begun must not begin later."""
    for record in rows():
        stack.put(replace(record, measured_since="2026-10-01T00:00:00+00:00"))

    assert stack.settling.settle(scenario(), 3000) == []
    assert {row.measured_since for row in stack.rows().values()} == {"2026-10-01T00:00:00+00:00"}


def test_simulated_turns_count_as_judged_once_however_often_they_are_settled(stack: Stack) -> None:
    """The same days simulated again are not twice as many people."""
    for judged in (2000, 3500):
        stack.settling.settle(scenario(), judged)
    counts = DynamoLiveMissCounts(stack.dynamodb, aws.VARIANT_METRICS)

    assert counts.between(UNTIL - timedelta(days=29), UNTIL) == LiveMisses(3500, 0)


def test_what_a_night_wrote_down_of_its_arms_is_forgotten(stack: Stack) -> None:
    """It was written without the arm, and the next run of the night would keep to it."""
    for day in (UNTIL, UNTIL - timedelta(days=3)):
        stack.s3.put_object(Bucket=BUCKET, Key=arms_file(day), Body=b"[]")
    stack.settling.settle(scenario(), 3000)

    left = stack.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [one["Key"] for one in left] == [arms_file(UNTIL - timedelta(days=3))]


@pytest.mark.parametrize(
    ("percent", "says"), [(20, "at 20 %, but .* at 5 %"), (0.5, r"at 0.5 %, but .* at 5 %")]
)
def test_another_share_than_the_registrys_is_refused(stack: Stack, percent: float, says: str) -> None:
    """People would divide as no registry has them divided: the gate of the sample ratio stops that."""
    stack.settling.check(scenario())

    with pytest.raises(LocalError, match=says):
        stack.settling.check(scenario(percent))


def test_an_arm_that_the_registry_does_not_have_is_refused(stack: Stack) -> None:
    """It could never be promoted."""
    made_up = Scenario(50, 3, UNTIL, 1, registry((), [Share(CATEGORY, "made-up", 5)]))

    with pytest.raises(LocalError, match="has no GHOST_CHAR_STYLE/made-up"):
        stack.settling.check(made_up)


def test_a_folder_has_no_registry_to_settle() -> None:
    """The option means the local stack."""
    arguments = build_parser().parse_args(["simulate", "--settle", "--to", "somewhere"])
    context: Any = SimpleNamespace()

    with pytest.raises(LocalError, match="local stack"):
        simulate.run_simulate(context, arguments)
