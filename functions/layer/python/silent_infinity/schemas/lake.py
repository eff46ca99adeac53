"""Writes the statements of the lake from what they are derived from: the tables, the metrics, the categories.

Run `python -m silent_infinity.schemas.lake` after changing `domain/lake/refined.py`, `data/metrics.json`,
`data/failure_categories.json`, `data/variant_categories.json` or `data/turn_classes.json`; a test compares.

What keeps a statement's rows the same in whatever order it reads: only integers are added (doubles that hold
integers below 2^53, and decimals for squares), and what is chosen among rows is the least or the greatest of
something unique. A CTE that is named twice is computed twice by Trino, and therefore reads few columns.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from silent_infinity.data import load
from silent_infinity.domain.lake.metrics import (
    AFTER_EXPOSURE,
    ALL,
    ANY,
    EVERYTHING,
    EXPOSED,
    MEAN,
    RATIO,
    SERVICE,
    Metric,
    metrics,
)
from silent_infinity.domain.lake.refined import SILVER_TURNS, measures
from silent_infinity.domain.variant_categories import USER, categories

RETURN_DAYS = 7
CRISIS = 2
"""The level from which on a turn is one of crisis."""

_TARGET = Path(__file__).resolve().parent.parent / "sql"

_EXPOSED_TURN = f"screened AND crisis_flag_level < {CRISIS}"

_VALID = (
    ("turn_id <> ''", False),
    ("session_id <> ''", False),
    ("received_at IS NOT NULL", False),
    ("crisis_flag_level BETWEEN 0 AND 4", False),
    ("latency_ms.total_ms BETWEEN 0 AND 86400000", True),
    ("latency_ms.llm_ttft_ms BETWEEN 0 AND 86400000", True),
    ("tokens_input BETWEEN 0 AND 1000000000", True),
    ("tokens_output BETWEEN 0 AND 1000000000", True),
    ("cost_usd BETWEEN 0 AND 10000", True),
    ("screen_model.cost_usd BETWEEN 0 AND 10000", True),
    ("quality_score BETWEEN 0 AND 1", True),
    ("attempts BETWEEN 0 AND 1000", True),
)
"""What a row of bronze has to be, and whether null will do."""


_SCALARS = (
    "recorded_at, timestamp, session_id, user_id_hash, turn_number, tokens_input, tokens_output, "
    "tokens_cache_read, tokens_cache_write, cost_usd, model_id, provider, prompt_id, prompt_sha, "
    "crisis_flag_level, screened_level, guardrail_triggered, error_class, retry_count, turn_class, intent, "
    "intent_confidence, path, reply_kind, reply_source, quality_score, attempts, fallback_used, "
    "finish_reason, latency_ms.total_ms, latency_ms.llm_ttft_ms"
)
"""What decides between copies of a turn that differ, which nothing writes: the least row stays."""

_SCREEN_READ = "('model_screen:empty', 'model_screen:malformed', 'model_screen:schema')"
"""The errors that mean that the screen's model did answer, but not in the form that it was asked for."""


def received_at() -> str:
    """Return the moment of a turn, UTC, cut to milliseconds; null for anything but ISO 8601 in UTC."""
    return """TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3))"""


def valid() -> str:
    """Return the condition that a row of bronze, with its `received_at`, is a turn."""
    return "\n        AND ".join(
        f"COALESCE({said}, {'TRUE' if or_null else 'FALSE'})" for said, or_null in _VALID
    )


def _turns(columns: str, last: str) -> str:
    """Return a query of the valid turns of the days `first` to `last`, copies and all."""
    return f"""SELECT {columns}
    FROM (
        SELECT *, {received_at()} AS received_at
        FROM bronze_turn_events
        WHERE dt BETWEEN ${{first-1}} AND ${{arrived_until}}
            AND substr(timestamp, 1, 10) BETWEEN ${{first}} AND {last}
    ) AS arrived
    WHERE {valid()}"""  # noqa: S608 -- text of this module


