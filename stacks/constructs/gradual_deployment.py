"""Moving traffic to a new version bit by bit, and back at the first alarm."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge_finding
from stacks.constructs.operations import ONE_MINUTE, alarm
from stacks.constructs.single_purpose_function import SinglePurposeFunction

_POLICY = "service-role/AWSCodeDeployRoleForLambdaLimited"


class GradualDeployment(Construct):
    """Ten percent of the traffic for five minutes, then all of it; an alarm on errors takes it back."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Sequence[SinglePurposeFunction],
        topic: sns.ITopic,
        watched: Mapping[SinglePurposeFunction, cloudwatch.Alarm] | None = None,
    ) -> None:
        """Deploy each of `functions` gradually and tell `topic` of errors.

        `watched` are deployed gradually too, each with the alarm to go by instead: their errors say nothing.
        """
        super().__init__(scope, construct_id)
        application = codedeploy.LambdaApplication(self, "Application")
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(_POLICY)],
        )
        acknowledge_finding(
            role,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_POLICY}]",
            "AWS's own policy for CodeDeploy to shift traffic between versions of a function and to read "
            "alarms; AWS keeps it in step with what the service needs.",
        )
        errors = {
            function: alarm(
                self,
                f"{function.node.id}Errors",
                metric=function.alias.metric_errors(period=ONE_MINUTE),
                description=(
                    f"The function {function.node.id} fails. A deployment that is under way is taken back."
                ),
                threshold=5,
                topic=topic,
            )
            for function in functions
        }
        for function, raised in {**errors, **(watched or {})}.items():
            codedeploy.LambdaDeploymentGroup(
                self,
                function.node.id,
                alias=function.alias,
                application=application,
                role=role,
                alarms=[raised],
                deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
                auto_rollback=codedeploy.AutoRollbackConfig(
                    failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
                ),
            )
