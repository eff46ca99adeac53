"""A reader that is left behind when its time is up, even if it sends a byte now and then."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from silent_infinity.ports.tone import Tone, ToneError, ToneReader

LEFT_BEHIND = "LeftBehind"
SECONDS = 0.8
"""The turn's screen takes about as long beside it: nobody waits longer for a reading."""


class TimelyTone:
    """Runs the inner reader in a daemon thread of its own, and waits `seconds` for it."""

    def __init__(self, inner: ToneReader, seconds: float = SECONDS) -> None:
        self._inner = inner
        self._seconds = seconds

    def read(self, text: str, locale: str) -> Tone:
        outcomes: SimpleQueue[Callable[[], Tone]] = SimpleQueue()
        threading.Thread(target=self._run, args=(text, locale, outcomes), name="tone", daemon=True).start()
        try:
            outcome = outcomes.get(timeout=self._seconds)
        except Empty:
            raise ToneError(LEFT_BEHIND) from None
        return outcome()

    def _run(self, text: str, locale: str, outcomes: "SimpleQueue[Callable[[], Tone]]") -> None:
        try:
            tone = self._inner.read(text, locale)
        except ToneError as error:
            failure = error
            outcomes.put(lambda: _raise(failure))
        except Exception as error:  # noqa: BLE001 -- whatever it was, its message could quote the text
            code = type(error).__name__
            outcomes.put(lambda: _raise(ToneError(code)))
        else:
            outcomes.put(lambda: tone)


def _raise(error: ToneError) -> Tone:
    raise error from None
