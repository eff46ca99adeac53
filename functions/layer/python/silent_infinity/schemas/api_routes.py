"""The routes of the API: who may call them, what they take, and what they answer.

Shapes are in the JSON Schemas beside this module, and what a problem says is what the code says that answers
it. Tests hold the list against the deployed methods, and against the refusals of API Gateway.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from silent_infinity.domain import problems
from silent_infinity.domain.problems import HttpResponse, problem
from silent_infinity.domain.registry import problems as operators
from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import Refusal
from silent_infinity.domain.variant_categories import Stage


class Caller(StrEnum):
    """Whose ID token a route wants; the values are the names of the security schemes."""

    NOBODY = ""
    PERSON = "person"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered when all is well: the schema `shape` (None: no body), with headers of its own.

    `links` names, for another route, which of its parameters stand where in this answer.
    """

    status: int
    description: str
    shape: str | None
    headers: tuple[str, ...] = ()
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    `body` and `query` name schemas; the properties of `query` are the parameters. `headers` are those that a
    caller may send, True for those that a caller has to. `refusals` are what the code behind it refuses with;
    what API Gateway refuses follows from the rest.
    """

    name: str
    method: str
    path: str
    summary: str
    caller: Caller
    answers: tuple[Answer, ...]
    body: str | None = None
    query: str | None = None
    headers: Mapping[str, bool] = field(default_factory=dict)
    refusals: tuple[HttpResponse, ...] = ()
    direct: bool = False
    """Whether API Gateway asks a service itself, so that it refuses what is no JSON before anything else."""


KEY, VERSION = "Idempotency-Key", "If-Match"
_VARIANTS = "/admin/api/variants"
_CATEGORY = f"{_VARIANTS}/{{category}}"
_VARIANT = f"{_CATEGORY}/{{variant_id}}"
_BROKEN = ({"path": "/message", "keyword": "maxLength"},)
_NO_REASON = ({"path": "/reason", "keyword": "minLength"},)
_CONFIG = ({"path": "/config/style", "keyword": "enum"},)
_OTHER_CONFIG = ({"path": "/evidence/config_hash", "keyword": "const"},)
_EARLIER = "2026-11-21T09:05:00+00:00"

# What API Gateway says, in the words of `stacks/problems.py`, which a test compares.
UNAUTHORIZED = problem(
    "unauthorized",
    "An ID token is needed.",
    401,
    "Sign in and send the ID token in the Authorization header.",
)
FORBIDDEN = problem(
    "forbidden", "The request was refused.", 403, "A rule against abuse of the service matched."
)
NOT_FOUND = problem(
    "not-found", "There is nothing at this address.", 404, "See the API description for its routes."
)
TOO_LARGE = problem(
    "payload-too-large", "The request is too large.", 413, "A message has 1 to 4000 characters."
)
NOT_JSON = problem(
    "unsupported-media-type",
    "The request is not JSON.",
    415,
    "Send it with Content-Type: application/json.",
)
THROTTLED = problem(
    "rate-limited",
    "Too many requests in a short time.",
    429,
    "Wait for the time in Retry-After and send the request again.",
)
UNAVAILABLE = problem(
    "service-unavailable",
    "The service cannot do this at the moment.",
    503,
    "Try again in a few seconds. With the same Idempotency-Key nothing is answered twice.",
)
STILL_IN_PROGRESS = problem(
    "still-in-progress",
    "The same message is still being answered.",
    503,
    "Send it again after the time in Retry-After, with the same Idempotency-Key.",
)


def _refused(*made: Refusal) -> tuple[HttpResponse, ...]:
    return tuple(operators.refused(each) for each in made)


_PERSONS_FAULTS = (problems.invalid_request(_BROKEN), problems.unauthorized())
_OPERATORS_FAULTS = _refused(operators.unauthorized(), operators.forbidden(), operators.unavailable())
_NAMING = _refused(operators.invalid([{"path": "/limit", "keyword": "maximum"}]))
_NAMING_A_VARIANT = (
    *_NAMING,
    *_refused(operators.ambiguous_variant(), operators.different_categories(), refusals.variant_not_found()),
)
_ANY_CHANGE = (
    *_OPERATORS_FAULTS,
    *_refused(
        operators.invalid(_NO_REASON),
        operators.key_needed(),
        refusals.category_not_found(),
        refusals.reason_needed(),
        refusals.key_reused(),
        refusals.registry_busy(),
    ),
)
_ANY_STEP = (
    *_ANY_CHANGE,
    *_refused(refusals.variant_not_found(), refusals.version_mismatch(4), refusals.variant_retired()),
)
_NEEDS_VERSION = _refused(refusals.precondition_required(4))
_WAITING = _refused(refusals.change_pending(_EARLIER))
_MORE_TRAFFIC = _refused(
    refusals.configuration_may_not_run(),
    refusals.rollout_too_fine(),
    refusals.rollout_out_of_bounds(Stage("canary", 10, 25, 10)),
    refusals.crisis_category(),
    refusals.cohort_unknown(),
    refusals.cohort_limited(),
    refusals.too_many_experiments(["GHOST_CHAR_STYLE/dots", "COMPOSE_POSITION/top"], 5),
    refusals.no_free_traffic(12.5),
    refusals.production_arriving("GHOST_CHAR_STYLE", "waves"),
    refusals.incumbent_stays(),
    refusals.no_incumbent(),
    refusals.confirmation_needed(40),
)


def _steps_after(variant: str, version: str) -> Mapping[str, Mapping[str, str]]:
    """Return the links from an answer to what may be done to the variant at `variant` of its body."""
    it = {name: f"$response.body#{variant}/{name}" for name in ("category", "variant_id")}
    versioned = {**it, f"header.{VERSION}": version}
    return {
        "readVariant": it,
        "updateVariant": versioned,
        "promoteVariant": versioned,
        "demoteVariant": versioned,
        "cancelChange": versioned,
        "rollBackVariant": it,
        "pauseVariant": it,
    }


_ETAG = "$response.header.ETag"
_OF_THIS_SESSION = {"session_id": "$response.body#/session_id"}


def _reading(
    name: str,
    path: str,
    summary: str,
    *refused: HttpResponse,
    shape: str,
    query: str | None = None,
    links: Mapping[str, Mapping[str, str]] | None = None,
) -> Route:
    return Route(
        name,
        "GET",
        path,
        summary,
        Caller.OPERATOR,
        (Answer(200, "What was asked for.", shape, ("ETag",) if query is None else (), links or {}),),
        query=query,
        refusals=(*_OPERATORS_FAULTS, *refused),
    )


def _change(
    name: str, method: str, path: str, summary: str, body: str, *, version: bool | None, waits: bool
) -> Callable[[tuple[HttpResponse, ...]], Route]:
    """Return what makes a route of its refusals.

    `version` says whether `If-Match` is needed; None: it is not read.
    """
    created = version is None
    headers = ("ETag", "Idempotency-Replayed")
    done = Answer(
        201 if created else 200,
        "It was created." if created else "It was changed, and the next turns go by it.",
        "admin_change",
        headers,
        _steps_after("/variant", _ETAG),
    )
    later = Answer(
        202,
        "It waits for its cooldown, or for a person's yes.",
        "admin_change",
        headers,
        _steps_after("/variant", _ETAG),
    )
    return lambda refused: Route(
        name,
        method,
        path,
        summary,
        Caller.OPERATOR,
        (done, later) if waits else (done,),
        body=body,
        headers={KEY: True} if version is None else {KEY: True, VERSION: version},
        refusals=refused,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        "sendMessage",
        "POST",
        "/v1/turns",
        "Send a message and get the reply to it",
        Caller.PERSON,
        (
            Answer(
                200,
                "The reply.",
                "turn_answer",
                links={"readSession": _OF_THIS_SESSION, "deleteSession": _OF_THIS_SESSION},
            ),
        ),
        body="turn_request",
        headers={KEY: False},
        refusals=(
            *_PERSONS_FAULTS,
            problems.session_not_found(),
            problems.key_reused(),
            STILL_IN_PROGRESS,
        ),
        direct=True,
    ),
    Route(
        "giveFeedback",
        "POST",
        "/v1/feedback",
        "Rate a reply, or say something about a session",
        Caller.PERSON,
        (Answer(201, "It was stored.", "feedback_answer"),),
        body="feedback_request",
        refusals=(*_PERSONS_FAULTS, problems.session_not_found(), problems.turn_not_found()),
    ),
    Route(
        "readSession",
        "GET",
        "/v1/sessions/{session_id}",
        "Read an own session",
        Caller.PERSON,
        (Answer(200, "The session with its turns.", "session"),),
        refusals=(problems.unauthorized(), problems.session_not_found(), problems.service_unavailable()),
    ),
    Route(
        "deleteSession",
        "DELETE",
        "/v1/sessions/{session_id}",
        "Delete everything that was said in an own session",
        Caller.PERSON,
        (Answer(200, "It was deleted.", "session_deletion"),),
        refusals=(problems.unauthorized(), problems.session_not_found(), problems.service_unavailable()),
    ),
    Route(
        "readHealth",
        "GET",
        "/v1/health",
        "See whether API Gateway answers",
        Caller.NOBODY,
        (Answer(200, "It does.", "health"),),
        direct=True,
    ),
    Route(
        "readDescription",
        "GET",
        "/v1/openapi.json",
        "Read this document",
        Caller.NOBODY,
        (
            Answer(200, "This document.", "", ("ETag",)),
            Answer(304, "It is still the one that `If-None-Match` names.", None, ("ETag",)),
        ),
        headers={"If-None-Match": False},
    ),
    _reading(
        "listVariants",
        _VARIANTS,
        "List variants",
        *_NAMING,
        shape="admin_variant_page",
        query="admin_query_variants",
        links=_steps_after("/variants/0", '"{$response.body#/variants/0/version}"'),
    ),
    _reading(
        "compareVariants",
        f"{_VARIANTS}/compare",
        "Compare two variants",
        *_NAMING_A_VARIANT,
        *_refused(operators.no_figures()),
        shape="admin_comparison",
        query="admin_query_compare",
    ),
    _reading(
        "readVariant",
        _VARIANT,
        "Read a variant with its figures",
        *_refused(refusals.variant_not_found()),
        shape="admin_variant",
        links=_steps_after("", _ETAG),
    ),
    _reading(
        "listAuditEntries",
        "/admin/api/audit-log",
        "List entries of the audit log",
        *_NAMING_A_VARIANT,
        shape="admin_audit_page",
        query="admin_query_audit_log",
    ),
    _reading(
        "verifyAudit",
        "/admin/api/audit-log/verify",
        "Verify that histories are whole",
        *_NAMING_A_VARIANT,
        shape="admin_audit_verification",
        query="admin_query_verify",
    ),
    _reading(
        "listPromotions",
        "/admin/api/promotions",
        "List promotions that were asked for",
        *_NAMING,
        shape="admin_promotion_page",
        query="admin_query_promotions",
    ),
    _change(
        "createVariant",
        "POST",
        _CATEGORY,
        "Create a variant",
        "admin_create_request",
        version=None,
        waits=False,
    )(
        (
            *_ANY_CHANGE,
            *_refused(
                refusals.variant_exists(),
                refusals.parent_not_found(),
                refusals.configuration_not_valid(_CONFIG),
            ),
        )
    ),
    _change(
        "updateVariant",
        "PUT",
        _VARIANT,
        "Change a variant, or retire it",
        "admin_update_request",
        version=True,
        waits=True,
    )(
        (
            *_ANY_STEP,
            *_NEEDS_VERSION,
            *_WAITING,
            *_MORE_TRAFFIC,
            *_refused(
                refusals.configuration_not_valid(_CONFIG),
                refusals.nothing_to_change(),
                refusals.variant_in_use("Configuration and cohort change"),
                refusals.past_experimental(),
                refusals.share_of_production(),
            ),
        )
    ),
    _change(
        "promoteVariant",
        "POST",
        f"{_VARIANT}/promote",
        "Take a variant one stage up",
        "admin_promote_request",
        version=True,
        waits=True,
    )(
        (
            *_ANY_STEP,
            *_NEEDS_VERSION,
            *_WAITING,
            *_MORE_TRAFFIC,
            *_refused(refusals.promotion_open(), refusals.nothing_above()),
        )
    ),
    Route(
        "recordEvidence",
        "POST",
        f"{_VARIANT}/evidence",
        "Record the result of a golden set",
        Caller.OPERATOR,
        (
            Answer(
                201,
                "It was recorded, and gates go by it.",
                "admin_evidence",
                ("ETag", "Idempotency-Replayed"),
                _steps_after("/variant", _ETAG),
            ),
        ),
        body="admin_evidence_request",
        headers={KEY: True, VERSION: False},
        refusals=(*_ANY_STEP, *_refused(refusals.evidence_not_valid(_OTHER_CONFIG))),
    ),
    _change(
        "demoteVariant",
        "POST",
        f"{_VARIANT}/demote",
        "Take a variant one stage down, at once",
        "admin_undo_request",
        version=True,
        waits=False,
    )((*_ANY_STEP, *_NEEDS_VERSION, *_refused(refusals.nothing_below(), refusals.no_predecessor()))),
    _change(
        "rollBackVariant",
        "POST",
        f"{_VARIANT}/rollback",
        "Take a variant out of use, at once",
        "admin_undo_request",
        version=False,
        waits=False,
    )((*_ANY_STEP, *_refused(refusals.no_predecessor()))),
    _change(
        "pauseVariant",
        "POST",
        f"{_VARIANT}/pause",
        "Serve a variant to nobody, at once",
        "admin_undo_request",
        version=False,
        waits=False,
    )((*_ANY_STEP, *_refused(refusals.production_variant()))),
    _change(
        "cancelChange",
        "POST",
        f"{_VARIANT}/cancel",
        "Take back a change that waits for its cooldown",
        "admin_undo_request",
        version=True,
        waits=False,
    )((*_ANY_STEP, *_NEEDS_VERSION, *_refused(refusals.nothing_pending()))),
)
