"""What `./run promote` does: over the operators' API, and with what the workflow keeps."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cli import admin_work, promote_views
from local.cli.admin_api import AdminApi
from local.cli.admin_target import LOCAL, client, stack_outputs
from local.cli.command import Context
from local.cli.promote import LIST, STATUS
from local.cli.promote_views import Standing
from local.cli.terminal import plain_json
from local.tools.errors import LocalError
from local.tools.locations import with_layer

MACHINE, APPROVALS = "PromotionStateMachineArn", "ApprovalsTableName"
OPEN = "awaiting_evidence"
MOST = 1000
"""So many promotions are looked through for one."""

Document = dict[str, Any]


def do(context: Context, arguments: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code."""
    api = admin_work.connect(context, arguments)
    if arguments.what == LIST:
        return admin_work.show_promotions(api, arguments)
    if arguments.what == STATUS:
        found = _chosen(api, arguments.promotion)
        return _show(standing(context, arguments, found), arguments)
    if arguments.promotion:
        arguments.parser.error("a variant is asked for alone: what follows it belongs to status")
    arguments.variant = arguments.what
    code = admin_work.promote_variant(api, arguments)
    if not arguments.json:
        _say_where_it_stands(api, arguments.what)
    return code


def standing(context: Context, arguments: argparse.Namespace, promotion: Document) -> Standing:
    """Where a promotion stands, with what can be read of the workflow."""
    try:
        records = _records(context, arguments)
    except LocalError as error:
        return Standing(promotion, unread=error.problem)
    return records.standing(promotion)


@dataclass(frozen=True, kw_only=True)
class Records:
    """What the workflow keeps: its executions, and the table of approvals. The clients are boto3's."""

    machines: Any
    dynamodb: Any
    table: str

    def standing(self, promotion: Document) -> Standing:
        """Where a promotion stands. What cannot be read is said in `unread`."""
        with_layer()
        from silent_infinity.adapters.aws.approvals import DynamoApprovals
        from silent_infinity.adapters.aws.evidence import DynamoEvidence
        from silent_infinity.ports.errors import StoreUnavailableError

        promotion_id, evidence_hash = promotion["promotion_id"], promotion["evidence_hash"]
        try:
            state, failure = self._state(promotion["execution"])
            return Standing(
                promotion,
                state=state,
                failure=failure,
                approval=DynamoApprovals(self.dynamodb, self.table).find(promotion_id),
                evidence=DynamoEvidence(self.dynamodb, self.table).find(promotion_id, evidence_hash)
                if evidence_hash
                else None,
            )
        except StoreUnavailableError as error:
            return Standing(promotion, unread=f"The table of approvals cannot be read: {error}")
        except ClientError as error:
            return Standing(promotion, unread=str(error.response["Error"].get("Message")))
        except BotoCoreError as error:
            return Standing(promotion, unread=str(error))

    def _state(self, execution: str) -> tuple[str, str]:
        """The state in which a running execution is, and what one that failed came to grief with."""
        if not execution:
            return "", ""
        ended = self.machines.describe_execution(executionArn=execution)["status"]
        if ended == "SUCCEEDED":
            return "", ""
        failure = ""
        pages = self.machines.get_paginator("get_execution_history").paginate(
            executionArn=execution, reverseOrder=True
        )
        for event in (event for page in pages for event in page["events"]):
            failure = failure or str(event.get("taskFailedEventDetails", {}).get("error", ""))
            name = str(event.get("stateEnteredEventDetails", {}).get("name", ""))
            if name and ended == "RUNNING":
                return name, ""
            if name and failure:
                return "", f"{name}: {failure}"
        return "", ended.lower().replace("_", " ")


def _records(context: Context, arguments: argparse.Namespace) -> Records:
    if arguments.env == LOCAL and not arguments.api_url:
        outputs: Mapping[str, str] = context.stack.outputs
        machines, dynamodb = context.stack.client("stepfunctions"), context.stack.client("dynamodb")
    elif arguments.api_url:
        raise LocalError("What the workflow keeps is read with -e only.", "")
    else:
        outputs = stack_outputs(arguments.env, arguments.region, "Data")
        machines, dynamodb = (client(name, arguments.region) for name in ("stepfunctions", "dynamodb"))
    if APPROVALS not in outputs:
        raise LocalError("What is deployed has no table of approvals.", "Deploy it again.")
    return Records(machines=machines, dynamodb=dynamodb, table=outputs[APPROVALS])


def _chosen(api: AdminApi, promotion_id: str | None) -> Document:
    found = api.promotions(None, MOST if promotion_id else 1)
    if not promotion_id and found:
        return found[0]
    for promotion in found:
        if promotion["promotion_id"] == promotion_id:
            return promotion
    if promotion_id:
        raise LocalError(f"There is no promotion {promotion_id}.", "See `./run promote list`.")
    raise LocalError("Nobody has asked for a promotion yet.", "`./run promote CATEGORY/ID` does.")


def _say_where_it_stands(api: AdminApi, name: str) -> None:
    for promotion in api.promotions(OPEN, MOST):
        if name in (f"{promotion['category']}/{promotion['variant_id']}", promotion["variant_id"]):
            print(promote_views.asked(promotion, api.target.flags))


def _show(found: Standing, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(plain_json(_document(found)))
    else:
        print(promote_views.standing(found, local=arguments.env == LOCAL))
    return 0


def _document(found: Standing) -> Document:
    with_layer()
    from silent_infinity.domain.payload import to_payload

    approval = to_payload(found.approval) if found.approval else None
    return {
        **asdict(replace(found, approval=None, evidence=None)),
        "approval": approval,
        "evidence": to_payload(found.evidence) if found.evidence else None,
    }
