"""Figures for arms on a deployed stack: simulated people, rolled up once, and rewritten for other arms."""

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.lake_catalog import GlueLakeCatalog
from silent_infinity.adapters.aws.live_misses import PARTITION

DAYS = 3
EXPERIMENTS, HISTOGRAMS = "gold_experiments", "gold_histograms"
COUNTS = ("units", "sessions", "users", "turns", "exposed_turns", "crisis_turns", "mixed_units", "n")
SUMS = ("total", "squares", "numerator", "denominator", "numerator_squares", "denominator_squares", "cross")


@dataclass(frozen=True)
class Figures:
    """Figures of a simulated arm, `CATEGORY/id`, with its share of the traffic in percent.

    `last` is their last day. They are kept in files in `folder` as the rollup made them.
    """

    stack: LocalStack
    name: str
    production: str
    percent: float
    last: date
    folder: Path

    def give(
        self,
        name: str,
        production: str,
        *,
        percent: float,
        rates: Mapping[str, float] | None = None,
        times: float = 1.0,
    ) -> None:
        """Have the lake say of an arm what it says of the simulated one.

        Args:
            name: the arm, `CATEGORY/id`: another one or the same. What the lake had of it is gone.
            production: the id of that category's production variant.
            percent: the share of the arm. Production's counts and sums are made to fit.
            rates: metrics of which the arm has another rate.
            times: how many times the share the arm's counts and sums are: what should not be, unless 1.
        """
        category, _, arm = name.partition("/")
        mine, _, my_arm = self.name.partition("/")
        to = {"category": category, "arm": arm, "mine": mine, "my_arm": my_arm}
        factor = (100 / percent - 1) / (100 / self.percent - 1) / times
        with self._rewritten(EXPERIMENTS, self.last) as lake:
            lake.execute("DELETE FROM gold WHERE category = $1 AND arm_id = $2", [category, arm])
            lake.execute(
                _GIVEN.format(scaled=_scaled(factor)),
                {**to, "production": production, "my_production": self.production},
            )
            for metric, rate in (rates or {}).items():
                lake.execute(
                    "UPDATE given SET total = round(n * $rate) WHERE variant_id = $arm AND metric = $metric",
                    {"rate": rate, "arm": arm, "metric": metric},
                )
            _merge(lake)
        for day in self._days():
            if name == self.name:
                continue
            with self._rewritten(HISTOGRAMS, day) as lake:
                lake.execute("DELETE FROM gold WHERE category = $1 AND variant_id = $2", [category, arm])
                lake.execute(
                    "CREATE TABLE given AS SELECT * REPLACE ($category AS category, $arm AS variant_id)"
                    " FROM genuine WHERE category = $mine AND variant_id = $my_arm",
                    to,
                )
                _merge(lake)

    def restore(self) -> None:
        """Have the lake say of the simulated arm what the rollup found."""
        self.give(self.name, self.production, percent=self.percent)

    def keep(self) -> None:
        """Keep what the rollup has just made."""
        for table, wanted in ((EXPERIMENTS, [self.last]), (HISTOGRAMS, self._days())):
            for day in wanted:
                bucket, prefix = self._place(table, day)
                s3 = self.stack.client("s3")
                for number, entry in enumerate(s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]):
                    s3.download_file(
                        bucket, entry["Key"], str(self.folder / f"{table}-{day}-{number}.parquet")
                    )

    def _days(self) -> list[date]:
        return [self.last - timedelta(days=ago) for ago in range(DAYS)]

    @contextmanager
    def _rewritten(self, table: str, day: date) -> Iterator[Any]:
        """Give a connection with the tables `gold`, as the lake has the day, and `genuine`, as it was made;
        afterwards the lake has `gold`, in another place: whoever reads meanwhile reads one or the other.
        """
        bucket, prefix = self._place(table, day)
        s3 = self.stack.client("s3")
        with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as lake:
            for number, entry in enumerate(s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]):
                s3.download_file(bucket, entry["Key"], f"{scratch}/{number}.parquet")
            for name, files in (("gold", f"{scratch}/*"), ("genuine", f"{self.folder}/{table}-{day}-*")):
                lake.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{files}.parquet')")  # noqa: S608
            yield lake
            path = f"{scratch}/gold.written"
            lake.execute(f"COPY gold TO '{path}' (FORMAT parquet)")
            table_prefix = prefix.partition("run=")[0]
            elsewhere = f"{table_prefix}run=given-{uuid.uuid4().hex}/dt={day.isoformat()}/"
            s3.upload_file(path, bucket, f"{elsewhere}gold.parquet")
        self._catalog.swap(table, {day: f"s3://{bucket}/{elsewhere}"})

    def _place(self, table: str, day: date) -> tuple[str, str]:
        place = urlsplit(self._catalog.locations(table)[day])
        return place.netloc, place.path.lstrip("/")

    @property
    def _catalog(self) -> GlueLakeCatalog:
        database = self.stack.outputs["LakeDatabaseName"]
        return GlueLakeCatalog(lambda: self.stack.client("glue"), database)


