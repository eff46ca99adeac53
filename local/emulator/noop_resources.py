"""Resource types that the emulator refuses are accepted and do nothing.

Gap: one unknown resource type refuses the whole template.
Fix: handlers that create nothing, for the types below only; each use is logged as a warning with its
logical id, so that nobody takes a green local deployment for a tested alarm, trail or deployment group.
"""

from __future__ import annotations

import logging
from typing import Any

from local.emulator import seams

# Resource type -> the attributes that templates may read with Fn::GetAtt.
NOOP_TYPES: dict[str, tuple[str, ...]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ("Id",),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("Arn",),
    "AWS::ApplicationSignals::ServiceLevelObjective": ("Arn",),
    "AWS::Athena::NamedQuery": ("NamedQueryId",),
    "AWS::Backup::BackupSelection": ("Id", "SelectionId", "BackupPlanId"),
    "AWS::Bedrock::ApplicationInferenceProfile": ("InferenceProfileArn", "InferenceProfileId"),
    "AWS::Bedrock::Guardrail": ("GuardrailArn", "GuardrailId", "Version"),
    "AWS::Bedrock::GuardrailVersion": ("GuardrailArn", "GuardrailId", "Version"),
    "AWS::Budgets::Budget": (),
    "AWS::CE::AnomalyMonitor": ("MonitorArn",),
    "AWS::CE::AnomalySubscription": ("SubscriptionArn",),
    "AWS::CloudTrail::Trail": ("Arn", "SnsTopicArn"),
    "AWS::CloudWatch::AnomalyDetector": ("Id",),
    "AWS::CloudWatch::CompositeAlarm": ("Arn",),
    "AWS::CloudWatch::InsightRule": ("Arn", "RuleName"),
    "AWS::CodeDeploy::Application": (),
    "AWS::CodeDeploy::DeploymentConfig": (),
    "AWS::CodeDeploy::DeploymentGroup": (),
    "AWS::Cognito::LogDeliveryConfiguration": ("Id",),
    "AWS::Cognito::UserPoolRiskConfigurationAttachment": (),
    "AWS::Events::Archive": ("Arn",),
    "AWS::Logs::QueryDefinition": ("QueryDefinitionId",),
    "AWS::SecretsManager::RotationSchedule": ("Id",),
    "AWS::StepFunctions::StateMachineAlias": ("Arn",),
    "AWS::StepFunctions::StateMachineVersion": ("Arn",),
    "AWS::Synthetics::Canary": ("Id", "State"),
    "AWS::WAFv2::LoggingConfiguration": (),
    "AWS::WAFv2::WebACLAssociation": (),
    "AWS::XRay::Group": ("GroupARN",),
    "AWS::XRay::SamplingRule": ("RuleARN",),
}
SUMMARY = "accepted without any effect: " + ", ".join(sorted(NOOP_TYPES))

_log = logging.getLogger("local.emulator.noop_resources")


def install() -> None:
    """Register the handlers of the types that the emulator does not have."""
    provisioners = seams.module("services.cloudformation.provisioners")
    for resource_type, attributes in NOOP_TYPES.items():
        if resource_type in provisioners._RESOURCE_HANDLERS:
            raise seams.SeamMissingError(
                f"{resource_type} is no longer refused: remove it from the no-op types"
            )
        provisioners._RESOURCE_HANDLERS[resource_type] = _handlers(provisioners, resource_type, attributes)


def _handlers(provisioners: Any, resource_type: str, attributes: tuple[str, ...]) -> dict[str, Any]:
    service = resource_type.split("::")[1].lower()

    def values(name: str) -> dict[str, str]:
        arn = f"arn:aws:{service}:{provisioners.get_region()}:{provisioners.get_account_id()}:{name}"
        return {attribute: arn if attribute.lower().endswith("arn") else name for attribute in attributes}

    def create(logical_id: str, _props: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        _log.warning("%s %s (stack %s) is a no-op here: nothing is created", resource_type, logical_id, stack)
        name = f"{stack}-{logical_id}"
        return name, values(name)

    def update(
        physical_id: str, _old: dict[str, Any], _new: dict[str, Any], _stack: str
    ) -> tuple[str, dict[str, str]]:
        return physical_id, values(physical_id)

    def delete(_physical_id: str, _props: dict[str, Any]) -> None:
        return None

    return {"create": create, "update": update, "delete": delete}