def _unload(header: Iterable[str], query: str) -> str:
    """Return the file of a statement that writes days."""
    lines = [f"-- {line}" for line in header]
    return (
        "\n".join(lines)
        + "\n-- Made by silent_infinity.schemas.lake: change that, not this."
        + f"\nUNLOAD (\n{query.strip()}\n)\nTO ${{location}}"
        + "\nWITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])\n"
    )


_FIRST = "first: day, the first day of the turns"
_LAST = "last: day, their last day"
_ARRIVED = "arrived_until: day, the last day of arrival that is read"
_THROUGH = "through: day, the last complete day"
_LOCATION = "location: prefix, where the objects go"


def silver_turns() -> str:
    """Return the statement of `silver_turns`.

    A turn that arrived once, as nearly all do, goes straight through. Only the copies of the others are put
    in order, so that no wide row is ever sorted or hashed: without copies Trino does not even read for them.
    """
    made = {
        "received_at": "t.received_at",
        "screened": "NOT COALESCE(contains(t.degraded, 'screen'), FALSE)",
        "screen_cost_usd": "t.screen_model.cost_usd",
        "screen_answer": (
            "CASE WHEN COALESCE(t.screen_model.model_id, '') = '' THEN NULL"
            " WHEN t.screen_model.level IS NOT NULL THEN 'read'"
            f" WHEN t.screen_model.error IN {_SCREEN_READ} THEN 'unreadable' ELSE 'none' END"
        ),
        "rating": "r.rating",
        "rating_variant_id": "r.rating_variant_id",
        "rated_at": "r.rated_at",
        "continued": "COALESCE(t.received_at < e.ended_at OR e.next_day = date_add('day', 1, e.day), FALSE)",
    }

    def column(name: str) -> str:
        if name in made:
            return f"{made[name]} AS {name}"
        if name.startswith("latency_"):
            return f"t.latency_ms.{name.removeprefix('latency_')} AS {name}"
        return f"t.{name}"

    columns = ",\n    ".join(column(one.name) for one in SILVER_TURNS.columns)
    read = ", ".join(
        name
        for name in dict.fromkeys(
            "latency_ms" if one.name.startswith("latency_") else one.name for one in SILVER_TURNS.columns
        )
        if name not in made.keys() - {"received_at"}
    )
    wide = f"{read}, timestamp"
    maps = ", ".join(
        f"array_join(transform(array_sort(map_keys({name})), k -> k || '=' || {name}[k]), ',')"
        for name in ("active_variants", "exposures")
    )
    return _unload(
        [
            "One row per turn of these days, with its rating, from all that arrived of it until then.",
            _FIRST,
            _LAST,
            _ARRIVED,
            _LOCATION,
        ],
        f"""
WITH copied AS (
    SELECT turn_id
    FROM ({_turns("turn_id", "${last}")}) AS every
    GROUP BY turn_id
    HAVING count(*) > 1
),
turns AS (
    SELECT once.*
    FROM ({_turns(wide, "${last}")}) AS once
    LEFT JOIN copied ON copied.turn_id = once.turn_id
    WHERE copied.turn_id IS NULL
    UNION ALL
    SELECT {wide}
    FROM (
        SELECT often.*, row_number() OVER (
            PARTITION BY often.turn_id
            ORDER BY {_SCALARS},
                {maps}
        ) AS place
        FROM ({_turns(wide, "${last}")}) AS often
        INNER JOIN copied ON copied.turn_id = often.turn_id
    ) AS ranked
    WHERE place = 1
),
ends AS (
    SELECT session_id, day, ended_at, lead(day) OVER (PARTITION BY session_id ORDER BY day) AS next_day
    FROM (
        SELECT session_id, CAST(received_at AS date) AS day, max(received_at) AS ended_at
        FROM ({_turns("session_id, received_at", "${last+1}")}) AS every
        GROUP BY session_id, CAST(received_at AS date)
    ) AS days
),
ratings AS (
    SELECT turn_id,
        max_by(rating, created_at || ' ' || feedback_id) AS rating,
        max_by(rating_variant_id, created_at || ' ' || feedback_id) AS rating_variant_id,
        max(created_at) AS rated_at
    FROM bronze_feedback
    WHERE dt BETWEEN ${{first-1}} AND ${{arrived_until}}
        AND turn_id <> '' AND feedback_id <> '' AND created_at <> '' AND rating BETWEEN 1 AND 5
    GROUP BY turn_id
)
SELECT
    {columns},
    substr(t.timestamp, 1, 10) AS dt
FROM turns AS t
LEFT JOIN ratings AS r ON r.turn_id = t.turn_id
LEFT JOIN ends AS e ON e.session_id = t.session_id AND e.day = CAST(t.received_at AS date)
""",  # noqa: S608 -- text of this module
    )


