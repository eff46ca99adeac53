"""The description of the API: who reads it has no account yet."""

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.function_settings import Setting
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.environment import EnvironmentConfig


class OpenApiRoute(Construct):
    """`GET openapi.json`, answered by a function that may do nothing but log."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig, layer: PythonLayer
    ) -> None:
        """Declare the function over the document in `layer`."""
        super().__init__(scope, construct_id)
        self.function = SinglePurposeFunction(
            self,
            "OpenApi",
            name="openapi",
            description="Serves the description of the API",
            environment=environment,
            layer=layer,
            timeout=Duration.seconds(5),
            answers_people=False,
            settings={Setting.CORS_ORIGIN: environment.cors_origin},
        )

    def add_to(self, version: apigateway.IResource, *, validator: apigateway.IRequestValidator) -> None:
        """Add the route below `version` of the API."""
        method = version.add_resource("openapi.json").add_method(
            "GET",
            apigateway.LambdaIntegration(self.function.alias, proxy=True, allow_test_invoke=False),
            authorization_type=apigateway.AuthorizationType.NONE,
            request_validator=validator,
            request_parameters={"method.request.header.If-None-Match": False},
        )
        reason = "What it says is public: whoever builds a client reads it before anybody can sign in."
        acknowledge(method, AwsSolutions_APIG4=reason, AwsSolutions_COG4=reason)
