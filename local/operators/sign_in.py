"""Sign an operator in with password and one-time code, through the first time's extra steps if need be.

The flow is ADMIN_USER_PASSWORD_AUTH: whoever signs in this way has AWS credentials of the account besides the
password. https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError

from local.operators.totp import DIGITS, STEP_SECONDS
from local.tools.errors import LocalError

ISSUER = "Silent Infinity"
# New password, enrolment, code: a fourth challenge would be the pool going round in circles.
_MOST_CHALLENGES = 4


class SignInRefusedError(LocalError):
    """The pool said no; `code` is Cognito's name of the reason, such as "NotAuthorizedException"."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.code = code


def sign_in(
    cognito: Any,
    *,
    pool_id: str,
    client_id: str,
    username: str,
    password: str,
    code: Callable[[], str],
    new_password: Callable[[], str],
    show_secret: Callable[[str], None],
) -> str:
    """Sign in and return the ID token.

    Args:
        cognito: a client of `cognito-idp` that may do the administrative sign-in of the pool.
        pool_id: the operators' pool.
        client_id: its client.
        username: the operator's e-mail address.
        password: the password, or the temporary one of the invitation.
        code: gives the present one-time code; asked after `show_secret` when enrolling.
        new_password: gives the password to replace a temporary one.
        show_secret: takes the Base32 secret of a new enrolment; see `enrolment_uri`.

    Raises:
        SignInRefusedError: a wrong password or code, a user or client that may not, an ended session.
    """
    flow = _Flow(cognito, pool_id, client_id, username)
    answer = flow.begin(password)
    for _ in range(_MOST_CHALLENGES):
        if "AuthenticationResult" in answer:
            token: str = answer["AuthenticationResult"]["IdToken"]
            return token
        match answer["ChallengeName"]:
            case "NEW_PASSWORD_REQUIRED":
                answer = flow.respond(answer, NEW_PASSWORD=new_password())
            case "MFA_SETUP":
                answer = flow.respond({**answer, "Session": flow.enrol(answer["Session"], code, show_secret)})
            case "SOFTWARE_TOKEN_MFA":
                answer = flow.respond(answer, SOFTWARE_TOKEN_MFA_CODE=code())
            case other:
                raise SignInRefusedError(
                    other,
                    f"The user pool asks for {other}, which this command cannot answer.",
                    "Operators sign in with a password and an authenticator; see docs/operations.md.",
                )
    raise SignInRefusedError(
        "TooManyChallenges",
        "The user pool keeps asking for more steps.",
        "See the user's state in the Cognito console.",
    )


def enrolment_uri(secret: str, username: str) -> str:
    """What an authenticator reads as a QR code to enrol.

    https://github.com/google/google-authenticator/wiki/Key-Uri-Format
    """
    facts = {"secret": secret, "issuer": ISSUER, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{quote(f'{ISSUER}:{username}')}?{urlencode(facts, quote_via=quote)}"


class _Flow:
    """The calls of one sign-in, each refusal as one kind of error."""

    def __init__(self, cognito: Any, pool_id: str, client_id: str, username: str) -> None:
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id
        self._username = username

    def begin(self, password: str) -> dict[str, Any]:
        return _called(
            self._cognito.admin_initiate_auth,
            UserPoolId=self._pool_id,
            ClientId=self._client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self._username, "PASSWORD": password},
        )

    def respond(self, challenge: dict[str, Any], **responses: str) -> dict[str, Any]:
        # The pool may know the person by another name than the address that was typed.
        name = challenge.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP", self._username)
        return _called(
            self._cognito.admin_respond_to_auth_challenge,
            UserPoolId=self._pool_id,
            ClientId=self._client_id,
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses={"USERNAME": name, **responses},
        )

    def enrol(self, session: str, code: Callable[[], str], show_secret: Callable[[str], None]) -> str:
        associated = _called(self._cognito.associate_software_token, Session=session)
        show_secret(associated["SecretCode"])
        verified = _called(
            self._cognito.verify_software_token, Session=associated["Session"], UserCode=code()
        )
        next_session: str = verified["Session"]
        return next_session


_HINTS = {
    "NotAuthorizedException": "Check address and password; a sign-in has to be finished within minutes.",
    "UserNotFoundException": "Check the address; operators are invited as docs/operations.md says.",
    "CodeMismatchException": "Wait for the authenticator's next code; is its clock right?",
    "EnableSoftwareTokenMFAException": "Wait for the authenticator's next code; is its clock right?",
    "ExpiredCodeException": "Every code works once: wait for the next.",
    "InvalidPasswordException": "Choose at least 14 characters: upper and lower case, digits, symbols.",
    "PasswordResetRequiredException": "Set a new password for the user first; see docs/operations.md.",
    "TooManyRequestsException": "Wait a minute and try again.",
    "AccessDeniedException": "These AWS credentials may not sign operators in.",
}


def _called(operation: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    try:
        return operation(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # Cognito's own message repeats nothing that was typed, and often says what the code does not.
        said = error.response["Error"].get("Message") or code
        hint = _HINTS.get(code, "See docs/operations.md, Operators.")
        raise SignInRefusedError(code, f"The sign-in was refused: {said}", hint) from error
