"""The function of the weekly report as its schedule calls it: bucket and topic by moto, Athena by DuckDB."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.athena.engine import Engine
from silent_infinity.adapters.aws import clients
from silent_infinity.domain.weeks import Week
from silent_infinity.ports.errors import StoreUnavailableError
from tests.functions.test_turn_handlers import call
from tests.support import report_lake
from tests.support.handlers import forget_wiring, printed_by

BUCKET = "lake-bucket"
LAST_WEEK = Week.before(datetime.now(UTC))


class Athena:
    """A client of Athena over a lake in a folder."""

    def __init__(self, lake: Engine) -> None:
        self.broken = False
        self._lake = lake
        self._rows: dict[str, list[dict[str, str | None]]] = {}

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        """Run a statement in the workgroup of the lake."""
        assert request["WorkGroup"] == "workgroup"
        assert request["QueryExecutionContext"] == {"Database": "database"}
        query_id = f"query-{len(self._rows)}"
        self._rows[query_id] = report_lake.run(self._lake, request["QueryString"])
        return {"QueryExecutionId": query_id}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        """It has run."""
        return {"QueryExecution": {"Status": {"State": "FAILED" if self.broken else "SUCCEEDED"}}}

    def get_paginator(self, _operation: str) -> "Athena":
        """Only results have pages."""
        return self

    def paginate(self, QueryExecutionId: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - the service's name
        """One page, header first."""
        rows = self._rows[QueryExecutionId]
        names = list(rows[0]) if rows else []
        lines: list[list[str | None]] = [[*names], *([row[name] for name in names] for row in rows)]
        data = [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in line]} for line in lines
        ]
        yield {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": [{"Name": n} for n in names]}}}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The lake of last week."""
    return report_lake.engine(tmp_path_factory.mktemp("lake"), report_lake.rows(LAST_WEEK, sessions=20))


@pytest.fixture
def athena(lake: Engine) -> Athena:
    """A client over it."""
    return Athena(lake)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch, athena: Athena) -> Iterator[Any]:
    """The bucket, the topic, the variables that the stack sets; gives what reads the topic's messages."""
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        topic = sns.create_topic(Name="operations")["TopicArn"]
        queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        monkeypatch.setattr(clients, "athena", lambda: athena)
        for name, value in {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "LAKE_BUCKET": BUCKET,
            "LAKE_DATABASE": "database",
            "LAKE_WORKGROUP": "workgroup",
            "OPERATIONS_TOPIC_ARN": topic,
        }.items():
            monkeypatch.setenv(name, value)
        made = (clients.patient_s3, clients.sns)
        for cached in made:
            cached.cache_clear()
        forget_wiring(["weekly_report"])

        def messages() -> list[dict[str, str]]:
            found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(message["Body"]) for message in found]

        yield messages
        for cached in made:
            cached.cache_clear()
        forget_wiring(["weekly_report"])


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the function logs."""
    with printed_by(["weekly_report"]) as stream:
        yield stream


def test_a_schedule_gets_the_page_of_last_week_into_the_bucket(mailbox: Any, logged: io.StringIO) -> None:
    """From an empty event to a page that a browser shows, and one mail."""
    answer = call("weekly_report", {})
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=answer["name"])
    [mail] = mailbox()

    assert answer["week"] == LAST_WEEK.name
    assert answer["missing_days"] == 0
    assert stored["ContentType"] == "text/html; charset=utf-8"
    assert f"Week {LAST_WEEK.name}" in stored["Body"].read().decode()
    assert f"s3://{BUCKET}/{answer['name']}" in mail["Message"]
    assert LAST_WEEK.name in mail["Subject"]
    assert "pseudonym-" not in logged.getvalue()
    assert LAST_WEEK.name in logged.getvalue()


def test_a_week_can_be_named_and_the_mail_left_out(mailbox: Any) -> None:
    """`./run report` looks at a page without waking anybody."""
    week = LAST_WEEK.earlier(1).name
    answer = call("weekly_report", {"week": week, "tell": False})

    assert answer["name"] == f"reports/week={week}/report.html"
    assert mailbox() == []


def test_a_failed_statement_fails_the_run(mailbox: Any, athena: Athena, logged: io.StringIO) -> None:
    """Lambda then tries again, and the alarm of its errors is raised."""
    athena.broken = True
    with pytest.raises(StoreUnavailableError, match="QueryFailed"):
        call("weekly_report", {})

    assert mailbox() == []
    assert "SELECT" not in logged.getvalue()
