"""What `./run metrics` reads, and what it makes of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cli.admin_target import CREDENTIALS, LOCAL, stack_outputs
from local.cli.command import Context
from local.cli.metrics_board import Board, board
from local.cli.metrics_page import page
from local.cli.metrics_views import as_json, tables
from local.tools.errors import LocalError
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
from silent_infinity.ports.errors import StoreUnavailableError

TABLES = ("VariantMetricsTableName", "VariantsTableName")


def do(context: Context, arguments: argparse.Namespace) -> int:
    """Show or plot what was asked for."""
    now = datetime.now(UTC)
    found = read(context, arguments, now)
    if not found.groups:
        raise LocalError(*_nothing(arguments))
    if arguments.what == "plot":
        arguments.out.write_text(page(found, made_at=now), encoding="utf-8")
        print(f"Written: {arguments.out.resolve()}")
    elif arguments.json:
        print(json.dumps(as_json(found), indent=2))
    else:
        print(tables(found))
    return 0


def read(context: Context, arguments: argparse.Namespace, now: datetime) -> Board:
    """Read the figures of the days that were asked for; the last one is yesterday.

    Raises LocalError when they cannot be read.
    """
    client, outputs = _environment(context, arguments)
    missing = [name for name in TABLES if name not in outputs]
    if missing:
        raise LocalError(
            f"The data stack of {arguments.env} does not name its tables ({', '.join(missing)}).",
            f"Deploy it again: `./run deploy -e {arguments.env}`.",
        )
    metrics_table, variants_table = (outputs[name] for name in TABLES)
    last = now.date() - timedelta(days=1)
    try:
        return board(
            DynamoVariantMetrics(client, metrics_table),
            DynamoVariantSnapshots(client, variants_table).snapshot().records,
            environment=arguments.env,
            days=_range(last, arguments.days),
            now=now,
            category=arguments.category,
            variant=arguments.variant,
            metric=arguments.metric,
        )
    except StoreUnavailableError as error:
        raise LocalError(f"The figures cannot be read: {error}.", CREDENTIALS) from error


def _range(last: date, days: int) -> tuple[date, date]:
    return last - timedelta(days=days - 1), last


def _environment(context: Context, arguments: argparse.Namespace) -> tuple[Any, Mapping[str, str]]:
    if arguments.env == LOCAL:
        context.stack.require_up()
        return context.stack.client("dynamodb"), context.stack.outputs
    import boto3

    outputs = stack_outputs(arguments.env, arguments.region, "Data")
    try:
        return boto3.client("dynamodb", region_name=arguments.region), outputs
    except (BotoCoreError, ClientError) as error:
        raise LocalError(f"AWS cannot be asked: {error}", CREDENTIALS) from error


def _nothing(arguments: argparse.Namespace) -> tuple[str, str]:
    asked = " ".join(filter(None, (arguments.category, arguments.variant, arguments.metric)))
    problem = f"There are no figures{f' of {asked}' if asked else ''} in the last {arguments.days} days."
    if arguments.env == LOCAL:
        return problem, "Make some traffic (`./run simulate`), then compute them: `./run rollup`."
    return problem, "The nightly rollup computes them; look with more --days, or at its alarms."
