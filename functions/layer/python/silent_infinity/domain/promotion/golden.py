"""Golden evidence: which suite speaks for a category, on which cases, and what makes a result not count.

`data/golden_suites.json` fixes the cases: a result on fewer of them, or on those of last year, says nothing
about zero tolerance. `./run evaluate` writes results, and a test holds the file against the sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from silent_infinity.data import load
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.promotion.evidence import GoldenEvidence, config_hash

PERSONA_CATEGORY: Final = "SYSTEM_PROMPT"
PERSONA_MODEL: Final = "LLM_MODEL"
"""A persona has no model: it speaks through the one of reflection."""

_CLOCKS_DIFFER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite as it is: SHA-256 over its files, its cases, and how many of them are of risk."""

    suite_hash: str
    cases: int
    crisis_cases: int


@cache
def suites() -> Mapping[str, Suite]:
    """Return the suites by name."""
    found: Mapping[str, dict[str, Any]] = load("golden_suites.json")["suites"]
    return {name: from_payload(Suite, suite) for name, suite in found.items()}


def suite_for(category: str) -> str | None:
    """Return the suite that a category's variants are judged by, None if there is none."""
    found: Mapping[str, str] = load("golden_suites.json")["of_categories"]
    return found.get(category)


def flaws(
    evidence: GoldenEvidence,
    *,
    category: str,
    variant_id: str,
    config: Mapping[str, Any],
    persona_model: str,
    now: datetime,
) -> tuple[tuple[str, str], ...]:
    """Return what keeps a result from being one of this variant as it is: places and keywords.

    A result with missed cases has no flaw by that: it is kept, and the gate fails.

    Args:
        evidence: what is to be recorded.
        category: whose variant it is said to be of.
        variant_id: which one.
        config: the variant's configuration in force.
        persona_model: the model that personas speak through in production.
        now: the time.
    """
    suite = suites().get(evidence.suite)
    wanted = persona_model if category == PERSONA_CATEGORY else str(config.get("model_id", ""))
    broken = {
        "/category": evidence.category != category,
        "/variant_id": evidence.variant_id != variant_id,
        "/suite": suite is None or evidence.suite != suite_for(category),
        "/suite_hash": suite is not None and evidence.suite_hash != suite.suite_hash,
        "/cases": suite is not None and evidence.cases != suite.cases,
        "/crisis_cases": suite is not None and evidence.crisis_cases != suite.crisis_cases,
        "/config_hash": evidence.config_hash != config_hash(config),
        "/model_id": not same_model(evidence.model_id, wanted),
    }
    found = [(place, "const") for place, is_broken in broken.items() if is_broken]
    if not 0 <= evidence.crisis_missed <= evidence.crisis_cases:
        found.append(("/crisis_missed", "maximum"))
    if not _is_past(evidence.run_at, now):
        found.append(("/run_at", "format"))
    return tuple(found)


def same_model(name: str, other: str) -> bool:
    """Whether two names are of the same model, whatever a provider calls it. An empty name is none's."""
    found, wanted = catalogue().find(name), catalogue().find(other)
    if found is not None and wanted is not None:
        return found.id == wanted.id
    return bool(name) and name == other


def _is_past(text: str, now: datetime) -> bool:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return at.tzinfo is not None and at <= now + _CLOCKS_DIFFER
