"""A Lambda function that does one thing, with a role, a log group and an alias of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.function_code import function_code
from stacks.constructs.function_settings import Setting
from stacks.constructs.log_group import retention
from stacks.constructs.python_layer import PythonLayer, lambda_architecture, python_runtime, wheel_target
from stacks.environment import EnvironmentConfig

METRICS_NAMESPACE = "SilentInfinity"
ALIAS = "live"


class SinglePurposeFunction(Construct):
    """The function of the folder `functions/<name>`.

    Callers use `alias`; the function itself is only what the alias points to, so that a deployment can move
    traffic gradually and take it back.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        environment: EnvironmentConfig,
        layer: PythonLayer,
        timeout: Duration,
        settings: Mapping[Setting, str] | None = None,
        answers_people: bool = True,
        memory_mb: int | None = None,
    ) -> None:
        """Declare the function.

        Args:
            scope: the stack.
            construct_id: unique in the scope.
            name: the folder below `functions/`, which is also the service name in logs and metrics.
            description: the function's promise in one line.
            environment: what differs between environments.
            layer: the stack's own version of the layer.
            timeout: after which Lambda ends an invocation.
            settings: environment variables; the function gets only those that it reads.
            answers_people: whether somebody waits for the answer, so that warm capacity is worth its price.
            memory_mb: memory, and processor in proportion; the environment's usual if None.
        """
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self, "Log", retention=retention(environment), removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=python_runtime(environment),
            architecture=lambda_architecture(environment),
            handler="handler.lambda_handler",
            code=function_code(name, wheel_target(environment)),
            layers=[layer.version],
            role=self.role,
            log_group=self.log_group,
            memory_size=memory_mb or environment.function_memory_mb,
            timeout=timeout,
            environment={
                **_common_settings(name, environment),
                **{str(setting): value for setting, value in (settings or {}).items()},
            },
        )
        warm = environment.provisioned_concurrency if answers_people else 0
        self.alias = lambda_.Alias(
            self,
            "Alias",
            alias_name=ALIAS,
            version=self.function.current_version,
            provisioned_concurrent_executions=warm or None,
        )
        _acknowledge_findings(self.function)

    def allow(
        self, actions: Sequence[str], *resource_arns: str, conditions: Mapping[str, Any] | None = None
    ) -> None:
        """Let the function do `actions` on exactly `resource_arns`, under `conditions` of IAM."""
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resource_arns), conditions=conditions)
        )


def _common_settings(name: str, environment: EnvironmentConfig) -> dict[str, str]:
    return {
        str(Setting.ENVIRONMENT): environment.name,
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        # Said aloud although it is the default: an event holds what a person wrote.
        "POWERTOOLS_LOGGER_LOG_EVENT": "false",
    }


def _acknowledge_findings(function: lambda_.Function) -> None:
    one_python = (
        "One Python is pinned for all functions and the wheels of their layer; it moves in cdk.json when "
        "the whole system has been tested on the next."
    )
    acknowledge(
        function,
        AwsSolutions_L1=one_python,
        Serverless_LambdaLatestVersion=one_python,
        Serverless_LambdaTracing=(
            "No trace is kept on purpose: segments carry exception messages, one more place that a person's "
            "words could reach, and the SDK costs cold-start time. Every turn event records the latency of "
            "each step instead."
        ),
        Serverless_LambdaDLQ=(
            "A dead-letter target serves asynchronous invocations only, and this function is invoked "
            "synchronously: its caller sees the failure and retries."
        ),
    )
