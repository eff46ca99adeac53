"""The launcher itself."""

from __future__ import annotations

import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from local.emulator import launcher, seams
from tests.local.api import deploy_api
from tests.local.emulator_process import Emulator, environment, free_port, interpreter, start
from tests.local.test_lambda_environment import look
from tests.local.test_rest_to_step_functions import ECHO, post


def test_every_completion_says_at_start_what_it_completes(emulator: Emulator, bare: Emulator) -> None:
    """Whoever reads the log knows how this differs from the emulator as it is."""
    log = emulator.log()

    for completion in launcher.COMPLETIONS:
        assert f"completion {launcher.name_of(completion)}: {completion.SUMMARY}" in log
        assert "Gap:" in (completion.__doc__ or "")
        assert "Fix:" in (completion.__doc__ or "")
    assert "completion" not in bare.log()


def test_it_listens_on_loopback_only(emulator: Emulator) -> None:
    """The emulator accepts any credentials: nobody else on the network may reach it."""
    port = emulator.url.rpartition(":")[2]
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    addresses = {line.split()[1] for line in listening if line.split()[3] == "0A"}

    assert {address for address in addresses if address.endswith(f":{int(port):04X}")} == {
        f"0100007F:{int(port):04X}"
    }


def test_another_version_of_the_emulator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The completions patch internals: on another version they could do anything."""
    monkeypatch.setattr(metadata, "version", lambda _name: "9.9.9")

    with pytest.raises(seams.WrongEmulatorError, match=r"1\.5\.33, but 9\.9\.9 is installed"):
        seams.require_pinned_version()


def test_an_unknown_completion_is_refused(tmp_path: Path) -> None:
    """A misspelt name must not switch off nothing silently."""
    ended = subprocess.run(  # noqa: S603 - the interpreter is this project's own
        [str(interpreter()), "-m", "local.emulator"],
        env=environment(tmp_path, free_port(), SILENT_INFINITY_COMPLETIONS_OFF="fixed_sleep"),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert ended.returncode == 2
    assert "unknown completions: fixed_sleep" in ended.stderr


def test_the_pinned_version_is_the_required_one() -> None:
    """The check at start and the requirements file must not drift apart."""
    requirements = Path(launcher.__file__).with_name("requirements.txt").read_text(encoding="utf-8")

    assert re.search(rf"^ministack=={re.escape(seams.PINNED_VERSION)}$", requirements, re.M)


def test_a_missing_seam_is_named() -> None:
    """When the emulator changes, the message says what is gone."""
    with pytest.raises(seams.SeamMissingError, match="no_such_function"):
        seams.replace(launcher, "no_such_function", None)
    with pytest.raises(seams.SeamMissingError, match="READY_LINE"):
        seams.replace_text(launcher, "READY_LINE", "not in it", "")


def test_state_survives_a_restart(tmp_path: Path) -> None:
    """A second `./run` finds the deployed stack, validators and layers included."""
    port = free_port()
    running = start(tmp_path, port=port, PERSIST_STATE="1", S3_PERSIST="1")
    url = deploy_api(running, "restart", running.machine("restart-echo", ECHO))
    look(running, "restart")
    running.stop()
    running = start(tmp_path, port=port, PERSIST_STATE="1", S3_PERSIST="1")
    try:
        accepted = post(running, f"{url}/turns", {"message": "hello"})
        refused = post(running, f"{url}/turns", {})
        payload = running.client("lambda").invoke(FunctionName="restart")["Payload"].read().decode()
    finally:
        running.stop()

    assert (accepted.status, refused.status) == (201, 400)
    assert '"marker": "function"' in payload
