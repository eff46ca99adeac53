"""A state machine from its file, with everything that it may call spelled out."""

from collections.abc import Mapping
from typing import ClassVar

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.log_group import retention
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.environment import EnvironmentConfig


class Workflow(Construct):
    """A state machine. Its log names states and errors, never what went through them."""

    TYPE: ClassVar[sfn.StateMachineType]

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        definition: str,
        functions: Mapping[str, SinglePurposeFunction],
        substitutions: Mapping[str, str],
        environment: EnvironmentConfig,
    ) -> None:
        """Declare the state machine of `definition`.

        Args:
            scope: the stack.
            construct_id: unique in the scope.
            definition: ASL with `${Name}` placeholders, which CloudFormation fills in.
            functions: placeholder to the function whose alias it stands for; invoking these is granted here.
            substitutions: the other placeholders and what takes their place in the text.
            environment: what differs between environments.
        """
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self, "Log", retention=retention(environment), removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        for function in functions.values():
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"], resources=[function.alias.function_arn]
                )
            )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_type=self.TYPE,
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions={
                **{placeholder: function.alias.function_arn for placeholder, function in functions.items()},
                **substitutions,
            },
            role=role,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
            tracing_enabled=False,
        )
        self.role = role
        no_trace = (
            "No trace is kept on purpose: the segment of a failed state carries its cause, one more place "
            "that a person's words could reach. Turn events and metrics tell how long each step takes."
        )
        acknowledge(
            self.state_machine, AwsSolutions_SF2=no_trace, Serverless_StepFunctionStateMachineXray=no_trace
        )
        acknowledge_finding(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "Delivering logs is set up by actions that take no resource (logs:CreateLogDelivery and its "
            "like). Everything else that this role may do names its resource.",
        )

    def allow(self, actions: list[str], *resource_arns: str) -> None:
        """Let the state machine itself do `actions` on exactly `resource_arns`."""
        self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=list(resource_arns)))


class ExpressWorkflow(Workflow):
    """A state machine whose caller waits for it. Nothing of an execution is kept."""

    TYPE = sfn.StateMachineType.EXPRESS


class StandardWorkflow(Workflow):
    """A state machine that may take days.

    AWS keeps what went in and out of each state for 90 days, so nobody's words may go through it.
    """

    TYPE = sfn.StateMachineType.STANDARD
