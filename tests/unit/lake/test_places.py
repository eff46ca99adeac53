"""Where a run writes, and what may be swept."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.lake.model import Table
from silent_infinity.domain.lake.run import KEPT, ForeignLocationError, Place, run_id_of, stray_days, swept
from silent_infinity.domain.lake.tables import TABLES, table

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
BUCKET = "lake"
SILVER = table("silver_turns")
DAYS = [date(2026, 11, day) for day in (18, 19, 20)]
REFINED = [one for one in TABLES if not one.projected]


@given(execution=st.text(max_size=120), suffix=st.text("0123456789abcdef", min_size=12, max_size=12))
def test_the_name_of_an_attempt_is_always_a_folders_name(execution: str, suffix: str) -> None:
    """Step Functions allows names that no location may have; the suffix tells attempts apart, so it stays."""
    run_id = run_id_of(execution, suffix)
    place = Place(BUCKET, SILVER, run_id)

    assert run_id.endswith(suffix)
    assert Place.at(place.location, BUCKET, SILVER) == place


@pytest.mark.parametrize(
    "location",
    [
        "s3://lake/silver/turns/",
        "s3://lake/silver/turns/run=/",
        "s3://lake/silver/turns/run=a",
        "s3://lake/silver/turns/run=a/b/",
        "s3://lake/silver/turns/run=../",
        "s3://lake/silver/turns/run=a//",
        "s3://other/silver/turns/run=a/",
        "s3://lake/silver/feedback/run=a/",
        "s3://lake/silver/turns/run=A/",
        "",
    ],
)
def test_a_location_that_no_run_writes_to_is_refused(location: str) -> None:
    """A partition that points elsewhere would show the rows of something else."""
    with pytest.raises(ForeignLocationError):
        Place.at(location, BUCKET, SILVER)


def test_rows_of_days_that_were_not_asked_for_are_noticed() -> None:
    """They would lie where no partition points: lost, and nobody would know."""
    place = Place(BUCKET, SILVER, "a")
    own = [f"{place.prefix}dt={day.isoformat()}/part-1" for day in DAYS]
    stray = f"{place.prefix}dt=2026-11-21/part-1"

    assert stray_days(own, place, DAYS) == []
    assert stray_days([*own, stray], place, DAYS) == [f"{place.prefix}dt=2026-11-21"]
    assert stray_days([f"{place.prefix}part-1"], place, DAYS) == [place.prefix.rstrip("/")]
    assert stray_days(own, place, DAYS[:2]) == [f"{place.prefix}dt=2026-11-20"]


def test_what_is_swept_is_old_and_nothing_points_to_it() -> None:
    """Everything else stays: what is read, what may still be read or written, and what is no run's."""
    old, young = NOW - KEPT - timedelta(seconds=1), NOW - KEPT
    inside = f"{SILVER.prefix}run=a/dt=2026-11-20"
    objects = [
        (f"{SILVER.prefix}run=b/dt=2026-11-20/part-1", old),
        (f"{inside}/part-1", old),
        (f"{SILVER.prefix}run=b/dt=2026-11-20/part-2", young),
        (f"{SILVER.prefix}run=b/part-1", old),
        (f"{SILVER.prefix}notes.txt", old),
        (f"{SILVER.prefix}run=b/dt=2026-11-20/deeper/part-1", old),
        ("bronze/turn_events/dt=2026-11-20/hour=01/part-1", old),
    ]

    found = list(swept(SILVER, BUCKET, objects, {f"s3://{BUCKET}/{inside}/"}, NOW))

    assert found == [f"{SILVER.prefix}run=b/dt=2026-11-20/part-1"]


def test_a_location_counts_with_and_without_its_last_slash() -> None:
    """The catalogue gives back what was put into it, and some tools leave the slash out."""
    name = f"{SILVER.prefix}run=a/dt=2026-11-20/part-1"
    location = f"s3://{BUCKET}/{SILVER.prefix}run=a/dt=2026-11-20"

    assert list(swept(SILVER, BUCKET, [(name, NOW - 2 * KEPT)], {location}, NOW)) == []


def test_a_table_without_partitions_is_left_alone() -> None:
    """A catalogue that was set up anew knows no rows yet; they are still there."""
    name = f"{SILVER.prefix}run=a/dt=2026-11-20/part-1"

    assert list(swept(SILVER, BUCKET, [(name, NOW - 2 * KEPT)], set(), NOW)) == []


def test_bronze_is_never_swept() -> None:
    """What has arrived is what everything else can be computed from."""
    bronze = table("bronze_turn_events")
    name = f"{bronze.prefix}run=a/dt=2026-11-20/part-1"

    assert list(swept(bronze, BUCKET, [(name, NOW - 2 * KEPT)], {"s3://lake/elsewhere/"}, NOW)) == []


PARTS = st.sampled_from(["run=a", "run=b", "run=B", "dt=2026-11-20", "dt=2026-11-21", "dt=x", "hour=01", "x"])
NAMES = st.builds(
    lambda head, parts: head + "/".join(parts),
    st.sampled_from([one.prefix for one in TABLES] + ["results/", "reports/", "registry/", ""]),
    st.lists(PARTS, min_size=1, max_size=4),
)
AGES = st.integers(0, 8 * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds))


@given(
    one=st.sampled_from(REFINED),
    objects=st.lists(st.tuples(NAMES, AGES), max_size=25),
    pointed=st.lists(NAMES, min_size=1, max_size=5),
)
def test_no_sweep_takes_what_it_must_not(
    one: Table, objects: list[tuple[str, datetime]], pointed: list[str]
) -> None:
    """For every layout of a bucket: only old objects of runs, below the table, that no partition reads."""
    locations = {f"s3://{BUCKET}/{name}/" for name in pointed}
    ages = dict(objects)
    found = set(swept(one, BUCKET, ages.items(), locations, NOW))

    for name in found:
        inside = name.removeprefix(one.prefix).split("/")
        assert name.startswith(one.prefix)
        assert inside[0].startswith("run=")
        assert inside[1].startswith("dt=2026")
        assert len(inside) == 3
        assert NOW - ages[name] > KEPT
        assert not any(f"s3://{BUCKET}/{name}".startswith(location) for location in locations)
    for name, age in ages.items():
        inside = name.removeprefix(one.prefix).split("/")
        is_own = name.startswith(one.prefix) and len(inside) == 3 and inside[0] in ("run=a", "run=b")
        if is_own and inside[1].startswith("dt=2026") and NOW - age > KEPT:
            read = any(f"s3://{BUCKET}/{name}".startswith(location) for location in locations)
            assert read is (name not in found)
