"""Is an event that is rare on both sides shown not to be so many times as frequent? At any look.

A difference of rates says little of rare events: an arm may have twice as many and be only half a point away.
Of all events of both sides, the share that falls on the arm says how many times as frequent they are there
(J. Przyborowski, H. Wilenski, Homogeneity of Results in Testing Samples from Poisson Series, Biometrika 31,
1940): with n units of the arm, m of production and rates that are r times apart, it is

    θ(r) = r·n / (r·n + m)

and x of k events on the arm speak for equal rates, against r times the rate, by the ratio of likelihoods

    M = (θ(1) / θ(r))^x · ((1 - θ(1)) / (1 - θ(r)))^(k - x) = ((r·n + m) / (n + m))^k / r^x

M is 1/α or more at any time with a probability of α at most, if the arm's rate is r times production's or
more (A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16, 1945). That
holds for events that come one by one with a fixed division of the traffic, however few they are. Where events
are not rare, it is careful.
"""

import math


def not_as_frequent_p(arm: tuple[int, int], production: tuple[int, int], ratio: float) -> float:
    """Return the p of "the arm's rate is `ratio` times production's, or more".

    Args:
        arm: events, and units.
        production: the same.
        ratio: above 1.

    Raises:
        ValueError: events lie outside 0 and the units, there are no units, or the ratio is 1 or less.
    """
    if not all(0 <= events <= units and units > 0 for events, units in (arm, production)):
        raise ValueError("events lie between 0 and the units, of which there are some")
    if not 1 < ratio < math.inf:
        raise ValueError("a ratio is above 1")
    (x, n), (y, m) = arm, production
    log_factor = (x + y) * math.log1p((ratio - 1) * n / (n + m)) - x * math.log(ratio)
    return math.exp(min(0.0, -log_factor))
