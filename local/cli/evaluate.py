"""`./run evaluate`: how good screen, guards, turn classes and prompts are, on our own sets or any file."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cli.command import Commands, Context
from local.cli.terminal import bold, wrapped
from local.tools.errors import LocalError
from local.tools.locations import REPOSITORY, default_home, with_layer

if TYPE_CHECKING:
    from evaluation.gates import GateResult, Gates
    from evaluation.lines import DataFile
    from evaluation.run import Kind
    from evaluation.tables import Table
    from silent_infinity.settings import Settings

KINDS = ("safety", "injection", "pii", "turn-class", "prompts", "sentinel")
PROMPTS, SENTINEL = "prompts", "sentinel"
VECTORS = REPOSITORY / "tests" / "vectors"
OWN_GATES = Path("gates.json")  # of the folder of the kind
MOST_ROWS = 15  # of a table in the terminal; the report has all of them
SAY_EVERY = 100
MODEL_VARIABLE = "LLM_PROVIDER"
COMPOSER = "composer"  # writes replies, judges nothing


def register(commands: Commands) -> None:
    """Add the command of this module."""
    evaluate = commands.add(
        "evaluate", run_evaluate, "measure the crisis screen, the guards, the turn classes or the prompts"
    )
    evaluate.add_argument("kind", choices=KINDS, help="what to measure")
    evaluate.add_argument(
        "--data",
        metavar="FILE",
        action="append",
        type=Path,
        help="JSON lines to measure on, may be repeated (default: the project's own sets)",
    )
    evaluate.add_argument(
        "--predictions", metavar="FILE", type=Path, help="write every line back with what was predicted"
    )
    evaluate.add_argument("--json", metavar="FILE", type=Path, help="write all figures")
    evaluate.add_argument(
        "--report",
        metavar="FILE",
        type=Path,
        help="where the HTML report goes (default: evaluation/KIND.html in the state folder)",
    )
    evaluate.add_argument(
        "--no-model", action="store_true", help="ask no language model, whatever is set or running"
    )
    evaluate.add_argument(
        "--mutations",
        action="store_true",
        help="screen risk also as people mistype and disguise it (takes many times as long)",
    )
    evaluate.add_argument(
        "--prompt", metavar="ID", help="prompts: put a version of this prompt in the place of production's"
    )
    evaluate.add_argument("--version", metavar="N", type=int, help="prompts: which version of it")
    evaluate.add_argument(
        "--reference", action="store_true", help="prompts: answer with the golden set's own replies"
    )
    evaluate.add_argument(
        "--gate",
        metavar="FILE",
        nargs="?",
        type=Path,
        const=OWN_GATES,
        help="fail unless the figures keep the gates of this file (default: the project's own)",
    )
    golden = evaluate.add_argument_group(
        "evidence for a promotion", "safety, prompts and sentinel: the project's own cases for one variant"
    )
    golden.add_argument(
        "--for", dest="variant", metavar="CATEGORY/ID", help="run them with the configuration of this variant"
    )
    golden.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="its configuration, or what `./run admin variants show --json` prints (default: as shipped)",
    )
    golden.add_argument(
        "--model", metavar="ID", help="the model that a persona speaks through (default: as shipped)"
    )
    golden.add_argument(
        "--evidence", metavar="FILE", type=Path, help="write the document for `./run admin evidence`"
    )


def run_evaluate(context: Context, arguments: argparse.Namespace) -> int:
    """Evaluate, print, write what was asked for; exit code 1 when a gate is broken."""
    with_layer()
    one_thread()
    from evaluation.gates import GateError, load_gates
    from evaluation.lines import LineError
    from evaluation.run import KINDS as KNOWN

    if arguments.variant is not None:
        from local.cli import evaluate_golden

        return evaluate_golden.run(context, arguments)
    if arguments.kind == SENTINEL or arguments.config or arguments.model or arguments.evidence:
        raise LocalError(
            "The sentinel, --config, --model and --evidence are for one variant.",
            "Name it with --for CATEGORY/ID.",
        )
    kind = KNOWN[arguments.kind]
    if kind.name == PROMPTS:
        kind = _prompts(kind, arguments)
    elif arguments.prompt or arguments.version or arguments.reference:
        raise LocalError("--prompt, --version and --reference are for prompts.", "Leave them out.")
    try:
        name = _prompt_gates(context, arguments) if kind.name == PROMPTS else OWN_GATES
        own = VECTORS / kind.folder / name
        # Whether a version of a prompt may be promoted is what its evaluation is for: the gates always hold.
        always = kind.name == PROMPTS and not arguments.data and arguments.gate is None
        gates = own if always or arguments.gate == OWN_GATES else arguments.gate
        gated = None if gates is None else load_gates(gates, kind.name)
        return _evaluated(context, arguments, kind, gated)
    except LineError as error:
        raise LocalError(str(error), "docs/evaluation.md tells what a line has to look like.") from None
    except GateError as error:
        raise LocalError(str(error), "docs/evaluation.md tells what a gate looks like.") from None
    except BrokenPipeError:
        raise  # whoever reads the output has seen enough, which is no error
    except OSError as error:
        raise LocalError(f"{error.filename}: {error.strerror}.", "Look at the path.") from None


def _evaluated(context: Context, arguments: argparse.Namespace, kind: Kind, gated: Gates | None) -> int:
    from evaluation.gates import needs_mutations
    from evaluation.report import html
    from evaluation.run import check_files, files_for, gate_results, run
    from evaluation.tables import tables
    from silent_infinity.adapters.system.clock import SystemClock

    paths: list[Path] = arguments.data or files_for(kind, VECTORS / kind.folder)
    if not paths:
        folder = (VECTORS / kind.folder).resolve()
        raise LocalError(f"There is no data for {kind.name} in {folder}.", "Name a file with --data.")
    gated = None if gated is None else _gates_for(gated, paths, own=not arguments.data)
    settings, model = model_settings(context, arguments)
    mutations = arguments.mutations or (gated is not None and needs_mutations(gated))
    evaluate = partial(run, kind, settings=settings, clock=SystemClock(), mutations=mutations)
    with context.progress.step("reading", quiet=True):
        files = check_files(kind, paths)
    total = sum(file.lines for file in files)
    with context.progress.step(f"evaluating {total:,} messages", quiet=True) as step:

        def say(done: int) -> None:
            if done % SAY_EVERY == 0:
                step.say(f"{done:,} of {total:,}")

        summary = evaluate(files, predictions=arguments.predictions, on_line=say)
    if "stages" in summary or kind.name == PROMPTS:  # nothing else may ask a model
        summary["model"] = model
    broken: list[GateResult] = []
    if gated is not None:
        with context.progress.step("holding against the gates", quiet=True):
            known = summary if len(files) == 1 else None
            results = gate_results(gated, files, lambda file: known or evaluate([file]))
        summary["gates"] = [result.to_json() for result in results]
        broken = [result for result in results if not result.kept]
    _print(kind, files, summary, tables(summary))
    if arguments.json:
        text = json.dumps(summary, indent=1, ensure_ascii=False)
        arguments.json.write_text(f"{text}\n", encoding="utf-8")
    report = arguments.report or default_home() / "evaluation" / f"{kind.name}.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(html(kind.title, summary), encoding="utf-8")
    print(f"\nReport: {report}")
    if broken:
        print(f"\n{len(broken)} of {len(summary['gates'])} gates are broken.", file=sys.stderr)
        return 1
    return 0


def _prompts(kind: Kind, arguments: argparse.Namespace) -> Kind:
    """The kind with the candidate and the provider that were asked for."""
    from dataclasses import replace

    from evaluation.prompts import REFERENCE, CandidateError, PromptEvaluation, ReferenceModel, candidate
    from silent_infinity.adapters.system.clock import SystemClock

    if (arguments.prompt is None) != (arguments.version is None):
        raise LocalError("--prompt and --version go together.", "Such as --prompt system --version 4.")
    try:
        chosen = candidate(arguments.prompt, arguments.version) if arguments.prompt else None
    except CandidateError as error:
        raise LocalError(f"{error}.", "Look into prompts/: a folder for each, a file a version.") from None

    def start(settings: Settings) -> PromptEvaluation:
        if arguments.reference:
            return PromptEvaluation(
                settings, model=ReferenceModel(SystemClock()), chosen=chosen, provider=REFERENCE
            )
        return PromptEvaluation(settings, chosen=chosen)

    return replace(kind, start=start)


def _prompt_gates(context: Context, arguments: argparse.Namespace) -> Path:
    """The gates of the provider that answers: what a large model has to keep, a small one cannot."""
    if arguments.reference:
        return Path("gates.reference.json")
    settings, _ = model_settings(context, arguments)
    provider = settings.text(MODEL_VARIABLE, COMPOSER)
    if provider == COMPOSER:
        return OWN_GATES
    from local.model_server import MODEL_ALIAS

    return Path(f"gates.{'local' if settings.text('LLM_MODEL_ID', '') == MODEL_ALIAS else 'live'}.json")


def _gates_for(gated: Gates, paths: Sequence[Path], *, own: bool) -> Gates:
    """The gates to hold: all of them for the project's own sets, else those of the files that were named."""
    names = {path.name for path in paths}
    wanted = gated if own else {name: figures for name, figures in gated.items() if name in names}
    if not wanted:
        raise LocalError("There is no gate for this data.", "docs/evaluation.md tells how gates work.")
    return wanted


