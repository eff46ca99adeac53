"""What the stack remembers between commands."""

import stat
import threading
import time
from pathlib import Path

import pytest

from local.stack import ports
from local.stack.fingerprint import fingerprint
from local.stack.processes import Identity
from local.stack.state import (
    RunningService,
    StackState,
    exclusive,
    load_state,
    save_state,
    write_atomically,
)
from local.tools.errors import LocalError


def test_the_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """`down` in a new shell must find what `up` started in another."""
    state = StackState(
        model="composer",
        ports={"emulator": 20001},
        services={"emulator": RunningService(Identity(7, "then"), "abc")},
        outputs={"RestApiId": "r1"},
    )

    save_state(tmp_path, state)

    assert load_state(tmp_path) == state


def test_a_home_without_a_state_is_a_stack_that_never_ran(tmp_path: Path) -> None:
    """The first command on a machine has nothing to read."""
    assert load_state(tmp_path / "nowhere") == StackState()


def test_a_damaged_state_says_which_file_and_what_to_do(tmp_path: Path) -> None:
    """Guessing would leave processes behind that nobody ends."""
    (tmp_path / "stack.json").write_text("{half")

    with pytest.raises(LocalError) as caught:
        load_state(tmp_path)

    assert "stack.json" in caught.value.problem
    assert "delete" in caught.value.remedy


def test_a_private_file_is_private_from_its_first_moment(tmp_path: Path) -> None:
    """It holds passwords and tokens."""
    write_atomically(tmp_path / "users.json", "{}", mode=0o600)

    assert stat.S_IMODE((tmp_path / "users.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["users.json"]


def test_two_commands_do_not_change_a_stack_at_once(tmp_path: Path) -> None:
    """Two emulators on one state would destroy it."""
    order: list[str] = []

    def second() -> None:
        with exclusive(tmp_path):
            order.append("second")

    with exclusive(tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.1)
        order.append("first")
    waiting.join()

    assert order == ["first", "second"]


def test_a_free_remembered_port_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printed curl commands stay true from one day to the next."""
    monkeypatch.setattr(ports, "is_free", lambda port: True)

    assert ports.choose(21234) == 21234


def test_a_port_that_something_else_sits_on_is_chosen_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting must not fail because another program was quicker."""
    monkeypatch.setattr(ports, "is_free", lambda port: port != 21234)

    chosen = ports.choose(21234)

    assert chosen != 21234
    assert chosen in ports.CANDIDATES


class TestFingerprint:
    """A deployment is skipped on its word, so it must miss nothing that matters."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """A small project."""
        (tmp_path / "functions" / "capture").mkdir(parents=True)
        (tmp_path / "functions" / "capture" / "handler.py").write_text("a = 1\n")
        (tmp_path / "app.py").write_text("b = 2\n")
        return tmp_path

    def test_is_the_same_for_the_same_content(self, project: Path) -> None:
        """A second start takes seconds only because of this."""
        assert fingerprint(project, ["functions", "app.py"]) == fingerprint(project, ["functions", "app.py"])

    def test_changes_with_a_file_a_name_and_a_fact(self, project: Path) -> None:
        """An edited handler, a renamed file and another model each need a deployment."""
        seen = {fingerprint(project, ["functions", "app.py"], "model a")}
        seen.add(fingerprint(project, ["functions", "app.py"], "model b"))
        (project / "functions" / "capture" / "handler.py").write_text("a = 2\n")
        seen.add(fingerprint(project, ["functions", "app.py"], "model a"))
        (project / "app.py").rename(project / "functions" / "app.py")
        seen.add(fingerprint(project, ["functions", "app.py"], "model a"))

        assert len(seen) == 4

    def test_ignores_what_tools_leave_beside_the_sources(self, project: Path) -> None:
        """Running the tests must not cost a deployment."""
        before = fingerprint(project, ["functions"])
        (project / "functions" / "__pycache__").mkdir()
        (project / "functions" / "__pycache__" / "handler.pyc").write_bytes(b"x")

        assert fingerprint(project, ["functions"]) == before
