"""Generated secrets follow the template's rules.

Gap: CloudFormation's GenerateSecretString ignores every option but the length and ExcludeCharacters
(punctuation is never excluded), and draws from a generator that is not meant for secrets.
Fix: the value comes from the emulator's own GetRandomPassword, which honours all options.
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator import seams

SUMMARY = "GenerateSecretString honours ExcludePunctuation and the other options"


def install() -> None:
    """Replace the maker of a secret's value."""
    provisioners = seams.module("services.cloudformation.provisioners")
    secrets_manager = seams.module("services.secretsmanager")
    declared = seams.original(provisioners, "_sm_secret_string")

    def secret_string(props: dict[str, Any]) -> str:
        options = props.get("GenerateSecretString")
        if props.get("SecretString") or options is None:
            return str(declared(props))
        status, _headers, body = secrets_manager._get_random_password(options)
        if status >= 400:
            raise ValueError(f"AWS::SecretsManager::Secret: {body!r}")
        password = str(json.loads(body)["RandomPassword"])
        template = options.get("SecretStringTemplate")
        if not template:
            return password
        return json.dumps({**json.loads(template), options["GenerateStringKey"]: password})

    seams.replace(provisioners, "_sm_secret_string", secret_string)
