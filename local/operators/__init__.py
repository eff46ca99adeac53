"""How an operator signs in, on the local stack and in any environment: password, then a one-time code."""

from local.operators.sign_in import SignInRefusedError, enrolment_uri, sign_in
from local.operators.totp import totp

__all__ = ["SignInRefusedError", "enrolment_uri", "sign_in", "totp"]
