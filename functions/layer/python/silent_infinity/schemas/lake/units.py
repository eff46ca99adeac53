"""The statement of the units: what each session or user had of each variant on a day."""

from collections.abc import Sequence

from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.lake.days import RETURN_DAYS
from silent_infinity.domain.lake.metrics import Metric
from silent_infinity.domain.lake.refined import measures
from silent_infinity.domain.variant_categories import USER, categories
from silent_infinity.schemas.lake.exposure import CATEGORIES, EXPOSED_TURN, NAMED, NAMES, VARIANTS
from silent_infinity.schemas.lake.layout import FIRST, LAST, LOCATION, THROUGH, days_apart, unload


def _unit(category: str) -> str:
    """Return the expression for the unit of a category. What is not known here counts by session."""
    users = ", ".join(f"'{one.name}'" for one in categories().values() if one.unit == USER)
    return f"IF({category} IN ({users}), 'user', 'session')"


def _bit(one: str, other: str) -> str:
    """Return the number of a day's bit. Trino shifts by an integer; `date_diff` gives a bigint."""
    return f"CAST({days_apart(one, other)} AS integer)"


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
    return unload(
        [
            "What each unit (session or user) had of each variant on each of these days.",
            FIRST,
            LAST,
            THROUGH,
            LOCATION,
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
                SELECT *, {EXPOSED_TURN} AS exposed
                FROM silver_turns
                WHERE dt BETWEEN ${{first}} AND ${{last}}
            ) AS t
            GROUP BY dt, session_id, user_id_hash, exposures
        ) AS p
        {CATEGORIES.format("p")}
        GROUP BY 1, 2, 3, 4, 5
    ) AS laid
    WHERE unit_id <> '' AND {NAMED}
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
                    t.crisis_flag_level >= {RISK_LEVEL} AS crisis,
                    IF(t.crisis_flag_level >= {RISK_LEVEL}, f.names, {NAMES.format("t")}) AS names,
                    IF(t.crisis_flag_level >= {RISK_LEVEL},
                        transform(f.names, name -> CAST(NULL AS varchar)),
                        {VARIANTS.format("t")}) AS variants
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
                    {CATEGORIES.format("g")}
                    WHERE g.worst >= {RISK_LEVEL}
                    GROUP BY g.session_id
                ) AS f ON f.session_id = t.session_id
                WHERE t.dt BETWEEN ${{first}} AND ${{last+1}}
                    AND (t.crisis_flag_level >= {RISK_LEVEL} OR ({EXPOSED_TURN}))
            ) AS s
            CROSS JOIN UNNEST(s.names, s.variants) AS c(category, variant_id)
        ) AS followed
    ) AS reigned
    WHERE crisis AND place > 0 AND since <= ${{last}} AND {days_apart("since", "dt")} <= 1
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
    IF({days_apart("u.dt", "${through}")} >= {RETURN_DAYS},
        bitwise_and(bitwise_right_shift(r.days, {_bit("${first}", "u.dt")}), 1) = 1) AS returned{last},
    u.dt
FROM units AS u
LEFT JOIN crises AS k ON k.dt = u.dt AND k.category = u.category AND k.variant_id = u.variant_id
    AND k.unit_id = u.unit_id
LEFT JOIN returns AS r ON r.user_id_hash = u.user_id_hash
""",  # noqa: S608 -- text of this module
    )
