"""Have a local stack believe that what was simulated has been so all the while.

A comparison begins when the arm, and what it is held against, became what they are; and a promotion wants
turns that the sentinel has judged. Both take days. On a laptop the rows of the registry are made to say that
they have been as they are since the day before the simulated ones, and the simulated turns count as judged,
none of them missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from local.simulation.scenario import Scenario
from local.tools.errors import LocalError
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.live_misses import PARTITION
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.adapters.aws.registry_items import variant_key, variant_record
from silent_infinity.adapters.aws.variants import VARIANT_PREFIX
from silent_infinity.domain.registry.view import is_default, measured_since
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.usecases.rollup_run import arms_file

JUDGED = "simulated"
"""Where the counts lie that this made up: beside those of real turns."""


@dataclass(frozen=True)
class Settling:
    """The tables and the bucket of a local stack, and the categories that were asked for."""

    dynamodb: Any
    s3: Any
    outputs: Mapping[str, str]
    categories: Sequence[str]

    def check(self, scenario: Scenario) -> None:
        """See to it that the registry serves what is simulated.

        Raises:
            LocalError: an arm is not there, or has another share of the traffic.
        """
        for arm in scenario.arms:
            if arm.category not in self.categories:
                continue
            name = f"{arm.category}/{arm.variant_id}"
            record = self._rows(arm.category).get(arm.variant_id)
            if record is None:
                raise LocalError(f"The stack's registry has no {name}.", "`./run admin variants create`.")
            if record.rollout_percent != arm.rollout_percent:
                raise LocalError(
                    f"{name} is simulated at {arm.rollout_percent:g} %, but the stack's registry has it at "
                    f"{record.rollout_percent:g} %.",
                    f"`./run admin variants update {name} --rollout {arm.rollout_percent:g} --reason …`, or "
                    f"`--arm {arm.category}:{arm.variant_id}:{record.rollout_percent:g}`.",
                )

    def settle(self, scenario: Scenario, judged: int) -> list[str]:
        """Say that it has been so since before the simulated days, and that turns were judged.

        Returns:
            The variants whose rows say something else now, as `CATEGORY/id`.
        """
        before = datetime.combine(scenario.first - timedelta(days=1), time(), UTC)
        changed = []
        for category in self.categories:
            for record in self._serving(category):
                if datetime.fromisoformat(measured_since(record)) > before:
                    self._say(record, before.isoformat())
                    changed.append(f"{category}/{record.variant_id}")
        self._count(scenario, judged)
        self._forget_arms(scenario)
        return changed

    def _serving(self, category: str) -> Iterable[VariantRecord]:
        return [one for one in self._rows(category).values() if is_default(one) or one.rollout_percent > 0]

    def _rows(self, category: str) -> dict[str, VariantRecord]:
        found = items_of(
            self.dynamodb.query,
            TableName=self.outputs["VariantsTableName"],
            KeyConditionExpression="pk = :partition",
            ExpressionAttributeValues=to_item({":partition": f"{VARIANT_PREFIX}{category}"}),
        )
        records = [variant_record(item) for item in found]
        return {record.variant_id: record for record in records}

    def _say(self, record: VariantRecord, moment: str) -> None:
        self.dynamodb.update_item(
            TableName=self.outputs["VariantsTableName"],
            Key=variant_key(*record.key),
            UpdateExpression="SET measured_since = :moment",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=to_item({":moment": moment}),
        )

    def _count(self, scenario: Scenario, judged: int) -> None:
        key = {"pk": PARTITION, "sk": f"DAY#{scenario.until.isoformat()}#{JUDGED}"}
        self.dynamodb.put_item(
            TableName=self.outputs["VariantMetricsTableName"],
            Item=to_item({**key, "judged": judged, "missed": 0}),
        )

    def _forget_arms(self, scenario: Scenario) -> None:
        """Delete which arms ran on the simulated days: a rollup writes that down once, and keeps to it."""
        for day in range(scenario.days):
            self.s3.delete_object(
                Bucket=self.outputs["LakeBucketName"], Key=arms_file(scenario.first + timedelta(days=day))
            )


def settling(stack: Any, categories: Iterable[str]) -> Settling:
    """Return what settles some categories of a local stack."""
    return Settling(stack.client("dynamodb"), stack.client("s3"), stack.outputs, sorted(set(categories)))
