"""Runs one step of the rollup on a lake in a folder, in a process of its own: memory is a process's peak.

The arguments come as JSON on stdin: `{root, table, first, last, locations, memory_limit, keep}`. `root` holds
the folder of the bucket, `locations` says where earlier steps wrote (table to location). Seconds, peak memory
and what was written go to stdout.
"""

import json
import resource
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from local.athena.engine import Engine
from local.athena.tables import FolderCatalog
from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.model import DAY
from silent_infinity.domain.lake.tables import TABLES

BUCKET = "lake"


def main() -> None:
    """Run the step."""
    asked: dict[str, Any] = json.load(sys.stdin)
    root = Path(asked["root"])
    first, last = date.fromisoformat(asked["first"]), date.fromisoformat(asked["last"])
    catalog = FolderCatalog.of(root, TABLES, BUCKET)
    for table, location in asked["locations"].items():
        for number in range((last - first).days + 1):
            day = (first + timedelta(number)).isoformat()
            catalog.swap(table, (day,), f"{location}{DAY}={day}/")
    table = asked["table"]
    prefix = next(one.prefix for one in TABLES if one.name == table)
    location = f"s3://{BUCKET}/{prefix}run=1/"
    statement = statements.unload(
        table,
        first=first,
        last=last,
        through=last,
        arrived_until=last + timedelta(31),
        location=location,
    )
    engine = Engine(
        catalog, threads=asked["threads"], memory_limit=asked["memory_limit"], temp_directory=root
    )
    started = time.perf_counter()
    outcome = engine.run(statement)
    found = {
        "seconds": time.perf_counter() - started,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rows": outcome.rows_written,
        "bytes_scanned": outcome.bytes_scanned,
        "bytes_written": sum(path.stat().st_size for path in outcome.files_written),
        "location": location,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
