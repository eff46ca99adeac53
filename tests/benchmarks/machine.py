"""The machine that was measured on, without anything that names it."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a figure depends on. `busy` is the one-minute load average when the measuring began."""

    cores: int
    memory_gib: int
    system: str
    python: str
    date: str
    busy: float

    @classmethod
    def here(cls) -> Self:
        """Describe this machine now."""
        pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return cls(
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_gib=round(pages * page_size / GIB),
            system=f"{platform.system()} on {platform.machine()}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            date=datetime.now(UTC).date().isoformat(),
            busy=round(os.getloadavg()[0], 1),
        )

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return (
            f"{self.date}, {cores}, {self.memory_gib} GiB, {self.system}, {self.python}; "
            f"load average {self.busy} when it began"
        )
