"""Figures for arms on a deployed stack: simulated people through the rollup once, copied for other arms."""

import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

from local.simulation import bronze
from local.simulation.effects import parsed
from local.simulation.scenario import Scenario, Share, registry
from local.simulation.simulation import arrivals, days
from local.stack.stack import LocalStack
from tests.e2e.test_rollup_failures import letters, run

DAYS = 3
COUNTS = ("units", "sessions", "users", "turns", "exposed_turns", "crisis_turns", "mixed_units", "n")
SUMS = (
    "total",
    "squares",
    "numerator",
    "denominator",
    "numerator_squares",
    "denominator_squares",
    "cross",
)


@dataclass(frozen=True)
class Simulated:
    """An arm of a category, and its share of the traffic in percent, in the figures of three days."""

    stack: LocalStack
    category: str
    arm: str
    production: str
    percent: float
    last: date

    @classmethod
    def through_the_rollup(
        cls,
        stack: LocalStack,
        name: str,
        production: str,
        *,
        percent: float,
        sessions: int,
        effects: tuple[str, ...] = (),
        seed: int = 29,
    ) -> "Simulated":
        """Put people's turns of three days into bronze, and roll them up.

        Args:
            name: the arm, `CATEGORY/id`; its row says that it has served since before the days.
            production: the id of the category's production variant.
            percent: the share of the arm.
            sessions: how many there are, of all arms.
            effects: what is planted on the arm, such as `completion:+0.1`.
            seed: of the simulation.
        """
        category, _, arm = name.partition("/")
        last = datetime.now(UTC).date() - timedelta(days=1)
        planted = tuple(parsed(f"{category}:{arm}:{effect}") for effect in effects)
        variants = registry(planted, [Share(category, arm, percent)])
        scenario = Scenario(sessions, DAYS, last, seed, variants, planted)
        objects, bucket = stack.client("s3"), stack.outputs["LakeBucketName"]
        with tempfile.TemporaryDirectory() as scratch:
            seen = (one for day in days(scenario) for one in arrivals(day, scenario.disorder, scenario.seed))
            bronze.write(Path(scratch), seen)
            for path in sorted(Path(scratch).rglob("*.parquet")):
                objects.upload_file(str(path), bucket, path.relative_to(scratch).as_posix())
        # The arms of a day are written down once; an earlier run of that night knew nothing of this one.
        objects.delete_object(Bucket=bucket, Key=f"registry/dt={last.isoformat()}/arms.json")
        ended = run(stack, {"date": last.isoformat()}, patience_seconds=180)
        assert ended["status"] == "SUCCEEDED", letters(stack)
        return cls(stack, category, arm, production, percent, last)

    def copied_to(
        self, name: str, production: str, *, percent: float, rates: Mapping[str, float] | None = None
    ) -> None:
        """Give another arm the same figures, beside a production whose share fits.

        Args:
            name: `CATEGORY/id`.
            production: the id of that category's production variant.
            percent: the share of that arm; production has the rest.
            rates: metrics of which the arm has another rate.
        """
        category, _, arm = name.partition("/")
        factor = (100 / percent - 1) / (100 / self.percent - 1)
        to = {"category": category, "arm": arm, "production": production, "factor": factor}
        with duckdb.connect() as lake:
            self._load(lake, "gold_experiments", self.last)
            lake.execute(_COPIED.format(**_columns(factor)), {**to, **self._mine})
            for metric, rate in (rates or {}).items():
                lake.execute(
                    "UPDATE copied SET total = round(n * $rate) WHERE variant_id = $arm AND metric = $metric",
                    {"rate": rate, "arm": arm, "metric": metric},
                )
            self._add(lake, "gold_experiments", self.last)
        for ago in range(DAYS):
            day = self.last - timedelta(days=ago)
            with duckdb.connect() as lake:
                self._load(lake, "gold_histograms", day)
                lake.execute(
                    "CREATE TABLE copied AS SELECT * REPLACE ($category AS category, $arm AS variant_id)"
                    " FROM gold WHERE category = $mine AND variant_id = $my_arm",
                    {"category": category, "arm": arm, **self._mine_without_production},
                )
                self._add(lake, "gold_histograms", day)

    @property
    def _mine(self) -> dict[str, str]:
        return {**self._mine_without_production, "my_production": self.production}

    @property
    def _mine_without_production(self) -> dict[str, str]:
        return {"mine": self.category, "my_arm": self.arm}

    def _place(self, table: str, day: date) -> tuple[str, str]:
        found = self.stack.client("glue").get_partition(
            DatabaseName=self.stack.outputs["LakeDatabaseName"],
            TableName=table,
            PartitionValues=[day.isoformat()],
        )
        place = urlsplit(found["Partition"]["StorageDescriptor"]["Location"])
        return place.netloc, place.path.strip("/") + "/"

    def _load(self, lake: Any, table: str, day: date) -> None:
        bucket, prefix = self._place(table, day)
        s3 = self.stack.client("s3")
        with tempfile.TemporaryDirectory() as scratch:
            for number, entry in enumerate(s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]):
                s3.download_file(bucket, entry["Key"], f"{scratch}/{number}.parquet")
            lake.execute(f"CREATE TABLE gold AS SELECT * FROM read_parquet('{scratch}/*.parquet')")  # noqa: S608

    def _add(self, lake: Any, table: str, day: date) -> None:
        [(rows,)] = lake.execute("SELECT count(*) FROM copied").fetchall()
        assert rows, (table, day)
        bucket, prefix = self._place(table, day)
        with tempfile.TemporaryDirectory() as scratch:
            path = f"{scratch}/copied.parquet"
            lake.execute(f"COPY copied TO '{path}' (FORMAT parquet)")
            self.stack.client("s3").upload_file(path, bucket, f"{prefix}{uuid.uuid4().hex}.parquet")


_COPIED = """
CREATE TABLE copied AS
SELECT * REPLACE ($category AS category, $arm AS arm_id, $arm AS variant_id)
FROM gold WHERE category = $mine AND arm_id = $my_arm AND variant_id = $my_arm
UNION ALL BY NAME
SELECT * REPLACE ($category AS category, $arm AS arm_id, $production AS variant_id, {scaled})
FROM gold WHERE category = $mine AND arm_id = $my_arm AND variant_id = $my_production
"""


def _columns(factor: float) -> dict[str, str]:
    whole = [f"CAST(round({name} * {factor!r}) AS bigint) AS {name}" for name in COUNTS]
    # Successes are counts, so that a rate stays one.
    sums = [f"IF(kind = 'rate', round({name} * {factor!r}), {name} * {factor!r}) AS {name}" for name in SUMS]
    return {"scaled": ", ".join([*whole, *sums])}


def settled(stack: LocalStack, *names: str, ago: int = DAYS + 1) -> None:
    """Have rows say that their variants have been what they are for some days.

    Args:
        names: variants, `CATEGORY/id`.
        ago: how many days.
    """
    moment = (datetime.now(UTC) - timedelta(days=ago)).isoformat()
    for name in names:
        category, _, variant_id = name.partition("/")
        stack.client("dynamodb").update_item(
            TableName=stack.outputs["VariantsTableName"],
            Key={"pk": {"S": f"VARIANT#{category}"}, "sk": {"S": variant_id}},
            UpdateExpression="SET measured_since = :moment, last_modified = :moment",
            ExpressionAttributeValues={":moment": {"S": moment}},
        )
