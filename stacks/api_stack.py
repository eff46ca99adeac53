"""The front door: routes, sign-in, validation, limits, and what is answered when nothing else can."""

import json
from typing import Any

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks import templates
from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.admin_routes import AdminRoutes
from stacks.constructs.approval_routes import ApprovalRoutes
from stacks.constructs.function_settings import Setting
from stacks.constructs.gradual_deployment import GradualDeployment
from stacks.constructs.log_group import retention
from stacks.constructs.openapi_route import OpenApiRoute
from stacks.constructs.operations import FIVE_MINUTES, alarm
from stacks.constructs.operator_authorizer import OperatorAuthorizer
from stacks.constructs.people import OperatorsPool, PeoplePool
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_items, allow_secret
from stacks.constructs.web_acl import WebAcl
from stacks.data_stack import SESSION_INDEX, DataStack
from stacks.environment import EnvironmentConfig
from stacks.json_schema import to_draft_04
from stacks.paths import SCHEMAS
from stacks.problems import MEDIA_TYPE, gateway_problems, gateway_template
from stacks.safety_texts import safety_texts
from stacks.turn_stack import TurnStack

STAGE = "live"
TURN_PATH = "/v1/turns"
_JSON = "application/json"
_ALLOW_ORIGIN = "method.response.header.Access-Control-Allow-Origin"
# API Gateway ends an integration after 29 s; the workflow ends itself after 28.
_INTEGRATION_TIMEOUT = Duration.seconds(29)
# Identifiers and numbers only. No body, no query string, no path as it was sent (it may hold anything), no
# claim, and no message of a validation error, which quotes what it complains about.
ACCESS_LOG_FORMAT = {
    "request_id": "$context.requestId",
    "extended_request_id": "$context.extendedRequestId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "stage": "$context.stage",
    "status": "$context.status",
    "error_type": "$context.error.responseType",
    "integration_status": "$context.integrationStatus",
    "integration_latency_ms": "$context.integrationLatency",
    "latency_ms": "$context.responseLatency",
    "response_bytes": "$context.responseLength",
    "waf_status": "$context.waf.status",
}


