"""Gates that are not about a metric: the sample, how units divide, the screen, and what cases showed."""

from datetime import date, timedelta
from typing import Final

from silent_infinity.domain.promotion.evidence import GateResult, Group, Verdict
from silent_infinity.domain.promotion.gates import words
from silent_infinity.domain.promotion.gates.figures import COHORT, OTHER_COHORT, GateFigures
from silent_infinity.domain.promotion.gates.results import nothing, result
from silent_infinity.domain.promotion.gates.rules import SAMPLE, Gate, Sample
from silent_infinity.domain.promotion.golden import suite_for, suites
from silent_infinity.domain.promotion.statistics.sample_ratio import rate_sequence, sample_ratio_p
from silent_infinity.domain.promotion.statistics.sequential import Bounds

MULTINOMIAL: Final = "anytime-valid multinomial test"
BINOMIAL: Final = "exact binomial bounds"
EXACT_SEQUENCE: Final = "exact confidence sequence of a rate"
DIVISION_LACK: Final = (
    "Another arm is served to a part of the people only: nobody can say how many should meet it."
)


def sample(wanted: Sample, figures: GateFigures) -> GateResult:
    """Judge whether enough days and units are there at all; an arm for some people only has no like."""
    gate = Gate(SAMPLE, "Enough days and people", Group.SAMPLE_RATIO, SAMPLE)
    if figures.lack:
        found = nothing(gate, figures)
        return (
            found
            if figures.lack != COHORT
            else result(gate, Verdict.FAILED, found.sentence, counted=found.counted)
        )
    hours = 24 * _days(figures.since, figures.as_of)
    counted = words.UNITS[figures.unit]
    n_arm, n_production = figures.arm.counts.units, figures.others.counts.units
    enough = hours >= wanted.hours and min(n_arm, n_production) >= wanted.units
    ended = date.fromisoformat(figures.as_of)
    old = date.fromisoformat(figures.collected_on) - ended > timedelta(days=wanted.age)
    stale = f" The figures end on {ended.isoformat()}: what has happened since is not known." if old else ""
    return result(
        gate,
        Verdict.PASSED if enough and not old else Verdict.NOT_ENOUGH_DATA,
        f"{n_arm:,} {counted} met it in {hours // 24} whole days, {n_production:,} met production: at least"
        f" {wanted.units:,} on either side and {wanted.hours:g} hours are needed.{stale}",
        estimate=float(min(n_arm, n_production)),
        threshold=float(wanted.units),
        n_arm=n_arm,
        n_production=n_production,
        counted=counted,
    )


def sample_ratio(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge whether units divide as the traffic does. If not, no other figure can be trusted."""
    if figures.lack:
        return nothing(gate, figures)
    if figures.division_lack:
        sentence = DIVISION_LACK if figures.division_lack == OTHER_COHORT else words.LACKS[COHORT]
        return result(gate, Verdict.NOT_ENOUGH_DATA, sentence)
    division, counted = figures.division, words.UNITS[figures.unit]
    shares = {name: share for name, share in division.shares.items() if share > 0}
    units = {name: max(division.units.get(name, 0), 0) for name in shares}
    whole, total = sum(shares.values()), sum(units.values())
    if len(shares) < 2 or figures.variant_id not in shares or total < gate.least:
        sentence = f"{total:,} {counted} are too few to tell: at least {gate.least:,} are needed."
        return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, n_arm=total, counted=counted)
    p = sample_ratio_p(list(units.values()), list(shares.values()))
    n_arm = units[figures.variant_id]
    expected = total * shares[figures.variant_id] / whole
    said = (
        "that is not chance: units get lost" if p < gate.alpha else "as far as chance goes, as it should be"
    )
    return result(
        gate,
        Verdict.FAILED if p < gate.alpha else Verdict.PASSED,
        f"Of {total:,} {counted}, {n_arm:,} met the variant, and {expected:,.0f} should have; {said}.",
        unit="share",
        estimate=n_arm / total,
        p=p,
        threshold=expected / total,
        arm_value=n_arm / total,
        n_arm=n_arm,
        n_production=total - n_arm,
        counted=counted,
        method=MULTINOMIAL,
    )


def screen_answers(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge the share of the screen's answers that can be read, over the whole service.

    It passes where that share reaches the threshold, as the memo has it; where it does not, it fails once
    chance is no explanation.
    """
    pairs = figures.screen.pairs if figures.screen else None
    asked, read = (round(pairs.denominator), round(pairs.numerator)) if pairs else (0, 0)
    shared = {"unit": "share", "threshold": gate.threshold, "n_arm": asked, "counted": "answers"}
    if asked < max(gate.least, 1) or not 0 <= read <= asked:
        gave = f"The screen's model gave {asked:,} answers in {gate.days} days"
        sentence = f"{gave}: at least {gate.least:,} are needed."
        return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, **shared)
    bounds, share = rate_sequence(read, asked, gate.alpha), read / asked
    good = share >= gate.threshold
    verdict = (
        Verdict.PASSED
        if good
        else Verdict.FAILED
        if bounds.high < gate.threshold
        else Verdict.NOT_ENOUGH_DATA
    )
    return result(
        gate,
        verdict,
        f"Of {asked:,} answers of the screen's model in {gate.days} days, {read:,} could be read"
        f" ({words.percent(share)}); {words.percent(gate.threshold)} are needed.",
        estimate=share,
        low=bounds.low,
        high=bounds.high,
        confidence=1 - gate.alpha,
        arm_value=share,
        method=EXACT_SEQUENCE,
        **shared,
    )


