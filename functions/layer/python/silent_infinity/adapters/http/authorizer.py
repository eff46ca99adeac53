"""API Gateway's token authorizers: a token comes in, a policy goes out."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from silent_infinity.ports.operator_tokens import TokenRefusedError

_SCHEME = "bearer "


class UnauthorizedError(Exception):
    """API Gateway answers 401 when the message is exactly this word, and 500 for any other."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Authorized(Protocol):
    """What the decision has to tell."""

    @property
    def subject(self) -> str: ...
    @property
    def allowed(self) -> bool: ...
    @property
    def facts(self) -> Mapping[str, str]: ...


def policy(
    event: Mapping[str, Any],
    decide: Callable[[str], Authorized],
    *,
    routes: str,
    refused: Callable[[str], None],
) -> dict[str, Any]:
    """Return the policy for the holder of the event's token.

    The policy is about all `routes` (such as "admin/api/*") of the stage, not about the one that was called:
    it says who somebody is, and stays true where API Gateway keeps it for the next request. `refused` is told
    the code of a refusal.

    Raises:
        UnauthorizedError: the token is nobody's.
        KeysUnavailableError: it cannot be told; API Gateway answers 500 and lets nobody in.
    """
    token = str(event["authorizationToken"])
    if token.lower().startswith(_SCHEME):
        token = token[len(_SCHEME) :]
    try:
        found = decide(token.strip())
    except TokenRefusedError as error:
        refused(str(error))
        raise UnauthorizedError from None
    api, stage = str(event["methodArn"]).split("/")[:2]
    return {
        "principalId": found.subject,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if found.allowed else "Deny",
                    "Resource": f"{api}/{stage}/*/{routes}",
                }
            ],
        },
        "context": dict(found.facts),
    }
