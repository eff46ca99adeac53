"""A model that is made when it is first asked."""

import threading
from collections.abc import Callable

from silent_infinity.ports.llm import LanguageModel, ModelReply, ModelRequest


class LazyModel:
    """Makes the inner model with the first request, so that a cold start does not pay for a provider's SDK.

    What making it raises, the request raises; the next one tries again. `make` is called by one thread at a
    time: a request that was left behind may still be at it when the next one comes.
    """

    def __init__(self, make: Callable[[], LanguageModel]) -> None:
        self._make = make
        self._inner: LanguageModel | None = None
        self._making = threading.Lock()

    def complete(self, request: ModelRequest) -> ModelReply:
        with self._making:
            inner = self._inner = self._inner or self._make()
        return inner.complete(request)
