"""`./run evaluate KIND --for CATEGORY/ID`: golden evidence for the gates of a variant's promotion."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cli.command import Context
from local.cli.evaluate import SAY_EVERY, VECTORS, model_settings
from local.cli.terminal import bold, wrapped
from local.tools.errors import LocalError

if TYPE_CHECKING:
    from silent_infinity.domain.promotion.evidence import GoldenEvidence

NOT_WITH = ("data", "predictions", "json", "report", "mutations", "prompt", "version", "reference", "gate")
SHAPE = "A configuration is an object, by itself or under `config`."


def run(context: Context, arguments: argparse.Namespace) -> int:
    """Run the suite, print what came out, write the document; exit code 1 when it is not clean."""
    from evaluation.golden import Subject, golden_evidence
    from evaluation.prompts import CandidateError
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.domain.promotion.golden import suites

    given = [f"--{name}" for name in NOT_WITH if getattr(arguments, name)]
    if given:
        raise LocalError(
            f"--for runs the project's own cases as they are: {', '.join(given)} cannot go with it.",
            "Leave it out.",
        )
    category, separator, variant_id = str(arguments.variant).partition("/")
    if not separator or not variant_id:
        raise LocalError("A variant is named CATEGORY/ID.", "Such as SMALL_TALK_MODEL/claude-haiku-4-5.")
    subject = Subject(
        category.upper(),
        variant_id,
        _config(category.upper(), variant_id, arguments.config),
        arguments.model or "",
    )
    settings, model = model_settings(context, arguments)
    try:
        if subject.suite != arguments.kind:
            raise LocalError(
                f"{subject.category} is judged by {subject.suite}.",
                f"./run evaluate {subject.suite} --for {arguments.variant}",
            )
        total = suites()[subject.suite].cases
        with context.progress.step(f"evaluating {total:,} cases", quiet=True) as step:

            def say(done: int) -> None:
                if done % SAY_EVERY == 0:
                    step.say(f"{done:,} of {total:,}")

            found = golden_evidence(subject, settings, VECTORS, clock=SystemClock(), on_line=say)
            wanted = subject.model_wanted()
    except CandidateError as error:
        raise LocalError(
            f"{error}.", "docs/evaluation.md, Evidence for a promotion, tells what can be evaluated."
        ) from None
    _print(found, wanted, asked=model)
    if arguments.evidence:
        _write(arguments.evidence, found)
    return 0 if not found.crisis_missed and not found.gates_broken else 1


def _config(category: str, variant_id: str, path: Path | None) -> Mapping[str, Any]:
    """The configuration: from a file, or that of a variant that deployments begin with."""
    from silent_infinity.domain.initial_variants import initial_variants

    if path is None:
        for row in initial_variants():
            if (row.category, row.variant_id) == (category, variant_id):
                return row.config
        raise LocalError(
            f"No deployment begins with {category}/{variant_id}.",
            f"./run admin variants show {category}/{variant_id} --json > variant.json, and then "
            "--config variant.json",
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path.name} cannot be read ({error.strerror}).", "Look at the path.") from None
    except ValueError:
        raise LocalError(f"{path.name} is no JSON.", SHAPE) from None
    shown = isinstance(found, dict) and isinstance(found.get("config"), dict)
    config = found["config"] if shown else found
    if not isinstance(config, dict) or not config:
        raise LocalError(f"{path.name} holds no configuration.", SHAPE)
    return config


def _print(found: GoldenEvidence, wanted: str, *, asked: str) -> None:
    from silent_infinity.domain.promotion.golden import same_model

    print(bold(f"{found.category}/{found.variant_id}: {found.suite}, {found.cases:,} cases"))
    print(f"Language model: {asked}. Answered by: {found.model_id}.")
    print(f"Crisis cases missed: {found.crisis_missed} of {found.crisis_cases}.")
    for name, value in found.figures.items():
        print(f"  {name:<40} {value:g}")
    for gate in found.gates_broken:
        print(f"  BROKEN: {gate}")
    if not found.gates_broken:
        print("Gates: all kept.")
    if not same_model(found.model_id, wanted):
        print(
            wrapped(
                f"This is no evidence for the variant: it wants {wanted}, and {found.model_id} answered. The "
                "operators' API refuses it. LLM_PROVIDER and its companions say who is asked."
            )
        )


def _write(path: Path, found: GoldenEvidence) -> None:
    from silent_infinity.domain.payload import to_payload

    document = {name: value for name, value in to_payload(found).items() if not name.startswith("recorded_")}
    path.write_text(f"{json.dumps(document, indent=1, ensure_ascii=False)}\n", encoding="utf-8")
    print(f"\nEvidence: {path}")
    print(f"  ./run admin evidence {found.category}/{found.variant_id} {path.name} --reason …")
