"""The figures of variants over some days, in the groups and the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from silent_infinity.domain.comparison import MetricComparison, compare
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.lake.metrics import EVERYTHING, HIGHER, LOWER, SERVICE, by_name, metrics
from silent_infinity.domain.registry.view import View, is_default, is_experiment
from silent_infinity.domain.variant_categories import RETIRED, categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variant_sums import DayOfVariant, merged, merged_histograms
from silent_infinity.ports.variant_metrics import VariantMetrics

QUANTILES = {"p50": 0.5, "p95": 0.95}
NPS = "nps"
_PROMOTERS, _DETRACTORS = 9, 6
_OF_RECOMMENDING = 100


@dataclass(frozen=True)
class Measure:
    """A figure that is shown: a metric, or a quantile of its histogram."""

    metric: str
    quantile: str = ""

    @property
    def name(self) -> str:
        """How it is called."""
        return f"{self.metric} {self.quantile}".rstrip()

    @property
    def title(self) -> str:
        """What it says, in words."""
        known = by_name().get(self.metric)
        words = known.title if known else "Net promoter score, -100 to 100" if self.metric == NPS else ""
        said = {"p50": "half of the turns, at most", "p95": "95 of 100 turns, at most"}.get(self.quantile)
        return f"{words} ({said})" if words and said else words

    @property
    def unit(self) -> str:
        """The unit of `data/metrics.json`; points for what it does not know."""
        known = by_name().get(self.metric)
        return known.unit if known else "points"

    @property
    def direction(self) -> str:
        """Which way is better."""
        known = by_name().get(self.metric)
        return known.direction if known else HIGHER if self.metric == NPS else ""

    def of(self, days: Sequence[DayOfVariant]) -> tuple[float | None, int]:
        """The figure over days, and of how many units or turns it is."""
        if self.quantile or self.metric == NPS:
            histogram = merged_histograms(days).get(self.metric, Histogram())
            if self.metric == NPS:
                return _recommending(histogram), histogram.count
            return histogram.quantile(QUANTILES[self.quantile]), histogram.count
        sums = merged(days).get(self.metric)
        return (sums.average, sums.n) if sums else (None, 0)


@dataclass(frozen=True)
class Track:
    """One variant over the days. `says` is its place in the registry, in a few words."""

    category: str
    variant_id: str
    says: str
    production: bool
    days: tuple[DayOfVariant, ...]

    @property
    def reference(self) -> str:
        """The variant as commands name it."""
        return f"{self.category}/{self.variant_id}"

    def by_day(self, measure: Measure, days: Iterable[date]) -> list[float | None]:
        """The figure day by day; None where there is none."""
        known = {day.day: day for day in self.days}
        return [measure.of([known[day]])[0] if day in known else None for day in days]


@dataclass(frozen=True)
class Group:
    """The variants of a category that are shown, production first."""

    category: str
    title: str
    unit: str
    tracks: tuple[Track, ...]
    measures: tuple[Measure, ...]

    @property
    def production(self) -> Track | None:
        """What the others are held against: production, if the group has it and others."""
        first = self.tracks[0]
        return first if first.production and len(self.tracks) > 1 else None


@dataclass(frozen=True)
class Board:
    """What is shown: days from `first` to `last`, both included."""

    environment: str
    first: date
    last: date
    groups: tuple[Group, ...]

    @property
    def days(self) -> tuple[date, ...]:
        """All days, in order."""
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


def board(
    store: VariantMetrics,
    records: Mapping[tuple[str, str], VariantRecord],
    *,
    environment: str,
    days: tuple[date, date],
    now: datetime,
    category: str | None = None,
    variant: str | None = None,
    metric: str | None = None,
) -> Board:
    """Read what is to be shown. May raise StoreUnavailableError."""
    view = View.of(records, now)
    first, last = days
    groups = []
    if category in (None, SERVICE) and variant in (None, EVERYTHING):
        found = tuple(store.days(SERVICE, EVERYTHING, first, last))
        track = Track(SERVICE, EVERYTHING, "every turn that counts", False, found)
        groups.append(_group(SERVICE, "The service as a whole", "session", [track], metric))
    for name, kind in categories().items():
        if category in (None, name):
            tracks = [
                Track(name, record.variant_id, says, default, tuple(store.days(*record.key, first, last)))
                for record, says, default in _chosen(view, name, every=category is not None, variant=variant)
            ]
            groups.append(_group(name, kind.title, kind.unit, tracks, metric))
    return Board(environment, first, last, tuple(group for group in groups if group.measures))


def _chosen(
    view: View, category: str, *, every: bool, variant: str | None
) -> Iterator[tuple[VariantRecord, str, bool]]:
    """Yield the variants to show, production first: every one, or what takes part in an experiment."""
    known = sorted(view.category(category), key=lambda each: (not is_default(each), each.variant_id))
    named = [each for each in known if variant in (None, each.variant_id)]
    if not named or not (every or variant or any(is_experiment(each) for each in known)):
        return
    for each in known:
        default = is_default(each)
        if each in named or default:
            if each.status == RETIRED and variant is None:
                continue
            if not (every or default or variant or is_experiment(each)):
                continue
            yield each, f"{each.status} at {each.rollout_percent:g} %", default


def _group(category: str, title: str, unit: str, tracks: Sequence[Track], metric: str | None) -> Group:
    shown = tuple(track for track in tracks if track.days)
    measures = tuple(each for each in _measures(shown) if metric in (None, each.metric))
    return Group(category, title, unit, shown, measures)


def _measures(tracks: Sequence[Track]) -> Iterator[Measure]:
    days = [day for track in tracks for day in track.days]
    sums, drawn = merged(days), merged_histograms(days)
    names = [metric.name for metric in metrics()]
    for name in [*names, *sorted({*sums, *drawn} - {*names})]:
        if name in sums and sums[name].n:
            yield Measure(name)
        if name in drawn and name != NPS:
            yield from (Measure(name, quantile) for quantile in QUANTILES)
    if NPS in drawn:
        yield Measure(NPS)


ONE_LOOK = (
    "Beside production: its figures of the same days. Better and worse mean that the 95 % interval of the"
    " difference lies on one side of nought. That holds for one look at days that were fixed beforehand:"
    " whoever looks every night sees differences that are none. A promotion is decided by the sequential test"
    " of the promotion workflow, never by this."
)


def same_days(production: Track, track: Track) -> Track:
    """Production on the days of a variant: what came before it began is no comparison."""
    days = {day.day for day in track.days}
    return replace(production, days=tuple(day for day in production.days if day.day in days))


def beside(track: Track, production: Track) -> Mapping[str, MetricComparison]:
    """Compare a variant with production, metric by metric."""
    found = compare(merged(production.days), merged(track.days))
    return {comparison.metric: comparison for comparison in found}


def verdict(measure: Measure, found: MetricComparison | None) -> str:
    """ "better" or "worse" where the interval of the difference is on one side of nought; else nothing."""
    if found is None or measure.quantile or found.low is None or found.high is None:
        return ""
    if found.low <= 0 <= found.high or measure.direction not in (LOWER, HIGHER):
        return ""
    return "better" if (found.low > 0) == (measure.direction == HIGHER) else "worse"


def _recommending(histogram: Histogram) -> float | None:
    if not histogram.count:
        return None
    promoters = sum(n for answer, n in histogram.bins.items() if answer >= _PROMOTERS)
    detractors = sum(n for answer, n in histogram.bins.items() if answer <= _DETRACTORS)
    return _OF_RECOMMENDING * (promoters - detractors) / histogram.count
