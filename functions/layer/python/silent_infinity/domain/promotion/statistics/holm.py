"""Several questions at once: the more are asked, the surer each answer has to be."""

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> Mapping[str, float]:
    """Return p values that may be held against α as they are, however many there are; same keys and order.

    S. Holm, A Simple Sequentially Rejective Multiple Test Procedure (Scandinavian Journal of Statistics 6,
    1979): the smallest is multiplied by their number, the next by one less, and so on, and none becomes
    smaller than the one before. It asks nothing of how the metrics hang together. The p values may be
    always-valid ones: what holds at each look of each holds for all of them.

    Raises:
        ValueError: a p value is not between 0 and 1.
    """
    if not all(0 <= p <= 1 for p in p_values.values()):
        raise ValueError("p values lie between 0 and 1")
    adjusted, before = {}, 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        before = max(before, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = before
    return {name: adjusted[name] for name in p_values}
