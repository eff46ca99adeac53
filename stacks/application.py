"""Which stacks there are, how they depend on each other, and what all of them have in common."""

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from stacks.api_stack import ApiStack
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.turn_stack import TurnStack


def build(app: App, environment: EnvironmentConfig) -> tuple[DataStack, TurnStack, ApiStack]:
    """Add the stacks of `environment` to `app`, whose `synth` then fails on any unaccepted finding."""
    prefix = f"SilentInfinity-{environment.name}"
    data = DataStack(app, f"{prefix}-Data", environment=environment)
    turn = TurnStack(app, f"{prefix}-Turn", environment=environment, data=data)
    api = ApiStack(app, f"{prefix}-Api", environment=environment, data=data, turn=turn)
    for stack in (data, turn, api):
        Tags.of(stack).add("Project", "SilentInfinity")
        Tags.of(stack).add("Environment", environment.name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return data, turn, api