def silver_feedback() -> str:
    """Return the statement of `silver_feedback`."""
    return _unload(
        ["One row per piece of feedback that was given on these days.", _FIRST, _LAST, _ARRIVED, _LOCATION],
        """
SELECT feedback_id, turn_id, session_id, user_id_hash, created_at, rating, nps, rating_variant_id,
    substr(created_at, 1, 10) AS dt
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY feedback_id
        ORDER BY created_at, turn_id, session_id, user_id_hash, rating, nps, rating_variant_id
    ) AS place
    FROM bronze_feedback
    WHERE dt BETWEEN ${first-1} AND ${arrived_until}
        AND substr(created_at, 1, 10) BETWEEN ${first} AND ${last}
        AND feedback_id <> '' AND session_id <> ''
        AND COALESCE(rating BETWEEN 1 AND 5, TRUE) AND COALESCE(nps BETWEEN 0 AND 10, TRUE)
) AS ranked
WHERE place = 1
""",
    )


def _unit(category: str) -> str:
    """Return the expression for the unit of a category. What is not known here counts by session."""
    users = ", ".join(f"'{one.name}'" for one in categories().values() if one.unit == USER)
    return f"IF({category} IN ({users}), 'user', 'session')"


_NAMES = f"COALESCE(map_keys({{0}}.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['{SERVICE}']"
_VARIANTS = f"COALESCE(map_values({{0}}.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['{EVERYTHING}']"
_CATEGORIES = f"""CROSS JOIN UNNEST(
            {_NAMES},
            {_VARIANTS}
        ) AS c(category, variant_id)"""
_NAMED = "category <> '' AND variant_id <> ''"
"""A row without either would be a variant that nobody can look up, and no row of `VariantMetrics`."""

_MOST_TOKENS, _MOST_USD = 10**9, 10**4
"""Of one call of a model. What is beyond is nobody's bill: it counts as nothing rather than end the sum."""


def _possible(value: str, most: int, nothing: str) -> str:
    return f"IF({value} BETWEEN 0 AND {most}, {value}, {nothing})"


def _days_apart(one: str, other: str) -> str:
    return f"date_diff('day', CAST({one} AS date), CAST({other} AS date))"


def _bit(one: str, other: str) -> str:
    """Return the number of a day's bit. Trino shifts by an integer; `date_diff` gives a bigint."""
    return f"CAST({_days_apart(one, other)} AS integer)"


