"""Queues: encrypted, over TLS only."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct


def closed_queue(
    scope: Construct,
    construct_id: str,
    *,
    key: kms.Key | None,
    retention: Duration,
    visibility: Duration | None = None,
    dead_letters: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    """Declare a queue that `key` encrypts, or SQS's own key where there is none."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=retention,
        visibility_timeout=visibility,
        dead_letter_queue=dead_letters,
    )
