"""What the language models' wrappers share, in memory. `unavailable` makes every call fail."""

from threading import Lock

from silent_infinity.domain.breaker import BreakerState
from silent_infinity.domain.model_rates import Bucket
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.spend import Taken


class _Store:
    """`calls` counts them, those that fail too."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.unavailable = False
        self.calls = 0

    def _enter(self) -> None:
        self.calls += 1
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")


class MemoryBreakerStore(_Store):
    """A `BreakerStore`."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, BreakerState] = {}

    def read(self, key: str) -> BreakerState:
        with self._lock:
            self._enter()
            return self.states.get(key, BreakerState())

    def replace(self, key: str, old: BreakerState, new: BreakerState, now_ms: int) -> bool:
        with self._lock:
            self._enter()
            if self.states.get(key, BreakerState()).version != old.version:
                return False
            self.states[key] = new
            return True


class MemorySpendStore(_Store):
    """A `SpendStore`. `used` are the counters, `in_flight` the reservations by key and id."""

    def __init__(self) -> None:
        super().__init__()
        self.used: dict[str, int] = {}
        self.in_flight: dict[str, dict[str, int]] = {}

    def reserve(self, key: str, reservation: str, amount: int, most: int | None, now_ms: int) -> Taken:
        with self._lock:
            self._enter()
            used = self.used.get(key, 0)
            flying = self.in_flight.setdefault(key, {})
            if reservation in flying:
                return Taken(True, used - flying[reservation])
            if most is not None and used > most:
                return Taken(False, used)
            self.used[key] = used + amount
            flying[reservation] = amount
            return Taken(True, used)

    def settle(self, key: str, reservation: str, reserved: int, actual: int) -> bool:
        with self._lock:
            self._enter()
            if self.in_flight.get(key, {}).pop(reservation, None) is None:
                return False
            self.used[key] += actual - reserved
            return True


class MemoryModelRateStore(_Store):
    """A `ModelRateStore`. `arrivals` are the theoretical arrival times of requests and tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: dict[str, tuple[int, int]] = {}

    def take(self, key: str, requests: Bucket, tokens: Bucket, now_us: int, *, force: bool = False) -> bool:
        with self._lock:
            self._enter()
            by_request, by_token = self.arrivals.get(key, (0, 0))
            within = requests.admits(by_request, now_us) and tokens.admits(by_token, now_us)
            if not within and not force:
                return False
            self.arrivals[key] = (
                requests.next_arrival_us(by_request, now_us),
                tokens.next_arrival_us(by_token, now_us),
            )
            return True