def unit_days(of: Sequence[Metric]) -> str:
    """Return the statement of `unit_days` for these metrics.

    Turns are added up by session and set of exposures first, of which there are far fewer than turns, and
    only then laid out by category. What is added are doubles that hold integers: below 2^53 no order changes
    their sum, and a unit's day does not get there (9 million dollars, or 285 years in microseconds).

    Crisis turns belong to the latest exposed turn before them. In the order of a session's turns, `place`
    counts those that were exposed to a category, so that one exposed turn and the crisis turns after it share
    a number: each turn is looked at once, however often a session swings between the two.

    Whether somebody came back is told by bits: bit i of a session's `days` says that it had a turn on day i.
    The person came back after day i if some session has a bit among the next seven, and none on day i itself.
    """
    sums, columns = [], []
    for name, (expression, scale) in measures(of).items():
        value = f"CAST({expression} AS double)"
        if scale > 1:
            value = f"round({value} * {scale}e0)"
        sums.append(f"sum(IF(exposed, {value})) AS {name}")
        columns.append(name)
    inner = "".join(f",\n            {line}" for line in sums)
    outer = "".join(f",\n            sum(p.{name}) AS {name}" for name in columns)
    last = "".join(f",\n    CAST(COALESCE(u.{name}, 0e0) AS bigint) AS {name}" for name in columns)
    shifted = "bitwise_right_shift(days, 1)"
    for step in range(2, RETURN_DAYS + 1):
        shifted = f"bitwise_or({shifted}, bitwise_right_shift(days, {step}))"
    return _unload(
        [
            "What each unit (session or user) had of each variant on each of these days.",
            _FIRST,
            _LAST,
            _THROUGH,
            _LOCATION,
        ],
        f"""
WITH units AS (
    SELECT dt, category, variant_id, {_unit("category")} AS unit, unit_id,
        min(user_id_hash) AS user_id_hash,
        IF({_unit("category")} = 'user', count_if(exposed_turns > 0), 1) AS sessions,
        sum(turns) AS turns,
        sum(exposed_turns) AS exposed_turns{outer.replace("p.", "")}
    FROM (
        SELECT p.dt, c.category, c.variant_id,
            IF({_unit("c.category")} = 'user', p.user_id_hash, p.session_id) AS unit_id,
            IF({_unit("c.category")} = 'user', p.session_id) AS of_session,
            min(p.user_id_hash) AS user_id_hash,
            sum(p.turns) AS turns,
            sum(p.exposed_turns) AS exposed_turns{outer}
        FROM (
            SELECT dt, session_id, user_id_hash, exposures,
                CAST(count(*) AS double) AS turns,
                CAST(count_if(exposed) AS double) AS exposed_turns{inner}
            FROM (
                SELECT *, {_EXPOSED_TURN} AS exposed
                FROM silver_turns
                WHERE dt BETWEEN ${{first}} AND ${{last}}
            ) AS t
            GROUP BY dt, session_id, user_id_hash, exposures
        ) AS p
        {_CATEGORIES.format("p")}
        GROUP BY 1, 2, 3, 4, 5
    ) AS laid
    WHERE unit_id <> '' AND {_NAMED}
    GROUP BY dt, category, variant_id, unit_id
    HAVING sum(exposed_turns) > 0
),
crises AS (
    SELECT since AS dt, category, variant_id, unit_id, count(*) AS crisis_turns
    FROM (
        SELECT crisis, place, category, dt,
            min(dt) OVER (PARTITION BY session_id, category, place) AS since,
            min(variant_id) OVER (PARTITION BY session_id, category, place) AS variant_id,
            min(unit_id) OVER (PARTITION BY session_id, category, place) AS unit_id
        FROM (
            SELECT s.session_id, s.dt, s.crisis, c.category, c.variant_id,
                IF(NOT s.crisis, IF({_unit("c.category")} = 'user', s.user_id_hash, s.session_id)) AS unit_id,
                sum(IF(s.crisis, 0, 1)) OVER (
                    PARTITION BY s.session_id, c.category ORDER BY s.received_at, s.turn_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS place
            FROM (
                SELECT t.turn_id, t.session_id, t.user_id_hash, t.received_at, t.dt,
                    t.crisis_flag_level >= {CRISIS} AS crisis,
                    IF(t.crisis_flag_level >= {CRISIS}, f.names, {_NAMES.format("t")}) AS names,
                    IF(t.crisis_flag_level >= {CRISIS},
                        transform(f.names, name -> CAST(NULL AS varchar)),
                        {_VARIANTS.format("t")}) AS variants
                FROM silver_turns AS t
                INNER JOIN (
                    SELECT g.session_id, array_agg(DISTINCT c.category) AS names
                    FROM (
                        SELECT session_id, exposures,
                            max(max(crisis_flag_level)) OVER (PARTITION BY session_id) AS worst
                        FROM silver_turns
                        WHERE dt BETWEEN ${{first}} AND ${{last+1}}
                        GROUP BY session_id, exposures
                    ) AS g
                    {_CATEGORIES.format("g")}
                    WHERE g.worst >= {CRISIS}
                    GROUP BY g.session_id
                ) AS f ON f.session_id = t.session_id
                WHERE t.dt BETWEEN ${{first}} AND ${{last+1}}
                    AND (t.crisis_flag_level >= {CRISIS} OR ({_EXPOSED_TURN}))
            ) AS s
            CROSS JOIN UNNEST(s.names, s.variants) AS c(category, variant_id)
        ) AS followed
    ) AS reigned
    WHERE crisis AND place > 0 AND since <= ${{last}} AND {_days_apart("since", "dt")} <= 1
    GROUP BY since, category, variant_id, unit_id
),
returns AS (
    SELECT user_id_hash, bitwise_or_agg(bitwise_and({shifted}, bitwise_not(days))) AS days
    FROM (
        SELECT user_id_hash, session_id,
            bitwise_or_agg(bitwise_left_shift(BIGINT '1', {_bit("${first}", "dt")})) AS days
        FROM silver_turns
        WHERE dt BETWEEN ${{first}} AND ${{last+{RETURN_DAYS}}} AND user_id_hash <> ''
        GROUP BY user_id_hash, session_id
    ) AS seen
    GROUP BY user_id_hash
)
SELECT u.category, u.variant_id, u.unit, u.unit_id, u.user_id_hash,
    CAST(u.sessions AS bigint) AS sessions,
    CAST(u.turns AS bigint) AS turns,
    CAST(u.exposed_turns AS bigint) AS exposed_turns,
    COALESCE(k.crisis_turns, 0) AS crisis_turns,
    IF({_days_apart("u.dt", "${through}")} >= {RETURN_DAYS},
        bitwise_and(bitwise_right_shift(r.days, {_bit("${first}", "u.dt")}), 1) = 1) AS returned{last},
    u.dt
FROM units AS u
LEFT JOIN crises AS k ON k.dt = u.dt AND k.category = u.category AND k.variant_id = u.variant_id
    AND k.unit_id = u.unit_id
LEFT JOIN returns AS r ON r.user_id_hash = u.user_id_hash
""",  # noqa: S608 -- text of this module
    )


