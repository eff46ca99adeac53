"""What benchmarks share: a folder that goes away, progress, and one deployed local stack."""

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from local.stack.stack import COMPOSER, LocalStack
from local.tools.progress import Progress
from tests.benchmarks.emulator_floor import EmulatorFloor
from tests.benchmarks.traffic import warm_up

ROLLUP_EVENTS = 1_000_000


class Workshop:
    """One run of the benchmarks. Everything that it started ends with the block it is used in."""

    def __init__(self, events: int = ROLLUP_EVENTS) -> None:
        """Begin; `events` is how many turn events the rollup is measured with."""
        self.events = events
        self.progress = Progress()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    @cached_property
    def folder(self) -> Path:
        """A folder for whatever is built on the way."""
        return Path(self._exits.enter_context(TemporaryDirectory(prefix="bench-")))

    @cached_property
    def stack(self) -> LocalStack:
        """The real templates on a fresh local stack of its own, without a model: the composer answers."""
        home = Path(self._exits.enter_context(TemporaryDirectory(prefix="bench-stack-")))
        stack = LocalStack(home, COMPOSER, progress=self.progress)
        self._exits.enter_context(stack)
        stack.deploy()
        return stack

    @cached_property
    def floor(self) -> EmulatorFloor:
        """As many trivial functions in the same emulator, warm like the functions of the turn."""
        floor = EmulatorFloor.deploy(self.stack)
        warm_up(floor.through_rest())
        warm_up(floor.storing())
        return floor
