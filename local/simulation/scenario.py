"""What is simulated: how much, when, which arms run, and what is off about them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from local.simulation.effects import Effect, EffectError
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.variant_categories import CANARY, RETIRED, categories
from silent_infinity.domain.variants import BUCKETS, Variant

USUAL_SHARE = 25.0
"""Percent of the traffic that an arm gets that has an effect and nothing said about its share."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a category's traffic an arm has, in percent."""

    category: str
    variant_id: str
    percent: float


@dataclass(frozen=True, slots=True)
class Disorder:
    """How untidily events arrive: shares of all events.

    A duplicate arrives a second time, a while later; a late event only days afterwards, up to `most_days`.
    """

    duplicates: float = 0.0
    late: float = 0.0
    most_days: int = 10

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not (0 <= self.duplicates <= 1 and 0 <= self.late <= 1 and self.most_days >= 1):
            raise ValueError("duplicates and late are shares from 0 to 1, most_days is 1 or more")


TIDY = Disorder()


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that a simulation depends on: the same scenario gives the same events, to the last digit.

    About `sessions` sessions are spread evenly over `days` days, `until` being the last of them. `variants`
    is the registry, unchanged all the while.
    """

    sessions: int
    days: int
    until: date
    seed: int
    variants: tuple[Variant, ...]
    effects: tuple[Effect, ...] = ()
    disorder: Disorder = TIDY
    environment: str = "local"
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.sessions < 1 or self.days < 1:
            raise ValueError("a simulation has a session and a day at least")

    @property
    def first(self) -> date:
        """The first day."""
        return self.until - timedelta(days=self.days - 1)

    @property
    def arms(self) -> tuple[Variant, ...]:
        """The arms that run."""
        return tuple(variant for variant in self.variants if variant.ranges)


def registry(effects: Iterable[Effect] = (), shares: Iterable[Share] = ()) -> tuple[Variant, ...]:
    """Return the initial registry in which the arms that are asked for run.

    An arm with an effect gets USUAL_SHARE unless its share is given or it runs already. A variant that the
    registry does not know becomes an arm with the configuration of its category's production: with a share
    and no effect, that is an A/A test.

    Raises:
        EffectError: an arm is asked for that no person is ever served, or that does not fit beside others.
    """
    variants = {(one.category, one.variant_id): one for one in initial_variants()}
    asked = {(share.category, share.variant_id): share.percent for share in shares}
    for effect in effects:
        key = (effect.category, effect.variant_id)
        known = variants.get(key)
        if known is None or not (known.is_default or known.ranges):
            asked.setdefault(key, USUAL_SHARE)
    for key in asked:
        variants[key] = _candidate(variants, *key)
    for (category, variant_id), percent in asked.items():
        count = round(percent * BUCKETS / 100)
        first = max((end for other in variants.values() if other.category == category
                     for _, end in other.ranges), default=0)  # fmt: skip
        if not 0 < count <= BUCKETS - first:
            raise EffectError(f"{percent:g} % for {category}:{variant_id} do not fit beside the other arms.")
        variants[category, variant_id] = replace(
            variants[category, variant_id],
            status=CANARY,
            ranges=((first, first + count),),
            rollout_percent=percent,
            # One seed a category: arms with seeds of their own would overlap, and the later one lose units.
            seed=_seed(variants.values(), category),
        )
    return tuple(variants.values())


def _candidate(variants: dict[tuple[str, str], Variant], category: str, variant_id: str) -> Variant:
    """Return the variant as one that nobody is served yet."""
    rules = categories().get(category)
    if rules is None:
        raise EffectError(f"There is no category {category}.")
    if rules.crisis:
        raise EffectError(f"{category} is served from production only: no arm of it has people.")
    known = variants.get((category, variant_id))
    if known is not None and (known.is_default or known.status == RETIRED):
        raise EffectError(f"{category}:{variant_id} is {known.status} and cannot be an arm.")
    default = next(one for one in variants.values() if one.category == category and one.is_default)
    return replace(known or replace(default, variant_id=variant_id), ranges=())


def _seed(variants: Iterable[Variant], category: str) -> str:
    return next((one.seed for one in variants if one.category == category and one.ranges), f"sim-{category}")
