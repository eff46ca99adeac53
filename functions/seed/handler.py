"""Put the initial variants and the prompts of this version where the turn finds them."""

from dataclasses import asdict
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from silent_infinity.adapters.http.cloudformation import answer
from silent_infinity.bootstrap import background
from silent_infinity.settings import Settings
from silent_infinity.usecases.seed_reference_data import SeedReferenceData

logger = Logger(service="seed")


@cache
def _seed_reference_data() -> SeedReferenceData:
    return background.seed_reference_data(Settings.from_env())


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, seed_reference_data: SeedReferenceData | None = None
) -> None:
    """Seed the stores and tell CloudFormation, which calls this when variants or prompts changed."""

    def seed() -> dict[str, Any]:
        seeding = seed_reference_data or _seed_reference_data()
        return asdict(seeding(event["RequestId"]))

    status = answer(event, "seed", seed)
    logger.info("seeded", extra={"request_type": event["RequestType"], "status": status})
