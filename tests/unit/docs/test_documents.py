"""The documents say what is so: what they name exists, and their tables are complete.

Each check is a function from a document's text to complaints, and is run on a false sentence as well.
"""

import argparse
import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.cli.__main__ import build_parser
from silent_infinity.adapters.encoder.stage import SEMANTIC
from silent_infinity.domain.crisis.answers import ANSWERS
from silent_infinity.domain.crisis.model_screen import MODEL_SCREEN
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from silent_infinity.schemas import schema

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "functions/layer/python"
PACKAGE = LAYER / "silent_infinity"
DOCUMENTS = sorted(
    path for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")] if path.exists()
)
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
MACHINE_PATH = re.compile(r"(?<![\w.~])/(?:root|home|tmp|work|Users|var/folders)/|[A-Z]:\\")
CODE = {".py", ".json"}
MADE_BY_TOOLS = {"cdk.out", "node_modules", "__pycache__"}

Check = Callable[[Path, str], Iterator[str]]


def inline_code(text: str) -> list[str]:
    """Return what stands between backticks outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


def tables(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the first header cell and the first cells of the rows of every table."""
    for block in re.findall(r"^\|.*\n\|[-| ]+\|\n(?:\|.*\n?)+", text, re.MULTILINE):
        header, _rule, *rows = block.strip().splitlines()
        yield first_cell(header), [first_cell(row) for row in rows]


def first_cell(row: str) -> str:
    """Return the first cell of a table's row."""
    return row.strip().strip("|").split("|")[0].strip()


def names_in(document: str, header: str) -> set[str]:
    """Return the names in backticks of the first column of the tables under this header."""
    text = (ROOT / document).read_text(encoding="utf-8")
    cells = [cell for found, rows in tables(text) if found == header for cell in rows]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository but this test's own, without what tools leave beside them."""
    tops = [
        path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in MADE_BY_TOOLS
    ]
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    here = Path(__file__).parent
    return tuple(
        path
        for path in found
        if path.is_file() and not MADE_BY_TOOLS & set(path.parts) and not path.is_relative_to(here)
    )


@cache
def sources() -> str:
    """Return all code that is ours, as one text."""
    code = (path for path in files() if path.suffix in CODE or path.name == "run")
    return "\n".join(path.read_text(encoding="utf-8") for path in code)


@cache
def file_names() -> frozenset[str]:
    """Return the name of every file of the repository."""
    return frozenset(path.name for path in files())


def anchors(text: str) -> set[str]:
    """Return the anchors that a document's headings have on the web."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path, text: str) -> Iterator[str]:
    """Complain of relative links to what is not there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (document.parent / path).resolve() if path else document
        if not there.exists():
            yield f"no file for the link {target}"
        elif anchor and anchor not in anchors(text if not path else there.read_text(encoding="utf-8")):
            yield f"no heading for the link {target}"


def paths(_document: Path, text: str) -> Iterator[str]:
    """Complain of files and folders in backticks that are not there. `<name>` stands for any."""
    ours = {path.relative_to(ROOT).parts[0] for path in files()} | {".ci"}
    for named in inline_code(text):
        pattern = re.sub(r"<\w+>", "*", named).rstrip("/")
        if not re.fullmatch(r"[\w.*/-]+", pattern):
            continue
        top = pattern.partition("/")[0]
        if "/" in pattern and top in ours and not list(ROOT.glob(pattern)):
            yield f"no path {named}"
        if "/" in pattern and top == "silent_infinity" and not list(LAYER.glob(pattern)):
            yield f"no path {named}"
        bare = re.fullmatch(r"[\w.-]+\.(?:py|json|md|toml|vtl|svg)", pattern)
        if bare and pattern not in file_names():
            yield f"no file {named}"


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command and of what is below it."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*(options_of(each) for each in action.choices.values()))
    return found


def commands(_document: Path, text: str) -> Iterator[str]:
    """Complain of `./run` commands, options and test scopes that there are not."""
    parser = build_parser()
    [subparsers] = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for line in re.findall(r"\./run\b([^`\n|#;&)]*)", text):
        words = [word for word in line.split(" -- ")[0].split() if word]
        command = next((word for word in words if re.fullmatch(r"[a-z]+", word)), None)
        # The value of an option of `./run` itself is no command.
        if words[:1] == ["--model"]:
            command = None
        if command is not None and words[0] in (command, "--debug") and command not in subparsers.choices:
            yield f"no command ./run {command}"
        known = set(parser._option_string_actions)
        if command in subparsers.choices:
            known |= options_of(subparsers.choices[command])
        for option in (word.rstrip(".,:") for word in words if word.startswith("-")):
            if option.strip("-…") and option not in known:
                yield f"no option {option} of ./run {command or ''}"


