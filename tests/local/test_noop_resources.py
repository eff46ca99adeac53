"""Resource types that the emulator refuses are accepted and do nothing."""

from __future__ import annotations

from typing import Any

import pytest

from local.emulator.noop_resources import NOOP_TYPES
from tests.local.emulator_process import Emulator


def all_types() -> tuple[dict[str, Any], dict[str, Any]]:
    """One resource of each type, and outputs of all their attributes."""
    resources = {f"R{i}": {"Type": kind, "Properties": {}} for i, kind in enumerate(NOOP_TYPES)}
    outputs = {
        f"R{i}{attribute}": {"Fn::GetAtt": [f"R{i}", attribute]}
        for i, attributes in enumerate(NOOP_TYPES.values())
        for attribute in attributes
    }
    return resources, outputs


def test_the_bare_emulator_refuses_every_one_of_them(bare: Emulator) -> None:
    """If this fails, a type has become real: its no-op would hide that."""
    with pytest.raises(Exception, match="Unrecognized resource types") as raised:
        bare.deploy("noop", all_types()[0])
    assert [kind for kind in NOOP_TYPES if kind not in str(raised.value)] == []


def test_each_is_accepted_and_named_in_the_log(emulator: Emulator) -> None:
    """Nobody may take a green local deployment for a tested alarm or trail."""
    outputs = emulator.deploy("noop", *all_types())
    log = emulator.log()

    assert set(outputs) == set(all_types()[1])
    assert outputs[next(key for key in outputs if key.endswith("Arn"))].startswith("arn:aws:")
    for number, kind in enumerate(NOOP_TYPES):
        assert f"{kind} R{number} (stack noop) is a no-op here" in log