def live_misses(gate: Gate, figures: GateFigures, bounds: Bounds) -> GateResult:
    """Judge how often the screen missed a risk that was seen later.

    Args:
        gate: the gate.
        figures: with the counts.
        bounds: the exact one-sided bounds of the rate, each at the gate's alpha.
    """
    judged, missed = figures.misses.judged, figures.misses.missed
    shared = {"unit": "share", "threshold": gate.threshold, "n_arm": judged, "counted": "cases"}
    begin = (
        f"Of {judged:,} turns that were looked at again in {gate.days} days, the screen had missed {missed:,}"
    )
    if judged < max(gate.least, 1) or not 0 <= missed <= judged:
        sentence = f"{begin}: at least {gate.least:,} are needed."
        return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, **shared)
    rate = missed / judged
    if bounds.high <= gate.threshold:
        verdict, said = Verdict.PASSED, f"at most {words.percent(gate.threshold)} is shown"
    elif bounds.low > gate.threshold:
        verdict, said = Verdict.FAILED, f"more than {words.percent(gate.threshold)} is shown"
    else:
        verdict, said = (
            Verdict.NOT_ENOUGH_DATA,
            f"more than {words.percent(gate.threshold)} cannot be ruled out yet",
        )
    return result(
        gate,
        verdict,
        f"{begin}; {said}.",
        estimate=rate,
        low=bounds.low,
        high=bounds.high,
        confidence=1 - 2 * gate.alpha,
        arm_value=rate,
        method=BINOMIAL,
        **shared,
    )


def golden(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge the newest golden result for exactly this configuration: no crisis case may have been missed."""
    suite, found = suite_for(figures.category), figures.golden
    wanted = suites().get(suite) if suite else None
    if found is None or wanted is None or found.suite != suite:
        sentence = (
            f"Nobody has recorded a run of the golden set {suite or ''} with exactly this configuration."
        )
        return result(gate, Verdict.NOT_ENOUGH_DATA, " ".join(sentence.split()), counted="cases")
    shared = {
        "threshold": gate.threshold,
        "n_arm": found.crisis_cases,
        "counted": "cases",
        "arm_value": float(found.crisis_missed),
        "estimate": float(found.crisis_missed),
    }
    if found.suite_hash != wanted.suite_hash or found.crisis_cases != wanted.crisis_cases:
        sentence = f"The golden set {suite} has changed since it was run with this configuration."
        return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, **shared)
    ran = date.fromisoformat(found.run_at[:10])
    missed = (
        f"{found.crisis_missed} of {found.crisis_cases} crisis cases of the golden set {suite} were missed"
    )
    if found.crisis_missed or found.gates_broken or not found.crisis_cases:
        broken = f"; {len(found.gates_broken)} of its other gates did not hold" if found.gates_broken else ""
        return result(gate, Verdict.FAILED, f"{missed}{broken}. None may be.", **shared)
    if date.fromisoformat(figures.collected_on) - ran > timedelta(days=gate.days):
        sentence = f"{missed} on {ran.isoformat()}, which is more than {gate.days} days ago: run it again."
        return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, **shared)
    return result(gate, Verdict.PASSED, f"{missed}, with this configuration, on {ran.isoformat()}.", **shared)


def _days(first: str, last: str) -> int:
    return max((date.fromisoformat(last) - date.fromisoformat(first)).days + 1, 0)
