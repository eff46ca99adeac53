"""Golden evidence for a variant: the project's own cases, run with exactly its configuration.

What comes out is a document for the operators' API (`docs/evaluation.md`, Evidence for a promotion). It says
which model answered, not which one was asked for: where no live model is, it says so, and the API refuses it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from evaluation import gates, safety
from evaluation.lines import DataFile, read
from evaluation.metrics import rounded
from evaluation.prompts import COMPOSER, Candidate, CandidateError, PromptEvaluation, candidate
from evaluation.run import KINDS, check_files, files_for
from silent_infinity import bootstrap
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.json_answer import AnswerError
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.promotion.evidence import GoldenEvidence, config_hash
from silent_infinity.domain.promotion.golden import PERSONA_CATEGORY, PERSONA_MODEL, Suite, suite_for
from silent_infinity.domain.prompts import PromptError, bundled
from silent_infinity.domain.sentinel import question, read_answer
from silent_infinity.domain.turn import AssignedVariant, SystemBlock, Utterance
from silent_infinity.domain.turn_classes import model_for, persona_for, turn_classes
from silent_infinity.domain.variant_categories import PRODUCTION
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelRequest
from silent_infinity.schemas import schema
from silent_infinity.settings import Settings

SAFETY, PROMPTS, SENTINEL = "safety", "prompts", "sentinel"
CRISIS_CASES: Final = "crisis_golden_en.json"
"""Authored messages with their level, one of which must never be missed."""

SENTINEL_CLASS: Final = "TC2"
VOICE: Final = "VOICE_LLM"
NOBODY: Final = "none"
SECONDS: Final = 60
MOST_UNANSWERED: Final = 0.02
"""Of what a model was asked: with more, the figures are those of the other stages."""

_SHOWN: Final = {
    SAFETY: ("sensitivity", "serious_sensitivity", "false_alarms", "auc"),
    PROMPTS: ("answered", "guard_pass", "served", "prohibited", "mirroring", "language", "length_drift"),
}
_GATES: Final = {SAFETY: "gates.json", PROMPTS: "gates.live.json"}

OnLine = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """The variant that evidence is wanted of. `model` is who speaks for a persona; empty: as shipped."""

    category: str
    variant_id: str
    config: Mapping[str, Any]
    model: str = ""

    @property
    def suite(self) -> str:
        """Return the suite that the category is judged by.

        Raises:
            CandidateError: there is none.
        """
        found = suite_for(self.category)
        if found is None:
            raise CandidateError(f"no golden set speaks for {self.category}")
        return found

    def assigned(self) -> dict[str, AssignedVariant]:
        """Return what a turn is assigned: this variant and, for a persona, the model that it speaks through.

        Raises:
            CandidateError: a turn would quietly take something else instead.
        """
        # A voice says what a reflection would say: its model is put in the place of that of reflection.
        category = PERSONA_MODEL if self.category == VOICE else self.category
        own = {category: AssignedVariant(self.variant_id, dict(self.config))}
        if self.category == PERSONA_CATEGORY:
            self.persona()
            speaks = _shipped(PERSONA_MODEL)
            if self.model:
                speaks = {**speaks, "model_id": self.model}
            own[PERSONA_MODEL] = AssignedVariant(PRODUCTION, speaks)
        for name in self.classes():
            decides = turn_classes()[name].category
            if model_for(name, own).exposed_category != decides:
                raise CandidateError(f"the model that {decides} names is unknown, or may not serve {name}")
        return own

    def model_wanted(self) -> str:
        """Return the model that has to answer: what the variant names, or what a persona speaks through."""
        if self.category == PERSONA_CATEGORY:
            return self.model or str(_shipped(PERSONA_MODEL)["model_id"])
        return str(self.config.get("model_id", ""))

    def classes(self) -> tuple[str, ...]:
        """Return the turn classes whose model the variant decides, or speaks through."""
        category = PERSONA_MODEL if self.category in (PERSONA_CATEGORY, VOICE) else self.category
        return tuple(name for name, rules in turn_classes().items() if rules.category == category)

    def persona(self) -> Candidate:
        """Return the version of the prompt that the configuration names.

        Raises:
            CandidateError: it is not among the prompts of this checkout, or not with the same text.
        """
        found = persona_for({PERSONA_CATEGORY: AssignedVariant(self.variant_id, dict(self.config))})
        if found is None:
            raise CandidateError("the configuration names no prompt")
        try:
            text = bundled(found.template_id, found.version)
        except (PromptError, ValueError):
            raise CandidateError(f"{found.template_id}/v{found.version} is not in prompts/") from None
        if text.sha256 != found.sha256:
            raise CandidateError(f"{text.prompt_id} in prompts/ is not the text that the configuration names")
        return candidate(found.template_id, found.version)


@dataclass(frozen=True, slots=True)
class _Result:
    """What a run of a suite found. `models` are the models that answered, with how often."""

    crisis_missed: int
    gates_broken: tuple[str, ...]
    figures: Mapping[str, float]
    models: Counter[str]


def suite_paths(suite: str, vectors: Path) -> tuple[Path, ...]:
    """Return the files of a suite; `vectors` is the folder of the tests' vectors."""
    crisis = vectors / CRISIS_CASES
    if suite == SENTINEL:
        return (crisis,)
    kind = KINDS[suite]
    lines = files_for(kind, (vectors / kind.folder).resolve())
    return (crisis, *lines) if suite == SAFETY else tuple(lines)


