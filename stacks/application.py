"""Which stacks there are, how they depend on each other, and what all of them have in common."""

from datetime import date

from aws_cdk import Annotations, App, Tags, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from stacks import help_line_age
from stacks.analytics_stack import AnalyticsStack
from stacks.api_stack import ApiStack
from stacks.background_stack import BackgroundStack
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.promotion_stack import PromotionStack
from stacks.turn_stack import TurnStack


def build(
    app: App, environment: EnvironmentConfig, *, today: date
) -> tuple[DataStack, TurnStack, ApiStack, BackgroundStack, AnalyticsStack, PromotionStack]:
    """Add the stacks of `environment` to `app`, whose `synth` then fails on any unaccepted finding.

    `today` is what the help lines' dates are compared with.

    Raises:
        StaleHelpLinesError: the environment is production, and help lines were not checked for too long.
            Any other is warned.
    """
    outdated = help_line_age.complaint(help_line_age.read(), today)
    if outdated and environment.name == help_line_age.STRICT_ENVIRONMENT:
        raise help_line_age.StaleHelpLinesError(outdated)
    prefix = f"SilentInfinity-{environment.name}"
    data = DataStack(app, f"{prefix}-Data", environment=environment)
    turn = TurnStack(app, f"{prefix}-Turn", environment=environment, data=data)
    api = ApiStack(app, f"{prefix}-Api", environment=environment, data=data, turn=turn)
    background = BackgroundStack(app, f"{prefix}-Background", environment=environment, data=data, turn=turn)
    analytics = AnalyticsStack(
        app, f"{prefix}-Analytics", environment=environment, data=data, turn=turn, background=background
    )
    promotion = PromotionStack(
        app,
        f"{prefix}-Promotion",
        environment=environment,
        data=data,
        turn=turn,
        api=api,
        background=background,
        analytics=analytics,
    )
    if outdated:
        Annotations.of(turn).add_warning_v2("silent-infinity:stale-help-lines", f"Help lines: {outdated}.")
    for stack in (data, turn, api, background, analytics, promotion):
        Tags.of(stack).add("Project", "SilentInfinity")
        Tags.of(stack).add("Environment", environment.name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return data, turn, api, background, analytics, promotion
