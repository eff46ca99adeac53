"""Check the audit log of variants and keep the heads of its chains under Object Lock, every night."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import operators
from silent_infinity.settings import Settings
from silent_infinity.usecases.anchor_audit import AnchorAudit

logger = Logger(service="audit_anchor")


@cache
def _anchor_audit() -> AnchorAudit:
    return operators.anchor_audit(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, anchor_audit: AnchorAudit | None = None
) -> dict[str, Any]:
    """Return counts. What is wrong with a history goes to the people on call; an outage fails the run."""
    anchored = (anchor_audit or _anchor_audit())().to_payload()
    logger.info("anchored", extra=anchored)
    return anchored