def model_settings(context: Context, arguments: argparse.Namespace) -> tuple[Settings, str]:
    """The settings to wire with, and in words which model they bring."""
    from silent_infinity.settings import Settings

    without = {name: value for name, value in os.environ.items() if not name.startswith("LLM_")}
    if arguments.reference:
        return Settings(without), "none: the golden set's own replies (--reference)"
    if arguments.no_model:
        return Settings(without), "none (--no-model)"
    provider = os.environ.get(MODEL_VARIABLE)
    if provider == COMPOSER:
        return Settings(without), f"none ({MODEL_VARIABLE} is {COMPOSER})"
    if provider:
        known_as = os.environ.get("LLM_MODEL_ID") or "the default of the turn class"
        return Settings.from_env(), f"{provider}, {known_as}"
    local = _local_model(context) if arguments.kind in ("safety", PROMPTS, SENTINEL) else None
    if local is None:
        return Settings(without), f"none ({MODEL_VARIABLE} is not set, and no local model server runs)"
    return Settings({**without, **local}), f"{local['LLM_MODEL_ID']} of the local stack"


def _local_model(context: Context) -> dict[str, str] | None:
    """The settings of the local stack's model server, if it answers."""
    from local.model_server import MODEL_ALIAS
    from local.stack.services import MODEL_SERVER

    if not any(status.title == MODEL_SERVER.title and status.ready for status in context.stack.status()):
        return None
    return {
        MODEL_VARIABLE: "openai_compatible",
        "LLM_BASE_URL": context.stack.model_base_url,
        "LLM_MODEL_ID": MODEL_ALIAS,
    }


