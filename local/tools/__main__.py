"""`python -m local.tools NAME …`: what `./run` calls before the development environment exists."""

from __future__ import annotations

import sys

from local.tools.catalogue import CATALOGUE
from local.tools.errors import LocalError
from local.tools.installer import ensure
from local.tools.progress import Progress
from local.tools.running import end_cleanly_when_told


def main(names: list[str]) -> int:
    """Install the named tools; 0 when all are there."""
    unknown = [name for name in names if name not in CATALOGUE]
    if unknown:
        print(f"No such tool: {', '.join(unknown)}. There are: {', '.join(CATALOGUE)}.", file=sys.stderr)
        return 2
    end_cleanly_when_told()
    try:
        ensure(names, Progress())
    except LocalError as error:
        print(f"\n{error.problem}\n{error.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next start takes it up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
