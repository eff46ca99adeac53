"""What the lake costs in a month, derived from measured bytes, list prices and the design's own numbers.

What grows with the turns (bronze, silver, units) is scaled by the turns of a day; gold is the same at any
volume, because its rows are variants, days and bins.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "lake"
MEASURED = FOLDER / "measured.json"
PRICES = FOLDER / "prices.json"

VOLUMES = (1_000_000, 100_000_000, 10_000_000_000)
DAYS_A_MONTH = 365 / 12
WEEKS_A_MONTH = DAYS_A_MONTH / 7
SECONDS_A_MONTH = DAYS_A_MONTH * 86_400
KB, MB, GB, TB = 2**10, 2**20, 2**30, 2**40

# The design's own numbers; tests hold them against the code that they are from.
BATCH = 500
BATCH_SECONDS = 60
CONSUMER_MB = 512
BUFFER_SECONDS = 900
BUFFER_MB = 128
RECORD_BYTES = 1_000 * KB
SWEPT_AFTER_DAYS = 3
STATES_A_NIGHT = 26
STATES_AN_ITEM = 4
SCAN_LIMIT_GB = 1_000
ALARMS = 13
METRICS = 2

NIGHT, ALL_LATE, WEEK = "night", "night_all_late", "week"

Data = Mapping[str, Any]


@cache
def measured() -> Data:
    """Return what was measured."""
    found: Data = json.loads(MEASURED.read_text(encoding="utf-8"))
    return found


@cache
def prices() -> Data:
    """Return prices, assumptions and limits."""
    found: Data = json.loads(PRICES.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a month's bill."""

    service: str
    what: str
    quantity: float
    unit: str
    usd: float


@dataclass(frozen=True, slots=True)
class Read:
    """Statements of one name: how many run in a month, the bytes that they are billed together, and USD."""

    statement: str
    runs: float
    bytes: float
    usd: float


