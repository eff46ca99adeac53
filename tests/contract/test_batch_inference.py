"""Batches: Bedrock's wire format on a stubbed client, and one suite with the service in memory."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import get_session
from botocore.stub import ANY, Stubber

from silent_infinity.adapters.aws.bedrock_batch import BedrockBatch, names
from silent_infinity.adapters.memory.batch_inference import MemoryBatch
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.work_files import MemoryWorkFiles
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance
from silent_infinity.ports.batch_inference import (
    BatchAnswer,
    BatchError,
    BatchRecord,
    BatchState,
    BatchStatus,
)
from silent_infinity.ports.errors import StoreUnavailableError

MODEL = "claude-haiku-4-5"
NAME = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
JOB = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdef012345"
ROLE = "arn:aws:iam::123456789012:role/batch"
PARAMETERS = (
    "jobName",
    "clientRequestToken",
    "roleArn",
    "modelId",
    "inputDataConfig",
    "outputDataConfig",
    "timeoutDurationInHours",
)
FOLDER = "weeks/2026-W47/run/batch-1"


def record(number: int = 0) -> BatchRecord:
    """Return a record."""
    return BatchRecord(
        f"P000001R{number:03d}",
        (SystemBlock("Be brief."), SystemBlock("And kind.")),
        (Utterance("user", "What a week \u2028 it was."),),
        512,
        0.6,
    )


def output(record_id: str, text: str = "A week.", stop: str = "end_turn", **usage: int) -> dict[str, Any]:
    """Return an answer as Bedrock writes it for Anthropic's models."""
    return {
        "recordId": record_id,
        "modelInput": {"messages": []},
        "modelOutput": {
            "id": "msg_bdrk_01",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5-20251001",
            "content": [{"type": "text", "text": text}],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 2480, "output_tokens": 333, **usage},
        },
    }


class Bedrock:
    """The adapter over a stubbed client and files in memory."""

    def __init__(self) -> None:
        client = get_session().create_client("bedrock", region_name="us-east-1")
        self.stub = Stubber(client)
        self.files = MemoryWorkFiles()
        self.batch = BedrockBatch(
            lambda: client,
            self.files,
            FixedClock(datetime(2026, 11, 23, tzinfo=UTC)),
            bucket="work",
            role_arn=ROLE,
        )

    def job(self, **fields: Any) -> dict[str, Any]:
        """Return what GetModelInvocationJob answers."""
        return {
            "jobArn": JOB,
            "modelId": NAME,
            "roleArn": ROLE,
            "submitTime": datetime(2026, 11, 23, tzinfo=UTC),
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://work/in/"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://work/out/"}},
            **fields,
        }


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    """Bedrock; every answer that was stubbed has to be asked for."""
    made = Bedrock()
    with made.stub:
        yield made
    made.stub.assert_no_pending_responses()


def test_a_job_is_created_from_json_lines_in_anthropics_format(bedrock: Bedrock) -> None:
    """Botocore checks names, patterns and bounds of every parameter; the rest is looked at here."""
    bedrock.stub.add_response(
        "create_model_invocation_job",
        {"jobArn": JOB},
        {
            "jobName": "silent-infinity-prod-2026-W47-1-0123456789abcdef",
            "clientRequestToken": "silent-infinity-prod-2026-W47-1-0123456789abcdef",
            "roleArn": ROLE,
            "modelId": NAME,
            "inputDataConfig": {
                "s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": f"s3://work/{FOLDER}/input/"}
            },
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://work/{FOLDER}/output/"}},
            "timeoutDurationInHours": 24,
        },
    )

    name = "silent-infinity-prod-2026-W47-1-0123456789abcdef"
    assert bedrock.batch.start(name, FOLDER, MODEL, [record(0), record(1)]) == JOB

    [(file, text)] = bedrock.files.files.items()
    assert file == f"{FOLDER}/input/00001.jsonl"
    first, second = (json.loads(line) for line in text.split("\n") if line)
    assert second["recordId"] == "P000001R001"
    assert first == {
        "recordId": "P000001R000",
        "modelInput": {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 512,
            "temperature": 0.6,
            "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "And kind."}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "What a week \u2028 it was."}]}
            ],
        },
    }


