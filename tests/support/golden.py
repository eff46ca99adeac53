"""Results of golden sets as `./run evaluate … --evidence` writes them, for tests that do not run the sets."""

from collections.abc import Mapping
from typing import Any

from silent_infinity.domain.promotion.evidence import GoldenEvidence, config_hash
from silent_infinity.domain.promotion.golden import suite_for, suites

PERSONA_MODEL = "claude-sonnet-4-6"
"""What personas speak through when a deployment begins."""


def golden_evidence(category: str, variant_id: str, config: Mapping[str, Any]) -> GoldenEvidence:
    """Return clean evidence for a variant of a category that a suite speaks for.

    The operators' API takes it as it is (`to_payload`) while `config` is in force.
    """
    name = suite_for(category) or "prompts"
    suite = suites()[name]
    return GoldenEvidence(
        category=category,
        variant_id=variant_id,
        config_hash=config_hash(config),
        suite=name,
        suite_hash=suite.suite_hash,
        cases=suite.cases,
        crisis_cases=suite.crisis_cases,
        crisis_missed=0,
        gates_broken=(),
        run_at="2026-11-20T09:00:00+00:00",
        model_id=str(config.get("model_id", PERSONA_MODEL)),
        figures={"conversations.served": 1.0},
    )
