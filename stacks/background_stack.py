"""What runs beside the turn: nobody waits for it, and the turn does not know of it."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.constructs.audit_anchors import AuditAnchors
from stacks.constructs.gradual_deployment import GradualDeployment
from stacks.constructs.model_access import ModelAccess
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.sentinel import Sentinel
from stacks.constructs.variant_demotion import VariantDemotion
from stacks.constructs.weekly_synthesis import WeeklySynthesis
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.turn_stack import TurnStack


class BackgroundStack(Stack):
    """The consumers of what turns leave behind. The turn works the same without this stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        turn: TurnStack,
    ) -> None:
        """Declare what works on the stores of `data`; its alarms go to the operations topic of `turn`."""
        super().__init__(scope, construct_id, description="Silent Infinity: what runs beside the turn")
        layer = PythonLayer(self, "Layer", environment=environment)
        models = ModelAccess(self, "Models", environment=environment)
        self.sentinel = Sentinel(
            self,
            "Sentinel",
            environment=environment,
            data=data,
            layer=layer,
            models=models,
            operations=turn.operations,
        )
        WeeklySynthesis(
            self,
            "WeeklySynthesis",
            environment=environment,
            data=data,
            layer=layer,
            models=models,
            operations=turn.operations,
        )
        AuditAnchors(
            self,
            "AuditAnchors",
            environment=environment,
            data=data,
            layer=layer,
            operations=turn.operations,
        )
        self.demotion = VariantDemotion(
            self,
            "VariantDemotion",
            environment=environment,
            data=data,
            layer=layer,
            operations=turn.operations,
        )
        if environment.gradual_deployment:
            GradualDeployment(
                self, "Deployment", functions=[self.sentinel.function], topic=turn.operations.topic
            )
        CfnOutput(self, "DemoteVariantFunctionArn", value=self.demotion.function.alias.function_arn)
        CfnOutput(self, "SentinelQuarantineQueueUrl", value=self.sentinel.quarantine.queue_url)