def test_many_records_go_into_several_files(bedrock: Bedrock) -> None:
    """A thousand to a file, so that no file is held in memory that is larger than it need be."""
    bedrock.stub.add_response(
        "create_model_invocation_job",
        {"jobArn": JOB},
        dict.fromkeys(PARAMETERS, ANY),
    )
    bedrock.batch.start("name", FOLDER, MODEL, (record(number % 1000) for number in range(2500)))

    sizes = [text.count("\n") for _, text in sorted(bedrock.files.files.items())]
    assert sizes == [1000, 1000, 500]


def test_the_answers_are_encrypted_with_the_key_of_the_environment(bedrock: Bedrock) -> None:
    """The service writes them; without a key of its own the bucket's default counts."""
    key = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
    batch = BedrockBatch(
        lambda: bedrock.stub.client,
        bedrock.files,
        FixedClock(datetime(2026, 11, 23, tzinfo=UTC)),
        bucket="work",
        role_arn=ROLE,
        key_arn=key,
        name_of=names("eu"),
    )
    bedrock.stub.add_response(
        "create_model_invocation_job",
        {"jobArn": JOB},
        {
            "jobName": "name",
            "clientRequestToken": "name",
            "roleArn": ROLE,
            "modelId": "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            "inputDataConfig": ANY,
            "outputDataConfig": {
                "s3OutputDataConfig": {"s3Uri": f"s3://work/{FOLDER}/output/", "s3EncryptionKeyId": key}
            },
            "timeoutDurationInHours": 24,
        },
    )

    assert batch.start("name", FOLDER, MODEL, [record()]) == JOB


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Submitted", BatchState.RUNNING),
        ("Validating", BatchState.RUNNING),
        ("Scheduled", BatchState.RUNNING),
        ("InProgress", BatchState.RUNNING),
        ("Completed", BatchState.DONE),
        ("PartiallyCompleted", BatchState.FAILED),
        ("Failed", BatchState.FAILED),
        ("Stopping", BatchState.FAILED),
        ("Stopped", BatchState.FAILED),
        ("Expired", BatchState.FAILED),
    ],
)
def test_every_status_of_the_service_is_known(status: str, state: BatchState, bedrock: Bedrock) -> None:
    """One that is taken for another is waited for in vain, or read too early."""
    answer = bedrock.job(status=status, message="canary: it may quote a record")
    bedrock.stub.add_response("get_model_invocation_job", answer, {"jobIdentifier": JOB})

    assert bedrock.batch.look(JOB) == BatchStatus(state, status)


def test_the_statuses_are_all_that_the_service_has() -> None:
    """Botocore's model of the service lists them."""
    shape: Any = get_session().get_service_model("bedrock").shape_for("ModelInvocationJobStatus")
    [tested] = [
        mark
        for mark in test_every_status_of_the_service_is_known.pytestmark  # type: ignore[attr-defined] # pytest's own
        if mark.name == "parametrize"
    ]

    assert {status for status, _ in tested.args[1]} == set(shape.enum)


def test_answers_are_read_from_every_file_in_any_order(bedrock: Bedrock) -> None:
    """What else the service leaves there, such as the manifest, is none."""
    out = f"{FOLDER}/output/abcdef012345"
    bedrock.files.write(f"{out}/00001.jsonl.out", [output("P000001R001", stop="max_tokens")])
    bedrock.files.write(
        f"{out}/00002.jsonl.out",
        [
            output("P000001R000"),
            {
                "recordId": "P000002R000",
                "modelInput": {},
                "error": {"errorCode": 400, "errorMessage": "canary words of somebody"},
            },
            {"recordId": "P000002R001", "error": {"errorCode": "canary"}},
        ],
    )
    bedrock.files.write(f"{out}/manifest.json.out", [{"totalRecordCount": 4, "successRecordCount": 2}])

    answers = {answer.record_id: answer for answer in bedrock.batch.answers(FOLDER, MODEL)}

    assert answers["P000001R000"] == BatchAnswer(
        "P000001R000", "A week.", MODEL, "stop", Usage(2480, 333, 0, 0, 0.00227975)
    )
    assert answers["P000001R001"].finish_reason == "length"
    assert answers["P000002R000"].error == "bedrock:400"
    assert answers["P000002R001"].error == "bedrock:unknown"
    assert "canary" not in str(answers)


