"""Budgets that are reserved before a call and settled after it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Taken:
    """What a reservation found: whether it was `granted`, and what was `used` before it."""

    granted: bool
    used: int


class SpendStore(Protocol):
    """Counters with the reservations of calls in flight. May raise StoreUnavailableError.

    An error does not say whether the write took place. Doing it again with the same `reservation` is
    safe, and so is settling it.
    """

    def reserve(self, key: str, reservation: str, amount: int, most: int | None, now_ms: int) -> Taken:
        """Add `amount` if no more than `most` was used before (None: in any case).

        A reservation that is there already is granted again and counted once.
        """
        ...

    def settle(self, key: str, reservation: str, reserved: int, actual: int) -> bool:
        """Replace what was reserved by what was used; 0 gives it back.

        Return False, and change nothing, if the reservation is not there: settled before, or never made.
        """
        ...
