"""Permissions on the registry of variants: to change rows, each change with its entry in the audit log."""

from collections.abc import Mapping

from stacks.constructs.function_settings import Setting
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_items, allow_outcomes
from stacks.data_stack import DataStack


def registry_settings(data: DataStack) -> Mapping[Setting, str]:
    """Return where the registry lies."""
    return {
        Setting.VARIANTS_TABLE: data.variants.table_name,
        Setting.AUDIT_LOG_TABLE: data.audit_log.table_name,
        Setting.PROMOTIONS_TABLE: data.promotions.table_name,
        Setting.IDEMPOTENCY_TABLE: data.idempotency.table_name,
    }


def allow_changing_registry(function: SinglePurposeFunction, data: DataStack) -> None:
    """Let `function` change rows. Entries of the audit log are put, and never changed or deleted."""
    allow_items(function, data.variants, "GetItem", "Scan", "PutItem")
    allow_items(function, data.audit_log, "PutItem")
    allow_outcomes(function, data.idempotency)
