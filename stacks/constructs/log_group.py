"""How long logs are kept."""

from types import MappingProxyType

from aws_cdk import aws_logs as logs

from stacks.environment import EnvironmentConfig, EnvironmentConfigError

# CloudWatch Logs takes these numbers of days only; the ones an environment may name.
_RETENTION = MappingProxyType(
    {
        7: logs.RetentionDays.ONE_WEEK,
        14: logs.RetentionDays.TWO_WEEKS,
        30: logs.RetentionDays.ONE_MONTH,
        60: logs.RetentionDays.TWO_MONTHS,
        90: logs.RetentionDays.THREE_MONTHS,
        180: logs.RetentionDays.SIX_MONTHS,
        365: logs.RetentionDays.ONE_YEAR,
    }
)


def retention(environment: EnvironmentConfig) -> logs.RetentionDays:
    """Return the retention of the environment's log groups.

    Raises:
        EnvironmentConfigError: CloudWatch Logs does not offer that number of days.
    """
    try:
        return _RETENTION[environment.log_retention_days]
    except KeyError:
        choices = ", ".join(str(days) for days in _RETENTION)
        raise EnvironmentConfigError(
            f"log_retention_days of {environment.name!r} must be one of {choices}"
        ) from None
