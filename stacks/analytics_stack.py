"""What is made of the record of turns: the lake, what refines it, and what it tells."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from stacks.background_stack import BackgroundStack
from stacks.constructs.delivery_stream import DeliveryStream
from stacks.constructs.gradual_deployment import GradualDeployment
from stacks.constructs.lake import Lake
from stacks.constructs.lake_intake import LakeIntake
from stacks.constructs.nightly_rollup import NightlyRollup
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.weekly_report import WeeklyReport
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.turn_stack import TurnStack

TURN_EVENTS = "bronze_turn_events"
FEEDBACK = "bronze_feedback"


class AnalyticsStack(Stack):
    """The lake and everything that computes over it. Nothing of a turn waits for this stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        turn: TurnStack,
        background: BackgroundStack,
    ) -> None:
        """Declare the lake behind the streams of `data`; what a rollup finds worse, `background` demotes."""
        super().__init__(scope, construct_id, description="Silent Infinity: the lake and its rollup")
        layer = PythonLayer(self, "Layer", environment=environment)
        self.lake = Lake(self, "Lake", environment=environment, key=data.key)
        turn_events, feedback = (
            DeliveryStream(
                self,
                construct_id_,
                table=table,
                lake=self.lake,
                environment=environment,
                operations=turn.operations,
            )
            for construct_id_, table in (("TurnEvents", TURN_EVENTS), ("Feedback", FEEDBACK))
        )
        self.intake = LakeIntake(
            self,
            "Intake",
            environment=environment,
            data=data,
            layer=layer,
            operations=turn.operations,
            turn_events=turn_events,
            feedback=feedback,
        )
        self.rollup = NightlyRollup(
            self,
            "NightlyRollup",
            environment=environment,
            data=data,
            layer=layer,
            operations=turn.operations,
            lake=self.lake,
            demote=background.demotion.function,
        )
        WeeklyReport(
            self,
            "WeeklyReport",
            environment=environment,
            layer=layer,
            operations=turn.operations,
            lake=self.lake,
        )
        if environment.gradual_deployment:
            GradualDeployment(
                self, "Deployment", functions=[self.intake.consumer], topic=turn.operations.topic
            )
        CfnOutput(self, "TurnEventsDeliveryStreamName", value=turn_events.name)
        CfnOutput(self, "FeedbackDeliveryStreamName", value=feedback.name)
