"""The CDK application: `cdk synth|diff|deploy -c env=NAME --all`."""

import sys
from datetime import UTC, datetime

from aws_cdk import App

from stacks.application import build
from stacks.environment import EnvironmentConfig, EnvironmentConfigError
from stacks.help_line_age import StaleHelpLinesError


def main() -> None:
    """Synthesise the stacks of the environment that `-c env=NAME` names."""
    app = App()
    try:
        environment = EnvironmentConfig.from_app(app)
        build(app, environment, today=datetime.now(UTC).date())
    except EnvironmentConfigError as error:
        sys.exit(f"Silent Infinity: {error}")
    except StaleHelpLinesError as error:
        sys.exit(
            f"Silent Infinity: help lines: {error}. Look each up, correct it, and set source and checked_on "
            "in help_lines.json (docs/safety.md)."
        )
    app.synth()


main()