@pytest.mark.parametrize(
    ("profile", "cost"), [("us", 0.00227975), ("global", 0.0020725)], ids=["geographic", "global"]
)
def test_the_price_is_half_of_the_profiles_to_the_token(profile: str, cost: float) -> None:
    """Haiku 4.5: 2,480 tokens in at 1 USD and 333 out at 5 USD a million, halved; a geography adds 10 %."""
    files = MemoryWorkFiles()
    batch = BedrockBatch(
        lambda: None,
        files,
        FixedClock(datetime(2026, 11, 23, tzinfo=UTC)),
        bucket="b",
        role_arn=ROLE,
        name_of=names(profile),
    )
    files.write(f"{FOLDER}/output/job/1.jsonl.out", [output("P000001R000")])

    [answer] = batch.answers(FOLDER, MODEL)
    assert answer.usage.cost_usd == cost


def test_a_model_of_an_own_profile_is_priced_all_the_same(bedrock: Bedrock) -> None:
    """The ARN of an application inference profile is in no price list."""
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    name_of = names("", {MODEL: arn})
    batch = BedrockBatch(
        lambda: None,
        bedrock.files,
        FixedClock(datetime(2026, 11, 23, tzinfo=UTC)),
        bucket="b",
        role_arn=ROLE,
        name_of=name_of,
    )
    bedrock.files.write(f"{FOLDER}/output/job/1.jsonl.out", [output("P000001R000")])

    assert name_of(MODEL) == arn
    assert next(batch.answers(FOLDER, MODEL)).usage.cost_usd > 0.002


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ValidationException", BatchError),
        ("AccessDeniedException", BatchError),
        ("ServiceQuotaExceededException", BatchError),
        ("ConflictException", BatchError),
        ("ThrottlingException", StoreUnavailableError),
        ("InternalServerException", StoreUnavailableError),
    ],
)
def test_errors_have_codes_and_no_words(code: str, kind: type[Exception], bedrock: Bedrock) -> None:
    """What may pass is tried again; the service's message may quote a record."""
    bedrock.stub.add_client_error("create_model_invocation_job", code, "canary words")

    with pytest.raises(kind) as caught:
        bedrock.batch.start("name", FOLDER, MODEL, [record()])
    assert str(caught.value) == f"bedrock:{code}"


def test_a_job_that_has_ended_is_stopped_without_a_word(bedrock: Bedrock) -> None:
    """A failed run stops whatever it may have started."""
    bedrock.stub.add_response("stop_model_invocation_job", {}, {"jobIdentifier": JOB})
    bedrock.stub.add_client_error("stop_model_invocation_job", "ConflictException", "ended")

    bedrock.batch.stop(JOB)
    bedrock.batch.stop(JOB)


def test_the_service_in_memory_answers_each_record_and_knows_its_batches() -> None:
    """The double keeps the port's promises, or tests over it prove nothing."""
    batch = MemoryBatch(lambda found: BatchAnswer(found.record_id, "text", MODEL, "stop"))
    first = batch.start("name", FOLDER, MODEL, [record(0), record(1)])

    assert batch.start("name", FOLDER, MODEL, [record(5)]) == first
    assert [answer.record_id for answer in batch.answers(FOLDER, MODEL)] == ["P000001R000", "P000001R001"]
    assert batch.look(first).state is BatchState.DONE
    with pytest.raises(BatchError):
        batch.look("another")
