"""The emulator's own floor: an Express machine of six functions that do nothing, in the turn's shape.

One, then two side by side, then three in a row. A second machine has plain store calls in its first and last
function, as many as a turn makes. The first is started by StartSyncExecution, and through a REST API
with the deployed mapping templates and the deployed user pool in front, as a turn is.
"""

import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from local.stack.aws import ACCOUNT, REGION
from local.stack.stack import LocalStack
from stacks import templates
from tests.benchmarks.traffic import NO_ANSWER, Connection, Exchange, Request

ROLE = f"arn:aws:iam::{ACCOUNT}:role/benchmark"
STAGE = "floor"
CODE = "def handler(event, context):\n    return event\n"
# A turn of a session that goes on makes eight calls: four when it is captured, four when it is recorded.
STORE_CALLS = 8
STORING_CODE = """import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    key = {"pk": {"S": context.aws_request_id}}
    client.put_item(TableName="benchmark-floor", Item={**key, "n": {"N": "1"}})
    client.get_item(TableName="benchmark-floor", Key=key, ConsistentRead=True)
    client.update_item(
        TableName="benchmark-floor",
        Key=key,
        UpdateExpression="SET n = n + :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    client.get_item(TableName="benchmark-floor", Key=key, ConsistentRead=True)
    return event
"""
FUNCTIONS = ("one", "two-a", "two-b", "three", "four", "five")
STORING_FUNCTIONS = ("one", "five")
JSON = "application/json"
READY_SECONDS = 10


@dataclass(frozen=True)
class EmulatorFloor:
    """The deployed floor."""

    stack: LocalStack
    machine_arn: str
    storing_machine_arn: str
    api_id: str

    @classmethod
    def deploy(cls, stack: LocalStack) -> Self:
        """Make functions, machine and API in the emulator of `stack`."""
        functions = {name: _function(stack, name, CODE) for name in FUNCTIONS}
        stack.client("dynamodb").create_table(
            TableName="benchmark-floor",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        storing = {name: _function(stack, f"storing-{name}", STORING_CODE) for name in STORING_FUNCTIONS}
        machine = _machine(stack, "benchmark-floor", functions)
        storing_machine = _machine(stack, "benchmark-floor-storing", {**functions, **storing})
        floor = cls(stack, machine, storing_machine, _api(stack, machine))
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
        return self._started(self.machine_arn)

    def storing(self) -> Exchange:
        """Return an exchange that starts the machine with `STORE_CALLS` store calls, without the API."""
        return self._started(self.storing_machine_arn)

    def _started(self, machine_arn: str) -> Exchange:
        scope = f"test/20260101/{REGION}/states/aws4_request"
        request = Request(
            f"{self.stack.endpoint_url}/",
            {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AWSStepFunctions.StartSyncExecution",
                # The emulator reads the service from the scope and checks no signature.
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
            },
            json.dumps({"stateMachineArn": machine_arn, "input": '{"message": "no"}'}).encode(),
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


def _function(stack: LocalStack, name: str, code: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("index.py", code)
    created = stack.client("lambda").create_function(
        FunctionName=f"benchmark-floor-{name}",
        Runtime="python3.13",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=10,
    )
    return str(created["FunctionArn"])


def _machine(stack: LocalStack, name: str, functions: Mapping[str, str]) -> str:
    made = stack.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(_definition(functions)), roleArn=ROLE, type="EXPRESS"
    )
    return str(made["stateMachineArn"])


def _definition(functions: Mapping[str, str]) -> dict[str, Any]:
    one, two_a, two_b, three, four, five = (functions[name] for name in FUNCTIONS)
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
