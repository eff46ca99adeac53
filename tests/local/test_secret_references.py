"""References to secrets, which policies and functions get from the template."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.emulator_process import Emulator

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"


def template(length: int = 32) -> dict[str, Any]:
    """A secret, and what refers to it."""
    return {
        "Resources": {
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {"PasswordLength": length}},
            }
        },
        "Outputs": {"Reference": {"Value": {"Ref": "Secret"}}},
    }


def deployed(emulator: Emulator, name: str) -> str:
    """The reference to a secret of a new stack."""
    return emulator.deploy(name, template()["Resources"], {"Reference": {"Ref": "Secret"}})["Reference"]


def test_the_bare_emulator_refers_to_a_secret_by_name(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    assert not deployed(bare, "secret-reference").startswith("arn:")


def test_a_reference_is_the_arn_and_stays_it_until_the_secret_is_gone(emulator: Emulator) -> None:
    """A policy with a name for a resource allows nothing."""
    secrets = emulator.client("secretsmanager")
    first = deployed(emulator, "secret-reference")
    value = secrets.get_secret_value(SecretId=first)["SecretString"]
    second = emulator.update("secret-reference", template(48))["Reference"]
    changed = secrets.get_secret_value(SecretId=second)["SecretString"]
    emulator.client("cloudformation").delete_stack(StackName="secret-reference")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId=first)

    assert first == second
    assert first.startswith(ARN)
    assert (len(value), len(changed)) == (32, 48)
