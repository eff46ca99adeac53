"""Permissions on the approvers' topic: to know who they are, and to write to one of them."""

from stacks.constructs.acknowledgements import acknowledge_finding
from stacks.constructs.approvers_topic import ApproversTopic
from stacks.constructs.single_purpose_function import SinglePurposeFunction


def allow_knowing_approvers(function: SinglePurposeFunction, approvers: ApproversTopic) -> None:
    """Let `function` read whose subscriptions are confirmed, and whom each is of."""
    function.allow(["sns:ListSubscriptionsByTopic"], approvers.topic.topic_arn)
    function.allow(["sns:GetSubscriptionAttributes"], "*")
    acknowledge_finding(
        function,
        "AwsSolutions-IAM5[Resource::*]",
        "SNS has no resource type for subscriptions, so sns:GetSubscriptionAttributes takes none: "
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html. It reads "
        "attributes and changes nothing.",
    )


def allow_writing_to_approvers(function: SinglePurposeFunction, approvers: ApproversTopic) -> None:
    """Let `function` send messages to approvers."""
    function.allow(["sns:Publish"], approvers.topic.topic_arn)
    function.allow(["kms:Decrypt", "kms:GenerateDataKey"], approvers.key.key_arn)