class ApiStack(Stack):
    """The REST API, its two user pools and its firewall."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        turn: TurnStack,
    ) -> None:
        """Declare the API of `environment` before the workflow of `turn` and the stores of `data`."""
        super().__init__(scope, construct_id, description="Silent Infinity: REST API")
        self._environment = environment
        self._data = data
        self._layer = PythonLayer(self, "Layer", environment=environment)
        self.people = PeoplePool(self, "People", environment=environment)
        self.operators = OperatorsPool(self, "Operators", environment=environment)
        self.api = self._rest_api()
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        self._authorizer = apigateway.CognitoUserPoolsAuthorizer(
            self, "PeopleAuthorizer", cognito_user_pools=[self.people.pool]
        )
        feedback = self._feedback_function()
        sessions = self._sessions_function()
        admin = AdminRoutes(
            self,
            "Admin",
            environment=environment,
            layer=self._layer,
            data=data,
            operators=self.operators,
        )

        authorizer = OperatorAuthorizer(
            self,
            "OperatorAuthorizer",
            environment=environment,
            layer=self._layer,
            operators=self.operators,
        )

        self.approvals = ApprovalRoutes(
            self,
            "ApprovalRoutes",
            environment=environment,
            layer=self._layer,
            data=data,
            operations=turn.operations,
        )
        description = OpenApiRoute(self, "Description", environment=environment, layer=self._layer)
        version = self.api.root.add_resource("v1")
        self._add_turns(version, turn)
        self._add_feedback(version, feedback)
        self._add_sessions(version, sessions)
        self._add_health(version)
        description.add_to(version, validator=self._validator)
        self.approvals.add_to(version, validator=self._validator)
        admin.add_to(
            self.api.root,
            authorizer=authorizer.authorizer,
            validator=self._validator,
            model=self._model("AdminRequest", "admin_request"),
        )
        for method in admin.methods:
            authorizer.accept_findings(method)
        self._add_gateway_responses()
        stage = self.api.deployment_stage
        WebAcl(
            self,
            "Firewall",
            environment=environment,
            stage_arn=stage.stage_arn,
            turn_path=TURN_PATH,
        )
        server_errors = alarm(
            self,
            "ServerErrors",
            metric=self.api.metric_server_error(period=FIVE_MINUTES, statistic="Sum"),
            description="The API answers with 5xx.",
            threshold=5,
            topic=turn.operations.topic,
        )
        if environment.gradual_deployment:
            GradualDeployment(
                self,
                "Deployment",
                functions=[feedback, sessions, admin.function, description.function, self.approvals.function],
                topic=turn.operations.topic,
                # API Gateway wants a refused token as a failure: anybody can make this function fail. If it
                # fails at anything else, the API answers with 500.
                watched={authorizer.function: server_errors},
            )
        for name, value in {
            "ApiUrl": f"https://{self.api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}/{stage.stage_name}",
            "UserPoolId": self.people.pool.user_pool_id,
            "UserPoolClientId": self.people.client.user_pool_client_id,
            "OperatorPoolId": self.operators.pool.user_pool_id,
            "OperatorPoolClientId": self.operators.client.user_pool_client_id,
            "RestApiId": self.api.rest_api_id,
            "StageName": stage.stage_name,
        }.items():
            CfnOutput(self, name, value=value)

    def _rest_api(self) -> apigateway.RestApi:
        environment = self._environment
        access_log = logs.LogGroup(
            self, "AccessLog", retention=retention(environment), removal_policy=RemovalPolicy.DESTROY
        )
        api = apigateway.RestApi(
            self,
            "Api",
            description=f"Silent Infinity ({environment.name})",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # API Gateway writes logs with one role for the whole account and region. It stays when one
            # environment goes, because the others write with it too.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            default_cors_preflight_options=apigateway.CorsOptions(
                allow_origins=[environment.cors_origin],
                allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match"],
                max_age=Duration.hours(1),
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG_FORMAT)),
                logging_level=apigateway.MethodLoggingLevel.OFF,
                data_trace_enabled=False,
                metrics_enabled=True,
                tracing_enabled=False,
                throttling_rate_limit=environment.api_rate_per_second,
                throttling_burst_limit=environment.api_burst,
                method_options={
                    f"{TURN_PATH}/POST": apigateway.MethodDeploymentOptions(
                        throttling_rate_limit=environment.turn_rate_per_second,
                        throttling_burst_limit=environment.turn_burst,
                        logging_level=apigateway.MethodLoggingLevel.OFF,
                        data_trace_enabled=False,
                        metrics_enabled=True,
                    )
                },
            ),
        )
        # CDK adds an output of its own with a generated name; ApiUrl says the same.
        api.node.try_remove_child("Endpoint")
        acknowledge(
            api.deployment_stage,
            AwsSolutions_APIG6=(
                "Execution logs quote rejected bodies (a failed validation repeats the value that it "
                "complains about), and a person's words must never be logged. The access log has status and "
                "error type of every request."
            ),
            Serverless_APIGWXrayEnabled=(
                "No trace is kept on purpose, here as in the workflow behind: segments of failures carry "
                "their messages. The access log has the latency of the API and of the integration."
            ),
        )
        acknowledge_finding(
            api.node.find_child("CloudWatchRole"),
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
            "service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
            "AWS's own policy for the account-wide role with which API Gateway writes logs.",
        )
        return api

    def _feedback_function(self) -> SinglePurposeFunction:
        data, environment = self._data, self._environment
        feedback = SinglePurposeFunction(
            self,
            "FeedbackApi",
            name="feedback_api",
            description="Takes explicit feedback",
            environment=environment,
            layer=self._layer,
            timeout=Duration.seconds(10),
            settings={
                Setting.FEEDBACK_TABLE: data.feedback.table_name,
                Setting.CONVERSATIONS_TABLE: data.conversations.table_name,
                Setting.USER_SALT_SECRET_ARN: data.user_salt.secret_arn,
                Setting.TURN_RETENTION_DAYS: str(environment.turn_retention_days),
                Setting.CORS_ORIGIN: environment.cors_origin,
            },
        )
        allow_items(feedback, data.feedback, "PutItem")
        allow_items(feedback, data.conversations, "GetItem", "Query")
        allow_secret(feedback, data.user_salt, data.key)
        return feedback

    def _sessions_function(self) -> SinglePurposeFunction:
        data, environment = self._data, self._environment
        sessions = SinglePurposeFunction(
            self,
            "SessionsApi",
            name="sessions_api",
            description="Lets people read and delete their own sessions",
            environment=environment,
            layer=self._layer,
            timeout=Duration.seconds(10),
            settings={
                Setting.CONVERSATIONS_TABLE: data.conversations.table_name,
                Setting.FEEDBACK_TABLE: data.feedback.table_name,
                Setting.IDEMPOTENCY_TABLE: data.idempotency.table_name,
                Setting.USER_SALT_SECRET_ARN: data.user_salt.secret_arn,
                Setting.CORS_ORIGIN: environment.cors_origin,
            },
        )
        allow_items(sessions, data.conversations, "GetItem", "Query", "UpdateItem", "DeleteItem")
        # A deleted session takes its replies in the claims and its feedback with it.
        allow_items(sessions, data.idempotency, "DeleteItem")
        allow_items(sessions, data.feedback, "DeleteItem", queries=[SESSION_INDEX])
        allow_secret(sessions, data.user_salt, data.key)
        return sessions

    def _add_turns(self, version: apigateway.Resource, turn: TurnStack) -> None:
        machine = turn.workflow.state_machine
        role = iam.Role(self, "StartTurnRole", assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(actions=["states:StartSyncExecution"], resources=[machine.state_machine_arn])
        )
        words = safety_texts()
        origin = {_ALLOW_ORIGIN: f"'{self._environment.cors_origin}'"}
        integration = apigateway.AwsIntegration(
            service="states",
            action="StartSyncExecution",
            integration_http_method="POST",
            options=apigateway.IntegrationOptions(
                credentials_role=role,
                timeout=_INTEGRATION_TIMEOUT,
                passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
                request_templates={
                    _JSON: templates.turn_request(state_machine_arn=machine.state_machine_arn)
                },
                integration_responses=[
                    apigateway.IntegrationResponse(
                        status_code="200",
                        response_parameters=origin,
                        response_templates={_JSON: templates.turn_response(words)},
                    ),
                    apigateway.IntegrationResponse(
                        status_code="503",
                        selection_pattern=r"[45]\d{2}",
                        response_parameters=origin,
                        response_templates={_JSON: templates.turn_failure(words)},
                    ),
                ],
            ),
        )
        version.add_resource("turns").add_method(
            "POST",
            integration,
            authorizer=self._authorizer,
            authorization_type=apigateway.AuthorizationType.COGNITO,
            request_validator=self._validator,
            request_models={_JSON: self._model("TurnRequest", "turn_request")},
            request_parameters={"method.request.header.Idempotency-Key": False},
            method_responses=[
                apigateway.MethodResponse(status_code=status, response_parameters={_ALLOW_ORIGIN: True})
                for status in ("200", "503")
            ],
        )

    def _add_feedback(self, version: apigateway.Resource, feedback: SinglePurposeFunction) -> None:
        version.add_resource("feedback").add_method(
            "POST",
            _proxy(feedback),
            authorizer=self._authorizer,
            authorization_type=apigateway.AuthorizationType.COGNITO,
            request_validator=self._validator,
            request_models={_JSON: self._model("FeedbackRequest", "feedback_request")},
        )

    def _add_sessions(self, version: apigateway.Resource, sessions: SinglePurposeFunction) -> None:
        session = version.add_resource("sessions").add_resource("{session_id}")
        for method in ("GET", "DELETE"):
            session.add_method(
                method,
                _proxy(sessions),
                authorizer=self._authorizer,
                authorization_type=apigateway.AuthorizationType.COGNITO,
                request_validator=self._validator,
                request_parameters={"method.request.path.session_id": True},
            )

    def _add_health(self, version: apigateway.Resource) -> None:
        health = version.add_resource("health").add_method(
            "GET",
            apigateway.MockIntegration(
                passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
                request_templates={_JSON: '{"statusCode": 200}'},
                integration_responses=[
                    apigateway.IntegrationResponse(
                        status_code="200",
                        response_parameters={_ALLOW_ORIGIN: f"'{self._environment.cors_origin}'"},
                        response_templates={_JSON: '{"status":"ok"}'},
                    )
                ],
            ),
            authorization_type=apigateway.AuthorizationType.NONE,
            request_validator=self._validator,
            method_responses=[
                apigateway.MethodResponse(status_code="200", response_parameters={_ALLOW_ORIGIN: True})
            ],
        )
        reason = "Monitors ask without signing in; the answer is a constant and nothing is behind it."
        acknowledge(health, AwsSolutions_APIG4=reason, AwsSolutions_COG4=reason)

    def _add_gateway_responses(self) -> None:
        for problem in gateway_problems():
            headers = {
                "Access-Control-Allow-Origin": f"'{self._environment.cors_origin}'",
                "Content-Type": f"'{MEDIA_TYPE}'",
                "Cache-Control": "'no-store'",
            }
            if problem.retry_after_seconds is not None:
                headers["Retry-After"] = f"'{problem.retry_after_seconds}'"
            self.api.add_gateway_response(
                problem.construct_id,
                type=problem.response_type,
                status_code=None if problem.status is None else str(problem.status),
                response_headers=headers,
                templates={_JSON: gateway_template(problem)},
            )

    def _model(self, construct_id: str, schema: str) -> apigateway.IModel:
        """Return the request model of `schemas/<schema>.schema.json`."""
        document: dict[str, Any] = json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
        converted = to_draft_04(document)
        model = apigateway.CfnModel(
            self,
            construct_id,
            rest_api_id=self.api.rest_api_id,
            content_type=_JSON,
            schema=converted,
        )
        # A stage serves a snapshot: without these two a changed schema would be stored and never deployed.
        deployment = self.api.latest_deployment
        if deployment is not None:
            deployment.add_to_logical_id({construct_id: converted})
            deployment.node.add_dependency(model)
        return apigateway.Model.from_model_name(self, f"{construct_id}Model", model.ref)


def _proxy(function: SinglePurposeFunction) -> apigateway.LambdaIntegration:
    # Without allow_test_invoke the console's test button cannot call the function, and one permission less is
    # needed.
    return apigateway.LambdaIntegration(function.alias, proxy=True, allow_test_invoke=False)
