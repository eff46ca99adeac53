"""How approvers hear of promotions: an encrypted topic, on which each message is for one of them."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.environment import EnvironmentConfig


class ApproversTopic(Construct):
    """The topic whose confirmed e-mail subscriptions are the approvers.

    A subscription has a filter policy with its operator's subject alone, and a message the attribute
    `approver`: nobody gets the link of somebody else.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare topic and key. The key is its own, so that who may read data need not read links."""
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description="Silent Infinity: approvers topic",
            enable_key_rotation=True,
            removal_policy=environment.removal_policy,
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Silent Infinity {environment.name}: approvals",
            master_key=self.key,
            enforce_ssl=True,
        )