def variables(_document: Path, text: str) -> Iterator[str]:
    """Complain of variables in the first column of a table that no code reads."""
    for header, rows in tables(text):
        if header == "variable":
            for name in (name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)):
                if not re.search(rf"\b{name}\b", sources()):
                    yield f"no variable {name}"


def machines(_document: Path, text: str) -> Iterator[str]:
    """Complain of paths that exist on one machine only."""
    return (f"machine path {found.group()}" for found in MACHINE_PATH.finditer(text))


def examples(_document: Path, text: str) -> Iterator[str]:
    """Complain of JSON that is none, and of answers and problems that break their schema."""
    for language, block in FENCED.findall(text):
        if language != "json":
            continue
        try:
            example = json.loads(block)
        except ValueError as error:
            yield f"no JSON: {error}"
            continue
        kind = "turn_answer" if "usage" in example else "problem" if "type" in example else None
        if kind:
            broken = Draft202012Validator(schema(kind)).iter_errors(example)
            yield from (f"not a valid {kind}: {error.json_path}" for error in broken)


FALSE: dict[Check, str] = {
    links: "See [this](nowhere.md).",
    paths: "It is in `stacks/nowhere.py`.",
    commands: "Type `./run nowhere`.",
    variables: "| variable | meaning |\n|---|---|\n| `NO_SUCH_VARIABLE` | none |\n",
    machines: "Look into /home/somebody/project.",
    examples: '```json\n{ "type": "urn:silent-infinity:problem:x" }\n```\n',
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
@pytest.mark.parametrize("check", FALSE, ids=lambda check: check.__name__)
def test_what_a_document_names_is_there(check: Check, document: Path) -> None:
    """Whoever follows a document that is wrong stops believing the others."""
    assert list(check(document, document.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("check", "sentence"), FALSE.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_a_check_notices_a_false_sentence(check: Check, sentence: str) -> None:
    """A check that cannot fail protects nobody."""
    assert list(check(ROOT / "docs/development.md", sentence))


@pytest.mark.parametrize("sentence", ["`./run status --nothing`", "[up](#no-such-heading)", "`nothing.json`"])
def test_the_smaller_mistakes_are_noticed_too(sentence: str) -> None:
    """Options, headings and bare names of files are typed wrongly as easily as paths."""
    document = ROOT / "docs/development.md"

    assert [complaint for check in FALSE for complaint in check(document, sentence)]


def problem_slugs() -> set[str]:
    """Return the kinds of problem that the code can answer with, from all places that make some."""
    literal = re.compile(r"urn:silent-infinity:problem:([a-z-]+)")
    texts = [ROOT / "statemachines/turn.asl.json", ROOT / "stacks/templates/__init__.py"]
    slugs = {slug for path in texts for slug in literal.findall(path.read_text(encoding="utf-8"))}
    makers = {
        "domain/problems.py": "problem",
        "domain/registry/problems.py": "Refusal",
        "domain/registry/refusals.py": "Refusal",
    }
    for path, maker in makers.items():
        for node in ast.walk(parsed(PACKAGE / path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == maker:
                slugs |= set(constants(node.args[0]))
    [gateway] = [
        node
        for node in ast.walk(parsed(ROOT / "stacks/problems.py"))
        if isinstance(node, ast.FunctionDef) and node.name == "gateway_problems"
    ]
    return slugs | {text for text in constants(gateway) if re.fullmatch(r"[a-z]+(?:-[a-z]+)*", text)}


def degraded_marks() -> set[str]:
    """Return the marks that the workflow and the use cases put on a turn."""
    workflow = (ROOT / "statemachines/turn.asl.json").read_text(encoding="utf-8")
    marks = set(re.findall(r'"degraded": \["(\w+)"\]', workflow))
    marks |= set(re.findall(r"\$degraded, '(\w+)'\]", workflow))
    for path in (PACKAGE / "usecases").glob("*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.keyword) and node.arg == "degraded":
                marks |= set(constants(node.value))
            # `degraded.append("limits")`, and what a helper returns as its last value: `…, ("prompts",)`.
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "degraded.append":
                marks |= set(constants(node.args[0]))
            if isinstance(node, ast.Tuple) and len(node.elts) == 1 and isinstance(node.elts[0], ast.Constant):
                marks |= set(constants(node.elts[0]))
    # A stage of the screen that fails is marked by its own name.
    return marks | {name for name, _ in LAYER_STAGES} | {SEMANTIC, ANSWERS, MODEL_SCREEN}


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def constants(node: ast.AST) -> list[str]:
    """Return every text that stands in a piece of code."""
    found: list[Any] = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return [value for value in found if isinstance(value, str)]


def test_every_problem_is_explained_and_no_other() -> None:
    """Clients act on these names: one that is missing here is one that nobody handles."""
    assert names_in("docs/api.md", "problem") == problem_slugs()


def test_every_degraded_mark_is_explained_and_no_other() -> None:
    """Whoever is on call reads the mark on a turn event and looks for it here."""
    assert names_in("docs/operations.md", "mark") == degraded_marks()


def test_every_setting_of_a_function_is_explained() -> None:
    """The names are spelled out once in the stacks; the guide must know all of them."""
    settings = re.findall(
        r'^    (\w+) = "\1"', (ROOT / "stacks/constructs/function_settings.py").read_text(), re.M
    )

    assert settings
    assert set(settings) <= names_in("docs/development.md", "variable")


def test_every_test_scope_is_explained_and_no_other() -> None:
    """The table is how a newcomer finds out where a test belongs."""
    from local.cli.checks import LINT, SCOPES

    assert names_in("docs/development.md", "scope") == {LINT, *(scope.name for scope in SCOPES)}


def test_every_completion_of_the_emulator_is_explained_and_no_other() -> None:
    """What the local stack adds to the emulator is what its results depend on."""
    modules = {
        path.stem for path in (ROOT / "local/emulator").glob("*.py") if "SUMMARY = " in path.read_text()
    }

    assert names_in("docs/local-stack.md", "completion") == modules


def test_every_alarm_is_explained_and_no_other() -> None:
    """Nobody should meet an alarm's name for the first time at night."""
    declared: set[str] = set()
    # An alarm of a construct has the construct's name before its own.
    owners: dict[str, tuple[str, ...]] = {
        "turn_stack": ("",),
        "api_stack": ("",),
        "constructs/sentinel": ("Sentinel",),
        "constructs/workflow_runs": ("WeeklySynthesis", "NightlyRollup", "Promotion"),
        "constructs/audit_anchors": ("AuditAnchors",),
        "constructs/variant_demotion": ("VariantDemotion",),
        "constructs/lake_intake": ("Intake",),
        "constructs/delivery_stream": ("TurnEvents", "Feedback"),
        "constructs/nightly_rollup": ("NightlyRollup",),
        "constructs/weekly_report": ("WeeklyReport",),
        "constructs/promotion_workflow": ("Promotion",),
        "constructs/promotion_starts": ("PromotionStarts",),
        "constructs/approval_routes": ("ApprovalRoutes",),
        "constructs/gradual_deployment": (),  # it names an alarm after each of its functions
    }
    stacks = ROOT / "stacks"
    raising = {
        path.relative_to(stacks).with_suffix("").as_posix()
        for path in stacks.rglob("*.py")
        if re.search(r"(?<!def )\balarm(_of_silence)?\(", path.read_text(encoding="utf-8"))
    }
    assert raising == set(owners)
    runs = parsed(ROOT / "stacks/constructs/workflow_runs.py")
    (table,) = (node.iter for node in ast.walk(runs) if isinstance(node, ast.For))
    assert isinstance(table, ast.Tuple)
    found = {str(ast.literal_eval(row.elts[0])) for row in table.elts if isinstance(row, ast.Tuple)}
    declared |= {f"{owner}{alarm}" for owner in owners["constructs/workflow_runs"] for alarm in found}
    users = {path.stem for path in stacks.rglob("*.py") if "alarms_of_runs(\n" in path.read_text("utf-8")}
    assert users == {"workflow_runs", "weekly_synthesis", "nightly_rollup", "promotion_workflow"}
    for name, named in owners.items():
        for node in ast.walk(parsed(ROOT / f"stacks/{name}.py")):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("alarm", "alarm_of_silence"):
                declared |= {f"{owner}{alarm}" for owner in named for alarm in constants(node.args[1])}
    explained = names_in("docs/operations.md", "alarm")

    assert {name for name in explained if not name.endswith("Errors") or name == "ServerErrors"} == declared


def test_names_of_tests_in_the_runbook_exist() -> None:
    """The runbook's promises rest on tests; a renamed one would leave a promise without its proof."""
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs/operations.md").read_text(encoding="utf-8"))

    assert named
    assert [name for name in named if f"def {name}(" not in sources()] == []
