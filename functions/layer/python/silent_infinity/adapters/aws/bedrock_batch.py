"""Batch inference of Amazon Bedrock: JSON lines in a bucket, a job, JSON lines beside it.

The formats: https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html. A request's body is that of
Anthropic's messages
(https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from silent_infinity.data import load
from silent_infinity.domain.models import catalogue
from silent_infinity.domain.pricing import priced
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.batch_inference import (
    BatchAnswer,
    BatchError,
    BatchRecord,
    BatchState,
    BatchStatus,
)
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.work_files import WorkFiles

PROVIDER: Final = "bedrock"
_VERSION: Final = "bedrock-2023-05-31"
_ANSWERS: Final = ".jsonl.out"
_FINISH_REASONS: Final = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
_STATES: Final = {
    "Completed": BatchState.DONE,
    "PartiallyCompleted": BatchState.FAILED,
    "Failed": BatchState.FAILED,
    "Stopped": BatchState.FAILED,
    "Stopping": BatchState.FAILED,
    "Expired": BatchState.FAILED,
}
_TRANSIENT: Final = frozenset(
    {"InternalServerException", "ThrottlingException", "ServiceUnavailableException"}
)


class BedrockBatch:
    """A `BatchInference` whose jobs read and write in the bucket of the work files.

    `role_arn` is the role that Bedrock takes on for it; `key_arn` the key that the answers are encrypted
    with, empty for the bucket's own default. `name_of` says what Bedrock calls a model of the catalogue: an
    environment may choose another inference profile.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        files: WorkFiles,
        clock: Clock,
        *,
        bucket: str,
        role_arn: str,
        key_arn: str = "",
        name_of: Callable[[str], str] | None = None,
    ) -> None:
        self._client = client
        self._files = files
        self._clock = clock
        self._bucket = bucket
        self._role_arn = role_arn
        self._key_arn = key_arn
        self._name_of = name_of or names()

    def start(self, name: str, folder: str, model_id: str, records: Iterable[BatchRecord]) -> str:
        quotas = load("synthesis.json")["batch"]
        waiting = iter(records)
        count = 0
        while chunk := list(islice(waiting, quotas["records_per_file"])):
            count += 1
            self._files.write(
                f"{folder}/input/{count:05d}.jsonl", [_line(record, model_id) for record in chunk]
            )
        answers = {"s3Uri": f"s3://{self._bucket}/{folder}/output/"}
        if self._key_arn:
            answers["s3EncryptionKeyId"] = self._key_arn
        with _mapped_errors():
            started = self._client().create_model_invocation_job(
                jobName=name,
                # The same again, after a time-out for instance, gives the job that there is.
                clientRequestToken=name,
                roleArn=self._role_arn,
                modelId=self._name_of(model_id),
                inputDataConfig={
                    "s3InputDataConfig": {
                        "s3InputFormat": "JSONL",
                        "s3Uri": f"s3://{self._bucket}/{folder}/input/",
                    }
                },
                outputDataConfig={"s3OutputDataConfig": answers},
                timeoutDurationInHours=quotas["timeout_hours"],
            )
        return str(started["jobArn"])

    def look(self, batch_id: str) -> BatchStatus:
        with _mapped_errors():
            # Its `message` may quote a record, and is left where it is.
            status = self._client().get_model_invocation_job(jobIdentifier=batch_id)["status"]
        return BatchStatus(_STATES.get(status, BatchState.RUNNING), status)

    def answers(self, folder: str, model_id: str) -> Iterator[BatchAnswer]:
        day = self._clock.now().date().isoformat()
        for name in self._files.names(f"{folder}/output/"):
            if name.endswith(_ANSWERS):
                for line in self._files.read(name) or ():
                    yield _answer(line, model_id, self._name_of(model_id), day)

    def stop(self, batch_id: str) -> None:
        try:
            with _mapped_errors():
                self._client().stop_model_invocation_job(jobIdentifier=batch_id)
        except BatchError:
            return  # it has ended, or never was


def _line(record: BatchRecord, model_id: str) -> dict[str, Any]:
    model = catalogue().find(model_id)
    body: dict[str, Any] = {
        "anthropic_version": _VERSION,
        "max_tokens": record.max_tokens,
        "system": [{"type": "text", "text": block.text} for block in record.system],
        "messages": [
            {"role": utterance.role, "content": [{"type": "text", "text": utterance.text}]}
            for utterance in record.messages
        ],
    }
    if model is None or model.accepts_temperature:
        body["temperature"] = record.temperature
    return {"recordId": record.record_id, "modelInput": body}


def _answer(line: Mapping[str, Any], model_id: str, name: str, day: str) -> BatchAnswer:
    record_id = str(line.get("recordId", ""))
    output = line.get("modelOutput")
    if not isinstance(output, Mapping):
        number = line.get("error", {}).get("errorCode", "unknown")
        return BatchAnswer(record_id, error=f"{PROVIDER}:{number if isinstance(number, int) else 'unknown'}")
    usage = output.get("usage", {})
    reason = str(output.get("stop_reason", ""))
    return BatchAnswer(
        record_id,
        text="".join(
            block.get("text", "") for block in output.get("content", ()) if block.get("type") == "text"
        ),
        model_id=model_id,
        finish_reason=_FINISH_REASONS.get(reason, reason),
        usage=at_batch_price(
            Usage(
                tokens_input=usage.get("input_tokens", 0),
                tokens_output=usage.get("output_tokens", 0),
                tokens_cache_read=usage.get("cache_read_input_tokens", 0),
                tokens_cache_write=usage.get("cache_creation_input_tokens", 0),
            ),
            model_id,
            catalogue().profile_of(name),
            day,
        ),
    )


def at_batch_price(usage: Usage, model_id: str, profile: str, day: str) -> Usage:
    """Return the usage with its cost in a batch that went through the inference profile."""
    return priced(usage, model_id, provider=PROVIDER, day=day, profile=profile, batch=True)[0]


def names(profile: str = "", application_profiles: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """Return what says how Bedrock calls a model of the catalogue, as the adapter of single calls has it.

    `profile` takes the place of the inference profile in the catalogue's names; `application_profiles` maps
    catalogue ids to ARNs of the account's own, which come before that.
    """

    def name_of(model_id: str) -> str:
        own = (application_profiles or {}).get(model_id)
        if own:
            return own
        model = catalogue().find(model_id)
        name = (model.name_at(PROVIDER) if model else None) or model_id
        if profile and catalogue().profile_of(name):
            return f"{profile}.{catalogue().bare(name)}"
        return name

    return name_of


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        kind = StoreUnavailableError if code in _TRANSIENT else BatchError
        raise kind(f"{PROVIDER}:{code}") from None
    except BotoCoreError as error:
        raise StoreUnavailableError(type(error).__name__) from None