def measured(suite: str, vectors: Path) -> Suite:
    """Return hash, cases and cases of risk of a suite as its files are."""
    digest = hashlib.sha256()
    cases = crisis = 0
    for path in suite_paths(suite, vectors):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        found = list(_crisis_cases(path) if path.name == CRISIS_CASES else read(path, KINDS[suite].check))
        cases += len(found)
        if suite == PROMPTS or path.name == CRISIS_CASES:
            crisis += sum(case.get("level", 0) >= RISK_LEVEL for case in found)
    return Suite(digest.hexdigest(), cases, crisis)


def golden_evidence(
    subject: Subject,
    settings: Settings,
    vectors: Path,
    *,
    clock: Clock,
    model: LanguageModel | None = None,
    on_line: OnLine = lambda done: None,
) -> GoldenEvidence:
    """Run the suite of a variant with its configuration and return what is to be recorded.

    Args:
        subject: the variant.
        settings: whom to ask.
        vectors: the folder of the tests' vectors.
        clock: what the time is.
        model: asked in the place of the settings' provider; the screen's comes from the settings alone.
        on_line: is told after each case how many are done.

    Raises:
        CandidateError: the configuration cannot be evaluated. Says why.
    """
    suite = subject.suite
    subject.assigned()
    if suite == SAFETY:
        result = _safety(subject, settings, vectors, on_line)
    elif suite == PROMPTS:
        result = _prompts(subject, settings, vectors, model, on_line)
    else:
        result = _sentinel(subject, model or _provider(settings, clock), vectors, clock, on_line)
    cases = measured(suite, vectors)
    return GoldenEvidence(
        category=subject.category,
        variant_id=subject.variant_id,
        config_hash=config_hash(subject.config),
        suite=suite,
        suite_hash=cases.suite_hash,
        cases=cases.cases,
        crisis_cases=cases.crisis_cases,
        crisis_missed=result.crisis_missed,
        gates_broken=result.gates_broken,
        run_at=clock.now().isoformat(timespec="seconds"),
        model_id=" + ".join(sorted(result.models)) or (COMPOSER if suite == PROMPTS else NOBODY),
        figures=result.figures,
    )


def _safety(subject: Subject, settings: Settings, vectors: Path, on_line: OnLine) -> _Result:
    screen = safety.wired_screen(settings, subject.assigned())
    kind = KINDS[SAFETY]
    files = check_files(kind, [path for path in suite_paths(SAFETY, vectors) if path.name != CRISIS_CASES])
    figures: dict[str, float] = {}
    summaries: dict[str, dict[str, Any]] = {}
    done = missed = 0
    for case in _crisis_cases(vectors / CRISIS_CASES):
        screened = screen(case)
        level = screened.screen.screened_level if screened else 0
        missed += case["level"] >= RISK_LEVEL > level
        done += 1
        on_line(done)
    for file in files:
        evaluation = safety.SafetyEvaluation(screen)
        for line in read(file.path, kind.check):
            evaluation.add(line, file.name)
            done += 1
            on_line(done)
        summaries[file.name] = evaluation.summary()
        figures.update(_figures(SAFETY, file.path.stem, summaries[file.name]))
    broken = _broken(SAFETY, (vectors / kind.folder).resolve(), files, summaries)
    asked = screen.answered_by.total() + screen.unanswered_calls
    figures["model.asked"] = asked
    return _Result(
        missed, (*broken, *_silent(screen.answered_by.total(), asked)), figures, screen.answered_by
    )


