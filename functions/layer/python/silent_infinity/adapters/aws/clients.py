"""Clients of AWS services: made when first used, one of each for the life of the process.

A turn has little time, so connections and answers are waited for briefly and repeated once: a store that is
down must be noticed while the state machine can still do something about it.

The clients are those of boto3, made by botocore itself: importing boto3 costs a third of a cold start more,
for file transfers and resource objects that nothing here uses.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore import UNSIGNED
from botocore.config import Config
from botocore.session import Session, get_session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

CONNECT_SECONDS = 1.0
READ_SECONDS = 1.5
ATTEMPTS = 2


BRIEF_SECONDS = 0.4
"""For counters that a turn can do without: nobody waits long to be told that they are down."""


def _config(
    connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS, attempts: int = ATTEMPTS
) -> Config:
    return Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )


@cache
def _session() -> Session:
    return get_session()


@cache
def dynamodb() -> "DynamoDBClient":
    """Return the DynamoDB client."""
    return cast("DynamoDBClient", _session().create_client("dynamodb", config=_config()))


@cache
def brief_dynamodb() -> "DynamoDBClient":
    """Return the DynamoDB client for what a turn can do without."""
    config = _config(BRIEF_SECONDS, BRIEF_SECONDS)
    return cast("DynamoDBClient", _session().create_client("dynamodb", config=config))


@cache
def s3() -> "S3Client":
    """Return the S3 client."""
    return cast("S3Client", _session().create_client("s3", config=_config()))


@cache
def secrets_manager() -> "SecretsManagerClient":
    """Return the Secrets Manager client."""
    return cast("SecretsManagerClient", _session().create_client("secretsmanager", config=_config()))


@cache
def sns() -> "SNSClient":
    """Return the SNS client."""
    return cast("SNSClient", _session().create_client("sns", config=_config()))


@cache
def sqs() -> "SQSClient":
    """Return the SQS client."""
    return cast("SQSClient", _session().create_client("sqs", config=_config()))


@cache
def firehose() -> Any:
    """Return the client of Firehose. It repeats nothing: its caller does. Its types are no dependency here.

    A put of megabytes that is given up too early is stored all the same, and once more by its repetition.
    """
    return _session().create_client("firehose", config=_config(read_seconds=10.0, attempts=1))


@cache
def dynamodb_streams() -> Any:
    """Return the client that reads streams of DynamoDB. Its types are no dependency here."""
    return _session().create_client("dynamodbstreams", config=_config(read_seconds=5.0))


def _patient_config() -> Config:
    """Return what suits work that nobody waits for: large files, and a service that may be busy."""
    return Config(
        connect_timeout=5.0, read_timeout=30.0, retries={"mode": "standard", "total_max_attempts": 5}
    )


@cache
def patient_s3() -> "S3Client":
    """Return the S3 client of work that nobody waits for."""
    return cast("S3Client", _session().create_client("s3", config=_patient_config()))


@cache
def athena() -> Any:
    """Return the client of Athena. Its types are no dependency here."""
    return _session().create_client("athena", config=_patient_config())


@cache
def glue() -> Any:
    """Return the client of Glue. Its types are no dependency here."""
    return _session().create_client("glue", config=_patient_config())


@cache
def step_functions() -> Any:
    """Return the client of Step Functions. Its types are no dependency here."""
    return _session().create_client("stepfunctions", config=_config(read_seconds=5.0))


@cache
def bedrock() -> Any:
    """Return the client of Bedrock's control plane, which knows jobs. Its types are no dependency here."""
    return _session().create_client("bedrock", config=_patient_config())


@cache
def user_pools_address() -> str:
    """Return where user pools are asked for their public keys, without a slash at the end."""
    client = _session().create_client("cognito-idp", config=Config(signature_version=UNSIGNED))
    address: str = client.meta.endpoint_url
    return address.rstrip("/")
