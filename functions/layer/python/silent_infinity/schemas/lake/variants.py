"""The statements that judge variants: sums over units, per day and since an arm began."""

from collections.abc import Sequence

from silent_infinity.domain.lake.metrics import (
    AFTER_EXPOSURE,
    ALL,
    ANY,
    EVERY_TURN,
    EXPOSED,
    MEAN,
    RATIO,
    Metric,
)
from silent_infinity.domain.lake.refined import measures
from silent_infinity.schemas.lake.layout import FIRST, LAST, LOCATION, unload


class _Sums:
    """The sums over units of a set of metrics, each distinct one computed once."""

    def __init__(self, of: Sequence[Metric]) -> None:
        self._names: dict[tuple[str, int], str] = {
            (EVERY_TURN, 1): "exposed_turns",
            **{key: name for name, key in measures(of).items()},
        }
        self.values: dict[str, str] = {}
        self.sums: dict[str, str] = {}
        self.rows = [self._row(metric) for metric in of]

    def _row(self, metric: Metric) -> list[str]:
        numerator, denominator = self._parts(metric)
        scale = metric.scale
        has = f"{denominator} > 0"
        if metric.kind == MEAN:
            value = numerator
            if metric.value == RATIO:
                quotient = f"CAST({numerator} AS double) / CAST({denominator} AS double)"
                value = self._value(f"IF({has}, CAST(round({quotient}) AS bigint))")
            n = self._sum(f"count({value})")
            total, squares = self._sum(f"sum({value})"), self._squares(value, value, scale)
        else:
            enough = {ANY: f"{numerator} > 0", ALL: f"{numerator} >= {denominator}"}.get(
                metric.unit_success, f"2 * {numerator} > {denominator}"
            )
            n, total = self._sum(f"count_if({has})"), self._sum(f"count_if({has} AND {enough})")
            squares = ""
        sums = [
            (total, scale),
            (squares, scale * scale),
            (self._sum(f"sum({numerator})"), scale),
            (self._sum(f"sum({denominator})"), 1),
            (self._squares(numerator, numerator, scale), scale * scale),
            (self._squares(denominator, denominator, 1), 1),
            (self._squares(numerator, denominator, scale), scale),
        ]
        return [
            f"'{metric.name}'",
            f"'{metric.kind}'",
            f"CAST({n} AS bigint)",
            *(_scaled(name, parts) for name, parts in sums),
        ]

    def _parts(self, metric: Metric) -> tuple[str, str]:
        if metric.population == EXPOSED:
            return self._names[metric.numerator, metric.scale], self._names[metric.denominator, 1]
        if metric.population == AFTER_EXPOSURE:
            return "crisis_turns", "exposed_turns"
        return self._value("IF(returned, 1, 0)"), self._value("IF(returned IS NULL, 0, 1)")

    def _value(self, expression: str) -> str:
        return self.values.setdefault(expression, f"v{len(self.values) + 1}")

    def _sum(self, expression: str) -> str:
        return self.sums.setdefault(expression, f"s{len(self.sums) + 1}")

    def _squares(self, one: str, other: str, scale: int) -> str:
        """Return the sum of products: of counts as bigint, of finer parts as decimals, which are exact."""
        if scale == 1:
            return self._sum(f"sum({one} * {other})")
        factors = (f"CAST({name} AS decimal(19, 0))" for name in (one, other))
        return self._sum(f"sum({' * '.join(factors)})")

    def relation(self, source: str, names: str) -> str:
        """Return `source` with the units' values beside its columns."""
        values = "".join(f",\n            {said} AS {name}" for said, name in self.values.items())
        return f"""SELECT {names}{values}
        FROM {source}"""  # noqa: S608 -- text of this module

    def aggregates(self) -> str:
        """Return the sums, each on a line."""
        return "".join(f",\n        {said} AS {name}" for said, name in self.sums.items())

    def unnest(self) -> str:
        """Return the UNNEST that makes one row of each metric."""
        names = "metric, kind, n, total, squares, numerator, denominator, "
        names += "numerator_squares, denominator_squares, cross_sum"
        columns = list(zip(*self.rows, strict=True))
        arrays = ",\n    ".join(
            "ARRAY[\n        " + ",\n        ".join(column) + "\n    ]" for column in columns
        )
        return f"CROSS JOIN UNNEST(\n    {arrays}\n) AS m({names})"


def _scaled(name: str, parts: int) -> str:
    if not name:
        return "0e0"
    exact = f"COALESCE(CAST({name} AS double), 0e0)"
    return exact if parts == 1 else f"{exact} / {parts}e0"


