"""An arm that leads people into crises is taken back by the night's run, on the deployed system.

From simulated events in bronze over the statements and the judgement to the registry and its audit log. No
other test looks at the category or at the days.
"""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from local.simulation import bronze
from local.simulation.effects import parsed
from local.simulation.scenario import Scenario, Share, registry
from local.simulation.simulation import arrivals, days
from local.stack.stack import LocalStack
from tests.e2e.test_admin_api import Http
from tests.e2e.test_rollup_failures import letters, run
from tests.support.operators import Operator

CATEGORY, PRODUCTION = "TOPIC_HIERARCHY", "flat"
HARM = 0.4
"""How many more of a hundred sessions come to a crisis after the arm; three do so anyhow."""


def night() -> date:
    """The day whose night it is. Its snapshot of the registry is made by this test alone."""
    return datetime.now(UTC).date() - timedelta(days=4)


@pytest.fixture(scope="module")
def operator(stack: LocalStack) -> Operator:
    """An operator over HTTP."""
    return Operator(Http(stack), keys=uuid.uuid4().hex)


@pytest.fixture(scope="module")
def arm(stack: LocalStack, operator: Operator) -> Iterator[str]:
    """A running arm that looks as if it, and production, had been untouched for a month."""
    variant_id = f"harm-{uuid.uuid4().hex[:8]}"
    config = operator.show(f"{CATEGORY}/{PRODUCTION}")["config"]
    operator.change("create", CATEGORY, variant_id=variant_id, description="Harms.", config=config)
    operator.change("update", f"{CATEGORY}/{variant_id}", version=1, rollout_percent=1)
    with _old(stack, PRODUCTION), _old(stack, variant_id):
        _simulate(stack, variant_id)
        yield variant_id
    operator.change("rollback", f"{CATEGORY}/{variant_id}")


@contextmanager
def _old(stack: LocalStack, variant_id: str) -> Iterator[None]:
    """Have a row say that it has been as it is for a month; production's says the truth again afterwards."""
    table, name = stack.client("dynamodb"), stack.outputs["VariantsTableName"]
    key = {"pk": {"S": f"VARIANT#{CATEGORY}"}, "sk": {"S": variant_id}}
    before = table.get_item(TableName=name, Key=key)["Item"].get("measured_since", {"S": ""})["S"]

    def say(moment: str) -> None:
        table.update_item(
            TableName=name,
            Key=key,
            UpdateExpression="SET measured_since = :moment",
            ExpressionAttributeValues={":moment": {"S": moment}},
        )

    say((datetime.now(UTC) - timedelta(days=30)).isoformat())
    yield
    if variant_id == PRODUCTION:
        say(before)


def _simulate(stack: LocalStack, variant_id: str) -> None:
    """Put sessions of three days into bronze, of which an arm with harm planted has a third."""
    effects = (parsed(f"{CATEGORY}:{variant_id}:crisis_flag:+{HARM}"),)
    variants = registry(effects, [Share(CATEGORY, variant_id, 33)])
    scenario = Scenario(700, 3, night(), 29, variants, effects)
    objects, bucket = stack.client("s3"), stack.outputs["LakeBucketName"]
    with tempfile.TemporaryDirectory() as scratch:
        seen = (one for day in days(scenario) for one in arrivals(day, scenario.disorder, scenario.seed))
        bronze.write(Path(scratch), seen)
        for path in sorted(Path(scratch).rglob("*.parquet")):
            objects.upload_file(str(path), bucket, path.relative_to(scratch).as_posix())


def test_an_arm_that_harms_is_taken_back_once_and_the_audit_log_says_why(
    stack: LocalStack, operator: Operator, arm: str
) -> None:
    """Nobody has to be awake for it; and a night that is run again has nothing left to do."""
    name = f"{CATEGORY}/{arm}"
    looked = run(stack, {"date": night().isoformat()}, patience_seconds=180)
    untouched = operator.show(name)

    acted = run(stack, {"date": night().isoformat(), "act": True}, patience_seconds=180)
    after = operator.show(name)
    run(stack, {"date": night().isoformat(), "act": True}, patience_seconds=180)
    story = operator.send("GET /admin/api/audit-log", query={"variant_id": name})["entries"]
    told = [str(message) for message in stack.outbox_messages() if arm in str(message)]

    assert looked["status"] == acted["status"] == "SUCCEEDED", letters(stack)
    assert untouched["in_force"]["rollout_percent"] == 1
    assert after["in_force"] == {"status": "experimental", "rollout_percent": 0}
    assert [entry["action"] for entry in story] == ["create", "update", "automatic_demotion"]
    assert story[-1]["actor"] == "system:rollup"
    assert "cris" in story[-1]["reason"]
    assert told
    assert operator.show(name)["version"] == after["version"]
