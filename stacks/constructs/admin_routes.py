"""The operators' part of the API: its routes, and the one function behind them."""

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from stacks.constructs.function_settings import Setting
from stacks.constructs.people import OperatorsPool
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_golden_results, allow_items, allow_outcomes
from stacks.data_stack import LOG_INDEX, DataStack
from stacks.environment import EnvironmentConfig

_JSON = "application/json"
_ACTIONS = ("promote", "evidence", "demote", "rollback", "pause", "cancel")
_LISTED = ("category", "status", "running", "limit", "cursor")
_COMPARED = ("a", "b", "category", "metric", "from", "to")


class AdminRoutes(Construct):
    """Everything below `/admin/api`. `methods` are its methods, `function` answers them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        layer: PythonLayer,
        data: DataStack,
        operators: OperatorsPool,
    ) -> None:
        """Declare the function over the stores of `data`, for the operators of `operators`."""
        super().__init__(scope, construct_id)
        self.methods: list[apigateway.Method] = []
        self.function = SinglePurposeFunction(
            self,
            "Api",
            name="admin_api",
            description="Lets operators see and change variants",
            environment=environment,
            layer=layer,
            timeout=Duration.seconds(15),
            answers_people=False,
            settings={
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.AUDIT_LOG_TABLE: data.audit_log.table_name,
                Setting.PROMOTIONS_TABLE: data.promotions.table_name,
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.IDEMPOTENCY_TABLE: data.idempotency.table_name,
                Setting.VARIANT_METRICS_TABLE: data.variant_metrics.table_name,
                Setting.PROMPTS_TABLE: data.prompts.table_name,
                Setting.AUDIT_ANCHORS_BUCKET: data.audit_anchors.bucket.bucket_name,
                Setting.OPERATOR_POOL_ID: operators.pool.user_pool_id,
                Setting.OPERATOR_CLIENT_ID: operators.client.user_pool_client_id,
                Setting.CORS_ORIGIN: environment.cors_origin,
            },
        )
        allow_items(self.function, data.variants, "GetItem", "Scan", "PutItem")
        # Entries are put, each only if it is absent, and read: never changed, never deleted.
        allow_items(self.function, data.audit_log, "PutItem", "Query", queries=[LOG_INDEX])
        allow_items(self.function, data.promotions, "PutItem", "UpdateItem", queries=[LOG_INDEX])
        allow_golden_results(self.function, data.approvals, "PutItem")
        allow_outcomes(self.function, data.idempotency)
        allow_items(self.function, data.variant_metrics, "Query")
        # A persona's configuration has to name a prompt that is published, with the checksum of its text.
        allow_items(self.function, data.prompts, "Scan")
        data.audit_anchors.allow_reading(self.function)

    def add_to(
        self,
        root: apigateway.IResource,
        *,
        authorizer: apigateway.IAuthorizer,
        validator: apigateway.IRequestValidator,
        model: apigateway.IModel,
    ) -> None:
        """Add the routes to the API.

        Args:
            root: the API's root.
            authorizer: lets operators through. The function looks again.
            validator: checks bodies and parameters.
            model: what every body has to be. The function says which field of it is wrong, which API Gateway
                could say only by quoting it.
        """
        # Without allow_test_invoke the console's test button cannot call the function, and one permission
        # less is needed.
        integration = apigateway.LambdaIntegration(self.function.alias, proxy=True, allow_test_invoke=False)

        def add(resource: apigateway.Resource, method: str, *query: str) -> None:
            self.methods.append(
                resource.add_method(
                    method,
                    integration,
                    authorizer=authorizer,
                    request_validator=validator,
                    request_models={_JSON: model} if method in ("POST", "PUT") else None,
                    request_parameters=dict(_parameters(resource, method, query)),
                )
            )

        api = root.add_resource("admin").add_resource("api")
        variants = api.add_resource("variants")
        category = variants.add_resource("{category}")
        variant = category.add_resource("{variant_id}")
        audit = api.add_resource("audit-log")
        add(variants, "GET", *_LISTED)
        add(variants.add_resource("compare"), "GET", *_COMPARED)
        add(category, "POST")
        add(variant, "GET")
        add(variant, "PUT")
        for action in _ACTIONS:
            add(variant.add_resource(action), "POST")
        add(audit, "GET", "variant_id", "category", "limit", "cursor")
        add(audit.add_resource("verify"), "GET", "variant_id", "category")
        add(api.add_resource("promotions"), "GET", "status", "limit", "cursor")


def _parameters(
    resource: apigateway.Resource, method: str, query: tuple[str, ...]
) -> Iterator[tuple[str, bool]]:
    """Yield what a method takes, and whether it has to be there.

    What is missing is the function's to say: API Gateway would not name it.
    """
    for part in resource.path.split("/"):
        if part.startswith("{"):
            yield f"method.request.path.{part.strip('{}')}", True
    for name in query:
        yield f"method.request.querystring.{name}", False
    if method != "GET":
        yield "method.request.header.Idempotency-Key", False
        yield "method.request.header.If-Match", False
