"""What every store of golden results promises: the newest of exactly this configuration, and no other's."""

from dataclasses import replace

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.golden_results import DynamoGoldenResults
from silent_infinity.adapters.memory.golden_results import MemoryGoldenResults
from silent_infinity.domain.promotion.evidence import GoldenEvidence
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.evidence import GoldenResults
from tests.contract import aws

RESULT = GoldenEvidence(
    category="CRISIS_DETECTOR_MODEL",
    variant_id="detector-b",
    config_hash="c" * 64,
    suite="safety",
    suite_hash="5" * 64,
    cases=1956,
    crisis_cases=367,
    crisis_missed=0,
    gates_broken=("golden_chat.jsonl: sensitivity",),
    run_at="2026-11-20T10:00:00+00:00",
    recorded_by="operator:sub-1",
    recorded_at="2026-11-21T10:00:00.000001+00:00",
    model_id="claude-haiku-4-5",
    figures={"sensitivity": 0.9375, "lines": 1179},
)
WANTED = (RESULT.category, RESULT.variant_id, RESULT.config_hash, RESULT.suite)


@pytest.fixture(params=["memory", "aws"])
def results(request: pytest.FixtureRequest) -> GoldenResults:
    """The store of one implementation, empty."""
    if request.param == "memory":
        return MemoryGoldenResults()
    return DynamoGoldenResults(request.getfixturevalue("dynamodb"), aws.APPROVALS)


def test_a_result_comes_back_field_by_field(results: GoldenResults) -> None:
    """A gate decides on it, and a person reads it."""
    assert results.newest(*WANTED) is None
    results.put(RESULT)
    assert results.newest(*WANTED) == RESULT


def test_the_last_that_was_recorded_counts_whatever_it_says(results: GoldenResults) -> None:
    """A miss that was found later is not hidden by an earlier success; nor does it depend on the order."""
    later = replace(RESULT, crisis_missed=1, recorded_at="2026-11-21T10:00:00.000002+00:00")
    ran_later = replace(RESULT, run_at="2026-11-22T10:00:00+00:00", recorded_at="2026-11-19T10:00:00+00:00")
    for result in (later, RESULT, ran_later):
        results.put(result)

    assert results.newest(*WANTED) == later


def test_recording_the_same_again_changes_nothing(results: GoldenResults) -> None:
    """A request whose answer was lost is sent again."""
    results.put(RESULT)
    results.put(RESULT)

    assert results.newest(*WANTED) == RESULT


@pytest.mark.parametrize(
    "other",
    [
        replace(RESULT, category="CRISIS_FLOW_MODEL"),
        replace(RESULT, variant_id="detector"),
        replace(RESULT, variant_id="detector-bb"),
        replace(RESULT, config_hash="d" * 64),
        replace(RESULT, suite="prompts"),
    ],
    ids=["category", "id", "longer id", "configuration", "suite"],
)
def test_what_is_of_something_else_is_not_found(other: GoldenEvidence, results: GoldenResults) -> None:
    """Evidence holds for one configuration alone: a model that was exchanged has none."""
    results.put(other)

    assert results.newest(*WANTED) is None


def test_a_result_expires_never_and_is_in_no_index(dynamodb: DynamoDBClient) -> None:
    """What was decided on it stays to be read."""
    DynamoGoldenResults(dynamodb, aws.APPROVALS).put(RESULT)

    [item] = dynamodb.scan(TableName=aws.APPROVALS)["Items"]
    assert set(item) == {"pk", "sk", "document"}
    assert item["pk"]["S"] == "VARIANT#CRISIS_DETECTOR_MODEL#detector-b"


def test_a_store_that_is_away_says_so_by_a_code(dynamodb: DynamoDBClient) -> None:
    """No store is something else than no evidence."""
    dynamodb.delete_table(TableName=aws.APPROVALS)
    store, memory = DynamoGoldenResults(dynamodb, aws.APPROVALS), MemoryGoldenResults()
    memory.unavailable = True

    for away in (store, memory):
        with pytest.raises(StoreUnavailableError):
            away.newest(*WANTED)
        with pytest.raises(StoreUnavailableError):
            away.put(RESULT)
