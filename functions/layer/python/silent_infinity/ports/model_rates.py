"""How often models may be called, counted for all processes together."""

from typing import Protocol

from silent_infinity.domain.model_rates import Bucket


class ModelRateStore(Protocol):
    """Token buckets by key. May raise StoreUnavailableError."""

    def take(self, key: str, requests: Bucket, tokens: Bucket, now_us: int, *, force: bool = False) -> bool:
        """Take a call from both buckets if both admit it; return whether they did.

        A call that is refused takes nothing. `force` takes it in any case.
        """
        ...
