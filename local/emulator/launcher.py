"""Starts the emulator with its completions."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from local.emulator import (
    api_addresses,
    athena_resources,
    athena_statements,
    athena_tasks,
    callback_tasks,
    custom_resource_failures,
    email_subscriptions,
    exception_names,
    execution_requests,
    execution_timeouts,
    express_records,
    firehose_conversion,
    fixed_sleeps,
    generated_secrets,
    glue_partitions,
    https_header,
    id_tokens_only,
    interrupted_executions,
    jsonata_states,
    kept_streams,
    lambda_environment,
    noop_resources,
    request_validation,
    rest_to_step_functions,
    seams,
    second_factor,
    secret_references,
    shared_layers,
    task_token_resources,
)

# fixed_sleeps and callback_tasks change the source of functions that later ones wrap: they come first.
# express_records drops the record that execution_requests reads: it comes later.
COMPLETIONS: Sequence[ModuleType] = (
    fixed_sleeps,
    callback_tasks,
    rest_to_step_functions,
    request_validation,
    id_tokens_only,
    second_factor,
    exception_names,
    lambda_environment,
    api_addresses,
    shared_layers,
    execution_requests,
    express_records,
    execution_timeouts,
    interrupted_executions,
    jsonata_states,
    custom_resource_failures,
    generated_secrets,
    secret_references,
    noop_resources,
    kept_streams,
    email_subscriptions,
    firehose_conversion,
    glue_partitions,
    athena_statements,
    athena_tasks,
    athena_resources,
    task_token_resources,
    https_header,
)
READY_LINE = "Silent Infinity emulator: starting on"

_log = logging.getLogger("local.emulator")


class UnknownCompletionError(ValueError):
    """SILENT_INFINITY_COMPLETIONS_OFF names something that is no completion."""


def name_of(completion: ModuleType) -> str:
    """The short name of a completion: the name of its module."""
    return completion.__name__.rpartition(".")[2]


def wanted_completions(switched_off: str) -> list[ModuleType]:
    """The completions to install, without the comma-separated names ``switched_off`` (``all``: none).

    Raises:
        UnknownCompletionError: a name is none of the completions.
    """
    off = {name.strip() for name in switched_off.split(",") if name.strip()}
    unknown = off - {name_of(completion) for completion in COMPLETIONS} - {"all"}
    if unknown:
        raise UnknownCompletionError(
            f"SILENT_INFINITY_COMPLETIONS_OFF names unknown completions: {', '.join(sorted(unknown))}. "
            f"There are: {', '.join(name_of(completion) for completion in COMPLETIONS)}."
        )
    return [c for c in COMPLETIONS if "all" not in off and name_of(c) not in off]


def main() -> int:
    """Install the completions and serve until the process is told to stop."""
    # Loopback unless the caller says otherwise: the emulator has no authentication worth the name. Its MQTT
    # listener has a fixed port, on which a second instance would collide.
    os.environ.setdefault("BIND_HOST", "127.0.0.1")
    os.environ.setdefault("IOT_MTLS_ENABLED", "0")
    try:
        seams.require_pinned_version()
        completions = wanted_completions(os.environ.get("SILENT_INFINITY_COMPLETIONS_OFF", ""))
    except (seams.WrongEmulatorError, UnknownCompletionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    application = seams.module("app")  # sets up logging
    for completion in completions:
        completion.install()
        _log.info("completion %s: %s", name_of(completion), completion.SUMMARY)
    _log.info("%s %s:%s", READY_LINE, os.environ["BIND_HOST"], os.environ.get("GATEWAY_PORT", "4566"))
    application.main()
    return 0
