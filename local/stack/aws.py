"""Talk to the emulator and to nothing else: dummy credentials, nothing from the caller's account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3

ACCOUNT = "000000000000"
REGION = "us-east-1"
DUMMY_KEY = "test"


def local_environment(surroundings: Mapping[str, str], endpoint_url: str) -> dict[str, str]:
    """The environment for a tool that shall deploy to the emulator.

    Takes `surroundings` (for PATH, proxies and package indexes) without anything that names an AWS account,
    and makes sure that no profile or metadata service is asked instead.
    """
    kept = {name: value for name, value in surroundings.items() if not name.startswith(("AWS_", "CDK_"))}
    no_proxy = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost"]))
    return {
        **kept,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": DUMMY_KEY,
        "AWS_SECRET_ACCESS_KEY": DUMMY_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def session() -> boto3.Session:
    """A session that reads no profile, no credential file and no environment variable of the caller."""
    import boto3
    import botocore.session

    # (name in the configuration file, environment variables, default, conversion): no variable is asked.
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(
        botocore_session=core,
        aws_access_key_id=DUMMY_KEY,
        aws_secret_access_key=DUMMY_KEY,
        region_name=REGION,
    )
