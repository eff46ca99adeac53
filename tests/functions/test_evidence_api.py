"""Golden evidence through the deployed function: what is recorded is what gates find, over real tables."""

import json

import boto3

from silent_infinity.adapters.aws.audit_log import DynamoAuditLog
from silent_infinity.adapters.aws.golden_results import DynamoGoldenResults
from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
from silent_infinity.domain.audit_verification import verify_chain
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.promotion.evidence import config_hash
from tests.contract import aws
from tests.functions.test_admin_api import deployed, operator  # noqa: F401 -- fixtures
from tests.support.golden import golden_evidence
from tests.support.operators import REASON, VARIANT, Operator

KEY = "CRISIS_FLOW_MODEL", "claude-opus-4-7"


def test_evidence_of_the_shipped_configuration_is_found_by_that_of_the_table(
    operator: Operator,  # noqa: F811
) -> None:
    """The command reads a file, the gate a row: both have to name the configuration alike."""
    shipped = next(row.config for row in initial_variants() if (row.category, row.variant_id) == KEY)
    evidence = golden_evidence(*KEY, shipped)

    operator.send(
        f"POST {VARIANT}/evidence", "/".join(KEY), body={"evidence": to_payload(evidence), "reason": REASON}
    )

    assert operator.status == 201
    client = boto3.client("dynamodb")
    row = DynamoVariantSnapshots(client, aws.VARIANTS).snapshot().records[KEY]
    found = DynamoGoldenResults(client, aws.APPROVALS).newest(*KEY, config_hash(row.config), "prompts")
    assert found is not None
    assert found.recorded_by.startswith("operator:")
    entries = DynamoAuditLog(client, aws.AUDIT_LOG).history(*KEY).entries
    assert json.loads(entries[-1].document)["action"] == "record_evidence"
    assert verify_chain(KEY, entries, row) == ()
