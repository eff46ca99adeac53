"""What operators are told when a request cannot be taken: what is wrong, and what to do. Nothing is quoted.

Why a change is not made is in `refusals`.
"""

from collections.abc import Mapping, Sequence

from silent_infinity.domain.problems import HttpResponse, problem
from silent_infinity.domain.registry.commands import Refusal

RETRY_SECONDS = 5


def refused(refusal: Refusal) -> HttpResponse:
    """Return the problem document of a refusal. Operators need no help lines."""
    return problem(
        refusal.slug,
        refusal.title,
        refusal.status,
        refusal.detail,
        violations=refusal.violations,
        headers={"Retry-After": str(RETRY_SECONDS)} if refusal.status == 503 else None,
        with_help=False,
    )


def invalid(
    violations: Sequence[Mapping[str, str]],
    detail: str = "Correct what `violations` names and send the request again.",
) -> Refusal:
    """400: the body, a parameter or a header breaks a rule."""
    return Refusal("invalid-request", "The request is not valid.", 400, detail, violations)


def key_needed() -> Refusal:
    """400: a change without an idempotency key."""
    return Refusal(
        "idempotency-key-needed",
        "A change needs an idempotency key.",
        400,
        "Send an `Idempotency-Key` of 1 to 200 characters: a new one for every change, the same for retries.",
    )


def unauthorized() -> Refusal:
    """401: not an ID token."""
    return Refusal(
        "unauthorized", "An ID token is needed.", 401, "Sign in as an operator and send the ID token."
    )


def forbidden() -> Refusal:
    """403: somebody who is signed in, and is no operator or not in the group."""
    return Refusal(
        "forbidden",
        "This is for operators.",
        403,
        "Sign in to the operators' pool as a member of the group `admin`. Who was added to it signs in anew.",
    )


def not_found() -> Refusal:
    """404: no such route."""
    return Refusal(
        "not-found", "There is nothing at this address.", 404, "See the API description for its routes."
    )


def ambiguous_variant() -> Refusal:
    """400: an id that several categories have."""
    return Refusal(
        "ambiguous-variant",
        "Several categories have a variant of this id.",
        400,
        "Name it as CATEGORY/id, or name the category beside it.",
    )


def different_categories() -> Refusal:
    """400: variants that do not compete, or a name that contradicts the category beside it."""
    return Refusal(
        "different-categories",
        "Two different categories are named.",
        400,
        "Name one category: only variants of the same one were served to comparable people.",
    )


def no_figures() -> Refusal:
    """409: a comparison without anything to compare."""
    return Refusal(
        "no-figures",
        "There are no figures of these variants in this time.",
        409,
        "Choose days on which both were served. Figures are computed once a day, for the day before.",
    )


def unavailable() -> Refusal:
    """503: a store is down."""
    return Refusal(
        "service-unavailable",
        "The service cannot do this at the moment.",
        503,
        "Send it again in a few seconds, a change with the same `Idempotency-Key`.",
    )
