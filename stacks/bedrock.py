"""Which models of Bedrock may be called: those of the catalogue, nothing else."""

import json
import re
from collections.abc import Sequence

from aws_cdk import Stack

from stacks.paths import DATA

# Converse and ConverseStream are authorised by these two.
INVOKE_MODEL = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")

_CATALOGUE = json.loads((DATA / "models.json").read_text(encoding="utf-8"))
PROFILES: tuple[str, ...] = tuple(_CATALOGUE["bedrock_profiles"])
"""What the name of an inference profile may begin with."""

MODEL_NAMES: dict[str, str] = {
    model["id"]: model["names"]["bedrock"] for model in _CATALOGUE["models"] if "bedrock" in model["names"]
}
"""What Bedrock calls the models of the catalogue, by their ids there."""

APPLICATION_PROFILE = re.compile(
    r"arn:[a-z-]+:bedrock:[a-z0-9-]+:[0-9]{12}:application-inference-profile/[a-z0-9]+"
)
_ANYWHERE = "global"


def model_arns(
    stack: Stack, regions: Sequence[str], *, profile: str = "", application_profiles: Sequence[str] = ()
) -> list[str]:
    """Return the ARNs of the catalogue's inference profiles and of the models behind them.

    Args:
        stack: whose account and region own the profiles.
        regions: where a profile may send a request to; each needs the permission on its own model.
        profile: what the names of profiles begin with instead, such as `eu`; empty for the catalogue's own.
        application_profiles: `MODEL=ARN` of the account's own profiles, which take the place of the others.
    """
    own = dict(entry.split("=", 1) for entry in application_profiles)
    arns = []
    for model, name in MODEL_NAMES.items():
        first, _, bare = name.partition(".")
        used = profile or first
        if first not in PROFILES:
            bare, used = name, ""
        if model in own:
            arns.append(own[model])
        elif used:
            arns.append(
                stack.format_arn(
                    service="bedrock", resource="inference-profile", resource_name=f"{used}.{bare}"
                )
            )
        arns += [_model_arn(stack, bare, region) for region in regions]
        if used == _ANYWHERE:
            # The global profile asks for the permission on a model that is in no region.
            arns.append(_model_arn(stack, bare, ""))
    return arns


def _model_arn(stack: Stack, name: str, region: str) -> str:
    return stack.format_arn(
        service="bedrock", region=region, account="", resource="foundation-model", resource_name=name
    )
