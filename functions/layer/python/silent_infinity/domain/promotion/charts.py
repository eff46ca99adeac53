"""Pictures of evidence: an interval beside its limit, and two distributions.

A picture's description says what it shows; sentences beside it say what that means.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from silent_infinity.domain.lake.figures_shown import shown
from silent_infinity.domain.lake.histograms import value_of
from silent_infinity.domain.promotion.evidence import GateResult, Verdict
from silent_infinity.domain.promotion.words import is_difference, limit, span, worse_side
from silent_infinity.domain.svg import WIDTH, bar, line, svg, text

_EDGE: Final = 24
_ROOM: Final = 0.18
_MOST_BARS: Final = 22
_KINDS: Final = {Verdict.PASSED: "better", Verdict.FAILED: "worse", Verdict.NOT_ENOUGH_DATA: "neither"}


def interval(gate: GateResult) -> str:
    """Return an interval on its axis, with the limit and, for a difference, the line of none; "" without
    bounds.
    """
    if gate.estimate is None or (gate.low is None and gate.high is None):
        return ""
    compared = is_difference(gate)
    marks = [gate.estimate, gate.low, gate.high, gate.threshold, 0.0 if compared else None]
    known = [mark for mark in marks if mark is not None]
    low, high = min(known), max(known)
    room = (high - low) * _ROOM or abs(high) * _ROOM or 1.0
    start, end = low - room, high + room

    def x(value: float) -> float:
        return round(_EDGE + (value - start) / (end - start) * (WIDTH - 2 * _EDGE), 1)

    parts = []
    if gate.threshold is not None:
        bad = _bad_side(gate)
        if bad:
            left, right = (_EDGE, x(gate.threshold)) if bad < 0 else (x(gate.threshold), WIDTH - _EDGE)
            parts.append(bar(left, 8, right - left, 32, "beyond"))
        parts.append(line(x(gate.threshold), 4, x(gate.threshold), 44, "limit"))
    if compared:
        parts.append(line(x(0), 8, x(0), 40, "none"))
    parts += [line(_EDGE, 24, WIDTH - _EDGE, 24, "rail")]
    kind = _KINDS[Verdict(gate.verdict)]
    left = x(gate.low) if gate.low is not None else _EDGE
    right = x(gate.high) if gate.high is not None else WIDTH - _EDGE
    parts.append(line(left, 24, right, 24, f"span {kind}"))
    parts.append(f'<circle cx="{x(gate.estimate)}" cy="24" r="6" class="{kind}"/>')
    parts += _labels(gate, x, compared=compared)
    held = "" if gate.threshold is None else f", limit {limit(gate)}"
    return svg(64, gate.title, f"{span(gate)}{held}", parts)


def _labels(gate: GateResult, x: Callable[[float], float], *, compared: bool) -> list[str]:
    labels = []
    if gate.threshold is not None:
        words = f"limit {limit(gate)}" if gate.threshold or not compared else "no change"
        labels.append((x(gate.threshold), words))
    if compared and gate.threshold:
        labels.append((x(0), "no change"))
    if len(labels) == 2 and abs(labels[0][0] - labels[1][0]) < 150:
        # Two labels side by side: each leans away from the other.
        (first, one), (second, two) = sorted(labels)
        return [text(max(first, 110), 60, one, "tick", "end"), text(min(second, WIDTH - 80), 60, two, "tick")]
    return [text(min(max(place, 60), WIDTH - 60), 60, words, "tick", "middle") for place, words in labels]


def _bad_side(gate: GateResult) -> int:
    """Return -1 if what lies below the limit is not allowed, 1 if what lies above is, 0 if nobody knows."""
    known = worse_side(gate)
    threshold, estimate = gate.threshold or 0.0, gate.estimate or 0.0
    if known or gate.verdict == Verdict.NOT_ENOUGH_DATA or estimate == threshold:
        return known
    below = estimate < threshold
    return 1 if below == (gate.verdict == Verdict.PASSED) else -1


def answers(title: str, arms: Mapping[str, Mapping[str, int]]) -> str:
    """Return shares of answers from 0 to 10, the variant's beside production's."""
    names = [str(number) for number in range(11)]
    return _pairs(title, names, [_shares(arms.get(arm, {}), names) for arm in ("arm", "production")], 1)


def latencies(title: str, arms: Mapping[str, Mapping[str, int]]) -> str:
    """Return shares of times in bins that grow by an equal factor, the variant's beside production's."""
    numbers = [int(number) for bins in arms.values() for number in bins]
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    width = (high - low) // _MOST_BARS + 1
    starts = range(low, high + 1, width)
    shares = []
    for arm in ("arm", "production"):
        bins = arms.get(arm, {})
        total = sum(bins.values()) or 1
        shares.append(
            [sum(bins.get(str(n), 0) for n in range(start, start + width)) / total for start in starts]
        )
    return _pairs(title, [shown(value_of(start), "ms") for start in starts], shares, max(1, len(starts) // 4))


def _outward(place: int) -> str:
    """Return how a label at either end leans, so that the picture's edge does not cut it."""
    return "end" if place else "start"


def _shares(bins: Mapping[str, int], names: Sequence[str]) -> list[float]:
    total = sum(bins.values()) or 1
    return [bins.get(name, 0) / total for name in names]


def _pairs(title: str, names: Sequence[str], shares: Sequence[Sequence[float]], every: int) -> str:
    height, foot, top = 170, 24, 30
    most = max((share for arm in shares for share in arm), default=0) or 1
    across = (WIDTH - 2) / len(names)
    parts = [
        bar(0, 6, 11, 11, "arm"),
        text(17, 16, "left: this variant", "label"),
        bar(170, 6, 11, 11, "held"),
        text(187, 16, "right: production", "label"),
        line(0, height - foot, WIDTH, height - foot, "rail"),
    ]
    for place, name in enumerate(names):
        for arm, kind in enumerate(("arm", "held")):
            share = shares[arm][place]
            tall = share / most * (height - foot - top)
            tip = f"{('this variant', 'production')[arm]}, {name}: {share:.1%}"
            parts.append(
                bar(
                    place * across + 1 + arm * (across - 3) / 2,
                    height - foot - tall,
                    (across - 3) / 2,
                    tall,
                    kind,
                    tip,
                )
            )
        if place % every == 0:
            anchor = "middle" if every == 1 or 0 < place < len(names) - every else _outward(place)
            parts.append(text(round((place + 0.5) * across, 1), height - 7, name, "tick", anchor))
    tops = [max(range(len(names)), key=arm.__getitem__) for arm in shares]
    described = f"most often {names[tops[0]]} with this variant, {names[tops[1]]} with production"
    return svg(height, title, described, parts)
