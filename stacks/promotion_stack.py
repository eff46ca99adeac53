"""How a variant gets to more people: evidence, a person's yes, and the registry's change."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.analytics_stack import AnalyticsStack
from stacks.api_stack import ApiStack
from stacks.background_stack import BackgroundStack
from stacks.constructs.approval_routes import base_url
from stacks.constructs.promotion_starts import PromotionStarts
from stacks.constructs.promotion_workflow import PromotionWorkflow
from stacks.constructs.python_layer import PythonLayer
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.turn_stack import TurnStack


class PromotionStack(Stack):
    """The workflow of promotions and what starts it. Without it variants stay as they are; turns go on."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        turn: TurnStack,
        api: ApiStack,
        background: BackgroundStack,
        analytics: AnalyticsStack,
    ) -> None:
        """Declare the workflow over the lake of `analytics`; `api` has its page, `background` takes back."""
        super().__init__(scope, construct_id, description="Silent Infinity: promotions of variants")
        layer = PythonLayer(self, "Layer", environment=environment)
        self.promotion = PromotionWorkflow(
            self,
            "Promotion",
            environment=environment,
            data=data,
            layer=layer,
            operations=turn.operations,
            lake=analytics.lake,
            demote=background.demotion.function,
            approval_base_url=base_url(api.api),
        )
        PromotionStarts(
            self,
            "PromotionStarts",
            environment=environment,
            data=data,
            layer=layer,
            operations=turn.operations,
            promotion=self.promotion,
        )
        # In a policy of its own: who asks is called by the machine, and the page is in the stack before it.
        iam.Policy(
            self,
            "MayResume",
            roles=[api.approvals.function.role, self.promotion.ask.role],
            statements=[
                iam.PolicyStatement(
                    actions=["states:SendTaskSuccess"],
                    resources=[self.promotion.workflow.state_machine.state_machine_arn],
                )
            ],
        )
