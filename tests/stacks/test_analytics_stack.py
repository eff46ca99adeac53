"""The lake and its rollup: what flows in, what each role may do, when it runs, and who hears of trouble."""

import json
from pathlib import Path
from typing import Any

import pytest

from silent_infinity.domain.lake.model import BRONZE, DAY
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.usecases.rollup_run import CLAIM_KEY
from stacks.constructs.lake_bucket import REFINED
from stacks.constructs.nightly_rollup import CLAIM, DEFINITION
from stacks.environment import EnvironmentConfig, EnvironmentConfigError
from tests.stacks.synthesised import Application, as_list, context, synthesise

EVERY_FUNCTION = {"logs:CreateLogStream", "logs:PutLogEvents"}
KEY = {
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}  # fmt: skip
RUN_STATEMENTS = {
    "athena:GetDataCatalog", "athena:GetQueryExecution", "athena:StartQueryExecution",
    "athena:StopQueryExecution", "glue:BatchGetPartition", "glue:GetDatabase", "glue:GetPartition",
    "glue:GetPartitions", "glue:GetTable", "glue:GetTables", "s3:AbortMultipartUpload",
    "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts", "s3:PutObject",
}  # fmt: skip
STATE_OF_FUNCTION = {
    "Plan": "PlanFunctionArn",
    "Statement": "StatementFunctionArn",
    "Swap": "SwapFunctionArn",
    "Sweep": "SweepFunctionArn",
    "Metrics": "MetricsFunctionArn",
    "Evaluate": "EvaluateFunctionArn",
}


def actions(application: Application, role: str) -> set[str]:
    """Return what a role may do, whatever on, without what every role of this stack may."""
    found = {action for action, _ in application.permissions(role)}
    return found - EVERY_FUNCTION - KEY


def _short(name: str) -> str:
    """Return a logical id without its stack and its hash."""
    return name.partition("/")[2][:-8]


def mappings(application: Application) -> dict[str, dict[str, Any]]:
    """Return the mappings of the intake by the last part of their names."""
    return {
        part: application.named("AWS::Lambda::EventSourceMapping", f"Intake{part}")
        for part in ("TurnEvents", "Feedback", "Replays")
    }


def glue_tables(application: Application) -> dict[str, dict[str, Any]]:
    """Return what the catalogue has, by the tables' names."""
    inputs = [table["TableInput"] for table in application.properties("AWS::Glue::Table").values()]
    return {each["Name"]: each for each in inputs}


def test_the_catalogue_has_the_columns_that_the_code_has(application: Application) -> None:
    """Firehose writes and Athena reads by these columns: one that is missing here is lost there."""
    found = {
        name: (
            [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]],
            [(column["Name"], column["Type"]) for column in table["PartitionKeys"]],
        )
        for name, table in glue_tables(application).items()
    }

    assert found == {
        table.name: (
            [(column.name, column.type) for column in table.columns],
            [(column.name, column.type) for column in table.partitions],
        )
        for table in TABLES
    }


def test_tables_lie_where_the_code_says(application: Application) -> None:
    """And every prefix that the rollup makes is one that its roles know."""
    for table in TABLES:
        location = json.dumps(glue_tables(application)[table.name]["StorageDescriptor"]["Location"])
        assert location.endswith(f'/{table.prefix}"]]}}')
        assert table.prefix.startswith("bronze/" if table.layer == BRONZE else REFINED)


def test_partitions_of_arrivals_need_no_registering(application: Application) -> None:
    """Athena computes them from their layout; those of the other tables are pointed to one by one."""
    for table in TABLES:
        found = glue_tables(application)[table.name]
        projection = {key: value for key, value in found["Parameters"].items() if "projection" in key}
        if not table.projected:
            assert projection == {}
            continue
        template = json.dumps(found["Parameters"]["storage.location.template"])
        assert projection == {
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": "2026-01-01,NOW",
            "projection.dt.interval": "1",
            "projection.dt.interval.unit": "DAYS",
            "projection.hour.type": "integer",
            "projection.hour.range": "0,23",
            "projection.hour.digits": "2",
        }
        assert template.endswith(f'/{table.prefix}{DAY}=${{{DAY}}}/hour=${{hour}}/"]]}}')


def test_both_streams_are_read_by_one_consumer(application: Application) -> None:
    """New items only, in large batches; feedback has no other reader."""
    for part in ("TurnEvents", "Feedback"):
        found = mappings(application)[part]
        [pattern] = [json.loads(each["Pattern"]) for each in found["FilterCriteria"]["Filters"]]
        assert pattern == {"eventName": ["INSERT"]}
        assert part in json.dumps(found["EventSourceArn"])
        assert found["BatchSize"] == 500
        window = found["MaximumBatchingWindowInSeconds"]
        assert window == (1 if application.environment.is_local else 60)
        assert found["StartingPosition"] == "TRIM_HORIZON"
        assert "ParallelizationFactor" not in found


