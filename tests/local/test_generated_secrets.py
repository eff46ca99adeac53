"""Generated secrets follow the template's rules."""

from __future__ import annotations

import json
from typing import Any

from tests.local.emulator_process import Emulator

RULES = {"PasswordLength": 64, "ExcludePunctuation": True}


def generated(emulator: Emulator, name: str, rules: dict[str, Any]) -> str:
    """The value of a secret that a template generates."""
    resources = {
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": rules}}
    }
    arn = emulator.deploy(name, resources, {"Arn": {"Ref": "Secret"}})["Arn"]
    return str(emulator.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_the_bare_emulator_ignores_the_rules(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    assert not generated(bare, "secret", {**RULES, "PasswordLength": 500}).isalnum()


def test_a_generated_secret_keeps_the_rules(emulator: Emulator) -> None:
    """Peppers and signing keys are declared without punctuation."""
    value = generated(emulator, "secret", RULES)

    assert len(value) == 64
    assert value.isalnum()


def test_a_secret_can_be_generated_into_a_document(emulator: Emulator) -> None:
    """The template's other fields stay."""
    rules = {**RULES, "SecretStringTemplate": '{"user": "app"}', "GenerateStringKey": "password"}

    document = json.loads(generated(emulator, "secret-document", rules))

    assert document["user"] == "app"
    assert len(document["password"]) == 64
