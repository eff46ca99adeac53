"""Turn operators' requests for changes into commands, and what was done into answers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.registry import problems
from silent_infinity.domain.registry.commands import Action, Command
from silent_infinity.domain.registry.documents import change_document, etag
from silent_infinity.domain.registry.requests import OperatorRequest
from silent_infinity.domain.variant_categories import RETIRED
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.usecases.manage_variants import Applied, ManageVariants

Route = Callable[[OperatorRequest], HttpResponse]

_SCHEMAS: Mapping[Action, str] = {
    Action.CREATE: "admin_create_request",
    Action.UPDATE: "admin_update_request",
    Action.PROMOTE: "admin_promote_request",
    Action.DEMOTE: "admin_undo_request",
    Action.ROLLBACK: "admin_undo_request",
    Action.PAUSE: "admin_undo_request",
    Action.CANCEL: "admin_undo_request",
}


class ChangeVariants:
    """The changing routes."""

    def __init__(self, *, manage: ManageVariants, validator: SchemaValidator) -> None:
        self._manage = manage
        self._validator = validator

    def route(self, action: Action) -> Route:
        """Return what answers the requests for an action.

        It may raise Refusal (nothing was changed) and StoreUnavailableError (perhaps it was; the same key
        tells).
        """
        return partial(self._change, action)

    def _change(self, action: Action, request: OperatorRequest) -> HttpResponse:
        if request.idempotency_key is None:
            raise problems.key_needed()
        broken = self._validator.violations(_SCHEMAS[action], dict(request.body))
        if broken:
            raise problems.invalid([{"path": found.path, "keyword": found.keyword} for found in broken])
        return self._manage(_command(action, request), request.idempotency_key, _answer)


def _command(action: Action, request: OperatorRequest) -> Command:
    fields: dict[str, Any] = {
        "variant_id": request.path.get("variant_id"),
        **{name: value for name, value in request.body.items() if name != "status"},
    }
    return Command(
        action=Action.RETIRE if request.body.get("status") == RETIRED else action,
        category=request.path["category"],
        actor=request.actor,
        request_id=request.request_id,
        expected_version=request.if_match,
        **fields,
    )


def _answer(applied: Applied) -> HttpResponse:
    created = applied.command.action is Action.CREATE
    return ok(
        change_document(applied.command.action, applied.decision, applied.records, applied.at),
        status=201 if created else 202 if applied.waits else 200,
        headers=etag(applied.record),
    )