_COUNTS = """min(u.unit) AS unit,
        count(*) AS units,
        CAST(sum(u.sessions) AS bigint) AS sessions,
        IF(min(u.unit) = 'user', count(*),
            count(DISTINCT IF(u.unit = 'session' AND u.user_id_hash <> '', u.user_id_hash))) AS users,
        CAST(sum(u.turns) AS bigint) AS turns,
        CAST(sum(u.exposed_turns) AS bigint) AS exposed_turns,
        CAST(sum(u.crisis_turns) AS bigint) AS crisis_turns,
        count(x.unit_id) AS mixed_units"""
_SUMMED = (
    "m.metric, m.kind, s.unit, s.units, s.sessions, s.users, s.turns, s.exposed_turns, s.crisis_turns, "
    "s.mixed_units,\n    m.n, m.total, m.squares, m.numerator, m.denominator, m.numerator_squares, "
    'm.denominator_squares, m.cross_sum AS "cross"'
)


def gold_variant_days(of: Sequence[Metric]) -> str:
    """Return the statement of `gold_variant_days`: one pass over the units, then a row for each metric."""
    sums = _Sums(of)
    return unload(
        ["Sums over the units of each variant on each of these days.", FIRST, LAST, LOCATION],
        f"""
WITH mixed AS (
    SELECT dt, category, unit_id
    FROM unit_days
    WHERE dt BETWEEN ${{first}} AND ${{last}}
    GROUP BY dt, category, unit_id
    HAVING count(*) > 1
),
sums AS (
    SELECT u.dt, u.category, u.variant_id,
        {_COUNTS}{sums.aggregates()}
    FROM (
        {sums.relation("unit_days", "*")}
        WHERE dt BETWEEN ${{first}} AND ${{last}}
    ) AS u
    LEFT JOIN mixed AS x ON x.dt = u.dt AND x.category = u.category AND x.unit_id = u.unit_id
    GROUP BY u.dt, u.category, u.variant_id
)
SELECT s.category, s.variant_id, {_SUMMED},
    s.dt
FROM sums AS s
{sums.unnest()}
""",  # noqa: S608 -- text of this module
    )


def gold_experiments(of: Sequence[Metric]) -> str:
    """Return the statement of `gold_experiments`: units merged over days, then as `gold_variant_days`."""
    sums = _Sums(of)
    added = ["turns", "exposed_turns", "crisis_turns", *measures(of)]
    merged = "".join(f",\n            CAST(sum(d.{name}) AS bigint) AS {name}" for name in added)
    return unload(
        [
            "Sums over units since the arm began, as of the last day: a unit of many days is one unit.",
            "arms: arms, what runs, and what it is held against",
            "oldest: day, the first day of the oldest arm",
            LAST,
            LOCATION,
        ],
        f"""
WITH arms AS (
    SELECT category, arm_id, variant_id, since
    FROM (VALUES
        ${{arms}}
    ) AS a(category, arm_id, variant_id, since)
),
units AS (
    SELECT *, count(*) OVER (PARTITION BY category, arm_id, unit_id) AS variants
    FROM (
        SELECT a.category, a.arm_id, a.variant_id, a.since, d.unit, d.unit_id,
            min(d.user_id_hash) AS user_id_hash,
            IF(d.unit = 'session', 1, CAST(sum(d.sessions) AS bigint)) AS sessions,
            max(IF(d.returned, 1, IF(d.returned IS NULL, NULL, 0))) = 1 AS returned{merged}
        FROM unit_days AS d
        INNER JOIN arms AS a ON a.category = d.category AND a.variant_id = d.variant_id AND d.dt >= a.since
        WHERE d.dt BETWEEN ${{oldest}} AND ${{last}}
        GROUP BY a.category, a.arm_id, a.variant_id, a.since, d.unit, d.unit_id
    ) AS merged
),
sums AS (
    SELECT u.category, u.arm_id, u.variant_id, u.since,
        {_COUNTS.replace("count(x.unit_id)", "count_if(u.variants > 1)")}{sums.aggregates()}
    FROM (
        {sums.relation("units", "*")}
    ) AS u
    GROUP BY u.category, u.arm_id, u.variant_id, u.since
)
SELECT s.category, s.arm_id, s.variant_id, s.since, {_SUMMED},
    ${{last}} AS dt
FROM sums AS s
{sums.unnest()}
""",  # noqa: S608 -- text of this module
    )
