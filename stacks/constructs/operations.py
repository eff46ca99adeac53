"""How operators hear of trouble: one encrypted topic, and alarms that publish to it."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.environment import EnvironmentConfig

_ALARMS = "cloudwatch.amazonaws.com"


class OperationsTopic(Construct):
    """The topic that people on call subscribe to. Messages name alarms and metrics, nothing else."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare topic and key. The key is its own: AWS's managed key does not let alarms publish."""
        super().__init__(scope, construct_id)
        own_account = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        self.key = key = kms.Key(
            self,
            "Key",
            description="Silent Infinity: operations topic",
            enable_key_rotation=True,
            removal_policy=environment.removal_policy,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(_ALARMS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions=own_account,
            )
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"Silent Infinity {environment.name}",
            master_key=key,
            enforce_ssl=True,
        )
        # A topic with a policy has no longer the default one, under which alarms of the same account may
        # publish.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(_ALARMS)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=own_account,
            )
        )


def alarm(
    scope: Construct,
    construct_id: str,
    *,
    metric: cloudwatch.IMetric,
    description: str,
    threshold: float,
    topic: sns.ITopic,
    evaluation_periods: int = 1,
) -> cloudwatch.Alarm:
    """Declare an alarm that tells `topic` when `metric` reaches `threshold`, and when it is well again.

    Silence is good news: a metric without data is not breaching.
    """
    declared = cloudwatch.Alarm(
        scope,
        construct_id,
        metric=metric,
        alarm_description=description,
        threshold=threshold,
        evaluation_periods=evaluation_periods,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    declared.add_alarm_action(actions.SnsAction(topic))
    declared.add_ok_action(actions.SnsAction(topic))
    return declared


def alarm_of_silence(
    scope: Construct,
    construct_id: str,
    *,
    metric: cloudwatch.IMetric,
    description: str,
    hours: int,
    topic: sns.ITopic,
) -> cloudwatch.Alarm:
    """Declare an alarm that tells `topic` when `metric`, counted by the hour, counted nothing for `hours`.

    Here no data is the very trouble. A new stack is therefore in alarm until the first success.
    """
    declared = cloudwatch.Alarm(
        scope,
        construct_id,
        metric=metric,
        alarm_description=description,
        threshold=1,
        evaluation_periods=hours,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
    )
    declared.add_alarm_action(actions.SnsAction(topic))
    declared.add_ok_action(actions.SnsAction(topic))
    return declared


ONE_MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)
