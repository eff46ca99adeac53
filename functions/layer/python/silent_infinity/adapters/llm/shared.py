"""Stores that the wrappers share with other processes, and can do without."""

import threading
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.errors import StoreUnavailableError

S = TypeVar("S")
R = TypeVar("R")

MOST_WAITING = 100


class Outage:
    """What the shared stores of a process have in common: when one is down, all are left alone a while."""

    def __init__(self, clock: Clock, pause_ms: int) -> None:
        self._clock = clock
        self._pause_ms = pause_ms
        self._until_ms = 0

    def begin(self) -> None:
        """A store has failed."""
        self._until_ms = unix_ms(self._clock.now()) + self._pause_ms

    @property
    def lasts(self) -> bool:
        """Whether the stores are to be left alone."""
        return unix_ms(self._clock.now()) < self._until_ms


class Shared(Generic[S]):
    """A store that is made when it is first asked. Without `make` there is none, and `present` is False."""

    def __init__(self, make: Callable[[], S] | None, outage: Outage) -> None:
        self._make = make
        self._outage = outage
        self._store: S | None = None
        self._making = threading.Lock()

    @property
    def present(self) -> bool:
        """Whether there is a store at all."""
        return self._make is not None

    def ask(self, call: Callable[[S], R]) -> R:
        """Call the store.

        Raises:
            StoreUnavailableError: it is down, was so a moment ago, or there is none.
        """
        if self._make is None:
            raise StoreUnavailableError("Absent")
        if self._outage.lasts:
            raise StoreUnavailableError("Paused")
        try:
            with self._making:
                store = self._store = self._store or self._made(self._make)
            return call(store)
        except StoreUnavailableError:
            self._outage.begin()
            raise

    @staticmethod
    def _made(make: Callable[[], S]) -> S:
        try:
            return make()
        except Exception as error:  # noqa: BLE001 -- no setting of a counter may cost anybody a reply
            raise StoreUnavailableError(type(error).__name__) from None


class Background:
    """One thread for what nobody waits for, in the order in which it came.

    It is a daemon: what is left when a process ends is lost. So is what does not fit into its queue.
    """

    def __init__(self) -> None:
        self._jobs: Queue[Callable[[], object]] = Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, job: Callable[[], object]) -> bool:
        """Have the job done at some time; return False if too many are waiting."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="gateway-counts", daemon=True)
                self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except Full:
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """Wait until all that was submitted is done; return whether it is. For tests and orderly ends."""
        done = threading.Event()
        return self.submit(done.set) and done.wait(seconds)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=3600)
            except Empty:
                continue
            try:
                job()
            except Exception:  # noqa: BLE001, S112 -- a count that fails must not end those that follow
                continue
