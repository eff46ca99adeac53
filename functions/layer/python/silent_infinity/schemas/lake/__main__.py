"""Writes the files of the statements."""

import sys
from pathlib import Path

from silent_infinity.schemas.lake import statements

_TARGET = Path(__file__).resolve().parents[2] / "sql"


def main() -> None:
    """Write the files."""
    for name, text in statements().items():
        (_TARGET / f"{name}.sql").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}.sql\n")


if __name__ == "__main__":
    main()
