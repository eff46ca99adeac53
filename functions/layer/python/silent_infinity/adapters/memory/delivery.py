"""A way into the lake that ends in memory."""

from collections.abc import Collection, Sequence

from silent_infinity.ports.delivery import Receipt


class MemoryDelivery:
    """A `Delivery` that remembers in `documents`, in the order in which they came.

    While `unavailable`, it takes nothing. `refusals` are the places that the next deliveries refuse, one
    collection each.
    """

    largest_bytes = 1_000_000

    def __init__(self) -> None:
        self.documents: list[bytes] = []
        self.refusals: list[Collection[int]] = []
        self.unavailable = False

    def deliver(self, documents: Sequence[bytes]) -> Receipt:
        places = range(len(documents))
        refused = set(self.refusals.pop(0) if self.refusals else ()) & set(places)
        if self.unavailable:
            refused = set(places)
        self.documents += [document for place, document in enumerate(documents) if place not in refused]
        return Receipt(frozenset(refused))
