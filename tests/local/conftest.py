"""One completed emulator for the whole session, and a bare one that shows the gaps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.emulator_process import Emulator, start


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The emulator with all completions."""
    running = start(tmp_path_factory.mktemp("completed"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The emulator without any completion: a test that passes here does not need its completion any more."""
    running = start(tmp_path_factory.mktemp("bare"), SILENT_INFINITY_COMPLETIONS_OFF="all")
    yield running
    running.stop()
