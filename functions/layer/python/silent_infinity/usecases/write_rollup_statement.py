"""Write the statement that computes some days of a table, for a place that nothing else uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.days import Item, Window
from silent_infinity.domain.lake.run import Place, run_id_of
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.lake.tables import table
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.randomness import Randomness
from silent_infinity.usecases.rollup_run import Lake

_SUFFIX_BYTES = 6


@dataclass(frozen=True, slots=True)
class StatementRequest:
    """What is to be computed: an item of the plan, within the run's window."""

    run: str
    window: Mapping[str, Any]
    item: Mapping[str, Any]
    arms: tuple[RunningArm, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "StatementRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class WrittenStatement:
    """A statement, where it writes to, and the token under which Athena starts it once, however often it is
    asked to.
    """

    statement: str
    location: str
    token: str

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class WriteRollupStatement:
    """Writes statements into the bucket `bucket`. Each call names a place of its own: two attempts that
    wrote to one place would leave every row there twice.
    """

    def __init__(self, *, lake: Lake, randomness: Randomness, bucket: str) -> None:
        self._lake = lake
        self._randomness = randomness
        self._bucket = bucket

    def __call__(self, request: StatementRequest) -> WrittenStatement:
        """Write a statement.

        Raises:
            RunLostError: another run has the lake.
            StoreUnavailableError: nobody knows who has it.
            KeyError, DaysError: there is no such table, or that is no item.
            StatementError: the statement cannot be written.
        """
        self._lake.hold(request.run)
        item, window = Item.from_payload(request.item), Window.from_payload(request.window)
        suffix = self._randomness.token(_SUFFIX_BYTES).hex()
        place = Place(self._bucket, table(item.table), run_id_of(request.run, suffix))
        text = statements.unload(
            item.table,
            first=item.first,
            last=item.last,
            through=window.through,
            arrived_until=item.arrived_until,
            location=place.location,
            arms=[arm.arm for arm in request.arms],
        )
        return WrittenStatement(text, place.location, sha256(text.encode()).hexdigest())
