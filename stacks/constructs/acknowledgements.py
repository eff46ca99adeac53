"""Findings of cdk-nag that are accepted: each on the one resource that it concerns, each with its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """Accept findings on `construct`.

    Args:
        construct: the resource that the findings are about, as narrow as the rule allows.
        reasons: rule identifier, with `_` for `-`, to the reason. Findings with brackets go through
            `acknowledge_finding`.
    """
    for rule, reason in reasons.items():
        acknowledge_finding(construct, rule.replace("_", "-"), reason)


def acknowledge_finding(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one `finding`, such as "AwsSolutions-IAM5[Resource::*]", on `construct`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
