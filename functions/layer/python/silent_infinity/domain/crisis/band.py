"""The ambiguous band: the scores for which the model is asked. Derived by calibration and held as data."""

from dataclasses import dataclass

from silent_infinity.data import load


@dataclass(frozen=True, slots=True)
class Band:
    """Scores from `low` on, of messages in which no stage has found a risk, are ambiguous.

    `low` is a probability that the level is 2 or more: 0 asks the model about every such message, 1 about
    none that a learned stage can read.

    Raises:
        ValueError: `low` is no probability.
    """

    low: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= 1:
            raise ValueError("the lower end of the band is a probability")


def calibrated_band() -> Band:
    """Return the band of `data/screen.json`."""
    return Band(load("screen.json")["band"]["low"])