def _prompts(
    subject: Subject, settings: Settings, vectors: Path, model: LanguageModel | None, on_line: OnLine
) -> _Result:
    kind = KINDS[PROMPTS]
    files = check_files(kind, suite_paths(PROMPTS, vectors))
    chosen = subject.persona() if subject.category == PERSONA_CATEGORY else None
    figures: dict[str, float] = {}
    summaries: dict[str, dict[str, Any]] = {}
    models: Counter[str] = Counter()
    done = missed = 0
    for file in files:
        # With a model of its own the evaluation must not take the settings' provider for the composer.
        provider = "given" if model is not None else ""
        evaluation = PromptEvaluation(
            settings, model=model, chosen=chosen, variants=subject.assigned(), provider=provider
        )
        for line in read(file.path, kind.check):
            evaluation.add(line, file.name)
            done += 1
            on_line(done)
        summary = summaries[file.name] = evaluation.summary()
        missed += summary["crisis"]["missed"]
        for name in subject.classes():
            models.update(summary["models"].get(name, {}))
        figures.update(_figures(PROMPTS, file.path.stem, summary))
    broken = _broken(PROMPTS, (vectors / kind.folder).resolve(), files, summaries)
    return _Result(missed, broken, figures, models)


def _sentinel(
    subject: Subject, model: LanguageModel | None, vectors: Path, clock: Clock, on_line: OnLine
) -> _Result:
    """Show the sentinel messages alone, as turns that nobody answered; one without an answer is missed."""
    models: Counter[str] = Counter()
    missed = alarms = calm = done = 0
    for case in _crisis_cases(vectors / CRISIS_CASES):
        level = 0
        if model is not None:
            try:
                reply = model.complete(_observed(subject, case["text"], clock))
                level = read_answer(reply.text).crisis_level
                models[reply.model_id] += 1
            except (ModelError, AnswerError):
                level = 0
        if case["level"] >= RISK_LEVEL:
            missed += level < RISK_LEVEL
        else:
            calm += 1
            alarms += level >= RISK_LEVEL
        done += 1
        on_line(done)
    figures = {"false_alarms": rounded(alarms / calm) or 0.0, "model.asked": float(done)}
    return _Result(missed, _silent(models.total(), done), figures, models)


def _observed(subject: Subject, text: str, clock: Clock) -> ModelRequest:
    choice = model_for(SENTINEL_CLASS, subject.assigned())
    wanted = turn_classes()[SENTINEL_CLASS].prompt
    if wanted is None:
        raise CandidateError(f"{SENTINEL_CLASS} has no prompt")
    system, asked = question(bundled(wanted.template_id, wanted.version), text, "")
    return ModelRequest(
        system=(SystemBlock(system, choice.cache_ttls[0]),),
        messages=(Utterance("user", asked),),
        model_id=choice.model_id,
        max_tokens=choice.max_tokens,
        temperature=choice.temperature,
        deadline_ms=unix_ms(clock.now() + timedelta(seconds=SECONDS)),
        turn_class=SENTINEL_CLASS,
        message=text,
        seed="golden",
        response_schema=schema("sentinel_answer"),
        stream=False,
    )


def _broken(
    suite: str, folder: Path, files: Sequence[DataFile], summaries: Mapping[str, Mapping[str, Any]]
) -> tuple[str, ...]:
    known = {file.name for file in files}
    held = gates.load_gates(folder / _GATES[suite], suite)
    return tuple(
        f"{name}: {result.figure} {result.bound} {result.limit:g}"
        for name, figures in held.items()
        for result in gates.check(name, figures, summaries[name] if name in known else {})
        if not result.kept
    )


def _silent(answered: int, asked: int) -> tuple[str, ...]:
    """Return the gate that a model breaks which often does not answer, or was never asked."""
    enough = asked > 0 and answered >= (1 - MOST_UNANSWERED) * asked
    return () if enough else (f"model: answered at_least {1 - MOST_UNANSWERED:g}",)


def _figures(suite: str, stem: str, summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in _SHOWN[suite]:
        value = gates.figure_of(summary, name)
        if value is not None:
            yield f"{stem}.{name}", value


def _crisis_cases(path: Path) -> Iterator[dict[str, Any]]:
    for case in json.loads(path.read_text(encoding="utf-8")):
        yield {"text": case["text"], "level": case["level"], "locale": case.get("locale", "en-US")}


def _provider(settings: Settings, clock: Clock) -> LanguageModel | None:
    if settings.text("LLM_PROVIDER", COMPOSER) == COMPOSER:
        return None
    return bootstrap.bare_model(settings, clock)


def _shipped(category: str) -> dict[str, Any]:
    """Return the configuration of what is in production when a deployment begins."""
    return next(
        dict(row.config)
        for row in initial_variants()
        if row.category == category and row.status == PRODUCTION
    )


def main() -> None:
    """Write the cases of every suite, as they are, into the data of the layer."""
    root = Path(__file__).resolve().parent.parent
    target = root / "functions/layer/python/silent_infinity/data/golden_suites.json"
    document = json.loads(target.read_text(encoding="utf-8"))
    document["suites"] = {
        name: to_payload(measured(name, root / "tests" / "vectors")) for name in document["suites"]
    }
    target.write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
