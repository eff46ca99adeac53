"""The CDK application: `cdk synth|diff|deploy -c env=NAME --all`."""

import sys

from aws_cdk import App

from stacks.application import build
from stacks.environment import EnvironmentConfig, EnvironmentConfigError


def main() -> None:
    """Synthesise the stacks of the environment that `-c env=NAME` names."""
    app = App()
    try:
        environment = EnvironmentConfig.from_app(app)
    except EnvironmentConfigError as error:
        sys.exit(f"Silent Infinity: {error}")
    build(app, environment)
    app.synth()


main()
