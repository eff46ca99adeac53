"""A reference to a secret is its ARN.

Gap: ``Ref`` of AWS::SecretsManager::Secret gives the secret's name, so that a policy for it names no resource
and its function is refused as soon as policies are enforced (``AUTH=true``).
Fix: the ARN, as CloudFormation documents:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-secretsmanager-secret.html
"""

from __future__ import annotations

from typing import Any

from local.emulator import seams

SUMMARY = "Ref of a secret is its ARN"


def install() -> None:
    """Wrap the handlers of secrets in templates."""
    provisioners = seams.module("services.cloudformation.provisioners")
    secrets_manager = seams.module("services.secretsmanager")
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def name_of(physical_id: str) -> str:
        name, _secret = secrets_manager._resolve(physical_id)
        return str(name or physical_id)

    def create_with_arn(*args: Any) -> tuple[str, dict[str, str]]:
        _name, attributes = create(*args)
        return attributes["Arn"], attributes

    def update_with_arn(physical_id: str, *args: Any, **named: Any) -> tuple[str, dict[str, str]]:
        _name, attributes = update(name_of(physical_id), *args, **named)
        return attributes["Arn"], attributes

    def delete_by_arn(physical_id: str, props: dict[str, Any]) -> None:
        delete(name_of(physical_id), props)

    handlers.update(create=create_with_arn, update=update_with_arn, delete=delete_by_arn)
