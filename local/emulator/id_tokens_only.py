"""Methods with a user pool authorizer and no scopes accept ID tokens only.

Gap: the emulator accepts an access token there. AWS takes the token for an identity token and refuses
others: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
Fix: a valid token whose ``token_use`` is not ``id`` is UNAUTHORIZED, unless the method names scopes.
"""

from __future__ import annotations

from typing import Any

from local.emulator import seams

SUMMARY = "user pool authorizers without scopes refuse access tokens"


def install() -> None:
    """Wrap the check of user pool tokens."""
    gateway = seams.module("services.apigateway_v1")
    validate = seams.original(gateway, "_validate_cognito_authorizer")

    async def validate_token_use(authorizer: Any, method: dict[str, Any], *args: Any) -> Any:
        claims, error = await validate(authorizer, method, *args)
        if error is None and not method.get("authorizationScopes") and claims.get("token_use") != "id":
            return None, gateway._gw_error("UNAUTHORIZED", "Unauthorized")
        return claims, error

    seams.replace(gateway, "_validate_cognito_authorizer", validate_token_use)
