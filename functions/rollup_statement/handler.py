"""Write a statement of the nightly rollup."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.write_rollup_statement import StatementRequest, WriteRollupStatement

logger = Logger(service="rollup_statement")


@cache
def _write_rollup_statement() -> WriteRollupStatement:
    return lake.write_rollup_statement(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, write_rollup_statement: WriteRollupStatement | None = None
) -> dict[str, Any]:
    """Return the statement, where it writes to, and the token that starts it once."""
    request = StatementRequest.from_event(event)
    result = (write_rollup_statement or _write_rollup_statement())(request)
    logger.info("written", extra={"run": request.run, "place": result.location})
    return result.to_payload()