def test_an_outage_neither_loses_events_nor_holds_a_shard_for_ever(application: Application) -> None:
    """Retries are not counted, because a short outage would use them up; after six hours, the quarantine."""
    for part in ("TurnEvents", "Feedback"):
        found = mappings(application)[part]
        assert "MaximumRetryAttempts" not in found
        assert found["MaximumRecordAgeInSeconds"] == 6 * 3600
        assert found["BisectBatchOnFunctionError"] is True
        assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "Quarantine" in json.dumps(found["DestinationConfig"]["OnFailure"]["Destination"])


def test_the_quarantine_can_be_sent_back_by_sqs_itself(application: Application) -> None:
    """A redrive starts from dead-letter queues only, and a message is not seen twice while it is replayed."""
    replays = application.named("AWS::SQS::Queue", "IntakeReplay")
    replay = application.named("AWS::Lambda::Function", "IntakeReplayEvents")

    assert "Quarantine" in json.dumps(replays["RedrivePolicy"]["deadLetterTargetArn"])
    assert replays["VisibilityTimeout"] >= 6 * replay["Timeout"]
    assert "IntakeReplay" in json.dumps(mappings(application)["Replays"]["EventSourceArn"])
    assert mappings(application)["Replays"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_role_may_do_what_it_does_and_no_more(prod: Application) -> None:
    """Those that write statements, move partitions, delete and judge are different ones."""
    claim = {"dynamodb:GetItem", "dynamodb:UpdateItem"}
    results = {"athena:GetQueryResults", "s3:GetObject"}
    stream = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"}
    consume = {
        "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"
    }  # fmt: skip
    deliver = {"firehose:PutRecordBatch", "sqs:SendMessage"}
    glue = {"glue:BatchCreatePartition", "glue:GetPartitions", "glue:GetTable", "glue:UpdatePartition"}
    expected = {
        "IntakeConsumerRole": {"dynamodb:ListStreams", *stream, *deliver},
        "IntakeReplayEventsRole": {
            "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:GetShardIterator", *deliver, *consume
        },
        "NightlyRollupPlanRole": {
            "dynamodb:PutItem", "dynamodb:Scan", "s3:ListBucket", "s3:PutObject", *claim, *results
        },
        "NightlyRollupStatementRole": claim,
        "NightlyRollupSwapRole": {"s3:ListBucket", *claim, *glue},
        "NightlyRollupSweepRole": {
            "dynamodb:UpdateItem", "glue:GetPartitions", "s3:DeleteObject", "s3:ListBucket"
        },
        "NightlyRollupMetricsRole": {"dynamodb:BatchWriteItem", "dynamodb:Query", *results},
        "NightlyRollupEvaluateRole": {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", *results},
        "WeeklyReportRole": {"sns:Publish", "athena:GetQueryResults", *RUN_STATEMENTS},
        "TurnEventsRole": {
            "glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions", "s3:AbortMultipartUpload",
            "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads",
            "s3:PutObject",
        },
    }  # fmt: skip

    assert {role: actions(prod, role) for role in expected} == expected


def test_the_machine_runs_statements_and_what_it_names(prod: Application) -> None:
    """Athena works with the permissions of whoever starts a statement."""
    allowed = actions(prod, "NightlyRollupWorkflowRole")
    resources = {
        action: {
            resource for each, resource in prod.permissions("NightlyRollupWorkflowRole") if each == action
        }
        for action in allowed
    }

    assert allowed - {action for action in allowed if action.startswith("logs:")} == {
        "lambda:InvokeFunction", "sns:Publish", "sqs:SendMessage", *RUN_STATEMENTS,
    }  # fmt: skip
    assert len(resources["lambda:InvokeFunction"]) == len(STATE_OF_FUNCTION) + 1
    assert any("VariantDemotion" in resource for resource in resources["lambda:InvokeFunction"])
    assert all("workgroup/" in each for each in resources["athena:StartQueryExecution"])
    assert all("bronze/" not in each for each in resources["s3:PutObject"])


def test_what_is_not_there_looks_so(application: Application) -> None:
    """S3 answers "forbidden" for a missing object to whoever may not list the bucket, and a condition on the
    prefix of a list holds for no other request.
    """
    listing = [
        statement
        for name, statement in application.identity_statements()
        if name.startswith("Analytics/") and "s3:ListBucket" in as_list(statement["Action"])
    ]

    assert len(listing) >= 6
    assert not any("Condition" in statement for statement in listing)


def test_reports_are_made_of_what_was_refined(application: Application) -> None:
    """A report counts people in silver; arrivals, and the sums of single people, are none of its business."""
    read = {
        resource.partition("/")[2].strip('"]}')
        for action, resource in application.permissions("WeeklyReportRole")
        if action == "s3:GetObject"
    }

    assert read == {"silver/*", "gold/*", "results/*"}


def test_nobody_reads_a_claim_that_is_not_the_rollups(application: Application) -> None:
    """The table holds what people were answered."""
    found = 0
    for name, statement in application.identity_statements():
        if not name.startswith("Analytics/") or "Idempotency" not in json.dumps(statement["Resource"]):
            continue
        if all(action.startswith("kms:") for action in as_list(statement["Action"])):
            continue
        assert statement["Condition"] == {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [CLAIM_KEY]}
        }, name
        found += 1

    assert found >= 4
    assert CLAIM == CLAIM_KEY


def test_functions_end_before_their_states_do(application: Application) -> None:
    """A function that the machine no longer waits for would go on beside the retry."""
    waits: dict[str, int] = {}

    def look(states: dict[str, Any]) -> None:
        for state in states.values():
            if "ItemProcessor" in state:
                look(state["ItemProcessor"]["States"])
            name = state.get("Arguments", {}).get("FunctionName") if state["Type"] == "Task" else None
            if name:
                placeholder = name.strip("${}")
                waits[placeholder] = min(state["TimeoutSeconds"], waits.get(placeholder, 10**6))

    look(json.loads(DEFINITION.read_text(encoding="utf-8"))["States"])

    assert set(STATE_OF_FUNCTION.values()) <= set(waits)
    for part, placeholder in STATE_OF_FUNCTION.items():
        function = application.named("AWS::Lambda::Function", f"NightlyRollup{part}Function")
        assert function["Timeout"] < waits[placeholder], part


def test_it_runs_when_the_environment_says(applications: dict[str, Application]) -> None:
    """At night for the day before and on Monday for the week before; on a laptop never by itself."""
    for name, application in applications.items():
        schedules = {
            _short(path): (
                schedule["ScheduleExpression"],
                json.loads(schedule["Target"].get("Input", "{}")),
            )
            for path, schedule in application.properties("AWS::Scheduler::Schedule").items()
            if path.startswith("Analytics/")
        }
        assert schedules == (
            {}
            if name == "local"
            else {
                "NightlyRollupSchedule": ("cron(30 1 * * ? *)", {"act": True}),
                "WeeklyReportSchedule": ("cron(0 6 ? * MON *)", {}),
            }
        )


def test_an_environment_says_how_long_arrivals_are_kept(tmp_path: Path) -> None:
    """For ever by default: a day can be refined anew only while its arrivals are there."""
    application = synthesise("dev", tmp_path / "dev", block={"lake_retention_days": 0})
    rules = application.named("AWS::S3::Bucket", "Lake")["LifecycleConfiguration"]["Rules"]

    assert not any(rule.get("Prefix") == "bronze/" for rule in rules)


def test_trouble_of_the_lake_is_heard_of(application: Application) -> None:
    """Nobody waits for any of it, so nobody would notice."""
    watched = {
        _short(name): alarm
        for name, alarm in application.properties("AWS::CloudWatch::Alarm").items()
        if name.startswith("Analytics/") and not name.startswith("Analytics/Deployment")
    }
    scheduled = {"NightlyRollupNothingSucceeds"} if application.environment.rollup_schedule else set()

    assert set(watched) == scheduled | {
        "FeedbackFallsBehind",
        "FeedbackRefuses",
        "IntakeFallsBehind",
        "IntakeQuarantineFills",
        "NightlyRollupDeadLettersFill",
        "NightlyRollupRunsAbort",
        "NightlyRollupRunsFail",
        "NightlyRollupRunsTimeOut",
        "TurnEventsFallsBehind",
        "TurnEventsRefuses",
        "WeeklyReportReportFails",
    }
    for name in scheduled:
        assert watched[name]["Period"] * watched[name]["EvaluationPeriods"] == 26 * 3600
        assert watched[name]["ComparisonOperator"] == "LessThanThreshold"


def test_nothing_else_depends_on_the_lake(application: Application) -> None:
    """Turns, the admin API and what runs beside them work the same without this stack."""
    for stack in ("Data", "Turn", "Api", "Background"):
        assert "Analytics" not in json.dumps(application.templates[stack])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lake_buffer_seconds", 59),
        ("lake_buffer_seconds", 901),
        ("lake_retention_days", 59),
        ("lake_retention_days", -1),
        ("athena_scan_limit_gb", 0),
        ("rollup_schedule", "every night"),
        ("weekly_report_schedule", "Monday"),
    ],
)
def test_a_setting_that_could_not_run_is_refused(field: str, value: object) -> None:
    """At synthesis, by its name."""
    block = {**context("dev")["dev"], field: value}

    with pytest.raises(EnvironmentConfigError, match=field):
        EnvironmentConfig.from_block("dev", block)
