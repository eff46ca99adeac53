"""`python -m local.simulation --events N --folder F`: a lake of so many events, for measurements."""

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path

from local.simulation import bulk
from local.simulation.scenario import Scenario, registry

DAYS = 28
UNTIL = date(2026, 11, 20)


def main(argv: list[str]) -> int:
    """Write the lake and its truth; print what was written as JSON."""
    parser = argparse.ArgumentParser(prog="python -m local.simulation", description=__doc__)
    parser.add_argument("--events", type=int, required=True, help="about how many turn events")
    parser.add_argument("--folder", type=Path, required=True, help="where to; it must be empty or missing")
    parser.add_argument("--days", type=int, default=DAYS, help=f"over how many days (default: {DAYS})")
    parser.add_argument("--until", type=date.fromisoformat, default=UNTIL, help="the last of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--base", type=int, default=bulk.BASE_EVENTS, help="events that are simulated before they are copied"
    )
    arguments = parser.parse_args(argv)
    if arguments.folder.exists() and any(arguments.folder.iterdir()):
        parser.error(f"{arguments.folder} is not empty")
    copies = max(1, round(arguments.events / arguments.base))
    scenario = bulk.sized(
        Scenario(1, arguments.days, arguments.until, arguments.seed, registry()), arguments.events // copies
    )
    started = time.perf_counter()
    written = bulk.write(arguments.folder, scenario, copies)
    (arguments.folder / "truth.json").write_text(json.dumps(written.truth) + "\n", encoding="utf-8")
    print(
        json.dumps({
            "turn_events": written.turn_events,
            "feedback": written.feedback,
            "copies": written.copies,
            "seconds": round(time.perf_counter() - started, 1),
            "bytes": sum(path.stat().st_size for path in arguments.folder.rglob("*.parquet")),
        })
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
