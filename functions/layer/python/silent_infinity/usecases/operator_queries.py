"""What operators' reading routes have in common: checked parameters, and the variant that is meant."""

from collections.abc import Mapping
from typing import Any

from silent_infinity.domain.registry import problems, refusals
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.validation import SchemaValidator

Key = tuple[str, str]
MOST_ITEMS = 50


def checked_query(validator: SchemaValidator, schema_name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the query's parameters, `limit` as a number and `running` as a boolean.

    Raises:
        Refusal: a parameter is unknown or breaks its rule.
    """
    parsed: dict[str, Any] = dict(query)
    if parsed.get("limit", "").isascii() and parsed.get("limit", "").isdigit():
        parsed["limit"] = int(parsed["limit"][:6])
    if parsed.get("running") in ("true", "false"):
        parsed["running"] = parsed["running"] == "true"
    broken = validator.violations(schema_name, parsed)
    if broken:
        raise problems.invalid(
            [{"path": violation.path, "keyword": violation.keyword} for violation in broken]
        )
    return parsed


def variant_key(name: str, category: str | None, records: Mapping[Key, VariantRecord]) -> Key:
    """Return the key of the variant that is meant: `CATEGORY/id`, or an id with or without a category.

    A key that is named in full need not be in the registry: a row that is missing has a history all the same.

    Raises:
        Refusal: several categories have the id, none has it, or two categories are named.
    """
    before, separator, variant_id = name.partition("/")
    if separator:
        if category not in (None, before):
            raise problems.different_categories()
        return before, variant_id
    if category is not None:
        return category, name
    found = [key for key in records if key[1] == name]
    if len(found) > 1:
        raise problems.ambiguous_variant()
    if not found:
        raise refusals.variant_not_found()
    return found[0]
