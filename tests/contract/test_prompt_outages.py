"""Table and bucket are taken away, alone and together, and the turn goes on with what the layer carries.

The variant names a persona that was published after this code was deployed: the only time at which the store
is asked at all (decision 0005).
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.prompt_store import StoredPrompts
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.bootstrap import BUNDLED_PROMPTS
from silent_infinity.domain.prompts import PERSONA, PERSONA_VERSION, TEMPLATE_OF_CLASS, bundled
from silent_infinity.domain.turn import AssignedVariant, Draft, Usage
from silent_infinity.ports.llm import ModelReply, ModelRequest
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest
from tests.contract import aws
from tests.contract.test_seed_store import NOW, aws_seed_store

NEWER = 99
KEY = f"prompts/{PERSONA}/v{NEWER}.md"
TEXT = (
    f"---\ntemplate_id: {PERSONA}\nversion: {NEWER}\ninputs: []\n---\nYou are newer than this code. Grüße.\n"
)
SHA = hashlib.sha256(TEXT.encode()).hexdigest()
BUNDLED = bundled(PERSONA, PERSONA_VERSION).body

Outage = Callable[[DynamoDBClient, S3Client], None]


class _Model:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ModelRequest] = []

    def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        return ModelReply("You hear it.", request.model_id, "scripted", Usage(), "stop", 1, 1)


def no_table(dynamodb: DynamoDBClient, _s3: S3Client) -> None:
    """The table is gone."""
    dynamodb.delete_table(TableName=aws.PROMPTS)


def no_object(_dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """The text is gone."""
    s3.delete_object(Bucket=aws.BUCKET, Key=KEY)


def no_bucket(_dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """The bucket is gone, with every version of everything in it."""
    versions = s3.list_object_versions(Bucket=aws.BUCKET)
    for entry in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
        s3.delete_object(Bucket=aws.BUCKET, Key=entry["Key"], VersionId=entry["VersionId"])
    s3.delete_bucket(Bucket=aws.BUCKET)


def neither(dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """Both are gone."""
    no_table(dynamodb, s3)
    no_bucket(dynamodb, s3)


def text(content: bytes) -> Outage:
    """Something else lies in the bucket."""

    def put(_dynamodb: DynamoDBClient, s3: S3Client) -> None:
        s3.put_object(Bucket=aws.BUCKET, Key=KEY, Body=content)

    return put


def entry(content: bytes, **fields: str) -> Outage:
    """Text and table agree with each other, and with nobody else."""

    def put(dynamodb: DynamoDBClient, s3: S3Client) -> None:
        s3.put_object(Bucket=aws.BUCKET, Key=KEY, Body=content)
        item = {"template_id": PERSONA, "version": NEWER, "published_at": NOW, **fields}
        dynamodb.put_item(TableName=aws.PROMPTS, Item=to_item(item))

    return put


def draft(
    dynamodb: DynamoDBClient, s3: S3Client, *, sha: str = SHA, turn_class: str = "TC4"
) -> tuple[Draft, str]:
    """Return a draft under the newer persona, and the instructions that a model got for it."""
    model = _Model()
    generate = GenerateReply(
        model=model,
        prompts=StoredPrompts(
            lambda: dynamodb,
            lambda: s3,
            table=aws.PROMPTS,
            bucket=aws.BUCKET,
            bundled=PromptFiles(BUNDLED_PROMPTS),
        ),
        clock=FixedClock(datetime(2026, 11, 21, tzinfo=UTC)),
    )
    config = {"s3_key": KEY, "prompt_sha": sha, "version_label": "newer"}
    request = GenerateRequest(
        turn_id="turn-1",
        message="I hear it at night",
        turn_class=turn_class,
        deadline_ms=2_000_000_000_000,
        variants={"SYSTEM_PROMPT": AssignedVariant("newer", config)},
    )
    return generate(request).draft, model.asked[0].system_text


@pytest.fixture
def published(dynamodb: DynamoDBClient, s3: S3Client) -> tuple[DynamoDBClient, S3Client]:
    """Both stores with the newer persona in them."""
    aws_seed_store(dynamodb, s3).publish_prompt(PERSONA, NEWER, TEXT, NOW)
    return dynamodb, s3


def test_a_persona_that_is_newer_than_the_code_comes_from_the_store(
    published: tuple[DynamoDBClient, S3Client],
) -> None:
    """Otherwise everything below would pass by never asking."""
    found, instructions = draft(*published)

    assert "You are newer than this code." in instructions
    assert found.exposures == {"SYSTEM_PROMPT": "newer"}
    assert found.degraded == ()


@pytest.mark.parametrize("turn_class", ["TC4", "TC5", "TC6"])
@pytest.mark.parametrize(
    "outage",
    [
        no_table,
        no_object,
        no_bucket,
        neither,
        text(b"Say something else."),
        text(TEXT.encode()[:40]),
        text(b"\xff\xfe\x00"),
        text(b""),
        entry(TEXT.encode(), s3_key=KEY, sha256="0" * 64),
        entry(b"\xff\xfe", s3_key=KEY, sha256=hashlib.sha256(b"\xff\xfe").hexdigest()),
        entry(b"no front matter", s3_key=KEY, sha256=hashlib.sha256(b"no front matter").hexdigest()),
        entry(TEXT.encode(), s3_key="prompts/elsewhere.md", sha256=SHA),
        entry(TEXT.encode()),
    ],
    ids=[
        *("no table", "no object", "no bucket", "neither", "another text", "half a text", "bytes", "nothing"),
        *("wrong hash", "bytes with their own hash", "no prompt", "another key", "an empty entry"),
    ],
)
def test_whatever_is_taken_away_the_bundled_persona_serves(
    published: tuple[DynamoDBClient, S3Client], outage: Outage, turn_class: str
) -> None:
    """The person gets a reply in the product's voice, the turn is marked, the experiment counts nothing."""
    outage(*published)

    found, instructions = draft(*published, turn_class=turn_class)

    assert instructions.startswith(BUNDLED)
    assert found.text == "You hear it."
    assert found.degraded == ("prompts",)
    assert found.exposures == {}
    assert found.prompt_id == f"{TEMPLATE_OF_CLASS[turn_class]}/v2+{PERSONA}/v{PERSONA_VERSION}"


def test_a_text_that_is_not_the_one_the_variant_promised_is_not_spoken(
    published: tuple[DynamoDBClient, S3Client],
) -> None:
    """Even if table and bucket agree on it: whoever can write to both is still not believed."""
    found, instructions = draft(*published, sha="0" * 64)

    assert instructions.startswith(BUNDLED)
    assert found.degraded == ("prompts",)


def test_prompts_of_this_code_need_neither_table_nor_bucket(dynamodb: DynamoDBClient, s3: S3Client) -> None:
    """A deployment's own prompts are in its layer: an outage costs them nothing, not even a mark."""
    neither(dynamodb, s3)
    model = _Model()
    generate = GenerateReply(
        model=model,
        prompts=StoredPrompts(
            lambda: dynamodb,
            lambda: s3,
            table=aws.PROMPTS,
            bucket=aws.BUCKET,
            bundled=PromptFiles(BUNDLED_PROMPTS),
        ),
        clock=FixedClock(datetime(2026, 11, 21, tzinfo=UTC)),
    )
    for turn_class in ("TC3", "TC4", "TC5", "TC6"):
        found = generate(GenerateRequest("turn-1", "I hear it", turn_class, 2_000_000_000_000)).draft

        assert found.degraded == ()
