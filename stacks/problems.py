"""Problem documents (RFC 9457) for what API Gateway answers itself: fixed text, help lines, no quotation."""

from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from stacks.safety_texts import safety_texts
from stacks.templates import printable

PROBLEM_PREFIX = "urn:silent-infinity:problem:"
MEDIA_TYPE = "application/problem+json"
_Type = apigateway.ResponseType


@dataclass(frozen=True)
class GatewayProblem:
    """One kind of response that API Gateway makes: `status` None keeps what API Gateway found."""

    construct_id: str
    response_type: apigateway.ResponseType
    status: int | None
    slug: str
    title: str
    detail: str
    retry_after_seconds: int | None = None


def gateway_problems() -> list[GatewayProblem]:
    """Return every response type that can be met on this API, the two defaults last."""
    sign_in = "Sign in and send the ID token in the Authorization header."
    wait = "Wait for the time in Retry-After and send the request again."
    again = "Try again in a few seconds. With the same Idempotency-Key nothing is answered twice."
    invalid = ("invalid-request", "The request is not valid.")
    unauthorized = ("unauthorized", "An ID token is needed.")
    forbidden = ("forbidden", "The request was refused.")
    limited = ("rate-limited", "Too many requests in a short time.")
    unavailable = ("service-unavailable", "The service cannot do this at the moment.")
    return [
        GatewayProblem(
            "BadRequestBody",
            _Type.BAD_REQUEST_BODY,
            400,
            *invalid,
            "Send a JSON object as the API describes it: a message has 1 to 4000 characters.",
        ),
        GatewayProblem(
            "BadRequestParameters",
            _Type.BAD_REQUEST_PARAMETERS,
            400,
            *invalid,
            "Send the parameters as the API describes them.",
        ),
        GatewayProblem("Unauthorized", _Type.UNAUTHORIZED, 401, *unauthorized, sign_in),
        GatewayProblem("ExpiredToken", _Type.EXPIRED_TOKEN, 401, *unauthorized, sign_in),
        GatewayProblem("AccessDenied", _Type.ACCESS_DENIED, 403, *forbidden, "This caller may not do this."),
        GatewayProblem(
            "WafFiltered", _Type.WAF_FILTERED, 403, *forbidden, "A rule against abuse of the service matched."
        ),
        GatewayProblem(
            "MissingAuthenticationToken",
            _Type.MISSING_AUTHENTICATION_TOKEN,
            404,
            "not-found",
            "There is nothing at this address.",
            "See the API description for its routes.",
        ),
        GatewayProblem(
            "ResourceNotFound",
            _Type.RESOURCE_NOT_FOUND,
            404,
            "not-found",
            "There is nothing at this address.",
            "See the API description for its routes.",
        ),
        GatewayProblem(
            "RequestTooLarge",
            _Type.REQUEST_TOO_LARGE,
            413,
            "payload-too-large",
            "The request is too large.",
            "A message has 1 to 4000 characters.",
        ),
        GatewayProblem(
            "UnsupportedMediaType",
            _Type.UNSUPPORTED_MEDIA_TYPE,
            415,
            "unsupported-media-type",
            "The request is not JSON.",
            "Send it with Content-Type: application/json.",
        ),
        GatewayProblem("Throttled", _Type.THROTTLED, 429, *limited, wait, 5),
        GatewayProblem("QuotaExceeded", _Type.QUOTA_EXCEEDED, 429, *limited, wait, 60),
        GatewayProblem("IntegrationFailure", _Type.INTEGRATION_FAILURE, 503, *unavailable, again, 5),
        GatewayProblem("IntegrationTimeout", _Type.INTEGRATION_TIMEOUT, 503, *unavailable, again, 5),
        GatewayProblem(
            "Default4xx",
            _Type.DEFAULT_4_XX,
            None,
            *invalid,
            "See the API description for its routes and fields.",
        ),
        GatewayProblem("Default5xx", _Type.DEFAULT_5_XX, None, *unavailable, again, 5),
    ]


def gateway_template(problem: GatewayProblem) -> str:
    """Return the body as a template of a gateway response, which fills in `$context` and nothing else."""
    return printable(
        {
            "type": f"{PROBLEM_PREFIX}{problem.slug}",
            "title": problem.title,
            # Left out where API Gateway chooses: a missing member is allowed, a wrong one is not.
            **({} if problem.status is None else {"status": problem.status}),
            "detail": problem.detail,
            "help": safety_texts().help,
        }
    )
