"""What each of the operators' commands does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from local.cli import admin_changes as changes
from local.cli import admin_views as views
from local.cli.admin_api import AdminApi, AdminRefusedError
from local.cli.admin_target import LOCAL, find_pool, find_target
from local.cli.command import Context
from local.cli.terminal import plain, plain_json
from local.tools.errors import LocalError

LAST_CHANGES = 5
SIGN_IN = "sign-in"

Work = Callable[[AdminApi, argparse.Namespace], int]


def do(context: Context, arguments: argparse.Namespace) -> int:
    """Do what was asked; returns the exit code."""
    if arguments.work == SIGN_IN:
        return sign_in(context, arguments)
    try:
        return WORK[arguments.work](connect(context, arguments), arguments)
    except AdminRefusedError as refused:
        if not arguments.json:
            raise
        _print_json(refused.document)
        return 1


def connect(context: Context, arguments: argparse.Namespace) -> AdminApi:
    """The API of the environment that the options name."""
    return AdminApi(find_target(context, arguments))


def sign_in(context: Context, arguments: argparse.Namespace) -> int:
    """Sign in, and keep the token for the commands of the next half hour."""
    if arguments.env == LOCAL and not arguments.api_url:
        context.stack.require_up()
        context.stack.operator_token()
        print("The local stack signs its operator in by itself.")
        return 0
    pool = find_pool(arguments)
    pool.sign_in(arguments.email)
    print(f"Signed in to {pool.environment}, for half an hour.")
    return 0


def list_variants(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Print all variants."""
    filters = {"category": arguments.category, "status": arguments.status}
    found = api.variants(
        **{name: value for name, value in filters.items() if value},
        **({"running": "true"} if arguments.running else {}),
    )
    if arguments.json:
        return _print_json({"variants": found})
    hidden = 0
    if not (arguments.all or arguments.status):
        hidden = sum(each["status"] == "retired" for each in found)
        found = [each for each in found if each["status"] != "retired"]
    print(views.variant_list(plain(found), fold=not (arguments.all or arguments.category)))
    print(f"\n  Variants: {len(found)}. Experiments that run: {sum(each['running'] for each in found)}.")
    if hidden:
        print(f"  Retired, and shown with --all: {hidden}.")
    return 0


def show_variant(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Print one variant."""
    category, variant_id = _resolved(api, arguments.variant)
    variant = api.variant(category, variant_id).document
    if arguments.json:
        return _print_json(variant)
    entries = api.history(f"{category}/{variant_id}")[-LAST_CHANGES:]
    print(views.variant_detail(plain(variant), plain(entries)))
    return 0


def create_variant(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Create a variant."""
    category, separator, variant_id = arguments.variant.partition("/")
    if not separator:
        arguments.parser.error("a new variant is named CATEGORY/ID")
    new = {"category": category, "variant_id": variant_id}
    body = _given(
        variant_id=variant_id,
        description=arguments.description,
        config=arguments.config,
        target_cohort=arguments.cohort,
        pass_criteria=arguments.pass_criteria,
        parent_variant_id=arguments.parent,
    )
    return _sent(api, arguments, new, "create", body)


def update_variant(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Change fields of a variant."""
    body = _given(
        rollout_percent=arguments.rollout,
        description=arguments.description,
        config=arguments.config,
        target_cohort=arguments.cohort,
        pass_criteria=arguments.pass_criteria,
        status="retired" if arguments.retire else None,
    )
    if not body:
        arguments.parser.error(
            "say what to change: --rollout, --description, --config, --cohort, … or --retire"
        )
    return _sent(api, arguments, _read(api, arguments), "update", {**body, **_confirmed(arguments)})


def promote_variant(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Take a variant one stage up."""
    body = _given(
        rollout_percent=arguments.rollout, retire_incumbent=True if arguments.retire_incumbent else None
    )
    return _sent(api, arguments, _read(api, arguments), "promote", {**body, **_confirmed(arguments)})


def take_back(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Demote, roll back, pause, or cancel what waits."""
    return _sent(api, arguments, _read(api, arguments), arguments.work, {})


def record_evidence(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Record the result of a golden set."""
    body = {"evidence": arguments.evidence}
    answer = changes.send(api, arguments, _read(api, arguments), "evidence", body)
    if arguments.json:
        return _print_json(answer.document)
    print(views.evidence(plain(answer.document["evidence"]), replayed=answer.replayed))
    return 0


def compare_variants(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Print two variants side by side."""
    a, b = arguments.a, arguments.b
    # One name in full says which category is meant by the other.
    category = next((name.partition("/")[0] for name in (a, b) if "/" in name), None)
    query = _given(
        a=a,
        b=b,
        category=category,
        metric=arguments.metric,
        **{"from": arguments.first, "to": arguments.last},
    )
    document = api.compare(query)
    if arguments.json:
        return _print_json(document)
    print(views.comparison(plain(document)))
    return 0


def show_audit(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Print the audit log, or whether it is whole."""
    if arguments.verify:
        document = api.verify(arguments.variant)
        if arguments.json:
            _print_json(document)
        else:
            print(views.verification(plain(document)))
        return 0 if document["ok"] else 1
    if arguments.variant:
        entries = api.history(arguments.variant)[-arguments.limit :]
    else:
        entries = api.newest_entries(arguments.limit)
    if arguments.json:
        return _print_json({"entries": entries})
    print(views.audit_table(plain(entries), name_variants=not arguments.variant))
    return 0


def show_promotions(api: AdminApi, arguments: argparse.Namespace) -> int:
    """Print promotions."""
    found = api.promotions(arguments.status, arguments.limit)
    if arguments.json:
        return _print_json({"promotions": found})
    print(views.promotion_list(plain(found)))
    return 0


def _sent(
    api: AdminApi, arguments: argparse.Namespace, before: dict[str, Any], action: str, body: dict[str, Any]
) -> int:
    answer = changes.send(api, arguments, before, action, body)
    if arguments.json:
        return _print_json(answer.document)
    print(changes.outcome(before, answer, api.target.flags))
    return 0


def _read(api: AdminApi, arguments: argparse.Namespace) -> dict[str, Any]:
    return api.variant(*_resolved(api, arguments.variant)).document


def _resolved(api: AdminApi, name: str) -> tuple[str, str]:
    """Category and id of a variant that may be named by its id alone."""
    category, separator, variant_id = name.partition("/")
    if separator:
        return category, variant_id
    found = [each["category"] for each in api.variants() if each["variant_id"] == name]
    if not found:
        raise LocalError(f"No variant has the id {name}.", "See `./run admin variants list`.")
    if len(found) > 1:
        raise LocalError(
            f"{len(found)} categories have a variant {name}.",
            "\n".join(["Say which:", *(f"  {category}/{name}" for category in found)]),
        )
    return found[0], name


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _confirmed(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"confirm": True} if arguments.confirm else {}


def _print_json(document: Any) -> int:
    print(plain_json(document))
    return 0


WORK: Mapping[str, Work] = {
    "list": list_variants,
    "show": show_variant,
    "create": create_variant,
    "update": update_variant,
    "promote": promote_variant,
    "demote": take_back,
    "rollback": take_back,
    "pause": take_back,
    "cancel": take_back,
    "compare": compare_variants,
    "audit": show_audit,
    "promotions": show_promotions,
    "evidence": record_evidence,
}
