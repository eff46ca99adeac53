"""`./run simulate`: people who were never there, for experiments whose truth is known."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cli.command import Commands, Context
from local.cli.terminal import bold, table, wrapped
from local.tools.errors import LocalError
from local.tools.locations import with_layer

if TYPE_CHECKING:
    from local.simulation.scenario import Scenario, Share
    from local.simulation.settling import Settling
    from local.simulation.simulation import Arrival
    from local.simulation.truth import Truth

TABLE, BRONZE = "table", "bronze"
MOST_FOR_TABLE = 5_000
TRUTH = "truth.json"


def register(commands: Commands) -> None:
    """Add the command of this module."""
    simulate = commands.add("simulate", run_simulate, "make up people, with planted effects and known truth")
    simulate.add_argument("--sessions", type=int, default=500, metavar="N", help="default: 500")
    simulate.add_argument("--days", type=int, default=14, metavar="D", help="over how many days; default: 14")
    simulate.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed: the same people")
    simulate.add_argument(
        "--until", type=date.fromisoformat, metavar="DATE", help="the last day (default: yesterday, UTC)"
    )
    simulate.add_argument(
        "--effect",
        action="append",
        default=[],
        metavar="CATEGORY:VARIANT:METRIC:+X",
        help="what is off about a variant: in the metric's unit, for a rate in points (+0.05), or +10%%",
    )
    simulate.add_argument(
        "--arm",
        action="append",
        default=[],
        metavar="CATEGORY:VARIANT:PERCENT",
        help="have an arm run; an unknown variant is one that is no different (A/A)",
    )
    simulate.add_argument(
        "--to",
        default=TABLE,
        metavar="table|bronze|FOLDER",
        help="the local stack's tables, as turns are written (default); Parquet in its lake; or a folder",
    )
    simulate.add_argument(
        "--settle",
        action="store_true",
        help="local stack: its registry says that arms and production have been as they are since before "
        "these days, and the turns count as judged: what a promotion would wait for",
    )
    simulate.add_argument("--duplicates", type=float, default=0.0, metavar="SHARE", help="arrive twice")
    simulate.add_argument("--late", type=float, default=0.0, metavar="SHARE", help="arrive days later")


def run_simulate(context: Context, arguments: argparse.Namespace) -> int:
    """Simulate, write the events where they are wanted, and the truth beside."""
    with_layer()
    from local.simulation.simulation import arrivals, days
    from local.simulation.truth import Truth

    scenario = wanted(arguments, datetime.now(UTC))
    truth = Truth(scenario)
    settling = _settling(context, arguments)
    if settling is not None:
        settling.check(scenario)

    def seen() -> Iterator[Arrival]:
        for day in days(scenario):
            truth.see(day)
            yield from arrivals(day, scenario.disorder, scenario.seed)

    print(bold(f"{scenario.sessions} sessions from {scenario.first} to {scenario.until}"))
    if arguments.to == TABLE:
        folder = _into_tables(context.stack, scenario, seen())
    elif arguments.to == BRONZE:
        folder = _into_bucket(context.stack, seen())
    else:
        folder = Path(arguments.to).expanduser().resolve()
        _into_folder(folder, seen())
    found = truth.finish()
    (folder / TRUTH).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(described(scenario, truth))
    print(wrapped(f"The truth is in {folder / TRUTH}."))
    if arguments.to in (TABLE, BRONZE):
        span = f"--from {scenario.first} --to {scenario.until}"
        print(wrapped(f"To see them in figures: `./run rollup {span}`, then `./run metrics show`."))
    if settling is not None:
        for name in settling.settle(scenario, truth.events):
            print(f"  {name} now says that it has been as it is since before {scenario.first}.")
        print(wrapped("The audit log knows nothing of this, and `./run admin audit --verify` will say so."))
    elif scenario.effects and arguments.to in (TABLE, BRONZE):
        print(
            wrapped("An arm is compared only while it runs in the stack's registry: `./run admin variants`.")
        )
    return 0


def wanted(arguments: argparse.Namespace, now: datetime) -> Scenario:
    """Return the scenario that is asked for.

    Raises:
        LocalError: it cannot be simulated.
    """
    from local.simulation.effects import EffectError, parsed
    from local.simulation.scenario import Disorder, Scenario, registry

    until = arguments.until or now.date() - timedelta(days=1)
    if until > now.date():
        raise LocalError(f"{until} has not come yet.", "Simulate days of the past.")
    if arguments.to == TABLE and arguments.sessions > MOST_FOR_TABLE:
        raise LocalError(
            f"The tables take at most {MOST_FOR_TABLE} sessions.",
            "Write more with `--to bronze` or to a folder.",
        )
    try:
        effects = tuple(parsed(text) for text in arguments.effect)
        return Scenario(
            sessions=arguments.sessions,
            days=arguments.days,
            until=until,
            seed=arguments.seed,
            variants=registry(effects, _shares(arguments.arm)),
            effects=effects,
            disorder=Disorder(arguments.duplicates, arguments.late),
        )
    except EffectError as error:
        raise LocalError(str(error), "See `./run simulate --help`.") from None
    except ValueError as error:
        raise LocalError(f"This cannot be simulated: {error}.", "See `./run simulate --help`.") from None


def _settling(context: Context, arguments: argparse.Namespace) -> Settling | None:
    """Return what settles the arms that were asked for; None if nothing is to be settled."""
    if not arguments.settle:
        return None
    if arguments.to not in (TABLE, BRONZE):
        raise LocalError("--settle is about the local stack.", "Leave --to out, or say `--to bronze`.")
    from local.simulation.settling import settling

    context.stack.require_up()
    asked = [text.partition(":")[0] for text in (*arguments.arm, *arguments.effect)]
    return settling(context.stack, asked)


def described(scenario: Scenario, truth: Truth) -> str:
    """What was made, in a table."""
    rows: list[Sequence[Any]] = [
        [truth.sessions, "sessions"],
        [truth.events, "turn events"],
        [truth.feedback, "pieces of feedback"],
        *([f"{arm.rollout_percent:g} %", f"of {arm.category}: {arm.variant_id}"] for arm in scenario.arms),
    ]
    return table([[str(cell) for cell in row] for row in rows])


def _shares(texts: Sequence[str]) -> list[Share]:
    from local.simulation.scenario import Share

    found = []
    for text in texts:
        try:
            category, variant_id, percent = text.split(":")
            found.append(Share(category, variant_id, float(percent)))
        except ValueError:
            raise LocalError(f"{text!r} is not CATEGORY:VARIANT:PERCENT.", "") from None
    return found


def _into_tables(stack: Any, scenario: Scenario, arrivals: Iterator[Arrival]) -> Path:
    from local.simulation import table as tables
    from local.simulation.simulation import FEEDBACK, TURN

    stack.require_up()
    outputs = stack.outputs
    names = {TURN: outputs["TurnEventsTableName"], FEEDBACK: outputs["FeedbackTableName"]}
    tables.put(stack.client("dynamodb"), names, arrivals)
    return _own_folder(stack)


def _into_bucket(stack: Any, arrivals: Iterator[Arrival]) -> Path:
    import tempfile

    stack.require_up()
    if "LakeBucketName" not in stack.outputs:
        raise LocalError("The lake is not deployed.", "Run `./run deploy -e local`.")
    bucket, objects = stack.outputs["LakeBucketName"], stack.client("s3")
    with tempfile.TemporaryDirectory() as scratch:
        _into_folder(Path(scratch), arrivals)
        for path in sorted(Path(scratch).rglob("*.parquet")):
            objects.upload_file(str(path), bucket, path.relative_to(scratch).as_posix())
    return _own_folder(stack)


def _into_folder(folder: Path, arrivals: Iterator[Arrival]) -> None:
    from local.simulation import bronze

    if folder.exists() and any(folder.iterdir()):
        raise LocalError(f"{folder} is not empty.", "Name a folder that is, or one that is not there yet.")
    bronze.write(folder, arrivals)
    bronze.empty_tables(folder)


def _own_folder(stack: Any) -> Path:
    folder: Path = stack.home / "simulation"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
