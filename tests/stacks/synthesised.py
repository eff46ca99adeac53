"""The CDK application as a test sees it: templates, acknowledgements and findings of one environment."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from aws_cdk import App

from stacks import help_line_age
from stacks.application import build
from stacks.environment import EnvironmentConfig
from stacks.paths import ROOT

Resource = dict[str, Any]


@dataclass(frozen=True)
class Application:
    """One environment's templates, by stack: Data, Turn, Api, Background, Analytics, Promotion."""

    environment: EnvironmentConfig
    templates: dict[str, dict[str, Any]]
    acknowledgements: dict[str, dict[str, str]]
    """Construct path to finding to reason."""

    def resources(self, kind: str) -> dict[str, Resource]:
        """Return the properties of all resources of a type, keyed by `<stack>/<logical id>`."""
        return {
            f"{stack}/{logical_id}": resource
            for stack, template in self.templates.items()
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def properties(self, kind: str) -> dict[str, Resource]:
        """Return the properties of all resources of a type, keyed by `<stack>/<logical id>`."""
        return {name: resource.get("Properties", {}) for name, resource in self.resources(kind).items()}

    def only(self, kind: str) -> Resource:
        """Return the properties of the one resource of a type."""
        (properties,) = self.properties(kind).values()
        return properties

    def named(self, kind: str, part: str) -> Resource:
        """Return the properties of the one resource of a type whose logical id starts with `part`."""
        (properties,) = [
            properties
            for name, properties in self.properties(kind).items()
            if name.partition("/")[2].startswith(part)
        ]
        return properties

    def identity_statements(self) -> Iterator[tuple[str, Resource]]:
        """Yield every Allow statement of roles and policies, with the policy's name."""
        for name, policy in self.properties("AWS::IAM::Policy").items():
            yield from ((name, statement) for statement in _allowing(policy["PolicyDocument"]))
        for name, role in self.properties("AWS::IAM::Role").items():
            for policy in role.get("Policies", []):
                yield from ((name, statement) for statement in _allowing(policy["PolicyDocument"]))

    def permissions(self, role: str) -> set[tuple[str, str]]:
        """Return `(action, resource)` of the role whose logical id starts with `role`, references as JSON."""
        return {
            (action, json.dumps(resource, sort_keys=True))
            for name, statement in self.identity_statements()
            if name.partition("/")[2].startswith(role)
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }


def as_list(value: Any) -> list[Any]:
    """Return a policy's value or list of values as a list."""
    return value if isinstance(value, list) else [value]


def _allowing(document: Resource) -> list[Resource]:
    return [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]


def context(name: str) -> dict[str, Any]:
    """Return the context that `cdk -c env=<name>` would give, without building the layer."""
    recorded = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return {**recorded, "env": name, "aws:cdk:bundling-stacks": []}


def synthesise(
    name: str,
    outdir: Path,
    *,
    template_rules: bool = False,
    today: date | None = None,
    block: Mapping[str, Any] | None = None,
    **extra: str,
) -> Application:
    """Build and synthesise an environment in this process; any finding of cdk-nag raises.

    The layer stays unbuilt: it has tests of its own. CDK's template rules, which load for seconds, are
    applied on demand only. `today` is the day on which the newest help line was checked, unless a test says
    otherwise: no test may begin to fail because time goes by. `block` changes fields of the environment,
    `extra` is context from the command line.
    """
    recorded = context(name)
    app = App(
        context={**recorded, name: {**recorded[name], **(block or {})}, **extra},
        outdir=str(outdir),
        builtin_cloud_formation_validation=template_rules,
    )
    environment = EnvironmentConfig.from_app(app)
    build(app, environment, today=today or newest_check())
    app.synth()
    stacks = ("Data", "Turn", "Api", "Background", "Analytics", "Promotion")
    files = {stack: outdir / f"SilentInfinity-{name}-{stack}" for stack in stacks}
    return Application(
        environment=environment,
        templates={stack: _read(file, "template") for stack, file in files.items()},
        acknowledgements=_acknowledgements([_read(file, "metadata") for file in files.values()]),
    )


def newest_check() -> date:
    """Return the day on which the newest help line was checked."""
    return max(checked for _, checked in help_line_age.dated(help_line_age.read()))


def day_of_staleness() -> date:
    """Return the first day on which the oldest help line is too old."""
    document = help_line_age.read()
    oldest = min(checked for _, checked in help_line_age.dated(document))
    return oldest + timedelta(days=document["max_age_days"] + 1)


def _read(file: Path, kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(f"{file}.{kind}.json").read_text(encoding="utf-8"))
    return content


def _acknowledgements(documents: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for document in documents:
        for path, entries in document.items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    accepted = {key.partition("::")[2]: reason for key, reason in entry["data"].items()}
                    found.setdefault(path, {}).update(accepted)
    return found
