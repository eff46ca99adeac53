"""Commands for the stack: up, down, status, synth, deploy, destroy."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from local.cli.command import Commands, Context
from local.cli.terminal import table
from local.tools.catalogue import cdk_command
from local.tools.installer import ensure
from local.tools.locations import REPOSITORY
from local.tools.running import run_in_foreground, run_reporting

LOCAL = "local"
ENVIRONMENTS = (LOCAL, "dev", "staging", "prod")


def register(commands: Commands) -> None:
    """Add the commands of this module."""
    up = commands.add("up", run_up, "start the local stack (and what it needs, installed once)")
    up.add_argument("--model", help='"small", "composer", or a base URL; remembered for the next time')

    down = commands.add("down", run_down, "end every process of the local stack; its data stays")
    down.add_argument("--wipe", action="store_true", help="forget the emulated account too")

    commands.add("status", run_status, "show what runs, where, and what is deployed")

    synth = commands.add("synth", run_synth, "build the templates of an environment (no account, no Docker)")
    _environment_option(synth, required=True)

    deploy = commands.add(
        "deploy", run_deploy, "deploy an environment; arguments after -- go to `cdk deploy`"
    )
    _environment_option(deploy, required=True)
    deploy.add_argument("--force", action="store_true", help="local: deploy even if nothing changed")

    destroy = commands.add("destroy", run_destroy, "delete the stacks of an environment")
    _environment_option(destroy, required=False)


def _environment_option(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "-e",
        "--env",
        dest="environment",
        choices=ENVIRONMENTS,
        required=required,
        default=None if required else LOCAL,
        help="which environment" if required else "which environment (default: local)",
    )


def run_up(context: Context, arguments: argparse.Namespace) -> int:
    """Start the local stack."""
    context.stack_with(arguments.model).up()
    return run_status(context, arguments)


def run_down(context: Context, arguments: argparse.Namespace) -> int:
    """End the local stack."""
    context.stack.down()
    if arguments.wipe:
        context.stack.wipe()
    print("Nothing of the local stack runs any more.")
    return 0


def run_status(context: Context, _arguments: argparse.Namespace) -> int:
    """Show the local stack; exit code 0 when it is up, 3 when it is not."""
    stack = context.stack
    rows = []
    for service in stack.status():
        word = "ready" if service.ready else "starting or stuck" if service.running else "not running"
        where = f"http://127.0.0.1:{service.port}" if service.running else ""
        process = f"process {service.pid}" if service.running else ""
        rows.append([service.title, word, where, process])
    print(table(rows))
    print(f"\n  model   {stack.model}\n  home    {stack.home}")
    up = stack.is_up()
    if not up:
        print("\n  Start it with `./run up`, or `./run` for everything.")
        return 3
    if stack.is_deployed():
        print(f"  API     {stack.api_url}")
    else:
        print("  API     nothing is deployed yet: `./run deploy -e local`")
    return 0


def run_synth(context: Context, arguments: argparse.Namespace) -> int:
    """Synthesise an environment."""
    output = REPOSITORY / "cdk.out" / arguments.environment
    code = _cdk(
        context, f"Building the templates of {arguments.environment}",
        ["synth", "--quiet", "-c", f"env={arguments.environment}", "--output", str(output), *arguments.extra],
        os.environ,
    )  # fmt: skip
    if code == 0:
        names = sorted(path.name for path in output.glob("*.template.json"))
        print("\n".join(f"  {output.relative_to(REPOSITORY) / name}" for name in names))
    return code


def run_deploy(context: Context, arguments: argparse.Namespace) -> int:
    """Deploy an environment: local to the emulator, any other with the caller's credentials."""
    environment = arguments.environment
    if environment == LOCAL:
        context.stack.up()
        changed = context.stack.deploy(force=arguments.force)
        print("Deployed." if changed else "Nothing changed since the last deployment.")
        return 0
    ensure(["cdk"], context.progress)
    return _run_cdk(["deploy", "-c", f"env={environment}", "--all", *arguments.extra], os.environ)


def run_destroy(context: Context, arguments: argparse.Namespace) -> int:
    """Delete the stacks of an environment. Other environments than local are asked about by the CDK."""
    if arguments.environment == LOCAL:
        context.stack.destroy()
        return 0
    ensure(["cdk"], context.progress)
    return _run_cdk(["destroy", "-c", f"env={arguments.environment}", "--all", *arguments.extra], os.environ)


def _cdk(context: Context, title: str, arguments: list[str], environment: Mapping[str, str]) -> int:
    """Run the CDK with its output hidden behind a progress line, shown only when it fails."""
    from local.stack.deployment import cdk_environment

    ensure(["cdk"], context.progress)
    log = context.stack.home / "logs" / "cdk.log"
    command = [*cdk_command(), *arguments, "--no-color", "--no-notices"]
    with context.progress.step(title) as step:
        code = run_reporting(command, cwd=REPOSITORY, env=cdk_environment(environment), log=log, step=step)
    if code != 0:
        print(log.read_text(encoding="utf-8", errors="replace"))
    return code


def _run_cdk(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Run the CDK in the foreground: it asks questions and shows its own progress."""
    from local.stack.deployment import cdk_environment

    command = [*cdk_command(), *arguments]
    return run_in_foreground(command, cwd=REPOSITORY, env=cdk_environment(environment))
