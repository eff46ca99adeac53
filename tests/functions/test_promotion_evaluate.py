"""The functions that collect a promotion's figures and judge them, as the machine calls them, one after the
other: tables by moto, Athena by DuckDB.
"""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.athena.engine import Engine
from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.evidence import DynamoEvidence
from silent_infinity.adapters.aws.golden_results import DynamoGoldenResults
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.promotions import DynamoPromotions, promotion_item
from silent_infinity.adapters.aws.registry_items import variant_item
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.promotion.evidence import GoldenEvidence, Verdict, config_hash
from silent_infinity.domain.promotion.golden import suites
from silent_infinity.ports.errors import StoreUnavailableError
from tests.contract import aws
from tests.functions.test_turn_handlers import call, run_python
from tests.functions.test_weekly_report import Athena
from tests.support import report_lake
from tests.support.gate_lake import ARM, CATEGORY, NOW, PROMOTION, rows, tables
from tests.support.handlers import forget_wiring, printed_by

FOLDERS = ("promotion_collect", "promotion_evaluate")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The lake."""
    return report_lake.engine(tmp_path_factory.mktemp("gates"), tables())


@pytest.fixture
def athena(lake: Engine, monkeypatch: pytest.MonkeyPatch) -> Athena:
    """A client over it."""
    found = Athena(lake)
    monkeypatch.setattr(clients, "athena", lambda: found)
    return found


@pytest.fixture(autouse=True)
def client(athena: Athena, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The tables with an open promotion, and the variables that the stack sets."""
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)
    with mock_aws():
        clients.dynamodb.cache_clear()
        dynamodb = boto3.client("dynamodb")
        aws.create_tables(dynamodb)
        for row in rows().values():
            dynamodb.put_item(TableName=aws.VARIANTS, Item=variant_item(row))
        dynamodb.put_item(TableName=aws.PROMOTIONS, Item=promotion_item(PROMOTION))
        _golden(dynamodb)
        for name, value in {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "LAKE_DATABASE": "database",
            "LAKE_WORKGROUP": "workgroup",
            "VARIANTS_TABLE": aws.VARIANTS,
            "PROMOTIONS_TABLE": aws.PROMOTIONS,
            "APPROVALS_TABLE": aws.APPROVALS,
            "VARIANT_METRICS_TABLE": aws.VARIANT_METRICS,
        }.items():
            monkeypatch.setenv(name, value)
        forget_wiring(FOLDERS)
        yield dynamodb
    forget_wiring(FOLDERS)
    clients.dynamodb.cache_clear()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the functions log."""
    with printed_by(FOLDERS) as stream:
        yield stream


def collected() -> Any:
    """The first function's answer."""
    return call("promotion_collect", {"promotion_id": "promotion-1", "phase": "entry"})


def judged(figures: Any) -> Any:
    """The second function's answer to the first one's."""
    return call("promotion_evaluate", {"promotion_id": "promotion-1", "phase": "entry", "figures": figures})


def test_figures_become_evidence_that_the_promotion_names(client: Any, logged: io.StringIO) -> None:
    """From tables and the lake to a document that a person decides on, in the payloads of the machine."""
    answer = collected()
    result = judged(answer["figures"])
    evidence = DynamoEvidence(client, aws.APPROVALS).find("promotion-1", result["evidence_hash"])
    promotion = DynamoPromotions(client, aws.PROMOTIONS).find("promotion-1")

    assert answer["outcome"] == "collected"
    assert evidence is not None
    assert promotion is not None
    assert promotion.evidence_hash == result["evidence_hash"] == evidence.hash
    assert {gate.gate for gate in evidence.gates} >= {
        "sample",
        "golden",
        "crisis",
        "p50_latency",
        "primary",
        "nps",
    }
    found = {gate.gate: gate.verdict for gate in evidence.gates}
    assert (found["sample"], found["golden"]) == (Verdict.PASSED, Verdict.PASSED)
    # Nobody has looked at a turn again in this lake.
    assert found["live_misses"] == Verdict.NOT_ENOUGH_DATA
    assert evidence.reason == PROMOTION.reason
    assert "evaluated" in logged.getvalue()


def test_evidence_of_the_same_figures_is_kept_once(client: Any) -> None:
    """The machine tries a state again whose answer was lost."""
    figures = collected()["figures"]
    hashes = {judged(figures)["evidence_hash"] for _ in range(3)}
    items = client.scan(TableName=aws.APPROVALS)["Items"]

    assert len(hashes) == 1
    assert len([item for item in items if item["sk"]["S"].startswith("EVIDENCE#")]) == 1


def test_a_reason_is_neither_handed_on_nor_logged(logged: io.StringIO) -> None:
    """Executions and logs are read by more people than the audit log is."""
    answer = collected()
    told = json.dumps([answer, judged(answer["figures"])]) + logged.getvalue()

    assert PROMOTION.reason not in told
    assert "ada" not in told


def test_a_statement_that_fails_is_tried_again_by_the_machine(athena: Athena) -> None:
    """It has to be an error: figures of half of the statements are none."""
    athena.broken = True

    with pytest.raises(StoreUnavailableError):
        collected()


def test_an_edited_variant_is_said_to_have_changed(client: Any) -> None:
    """Nobody is asked about what is no longer there."""
    key = to_item({"pk": f"VARIANT#{CATEGORY}", "sk": ARM})
    client.update_item(
        TableName=aws.VARIANTS,
        Key=key,
        UpdateExpression="SET version = :version",
        ExpressionAttributeValues=to_item({":version": 8}),
    )

    assert collected() == {"outcome": "changed", "figures": None}


@pytest.mark.parametrize("folder", FOLDERS)
def test_importing_loads_neither_adapters_nor_scipy(folder: str) -> None:
    """SciPy takes most of a second, and a state that fails early needs none of it."""
    run_python(
        f"import sys, functions.{folder}.handler\n"
        "unwanted = ('silent_infinity.adapters', 'scipy', 'numpy')\n"
        "loaded = [name for name in sys.modules if name.startswith(unwanted)]\n"
        "assert loaded == [], loaded"
    )


def _golden(client: Any) -> None:
    config = rows()[CATEGORY, ARM].config
    suite = suites()["prompts"]
    DynamoGoldenResults(client, aws.APPROVALS).put(
        GoldenEvidence(
            category=CATEGORY,
            variant_id=ARM,
            config_hash=config_hash(config),
            suite="prompts",
            suite_hash=suite.suite_hash,
            cases=suite.cases,
            crisis_cases=suite.crisis_cases,
            crisis_missed=0,
            gates_broken=(),
            run_at=(NOW - timedelta(days=3)).isoformat(),
        )
    )
