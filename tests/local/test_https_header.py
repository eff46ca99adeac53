"""Requests count as HTTPS for bucket policies."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import REGION, Emulator, start

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::assets", "arn:aws:s3:::assets/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


def publish(emulator: Emulator) -> None:
    """Put an object into a bucket that demands TLS, as `cdk bootstrap` makes it."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="assets")
    s3.put_bucket_policy(Bucket="assets", Policy=json.dumps(POLICY))
    iam = emulator.client("iam")
    iam.create_user(UserName="publisher")
    iam.put_user_policy(UserName="publisher", PolicyName="all", PolicyDocument=json.dumps(ALLOWED))
    key = iam.create_access_key(UserName="publisher")["AccessKey"]
    publisher = boto3.client(
        "s3",
        endpoint_url=emulator.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    publisher.put_object(Bucket="assets", Key="asset.zip", Body=b"x")


def test_an_asset_can_be_published_only_with_the_completion(tmp_path: Path) -> None:
    """With IAM enforced, the bootstrap bucket denies whatever did not come by TLS."""
    for name, off in (("with", ""), ("without", "https_header")):
        home = tmp_path / name
        home.mkdir()
        running = start(home, AUTH="true", SILENT_INFINITY_COMPLETIONS_OFF=off)
        try:
            if off:
                with pytest.raises(ClientError, match="AccessDenied"):
                    publish(running)
            else:
                publish(running)
        finally:
            running.stop()