class _Sums:
    """The sums over units of a set of metrics, each distinct one computed once."""

    def __init__(self, of: Sequence[Metric]) -> None:
        self._names: dict[tuple[str, int], str] = {
            ("1", 1): "exposed_turns",
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
    return _unload(
        ["Sums over the units of each variant on each of these days.", _FIRST, _LAST, _LOCATION],
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
    return _unload(
        [
            "Sums over units since the arm began, as of the last day: a unit of many days is one unit.",
            "arms: arms, what runs, and what it is held against",
            "oldest: day, the first day of the oldest arm",
            _LAST,
            _LOCATION,
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


def gold_histograms() -> str:
    """Return the statement of `gold_histograms`.

    Bins are those of DDSketch (C. Masson, J. E. Rim, H. K. Lee, DDSketch, PVLDB 12, 2019) with an accuracy of
    2 %. Turns are counted by set of exposures and bin first, and the counts laid out by category.
    """

    def binned(latency: str) -> str:
        return (
            f"IF({latency} < 1, 0, CAST(ceil(ln(CAST({latency} AS double)) / ln(1.02e0 / 0.98e0)) AS bigint))"
        )

    return _unload(
        [
            "How many exposed turns were how slow, and how many answers to the question of NPS.",
            _FIRST,
            _LAST,
            _LOCATION,
        ],
        f"""
SELECT category, variant_id, metric, bin, CAST(sum(n) AS bigint) AS n, dt
FROM (
    SELECT c.category, c.variant_id, p.metric, p.bin, p.n, p.dt
    FROM (
        SELECT t.dt, t.exposures, b.metric, b.bin, count(*) AS n
        FROM silver_turns AS t
        CROSS JOIN UNNEST(
            ARRAY['latency_total_ms', 'latency_first_token_ms'],
            ARRAY[
                {binned("t.latency_total_ms")},
                IF(t.latency_llm_ttft_ms > 0, {binned("t.latency_llm_ttft_ms")})
            ]
        ) AS b(metric, bin)
        WHERE t.dt BETWEEN ${{first}} AND ${{last}} AND {_EXPOSED_TURN} AND b.bin IS NOT NULL
        GROUP BY t.dt, t.exposures, b.metric, b.bin
    ) AS p
    {_CATEGORIES.format("p")}
    UNION ALL
    SELECT c.category, c.variant_id, 'nps' AS metric, f.nps AS bin, 1 AS n, f.dt
    FROM silver_feedback AS f
    CROSS JOIN UNNEST(
        ARRAY['{SERVICE}', 'RATING_VARIANT'], ARRAY['{EVERYTHING}', f.rating_variant_id]
    ) AS c(category, variant_id)
    WHERE f.dt BETWEEN ${{first}} AND ${{last}} AND f.nps IS NOT NULL
) AS counted
WHERE {_NAMED}
GROUP BY category, variant_id, metric, bin, dt
""",  # noqa: S608 -- text of this module
    )


def gold_costs() -> str:
    """Return the statement of `gold_costs`. The screen's call is of class TC1, beside those of the reply."""
    classes = load("turn_classes.json")["classes"]
    governs = " ".join(f"WHEN '{name}' THEN '{row['category']}'" for name, row in classes.items())
    tokens = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
    model = "COALESCE(IF(c.model_answered <> '', c.model_answered, c.model_asked), '')"
    kind = f"COALESCE(c.turn_class, '') || ' ' || {model} || ' ' || COALESCE(c.provider, '')"
    parts = {
        "kind": kind,
        "turn_class": "COALESCE(c.turn_class, '')",
        "model_id": model,
        "provider": "COALESCE(c.provider, '')",
        **{name: _possible(f"c.{name}", _MOST_TOKENS, "0") for name in tokens},
        "cost_usd": _possible("c.cost_usd", _MOST_USD, "0e0"),
    }
    arrays = ",\n            ".join(f"transform(t.model_calls, c -> {said})" for said in parts.values())
    screened = {name: _possible(f"screen_model.{name}", _MOST_TOKENS, "0") for name in tokens}
    keys = "intent, turn_class, model_id, provider, category, variant_id"
    return _unload(
        ["What the calls of models on these days cost.", _FIRST, _LAST, _LOCATION],
        f"""
SELECT {keys},
    count(*) AS calls,
    count_if(first_of_its_kind) AS turns,
    {", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in tokens)},
    CAST(sum(CAST(round(cost_usd * 1000000000e0) AS bigint)) AS double) / 1000000000e0 AS cost_usd,
    dt
FROM (
    SELECT *, COALESCE(element_at(active_variants, category), '') AS variant_id
    FROM (
        SELECT *, CASE turn_class {governs} ELSE '' END AS category
        FROM (
            SELECT t.dt, COALESCE(t.intent, '') AS intent, t.active_variants,
                k.turn_class, k.model_id, k.provider,
                array_position(transform(t.model_calls, c -> {kind}), k.kind) = k.place AS first_of_its_kind,
                {", ".join(f"k.{name}" for name in tokens)}, k.cost_usd
            FROM silver_turns AS t
            CROSS JOIN UNNEST(
            {arrays}
            ) WITH ORDINALITY AS k({", ".join(parts)}, place)
            WHERE t.dt BETWEEN ${{first}} AND ${{last}}
            UNION ALL
            SELECT dt, COALESCE(intent, '') AS intent, active_variants,
                'TC1' AS turn_class, screen_model.model_id, COALESCE(screen_model.provider, '') AS provider,
                TRUE AS first_of_its_kind,
                {", ".join(f"{screened[name]} AS {name}" for name in tokens)},
                COALESCE(screen_cost_usd, 0e0) AS cost_usd
            FROM silver_turns
            WHERE dt BETWEEN ${{first}} AND ${{last}} AND screen_model.model_id <> ''
        ) AS calls
    ) AS governed
) AS known
GROUP BY {keys}, dt
""",  # noqa: S608 -- text of this module
    )


def gold_intents() -> str:
    """Return the statement of `gold_intents`."""
    return _unload(
        ["How many turns of these days had which intent and class.", _FIRST, _LAST, _LOCATION],
        """
SELECT COALESCE(intent, '') AS intent, COALESCE(turn_class, '') AS turn_class, count(*) AS turns, dt
FROM silver_turns
WHERE dt BETWEEN ${first} AND ${last}
GROUP BY COALESCE(intent, ''), COALESCE(turn_class, ''), dt
""",
    )


def gold_failures(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the statement of `gold_failures` for these categories of failure."""
    conditions = ",\n            ".join(f"IF({row['condition']}, '{row['name']}')" for row in rows)
    return _unload(
        ["What went wrong on these days.", _FIRST, _LAST, _LOCATION],
        f"""
SELECT f.failure, COALESCE(t.intent, '') AS intent, COALESCE(t.turn_class, '') AS turn_class,
    COALESCE(t.model_id, '') AS model_id, count(*) AS turns, min(t.turn_id) AS example_turn_id, t.dt
FROM (
    SELECT dt, turn_id, intent, turn_class, model_id,
        filter(ARRAY[
            {conditions}
        ], name -> name IS NOT NULL) AS failures
    FROM silver_turns
    WHERE dt BETWEEN ${{first}} AND ${{last}}
) AS t
CROSS JOIN UNNEST(t.failures) AS f(failure)
GROUP BY f.failure, COALESCE(t.intent, ''), COALESCE(t.turn_class, ''), COALESCE(t.model_id, ''), t.dt
""",  # noqa: S608 -- text of this module
    )


def gold_arrivals() -> str:
    """Return the statement of `gold_arrivals`: received = turns + duplicates + invalid."""
    return _unload(
        [
            "What arrived of the turns of these days, and what became of it.",
            _FIRST,
            _LAST,
            _ARRIVED,
            _LOCATION,
        ],
        f"""
SELECT CAST(sum(received) AS bigint) AS received,
    count_if(valid_rows > 0) AS turns,
    CAST(sum(IF(valid_rows > 0, valid_rows - 1, 0)) AS bigint) AS duplicates,
    CAST(sum(received - valid_rows) AS bigint) AS invalid,
    count_if(valid_rows > 0 AND {_days_apart("dt", "arrived")} > 1) AS late,
    dt
FROM (
    SELECT turn_id, day AS dt, count(*) AS received, count_if(is_turn) AS valid_rows,
        min(IF(is_turn, arrived)) AS arrived
    FROM (
        SELECT turn_id, dt AS arrived,
            {valid()} AS is_turn,
            IF(received_at IS NULL, dt, substr(timestamp, 1, 10)) AS day
        FROM (
            SELECT *, {received_at()} AS received_at
            FROM bronze_turn_events
            WHERE dt BETWEEN ${{first-1}} AND ${{arrived_until}}
        ) AS read
    ) AS judged
    WHERE day BETWEEN ${{first}} AND ${{last}}
    GROUP BY turn_id, day
) AS turns
GROUP BY dt
""",  # noqa: S608 -- text of this module
    )


def statements() -> dict[str, str]:
    """Return the content of every generated file by its name without `.sql`."""
    return {
        "silver_turns": silver_turns(),
        "silver_feedback": silver_feedback(),
        "unit_days": unit_days(metrics()),
        "gold_variant_days": gold_variant_days(metrics()),
        "gold_experiments": gold_experiments(metrics()),
        "gold_histograms": gold_histograms(),
        "gold_costs": gold_costs(),
        "gold_intents": gold_intents(),
        "gold_failures": gold_failures(load("failure_categories.json")["failures"]),
        "gold_arrivals": gold_arrivals(),
    }


def main() -> None:
    """Write the files."""
    for name, text in statements().items():
        (_TARGET / f"{name}.sql").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}.sql\n")


if __name__ == "__main__":
    main()
