"""The normal, Student's t and the chi-square distribution: p values, and quantiles of the first two.

SciPy has them and takes 0.8 s to import, which the function that answers operators cannot spend. The tests
compare every value with SciPy's.
"""

import math
from collections.abc import Callable

LARGE_DF = 5_000.0
"""From here on Student's t is computed from the normal: the continued fraction needs √df steps, and its
factor loses a digit whenever df grows tenfold. Both are within 1e-10 of SciPy's p here."""

_ITERATIONS = 2_000
_PRECISION = 1e-15
_TINY = 1e-300
_HALVINGS = 200
_CERTAIN = 40.0  # the normal's p is 0 from here on


def normal_two_sided(z: float) -> float:
    """Return the probability that a standard normal lies as far from 0 as `z`, or farther."""
    return math.erfc(abs(z) / math.sqrt(2))


def student_two_sided(t: float, df: float) -> float:
    """Return the probability that Student's t of `df` degrees of freedom is as far from 0 as `t`, or farther.

    It is I_x(df/2, 1/2) at x = df / (df + t²): Abramowitz and Stegun, Handbook of Mathematical Functions
    (1964), 26.5.27 and 26.7.1. For large `df` t is turned into a normal deviate by Hill's expansion (G. W.
    Hill, Algorithm 395: Student's t-distribution, Communications of the ACM 13, 1970).

    Raises:
        ValueError: `df` is not above 0, or a value is not a number.
    """
    if math.isnan(t) or not df > 0:
        raise ValueError("Student's t needs a number and degrees of freedom above 0")
    if math.isinf(t):
        return 0.0
    if df >= LARGE_DF:
        return normal_two_sided(_normal_deviate(abs(t), df))
    square = t * t
    return incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square))


def normal_quantile(alpha: float) -> float:
    """Return z with `normal_two_sided(z) == alpha`. Raises ValueError as `student_quantile` does."""
    return _quantile(normal_two_sided, alpha)


def student_quantile(alpha: float, df: float) -> float:
    """Return t with `student_two_sided(t, df) == alpha`: what an interval of confidence 1 - alpha needs.

    Raises:
        ValueError: alpha is not between 0 and 1, or `df` is not above 0.
    """
    return _quantile(lambda t: student_two_sided(t, df), alpha)


def incomplete_beta(a: float, b: float, x: float, complement: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for 0 <= x <= 1; `complement` is 1 - x.

    Both are given because the smaller one would be lost in the subtraction. The continued fraction is DLMF
    8.17.22 (https://dlmf.nist.gov/8.17#v), evaluated by Lentz's method as Thompson and Barnett modified it
    (Journal of Computational Physics 64, 1986); it converges fast for x < (a + 1) / (a + b + 2), and the
    symmetry I_x(a, b) = 1 - I_1-x(b, a), DLMF 8.17.4, gives the rest.
    """
    if x <= 0 or complement <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, complement, x)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(complement)
    )
    return math.exp(log_front) / a * _continued_fraction(a, b, x)


def _continued_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _ITERATIONS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return fraction


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _normal_deviate(t: float, df: float) -> float:
    a = df - 0.5
    b = 48 * a * a
    z = math.sqrt(a * math.log1p(t * t / df))
    if z > _CERTAIN:
        return z
    return (
        z
        + (z**3 + 3 * z) / b
        - (4 * z**7 + 33 * z**5 + 240 * z**3 + 855 * z) / (10 * b * (b + 0.8 * z**4 + 100))
    )


def _quantile(two_sided: Callable[[float], float], alpha: float) -> float:
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    low, high = 0.0, 1.0
    while two_sided(high) > alpha:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if two_sided(middle) > alpha else (low, middle)
    return high


def chi_square_upper(x: float, df: float) -> float:
    """Return the probability that chi-square of `df` degrees of freedom is `x` or more.

    It is Q(df/2, x/2), the regularised incomplete gamma function: by the power series of its complement for
    small `x` (DLMF 8.7.1, https://dlmf.nist.gov/8.7), by the continued fraction otherwise (DLMF 8.9.2), so
    that neither a p value near 1 nor one near 0 is lost in a subtraction.

    Raises:
        ValueError: `df` is not above 0, or `x` is below 0 or not a number.
    """
    if not (df > 0 and x >= 0):
        raise ValueError("chi-square needs a value of at least 0 and degrees of freedom above 0")
    a, half = df / 2, x / 2
    if half == 0 or math.isinf(half):
        return 1.0 if half == 0 else 0.0
    log_front = a * math.log(half) - half - math.lgamma(a)
    if half < a + 1:
        return max(0.0, 1 - math.exp(log_front) * _gamma_series(a, half))
    return math.exp(log_front) * _gamma_fraction(a, half)


def _gamma_series(a: float, x: float) -> float:
    term = total = 1 / a
    for n in range(1, _ITERATIONS):
        term *= x / (a + n)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / _off_zero(b)
    fraction = d
    for n in range(1, _ITERATIONS):
        numerator = -n * (n - a)
        b += 2
        d = 1 / _off_zero(b + numerator * d)
        c = _off_zero(b + numerator / c)
        fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return fraction


def hypergeometric_upper(drawn: int, draws: int, marked: int, population: int) -> float:
    """Return the probability that `draws` out of a `population` with `marked` members have `drawn` or more.

    It is the one-sided p value of R. A. Fisher's exact test (The logic of inductive inference, Journal of the
    Royal Statistical Society 98, 1935): it holds for any counts, however small. The sum runs away from the
    mode, where the terms fall, so that a p value near 0 keeps its digits.

    Raises:
        ValueError: a count is below 0, or more are marked or drawn than there are.
    """
    if min(drawn, draws, marked) < 0 or max(draws, marked) > population:
        raise ValueError("counts lie between 0 and the population")
    least, most = max(0, draws + marked - population), min(draws, marked)
    if drawn <= least or drawn > most:
        return 1.0 if drawn <= least else 0.0
    if drawn > (draws + 1) * (marked + 1) // (population + 2):
        return min(1.0, _hypergeometric_tail(drawn, draws, marked, population))
    # Seen from those that were not drawn, the lower tail is an upper one.
    return 1 - min(1.0, _hypergeometric_tail(marked - drawn + 1, population - draws, marked, population))


def _hypergeometric_tail(drawn: int, draws: int, marked: int, population: int) -> float:
    log_first = (
        _log_choose(marked, drawn)
        + _log_choose(population - marked, draws - drawn)
        - _log_choose(population, draws)
    )
    term = total = 1.0
    for k in range(drawn, min(draws, marked)):
        term *= (marked - k) * (draws - k) / ((k + 1) * (population - marked - draws + k + 1))
        total += term
        if term < total * _PRECISION:
            break
    return math.exp(log_first) * total


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
