"""Permissions on the results of queries, by the workgroup that they ran in."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.athena_lake import Lake, lake
from tests.local.emulator_process import ACCOUNT, REGION, Emulator, start


def results(place: Lake, query: str) -> int:
    """Read a query's rows as somebody who may do so in the workgroup `reader-allowed` alone."""
    iam = place.emulator.client("iam")
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "athena:GetQueryResults",
            "Resource": f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/reader-allowed",
        },
    }
    if not any(user["UserName"] == "reader" for user in iam.list_users()["Users"]):
        iam.create_user(UserName="reader")
        iam.put_user_policy(UserName="reader", PolicyName="one", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = boto3.client(
        "athena",
        endpoint_url=place.emulator.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    return len(reader.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"])


def asked(emulator: Emulator, name: str) -> tuple[Lake, str]:
    """A workgroup in which a query has run."""
    place = lake(emulator, name, {"turns": {"a": "bigint"}})
    return place, str(place.run("SELECT 1 AS one")["QueryExecutionId"])


def test_who_may_read_in_a_workgroup_reads_its_queries_and_no_others(tmp_path: Path) -> None:
    """The rollup's functions are given exactly one workgroup."""
    running = start(tmp_path, AUTH="true")
    try:
        assert results(*asked(running, "reader-allowed")) == 2
        with pytest.raises(ClientError, match="AccessDenied"):
            results(*asked(running, "reader-elsewhere"))
        with pytest.raises(ClientError, match="AccessDenied"):
            results(lake(running, "reader-third", {"turns": {"a": "bigint"}}), "no-such-query")
    finally:
        running.stop()


def test_without_the_completion_nobody_reads_by_workgroup(tmp_path: Path) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    running = start(tmp_path, AUTH="true", SILENT_INFINITY_COMPLETIONS_OFF="athena_resources")
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            results(*asked(running, "reader-allowed"))
    finally:
        running.stop()
