"""Who may use the operators' routes: a function looks at every token before the API does anything."""

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.function_settings import Setting
from stacks.constructs.people import OperatorsPool
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.environment import EnvironmentConfig

# Three parts of Base64 as in RFC 7515: what does not look like a token does not wake the function.
TOKEN_SHAPE = r"^([Bb]earer )?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"  # noqa: S105 -- a pattern, not a token


class OperatorAuthorizer(Construct):
    """An authorizer for methods that only operators in the group `admin` may call."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        layer: PythonLayer,
        operators: OperatorsPool,
    ) -> None:
        """Declare the authorizer for tokens of the client of `operators`."""
        super().__init__(scope, construct_id)
        self.function = SinglePurposeFunction(
            self,
            "Authorizer",
            name="admin_authorizer",
            description="Tells who may use the operators' API",
            environment=environment,
            layer=layer,
            timeout=Duration.seconds(10),
            settings={
                Setting.OPERATOR_POOL_ID: operators.pool.user_pool_id,
                Setting.OPERATOR_CLIENT_ID: operators.client.user_pool_client_id,
            },
            answers_people=False,
        )
        self.authorizer = apigateway.TokenAuthorizer(
            self,
            "Token",
            handler=self.function.alias,
            identity_source=apigateway.IdentitySource.header("Authorization"),
            validation_regex=TOKEN_SHAPE,
            # A kept yes would outlive its token, and operators make a handful of requests.
            results_cache_ttl=Duration.seconds(0),
        )

    def accept_findings(self, method: apigateway.Method) -> None:
        """Accept what cdk-nag says of a method that this authorizer guards."""
        acknowledge(
            method,
            AwsSolutions_COG4=(
                "A function checks the operators' token: besides what a user pool authorizer checks, it "
                "demands the client, the kind of token and the group, and refuses operators outside of it."
            ),
        )
