"""Tools are installed once, again when their recipe changes, and again when they were interrupted."""

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from local.tools import installer
from local.tools.catalogue import Run, Tool
from local.tools.errors import LocalError
from local.tools.progress import Progress

Installation = Callable[[Path, Run], None]


class Workshop:
    """A catalogue with one tool that counts its installations."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Point the installer at `folder`."""
        self.folder = folder
        self.recipe = "tool==1\n"
        self.updatable = False
        self.installed: list[list[str]] = []
        self.install: Installation = self.succeed
        monkeypatch.setattr(installer, "TOOLS", folder)
        monkeypatch.setattr(installer, "CATALOGUE", {"tool": self.tool})

    def tool(self) -> Tool:
        """The tool of today."""
        return Tool(
            name="tool",
            title="tool",
            folder=self.folder / "tool",
            recipe=self.recipe,
            install=self.install,
            updatable=self.updatable,
        )

    def succeed(self, folder: Path, run: Run) -> None:
        """Install, noting what was there before."""
        self.installed.append(sorted(path.name for path in folder.glob("*")))
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin" / "python").touch()

    def ensure(self) -> None:
        """What every command does first."""
        installer.ensure(["tool"], Progress(io.StringIO(), terminal=False))


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """An empty workshop."""
    return Workshop(tmp_path, monkeypatch)


def test_a_second_start_installs_nothing(workshop: Workshop) -> None:
    """It has to take seconds."""
    workshop.ensure()
    workshop.ensure()

    assert len(workshop.installed) == 1


def test_a_changed_recipe_is_installed_afresh(workshop: Workshop) -> None:
    """A package that is no longer pinned must not linger."""
    workshop.ensure()
    workshop.recipe = "tool==2\n"
    workshop.ensure()

    assert workshop.installed == [[], []]


def test_an_updatable_tool_is_installed_over_the_old_one(workshop: Workshop) -> None:
    """One more package should not cost a whole development environment."""
    workshop.updatable = True
    workshop.ensure()
    workshop.recipe = "tool==2\n"
    workshop.ensure()

    assert workshop.installed == [[], ["bin"]]


@pytest.mark.parametrize("updatable", [False, True])
def test_an_interrupted_installation_is_made_again_from_nothing(workshop: Workshop, updatable: bool) -> None:
    """Half an environment fails in ways that nobody understands."""
    workshop.updatable = updatable

    def interrupted(folder: Path, run: Run) -> None:
        folder.mkdir(parents=True)
        (folder / "half").touch()
        raise KeyboardInterrupt

    workshop.install = interrupted
    with pytest.raises(KeyboardInterrupt):
        workshop.ensure()
    workshop.install = workshop.succeed
    workshop.ensure()

    assert workshop.installed == [[]]


def test_an_installation_whose_interpreter_was_removed_is_made_again(workshop: Workshop) -> None:
    """An upgrade of the machine's Python leaves a virtual environment that starts nothing."""
    workshop.ensure()
    (workshop.folder / "tool" / "bin" / "python").unlink()
    (workshop.folder / "tool" / "bin" / "python").symlink_to(workshop.folder / "gone")
    workshop.ensure()

    assert len(workshop.installed) == 2


def test_a_failing_installer_shows_the_end_of_its_log_and_what_to_do(workshop: Workshop) -> None:
    """`pip` says best what is wrong."""
    workshop.install = lambda folder, run: run(["sh", "-c", "echo no such package >&2; exit 3"])

    with pytest.raises(LocalError) as caught:
        workshop.ensure()

    assert "exit code 3" in caught.value.problem
    assert "no such package" in caught.value.problem
    assert "tool.log" in caught.value.remedy


def test_two_commands_install_once(workshop: Workshop) -> None:
    """`./run up` in one shell and `./run test` in another start together on a first day."""
    started = threading.Event()

    def slow(folder: Path, run: Run) -> None:
        started.set()
        workshop.succeed(folder, run)

    workshop.install = slow
    other = threading.Thread(target=workshop.ensure)
    other.start()
    started.wait(5)
    workshop.ensure()
    other.join()

    assert len(workshop.installed) == 1
