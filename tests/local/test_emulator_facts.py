"""What the project relies on in the emulator as it is, without a completion."""

from __future__ import annotations

import time

from tests.local.emulator_process import Emulator

FAILING = """
def handler(event, context):
    record = event["Records"][0]
    print("got", record["body"], len(event["Records"]), record["attributes"]["ApproximateReceiveCount"])
    if record["body"] == "bad":
        raise ValueError
"""


def test_a_message_that_cannot_be_processed_comes_back_and_ends_in_the_dead_letter_queue(
    emulator: Emulator,
) -> None:
    """Redrive of unrecorded turns: visibility time-out, maxReceiveCount, batches of one."""
    emulator.function("facts-queue", FAILING, Timeout=2)
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 2}
    queues = emulator.deploy(
        "facts-queue",
        {
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"VisibilityTimeout": 2, "RedrivePolicy": redrive},
            },
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "FunctionName": "facts-queue",
                    "BatchSize": 1,
                },
            },
        },
        {"Queue": {"Ref": "Queue"}, "Dead": {"Ref": "Dead"}},
    )
    sqs = emulator.client("sqs")
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=queues["Queue"], MessageBody=body)
    dead: list[str] = []
    deadline = time.monotonic() + 20
    while not dead and time.monotonic() < deadline:
        messages = sqs.receive_message(QueueUrl=queues["Dead"]).get("Messages", [])
        dead = [message["Body"] for message in messages]
        time.sleep(0.05)

    assert dead == ["bad"]
    lines = emulator.wait_for_logs("facts-queue", "got bad 1 2")
    got = sorted(line for line in lines if line.startswith("got"))  # batches run side by side
    assert got == ["got bad 1 1", "got bad 1 2", "got good 1 1"]


def test_encrypted_tables_queues_and_topics_work(emulator: Emulator) -> None:
    """Customer keys are declared everywhere; here they have no effect but must not break anything."""
    key = {"Fn::GetAtt": ["Key", "Arn"]}
    made = emulator.deploy(
        "facts-encrypted",
        {
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {
                    "EnableKeyRotation": True,
                    "KeyPolicy": {"Version": "2012-10-17", "Statement": []},
                },
            },
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": key}},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": key}},
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "BillingMode": "PAY_PER_REQUEST",
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                    "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
                },
            },
        },
        {"Queue": {"Ref": "Queue"}, "Table": {"Ref": "Table"}},
    )
    sqs, dynamodb = emulator.client("sqs"), emulator.client("dynamodb")
    sqs.send_message(QueueUrl=made["Queue"], MessageBody="x")
    dynamodb.put_item(TableName=made["Table"], Item={"pk": {"S": "x"}})

    assert sqs.receive_message(QueueUrl=made["Queue"])["Messages"][0]["Body"] == "x"
    assert dynamodb.get_item(TableName=made["Table"], Key={"pk": {"S": "x"}})["Item"] == {"pk": {"S": "x"}}
