"""What asks for a demotion: a workflow, or an alarm of CloudWatch whose metric names the variant.

An alarm's event: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from silent_infinity.domain.payload import PayloadError, from_payload
from silent_infinity.domain.registry.demotions import Demoted, Demotion

_ALARM = "ALARM"
_TEXTS = ("category", "variant_id", "reason", "trigger", "request_id")
TRIGGER = "alarm"


class DemotionEvents:
    """Calls `demote` for each variant that an event names."""

    def __init__(self, demote: Callable[[Demotion], Demoted]) -> None:
        self._demote = demote

    def __call__(self, event: Mapping[str, Any]) -> Sequence[Demoted]:
        """Return what became of each variant; nothing for an alarm that is well again or knows nothing.

        Raises:
            PayloadError: the event names no variant, or is neither of the two. Nothing was changed.
            StoreUnavailableError: see `demote`; the variants before it were taken back.
        """
        return [self._demote(demotion) for demotion in demotions(event)]


def demotions(event: Mapping[str, Any]) -> Sequence[Demotion]:
    """Return what an event asks for; nothing for an alarm that is well again or knows nothing.

    Raises:
        PayloadError: the event names no variant, or is neither of the two.
    """
    if "alarmData" in event:
        return [_checked(demotion) for demotion in _of_alarm(event["alarmData"])]
    return [_checked(from_payload(Demotion, event))]


def _of_alarm(alarm: Mapping[str, Any]) -> Sequence[Demotion]:
    try:
        name, state = alarm["alarmName"], alarm["state"]
        if state["value"] != _ALARM:
            return []
        # An alarm changes its state once at a time, so a second delivery of the change is the same request.
        request_id = f"{name} {state['timestamp']}"
        variants = sorted(set(_variants(alarm.get("configuration", {}))))
    except (KeyError, TypeError, AttributeError):
        raise PayloadError("the event of an alarm lacks a field") from None
    if not variants:
        raise PayloadError("the alarm has no metric with the dimensions category and variant_id")
    reason = f"The alarm {name} is raised."
    named = Counter(category for category, _ in variants)
    return [
        # An expression over an arm and production says that the arm is worse than production.
        Demotion(category, variant, reason, TRIGGER, request_id, spares_production=named[category] > 1)
        for category, variant in variants
    ]


def _checked(demotion: Demotion) -> Demotion:
    texts = (getattr(demotion, name) for name in _TEXTS)
    if not all(isinstance(text, str) and text for text in texts):
        raise PayloadError("a demotion has texts only")
    if not isinstance(demotion.spares_production, bool):
        raise PayloadError("spares_production is true or false")
    return demotion


def _variants(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the variants that the alarm's metrics are of. Expressions over metrics have no dimensions."""
    for metric in configuration.get("metrics", ()):
        dimensions = metric.get("metricStat", {}).get("metric", {}).get("dimensions", {})
        if "category" in dimensions and "variant_id" in dimensions:
            yield dimensions["category"], dimensions["variant_id"]
