"""The page behind an approver's link: two routes without a sign-in, and the function that answers them."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.approvers_access import allow_knowing_approvers
from stacks.constructs.function_settings import Setting
from stacks.constructs.operations import FIVE_MINUTES, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_approvals, allow_items, allow_secret
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig

_MEMORY_MB = 512


class ApprovalRoutes(Construct):
    """`GET` and `POST /v1/approvals/{approval_id}`. The stack of promotions lets it resume executions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        layer: PythonLayer,
        data: DataStack,
        operations: OperationsTopic,
    ) -> None:
        """Declare the function over the stores of `data`; `operations` hears when it fails."""
        super().__init__(scope, construct_id)
        self.function = SinglePurposeFunction(
            self,
            "Approvals",
            name="approvals",
            description="Shows approvers what they decide on, and takes their decisions",
            environment=environment,
            layer=layer,
            timeout=Duration.seconds(15),
            memory_mb=_MEMORY_MB,
            answers_people=False,
            settings={
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.PROMOTIONS_TABLE: data.promotions.table_name,
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.APPROVERS_TOPIC_ARN: data.approvers.topic.topic_arn,
                Setting.APPROVAL_LINK_SECRET_ARN: data.approval_links.secret_arn,
            },
        )
        # Evidence is read and never written here: nobody decides on what this function made up.
        allow_approvals(self.function, data.approvals, "GetItem", "UpdateItem")
        allow_items(self.function, data.promotions, "GetItem")
        allow_items(self.function, data.variants, "GetItem", "Scan")
        allow_secret(self.function, data.approval_links, data.key)
        allow_knowing_approvers(self.function, data.approvers)
        alarm(
            self,
            "ApprovalsFail",
            metric=self.function.alias.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            description="An approver could not see or decide. See docs/operations.md, Promotions.",
            threshold=1,
            topic=operations.topic,
        )

    def add_to(self, version: apigateway.IResource, *, validator: apigateway.IRequestValidator) -> None:
        """Add the routes below `version` of the API.

        Parameters of the query are not required here: API Gateway would answer somebody whose mail program
        broke the link with JSON, and the function answers with a page.
        """
        approval = version.add_resource("approvals").add_resource("{approval_id}")
        integration = apigateway.LambdaIntegration(self.function.alias, proxy=True, allow_test_invoke=False)
        reason = (
            "A link is signed for one approver and one promotion, and the function checks it: an approver "
            "may decide on a phone without the operators' second factor at hand."
        )
        for method in ("GET", "POST"):
            added = approval.add_method(
                method,
                integration,
                authorization_type=apigateway.AuthorizationType.NONE,
                request_validator=validator,
                request_parameters={
                    "method.request.path.approval_id": True,
                    **{
                        f"method.request.querystring.{name}": False for name in ("a", "v", "h", "e", "s", "d")
                    },
                },
            )
            acknowledge(added, AwsSolutions_APIG4=reason, AwsSolutions_COG4=reason)


def base_url(api: apigateway.RestApi) -> str:
    """Return what links to the API begin with, without a slash at the end."""
    stage = api.deployment_stage.stage_name
    return f"https://{api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}/{stage}"
