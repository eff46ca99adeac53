"""The emulator's own floor: an Express machine of six functions that do nothing, in the turn's shape.

One, then two side by side, then three in a row. It is started by StartSyncExecution, and through a REST API
with the deployed mapping templates and the deployed user pool in front, as a turn is.
"""

import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import Any, Self

from local.stack.aws import ACCOUNT, REGION
from local.stack.stack import LocalStack
from stacks import templates
from tests.benchmarks.traffic import NO_ANSWER, Connection, Exchange, Request

ROLE = f"arn:aws:iam::{ACCOUNT}:role/benchmark"
STAGE = "floor"
CODE = "def handler(event, context):\n    return event\n"
FUNCTIONS = ("one", "two-a", "two-b", "three", "four", "five")
JSON = "application/json"
READY_SECONDS = 10


@dataclass(frozen=True)
class EmulatorFloor:
    """The deployed floor."""

    stack: LocalStack
    machine_arn: str
    api_id: str

    @classmethod
    def deploy(cls, stack: LocalStack) -> Self:
        """Make functions, machine and API in the emulator of `stack`."""
        functions = [_function(stack.client("lambda"), name) for name in FUNCTIONS]
        made = stack.client("stepfunctions").create_state_machine(
            name="benchmark-floor",
            definition=json.dumps(_definition(functions)),
            roleArn=ROLE,
            type="EXPRESS",
        )
        machine = str(made["stateMachineArn"])
        floor = cls(stack, machine, _api(stack, machine))
        floor.wait()
        return floor

    def through_rest(self) -> Exchange:
        """Return an exchange through the REST API."""
        path = f"restapis/{self.api_id}/{STAGE}/_user_request_/turns"
        request = Request(
            f"{self.stack.endpoint_url}/{path}",
            {"Content-Type": JSON, "Authorization": self.stack.id_token("floor")},
            json.dumps({"message": "Nobody reads this."}).encode(),
        )
        return lambda _client, connection: connection.send(request)

    def direct(self) -> Exchange:
        """Return an exchange that starts the machine without the API."""
        scope = f"test/20260101/{REGION}/states/aws4_request"
        request = Request(
            f"{self.stack.endpoint_url}/",
            {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AWSStepFunctions.StartSyncExecution",
                # The emulator reads the service from the scope and checks no signature.
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
            },
            json.dumps({"stateMachineArn": self.machine_arn, "input": '{"message": "no"}'}).encode(),
        )
        return lambda _client, connection: connection.send(request)

    def wait(self) -> None:
        """Wait until an exchange gets through.

        Raises:
            RuntimeError: none does within `READY_SECONDS`; it has the last status.
        """
        deadline = time.monotonic() + READY_SECONDS
        status, exchange = NO_ANSWER, self.through_rest()
        while time.monotonic() < deadline:
            connection = Connection()
            status = exchange(0, connection).status
            connection.close()
            if status == 200:
                return
            time.sleep(0.2)
        raise RuntimeError(f"the emulator's floor answers {status}")


def _function(client: Any, name: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("index.py", CODE)
    created = client.create_function(
        FunctionName=f"benchmark-floor-{name}",
        Runtime="python3.13",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=10,
    )
    return str(created["FunctionArn"])


def _definition(functions: list[str]) -> dict[str, Any]:
    one, two_a, two_b, three, four, five = functions
    answer = {"status_code": 200, "headers": {"Content-Type": JSON}, "body": "{}"}
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "One",
        "States": {
            "One": {**_task(one), "Next": "Two"},
            "Two": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": name, "States": {name: {**_task(arn), "End": True}}}
                    for name, arn in (("A", two_a), ("B", two_b))
                ],
                "Next": "Three",
            },
            "Three": {**_task(three), "Next": "Four"},
            "Four": {**_task(four), "Next": "Five"},
            "Five": {**_task(five), "Output": answer, "End": True},
        },
    }


def _task(function: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": {"message": "Nobody reads this."}},
    }


def _api(stack: LocalStack, machine: str) -> str:
    """Make `POST /turns` with the turn's own templates and authorizer; gives the API's id."""
    gateway = stack.client("apigateway")
    api = str(gateway.create_rest_api(name="benchmark-floor")["id"])
    (root,) = [each["id"] for each in gateway.get_resources(restApiId=api)["items"] if each["path"] == "/"]
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="turns")["id"]
    pool = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{stack.outputs['UserPoolId']}"
    authorizer = gateway.create_authorizer(
        restApiId=api,
        name="people",
        type="COGNITO_USER_POOLS",
        providerARNs=[pool],
        identitySource="method.request.header.Authorization",
    )
    method = {"restApiId": api, "resourceId": resource, "httpMethod": "POST"}
    gateway.put_method(**method, authorizationType="COGNITO_USER_POOLS", authorizerId=authorizer["id"])
    gateway.put_integration(
        **method,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{REGION}:states:action/StartSyncExecution",
        credentials=ROLE,
        passthroughBehavior="NEVER",
        requestTemplates={JSON: templates.turn_request(state_machine_arn=machine)},
    )
    gateway.put_method_response(**method, statusCode="200")
    gateway.put_integration_response(
        **method,
        statusCode="200",
        responseTemplates={JSON: templates.turn_response(templates.fixed_words())},
    )
    gateway.create_deployment(restApiId=api, stageName=STAGE)
    return api
