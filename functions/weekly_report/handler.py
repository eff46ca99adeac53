"""Write the weekly trend report and tell where it lies."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.bootstrap import lake
from silent_infinity.settings import Settings
from silent_infinity.usecases.write_weekly_report import ReportRequest, WriteWeeklyReport

logger = Logger(service="weekly_report")


@cache
def _write_weekly_report() -> WriteWeeklyReport:
    return lake.write_weekly_report(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, write_weekly_report: WriteWeeklyReport | None = None
) -> dict[str, Any]:
    """Return where the report of the last whole week lies, or of the `week` that the event names."""
    written = (write_weekly_report or _write_weekly_report())(ReportRequest.from_event(event)).to_payload()
    logger.info("report", extra={"report": written})
    return written