def simulated(
    stack: LocalStack,
    name: str,
    production: str,
    folder: Path,
    *,
    percent: float,
    sessions: int,
    effects: tuple[str, ...] = (),
    seed: int = 29,
) -> Figures:
    """Put people's turns of three days into bronze, roll them up, and return the figures.

    Args:
        stack: where.
        name: the arm, `CATEGORY/id`; its row says that it has served since before the days.
        production: the id of the category's production variant.
        folder: where the figures are kept.
        percent: the share of the arm.
        sessions: how many there are, of all arms.
        effects: what is planted on the arm, such as `completion:+0.1`.
        seed: of the simulation.
    """
    # Not above: the end-to-end tests' own fixtures import this module.
    from tests.e2e.test_rollup_failures import letters, run

    last = datetime.now(UTC).date() - timedelta(days=1)
    category, _, arm = name.partition("/")
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
    figures = Figures(stack, name, production, percent, last, folder)
    figures.keep()
    return figures


def settled(stack: LocalStack, name: str) -> None:
    """Have a row say that its variant, `CATEGORY/id`, has been what it is for some days.

    Whoever verifies the variant's history finds that out, until the row is changed as rows are.
    """
    moment = datetime.now(UTC) - timedelta(days=DAYS + 1)
    _set(stack, name, "measured_since", moment.isoformat())


@contextmanager
def settled_for_now(stack: LocalStack, name: str) -> Iterator[None]:
    """The same, for a row that may not be changed meanwhile: it says the truth again afterwards."""
    before = _row(stack, name)
    settled(stack, name)
    yield
    if _row(stack, name)["version"] == before["version"]:
        _set(stack, name, "measured_since", str(before.get("measured_since", "")))


def cooled_down(stack: LocalStack, name: str) -> None:
    """Have a change that waits for its cooldown have waited long enough."""
    _set(stack, name, "pending.effective_at", (datetime.now(UTC) - timedelta(seconds=1)).isoformat())


def _key(name: str) -> dict[str, Any]:
    category, _, variant_id = name.partition("/")
    return to_item({"pk": f"VARIANT#{category}", "sk": variant_id})


def _row(stack: LocalStack, name: str) -> dict[str, Any]:
    found = stack.client("dynamodb").get_item(TableName=stack.outputs["VariantsTableName"], Key=_key(name))
    return from_item(found["Item"])


def _set(stack: LocalStack, name: str, place: str, value: str) -> None:
    stack.client("dynamodb").update_item(
        TableName=stack.outputs["VariantsTableName"],
        Key=_key(name),
        UpdateExpression=f"SET {place} = :value",
        ExpressionAttributeValues=to_item({":value": value}),
    )


def judged(stack: LocalStack, turns: int, missed: int = 0) -> None:
    """Have the sentinel have judged some turns today."""
    day = datetime.now(UTC).date().isoformat()
    stack.client("dynamodb").put_item(
        TableName=stack.outputs["VariantMetricsTableName"],
        Item=to_item({"pk": PARTITION, "sk": f"DAY#{day}#99", "judged": turns, "missed": missed}),
    )


_GIVEN = """
CREATE TABLE given AS
SELECT * REPLACE ($category AS category, $arm AS arm_id, $arm AS variant_id)
FROM genuine WHERE category = $mine AND arm_id = $my_arm AND variant_id = $my_arm
UNION ALL BY NAME
SELECT * REPLACE ($category AS category, $arm AS arm_id, $production AS variant_id, {scaled})
FROM genuine WHERE category = $mine AND arm_id = $my_arm AND variant_id = $my_production
"""


def _scaled(factor: float) -> str:
    whole = [f'CAST(round("{name}" * {factor!r}) AS bigint) AS "{name}"' for name in COUNTS]
    sums = []
    for name in SUMS:
        product = f'"{name}" * {factor!r}'
        # Successes are counts, so that a rate stays one.
        sums.append(f"IF(kind = 'rate', round({product}), {product}) AS \"{name}\"")
    return ", ".join([*whole, *sums])


def _merge(lake: Any) -> None:
    [(rows,)] = lake.execute("SELECT count(*) FROM given").fetchall()
    assert rows, "the simulated arm has no figures"
    lake.execute("INSERT INTO gold BY NAME SELECT * FROM given")
