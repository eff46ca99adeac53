"""Automatic demotion: the function that takes variants back, for workflows and alarms to call."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.function_settings import Setting
from stacks.constructs.operations import FIVE_MINUTES, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_items, allow_outcomes, allow_telling
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig

NAME = "demote_variant"
ALARMS = "lambda.alarms.cloudwatch.amazonaws.com"
"""What an alarm calls a function as: a principal of its own, not CloudWatch's."""


class VariantDemotion(Construct):
    """Takes a variant back to experimental at 0, once for each request.

    Any alarm of the account may call the alias as its action; its metric then has the dimensions `category`
    and `variant_id`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        layer: PythonLayer,
        operations: OperationsTopic,
    ) -> None:
        """Declare the demotion over the registry in `data`; `operations` hears of each one."""
        super().__init__(scope, construct_id)
        self.function = SinglePurposeFunction(
            self,
            "Demote",
            name=NAME,
            description="Takes a variant back that a measurement found wanting",
            environment=environment,
            layer=layer,
            # Up to twelve tries against other changes of the registry, for each variant that is named.
            timeout=Duration.minutes(1),
            answers_people=False,
            settings={
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.AUDIT_LOG_TABLE: data.audit_log.table_name,
                Setting.IDEMPOTENCY_TABLE: data.idempotency.table_name,
                Setting.PROMOTIONS_TABLE: data.promotions.table_name,
                Setting.OPERATIONS_TOPIC_ARN: operations.topic.topic_arn,
            },
        )
        acknowledge(
            self.function.function,
            Serverless_LambdaDLQ=(
                "An alarm calls it without waiting. A failed run is tried again by Lambda and raises an "
                "alarm of its own, the alarm that called stays raised, and an operator takes the variant "
                "back in one call: a queue would only hold the name that the alarm shows."
            ),
        )
        allow_items(self.function, data.variants, "GetItem", "Scan", "PutItem")
        allow_items(self.function, data.audit_log, "PutItem")
        allow_outcomes(self.function, data.idempotency)
        # A promotion that is open for the variant ends with it.
        allow_items(self.function, data.promotions, "UpdateItem")
        allow_telling(self.function, operations)
        self.function.alias.add_permission(
            "Alarms", principal=iam.ServicePrincipal(ALARMS), source_account=Aws.ACCOUNT_ID
        )
        alarm(
            self,
            "DemotionFails",
            metric=self.function.alias.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            description="A variant was to be taken back and was not. Roll it back: docs/variants.md.",
            threshold=1,
            topic=operations.topic,
        )