class Lake:
    """The lake at so many turns a month."""

    def __init__(self, turns: int, data: Data | None = None, money: Data | None = None) -> None:
        self.turns = turns
        self._data = data or measured()
        self._money = money or prices()
        self._assumed = self._money["assumptions"]

    @property
    def turns_a_day(self) -> float:
        """Turns of a mean day."""
        return self.turns / DAYS_A_MONTH

    @property
    def growth(self) -> float:
        """How many times as many turns a day has as one of the measured lake."""
        return self.turns_a_day / float(self._data["events"] / self._data["days"])

    @property
    def events_a_second(self) -> float:
        """Turns of a mean second."""
        return self.turns / SECONDS_A_MONTH

    @property
    def feedback_a_turn(self) -> float:
        """Pieces of feedback for each turn."""
        share: float = self._data["feedback"] / self._data["events"]
        return share

    # What Athena reads

    def layout(self, table: str) -> str:
        """Return which of the measured layouts the objects of a table have.

        Objects of bronze are as large as 15 minutes make them. Refined ones are of a day: at a million turns
        a month those have 33,000 rows already.
        """
        if self._data["tables"][table]["layer"] != "bronze":
            return "large" if self._data["tables"][table]["grows"] else "small"
        rows = self._data["rows_an_object"]
        middle = math.sqrt(rows["small"] * rows["large"])
        return "large" if self.rows_an_object >= middle else "small"

    @property
    def rows_an_object(self) -> float:
        """Turns in one object of bronze."""
        most = BUFFER_MB * MB / float(self._data["json_bytes"]["turn_events"])
        return min(self.events_a_second * BUFFER_SECONDS, most)

    def scanned(self, statement: Data) -> float:
        """Return the bytes that one run of a statement reads."""
        return sum(
            float(read[self.layout(table)]) * self._growth_of(table)
            for table, read in statement["reads"].items()
        )

    def athena(self, kind: str) -> list[Read]:
        """Return the statements of a night or a week, those of one name together."""
        price = self._money["prices"]["athena_tb"]
        runs = WEEKS_A_MONTH if kind == WEEK else DAYS_A_MONTH
        found: dict[str, Read] = {}
        for statement in self._data[kind]:
            name = statement["statement"]
            name = "weekly report" if kind == WEEK else name
            billed = self.billed(self.scanned(statement))
            before = found.get(name, Read(name, 0, 0, 0))
            found[name] = Read(
                name,
                before.runs + runs,
                before.bytes + runs * billed,
                before.usd + runs * billed / TB * price["usd"],
            )
        return list(found.values())

    def billed(self, scanned: float) -> float:
        """Return the bytes of a statement as Athena bills them."""
        price = self._money["prices"]["athena_tb"]
        step: int = price["step_bytes"]
        return max(math.ceil(scanned / step) * step, int(price["least_bytes"]))

    # What comes in

    @property
    def shards(self) -> int:
        """Shards of the turns' stream: one for each partition of the table, at the busiest hour."""
        limit: int = self._money["limits"]["dynamodb_partition_writes_a_second"]["value"]
        return max(int(self._assumed["least_shards"]), math.ceil(self.write_units_a_second / limit))

    @property
    def write_units_a_second(self) -> float:
        """Write units of TurnEvents in a second of the busiest hour."""
        units: int = math.ceil(self._data["item_bytes"] / KB)
        peak: float = self._assumed["peak"]
        return units * self.events_a_second * peak

    def batches(self, events_a_second: float) -> float:
        """Return the invocations of the consumer in a month for one of its streams."""
        shard = events_a_second / self.shards
        return SECONDS_A_MONTH * self.shards * min(shard, max(1 / BATCH_SECONDS, shard / BATCH))

    def firehose_bytes(self, *, packed: bool = True) -> float:
        """Return the bytes of a month that Firehose bills; not `packed`, each event is a record."""
        step = self._money["prices"]["firehose_gb"]["step_bytes"]
        found = 0.0
        for name, events in (("turn_events", self.turns), ("feedback", self.turns * self.feedback_a_turn)):
            size = self._data["json_bytes"][name]
            if not packed:
                found += events * math.ceil(size / step) * step
                continue
            records = max(self.batches(events / SECONDS_A_MONTH), events * size / RECORD_BYTES)
            # The last part of a record is half a step on average.
            found += events * size + records * step / 2
        return found

    @property
    def firehose_mib_a_second(self) -> float:
        """What the stream of turns takes in a second of the busiest hour."""
        size: float = self._data["json_bytes"]["turn_events"]
        peak: float = self._assumed["peak"]
        return self.events_a_second * peak * size / MB

    @property
    def consumer_seconds(self) -> float:
        """Return the billed seconds of the consumer in a month."""
        events = self.turns * (1 + self.feedback_a_turn)
        processor = CONSUMER_MB / float(self._assumed["lambda_vcpu_mb"])
        work = events * float(self._data["consumer_cpu_ms"]) / 1000 / processor
        return work + self.invocations * float(self._assumed["consumer_wait_seconds"])

    @property
    def invocations(self) -> float:
        """Invocations of the consumer in a month."""
        return self.batches(self.events_a_second) + self.batches(self.events_a_second * self.feedback_a_turn)

    # What is kept

    def stored(self, months: int, kind: str = ALL_LATE) -> dict[str, float]:
        """Return the bytes of each layer after so many months, with what the sweep has not taken yet."""
        days = months * DAYS_A_MONTH
        found: dict[str, float] = {}
        for name, table in self._data["tables"].items():
            old = SWEPT_AFTER_DAYS * sum(
                each["written_days"] for each in self._data[kind] if each["statement"] == name
            )
            found[table["layer"]] = found.get(table["layer"], 0.0) + self.a_day(name) * (days + old)
        return found

    @property
    def objects_a_day(self) -> float:
        """Objects that Firehose writes in a day."""
        fewest = 86_400 / BUFFER_SECONDS
        return max(fewest, self.turns_a_day / self.rows_an_object) + fewest

    # The bill

    def bill(self, kind: str = ALL_LATE, months: int = 12) -> list[Line]:
        """Return the bill of a month of such nights, in which the lake is so many months old."""
        night = self._data[kind]
        written = sum(one["written_days"] for one in night)
        items = sum(1 for one in night if one["written_days"])
        publications = sum(1 for one in night if one["statement"] == "rows of gold_variant_days")
        published = sum(one["written_days"] for one in night if one["statement"] == "gold_variant_days")
        units = self._data["variant_metrics"]["items_a_day"] * self._data["variant_metrics"]["units"]
        billed = self.firehose_bytes() / GB
        transitions = DAYS_A_MONTH * (STATES_A_NIGHT + STATES_AN_ITEM * (items + publications))
        rollup = DAYS_A_MONTH * (4 + 2 * items + publications)
        stored = sum(self.stored(months, kind).values()) / GB
        puts, gets = self._requests(kind)
        seconds = (
            self.consumer_seconds
            + rollup * self._assumed["rollup_seconds"]
            + WEEKS_A_MONTH * self._assumed["report_seconds"]
        )
        runs = [*self.athena(kind), *self.athena(WEEK)]
        scanned = sum(one.bytes for one in runs)
        logs = (self.invocations + rollup) * self._assumed["log_bytes_an_invocation"] / GB
        return [
            Line("Athena", "statements", scanned / TB, "TB", sum(one.usd for one in runs)),
            self._line("Firehose", "taken in", billed, "firehose_gb", "GB"),
            self._line("Firehose", "conversion", billed, "firehose_conversion_gb", "GB"),
            self._line("S3", "storage", stored, "s3_gb_month", "GB"),
            self._line("S3", "PUT, LIST", puts, "s3_put", ""),
            self._line("S3", "GET", gets, "s3_get", ""),
            self._line("Lambda", "time", seconds * CONSUMER_MB / 1024, "lambda_gb_second", "GB-s"),
            self._line("Lambda", "invocations", self.invocations + rollup, "lambda_request", ""),
            self._line("Step Functions", "transitions", transitions, "step_transition", ""),
            self._line(
                "DynamoDB", "VariantMetrics", DAYS_A_MONTH * published * units, "dynamodb_write", "units"
            ),
            self._line("DynamoDB", "stream reads", self.invocations, "dynamodb_stream_read", ""),
            self._line(
                "Glue", "requests", DAYS_A_MONTH * (written + 3 * len(night)), "glue_request", ""
            ),
            self._line("CloudWatch", "alarms", ALARMS, "cloudwatch_alarm", ""),
            self._line("CloudWatch", "metrics", METRICS, "cloudwatch_metric", ""),
            self._line("CloudWatch", "logs", logs, "cloudwatch_log_gb", "GB"),
        ]  # fmt: skip

    def scanned_most(self, kind: str) -> float:
        """Return the bytes of the statement that reads most."""
        return max(self.scanned(one) for one in self._data[kind])

    @property
    def consumers(self) -> float:
        """Return how many consumers of turns work at a time in the busiest hour."""
        peak: float = self._assumed["peak"]
        return self.consumer_seconds / SECONDS_A_MONTH * peak

    def _requests(self, kind: str) -> tuple[float, float]:
        """Return PUTs and LISTs, and GETs of a month. A statement lists each day and gets each object."""
        puts = gets = 0.0
        for each, runs in ((kind, DAYS_A_MONTH), (WEEK, WEEKS_A_MONTH)):
            for statement in self._data[each]:
                puts += runs * (statement["written_days"] + 1)
                for name, read in statement["reads"].items():
                    days = read["days"] * read["uses"]
                    puts += runs * days
                    gets += runs * days * self.objects_of_a_day(name) * self._assumed["gets_an_object"]
        return puts + DAYS_A_MONTH * self.objects_a_day, gets

    def objects_of_a_day(self, name: str) -> float:
        """Return the objects that a day of a table has."""
        table = self._data["tables"][name]
        if table["layer"] == "bronze":
            return self.objects_a_day - 86_400 / BUFFER_SECONDS
        return max(1.0, self.a_day(name) / float(self._assumed["refined_object_bytes"]))

    def a_day(self, name: str) -> float:
        """Return the bytes that a day of a table has as stored."""
        stored = float(self._data["tables"][name][self.layout(name)])
        return stored * self._growth_of(name) / float(self._data["days"])

    def _growth_of(self, table: str) -> float:
        return self.growth if self._data["tables"][table]["grows"] else 1.0

    def _line(self, service: str, what: str, quantity: float, price: str, unit: str) -> Line:
        return Line(service, what, quantity, unit, priced(self._money["prices"][price], quantity))


def priced(price: Data, quantity: float) -> float:
    """Return what a quantity costs, tier by tier, without what is free."""
    left = max(0.0, quantity - float(price.get("free", 0)))
    if "tiers" not in price:
        return left * float(price["usd"])
    total, lower = 0.0, 0.0
    tiers: Sequence[tuple[float | None, float]] = price["tiers"]
    for upper, usd in tiers:
        room = math.inf if upper is None else upper - lower
        total += min(left, room) * usd
        left -= min(left, room)
        lower = upper or lower
    return total
