"""Metrics in CloudWatch's embedded metric format, and in memory."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from silent_infinity.adapters.aws.metrics import EmfMetrics
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.metrics import Measurement, MemoryMetrics

CLOCK = FixedClock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))


def flushed(metrics: EmfMetrics, lines: list[str]) -> list[dict[str, Any]]:
    """Flush and return the documents."""
    metrics.flush()
    return [json.loads(line) for line in lines]


def test_a_document_as_cloudwatch_reads_it() -> None:
    """A field in the wrong place is not an error anywhere: the metric just never appears."""
    lines: list[str] = []
    metrics = EmfMetrics("SilentInfinity", "turn", CLOCK, lines.append)
    metrics.add_all({"Turns": (1, "Count"), "TurnLatency": (812, "Milliseconds")}, environment="dev")

    assert flushed(metrics, lines) == [
        {
            "_aws": {
                "Timestamp": 1795251600000,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "SilentInfinity",
                        "Dimensions": [["service", "environment"]],
                        "Metrics": [
                            {"Name": "Turns", "Unit": "Count"},
                            {"Name": "TurnLatency", "Unit": "Milliseconds"},
                        ],
                    }
                ],
            },
            "service": "turn",
            "environment": "dev",
            "Turns": 1,
            "TurnLatency": 812,
        }
    ]


def test_values_of_one_name_are_kept_apart_from_other_dimensions() -> None:
    """A rule's count must not be added to another rule's."""
    lines: list[str] = []
    metrics = EmfMetrics("SilentInfinity", "turn", CLOCK, lines.append)
    for rule in ("a", "b", "a"):
        metrics.add("GuardrailTriggers", 1, rule=rule)

    documents = flushed(metrics, lines)

    assert [(document["rule"], document["GuardrailTriggers"]) for document in documents] == [
        ("a", [1, 1]),
        ("b", 1),
    ]


def test_documents_stay_within_the_formats_limits() -> None:
    """CloudWatch ignores a document with more than 100 metrics, or 100 values of one."""
    lines: list[str] = []
    metrics = EmfMetrics("SilentInfinity", "turn", CLOCK, lines.append)
    for number in range(150):
        metrics.add(f"Metric{number}", number)
    for value in range(230):
        metrics.add("Metric0", value)

    documents = flushed(metrics, lines)

    names = [len(document["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for document in documents]
    assert names == [100, 50, 1, 1]
    values = [value for document in documents for value in _as_list(document.get("Metric0", []))]
    assert len(values) == 231
    assert max(len(_as_list(document.get("Metric0", []))) for document in documents) == 100


def test_flushing_hands_over_once() -> None:
    """A number that is reported twice is a wrong number."""
    lines: list[str] = []
    metrics = EmfMetrics("SilentInfinity", "turn", CLOCK, lines.append)
    metrics.add("Turns", 1)
    metrics.flush()
    metrics.flush()

    assert len(lines) == 1


def test_a_number_is_not_worth_a_failed_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a value that is none nor a broken pipe may raise."""

    class BrokenPipe:
        def write(self, _text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", BrokenPipe())
    metrics = EmfMetrics("SilentInfinity", "turn", CLOCK)
    metrics.add("Latency", float("nan"))
    metrics.add("Turns", 1)

    metrics.flush()


def test_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """That is where Lambda picks them up, one document a line."""
    metrics = EmfMetrics("SilentInfinity", "turn", CLOCK)
    metrics.add("Turns", 1)
    metrics.flush()

    out = capsys.readouterr().out
    assert out.endswith("}\n")
    assert json.loads(out)["Turns"] == 1


def test_metrics_in_memory_remember_what_was_added_and_flushed() -> None:
    """Tests ask both: what was measured, and whether anybody handed it over."""
    metrics = MemoryMetrics()
    metrics.add_all({"Turns": (1, "Count")}, environment="dev")
    metrics.flush()
    metrics.add("Turns", 2)

    assert metrics.flushed == [Measurement("Turns", 1, "Count", (("environment", "dev"),))]
    assert metrics.total("Turns") == 3


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