def _print(kind: Kind, files: Sequence[DataFile], summary: dict[str, Any], shown: Sequence[Table]) -> None:
    names = ", ".join(file.name for file in files)
    lines, labelled = summary["lines"], summary.get("labelled", summary["lines"])
    print(bold(f"{kind.title}: {lines:,} messages ({labelled:,} labelled) of {names}"))
    if "stages" in summary:
        print(f"Stages: {', '.join(summary['stages'])}. Language model: {summary['model']}.")
    elif kind.name == PROMPTS:
        candidate = summary["candidate"] or "what is in production"
        print(f"Candidate: {candidate}. Language model: {summary['model']}.")
    degraded = summary.get("degraded") or {}
    if degraded.get("lines"):
        failed = ", ".join(f"{name} {count:,}×" for name, count in degraded["stages"].items() if count)
        print(f"Degraded on {degraded['lines']:,} messages: {failed}; {degraded['unanswered']:,} unanswered.")
    if not labelled:
        print("No line has a label: there are predictions, and times, but nothing to hold them against.")
    for table in shown:
        print(f"\n{bold(table.title)}")
        print("\n".join(aligned([table.columns, *table.rows[:MOST_ROWS]])))
        if len(table.rows) > MOST_ROWS:
            print(f"  … and {len(table.rows) - MOST_ROWS} more in the report")
        if table.note:
            print(wrapped(table.note))


def one_thread() -> None:
    """Have NumPy compute as it does in the screen's function; call it before anything imports NumPy."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines: names to the left, figures to the right, each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for name, *figures in rows:
        cells = [name.ljust(widths[0])]
        cells += [figure.rjust(size) for figure, size in zip(figures, widths[1:], strict=True)]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines
