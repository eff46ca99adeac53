"""Which models of Bedrock may be called: those of the catalogue, nothing else."""

import json
from collections.abc import Sequence

from aws_cdk import Stack

from stacks.paths import DATA

# Converse and ConverseStream are authorised by these two.
INVOKE_MODEL = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
_PROFILE_PREFIXES = ("us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "global.")


def model_arns(stack: Stack, regions: Sequence[str]) -> list[str]:
    """Return the ARNs of the catalogue's inference profiles and of the models behind them.

    Args:
        stack: whose account and region own the profiles.
        regions: where a profile may send a request to; each needs the permission on its own model.
    """
    catalogue = json.loads((DATA / "models.json").read_text(encoding="utf-8"))
    arns = []
    for model in catalogue["models"]:
        name = model["names"].get("bedrock")
        if name is None:
            continue
        bare = name
        if name.startswith(_PROFILE_PREFIXES):
            bare = name.partition(".")[2]
            arns.append(stack.format_arn(service="bedrock", resource="inference-profile", resource_name=name))
        arns += [
            stack.format_arn(
                service="bedrock",
                region=region,
                account="",
                resource="foundation-model",
                resource_name=bare,
            )
            for region in regions
        ]
    return arns
