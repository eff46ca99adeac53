"""What the gates found of a variant: the document that a person decides on, and its hash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from silent_infinity.domain.ids import body_hash
from silent_infinity.domain.payload import to_payload


class Verdict(StrEnum):
    """What a gate says. NOT_ENOUGH_DATA is never a yes: it is looked at again with more."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ENOUGH_DATA = "not_enough_data"


class Group(StrEnum):
    """The kinds of gates, in the order in which they are looked at and shown."""

    SAMPLE_RATIO = "sample_ratio"
    SAFETY = "safety"
    GUARDRAIL = "guardrail"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    NPS = "nps"


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate found.

    `gate` is its name in `data/gates.json`. `sentence` says it for a person, with the numbers. `estimate` is
    the arm's value minus production's in `unit` (share, usd, ms, points, …) or, where `is_level`, the level
    itself, beside which production's may stand; `low` and `high` bound it at `confidence`; None where nothing
    can be said. `threshold` is what `estimate` is held against. `n_arm` and `n_production` count what
    `counted` names (sessions, users, answers, cases). `regression` says that the arm was shown to be worse
    than the gate allows. `method` names the test.
    """

    gate: str
    title: str
    group: Group
    verdict: Verdict
    sentence: str
    metric: str = ""
    unit: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    p: float | None = None
    threshold: float | None = None
    arm_value: float | None = None
    production_value: float | None = None
    n_arm: int = 0
    n_production: int = 0
    counted: str = ""
    regression: bool = False
    method: str = ""
    is_level: bool = False


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One place where the configurations differ, as a JSON pointer; values as JSON text, "" where absent."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class GoldenEvidence:
    """The result of a golden set for one configuration of a variant.

    `config_hash` is SHA-256 of the configuration as canonical JSON: evidence holds for that configuration
    alone. `suite` names the evaluation (`safety`, `prompts`), `suite_hash` its data. `crisis_missed` of
    `crisis_cases` were missed. `figures` are name to value. Times are ISO 8601, UTC.
    """

    category: str
    variant_id: str
    config_hash: str
    suite: str
    suite_hash: str
    cases: int
    crisis_cases: int
    crisis_missed: int
    gates_broken: tuple[str, ...]
    run_at: str
    recorded_by: str = ""
    recorded_at: str = ""
    model_id: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a promotion is decided on.

    `variant_version` is the version of the row that the evidence is of: a link to it is good for no other.
    `production` are the variants that it was held against. `next_percent` is the step after `to_percent`
    within the same stage, None if there is none. `as_of` and `since` are the UTC days of the figures, empty
    where the verdict is on golden sets alone. `histograms` are metric to `arm` and `production` to bin to
    count, for charts.
    """

    promotion_id: str
    category: str
    variant_id: str
    variant_version: int
    from_status: str
    to_status: str
    from_percent: float
    to_percent: float
    requested_by: str
    requested_at: str
    reason: str
    verdict: Verdict
    gates: tuple[GateResult, ...]
    next_percent: float | None = None
    production: tuple[str, ...] = ()
    as_of: str = ""
    since: str = ""
    changes: tuple[ConfigChange, ...] = ()
    description: str = ""
    golden: GoldenEvidence | None = None
    histograms: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """SHA-256, in hex, of the document as canonical JSON."""
        return body_hash(to_payload(self))


def config_hash(config: Mapping[str, Any]) -> str:
    """Return the hash by which golden evidence names a configuration.

    A number is the same however it is written: DynamoDB gives 0 for what was stored as 0.0.
    """
    return body_hash(_as_stored(to_payload(config)))


def _as_stored(value: Any) -> Any:
    match value:
        case dict():
            return {name: _as_stored(one) for name, one in value.items()}
        case list():
            return [_as_stored(one) for one in value]
        case float() if value.is_integer():
            return int(value)
    return value
