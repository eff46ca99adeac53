"""Which environment the operators' commands talk to, and as whom."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cli.command import Context
from local.operators import enrolment_uri, sign_in
from local.stack.state import write_atomically
from local.stack.users import expiry
from local.tools.errors import LocalError
from local.tools.locations import default_home

LOCAL = "local"
PRODUCTION = "prod"
TOKENS_FILE = "operator_tokens.json"
SPARE_SECONDS = 30  # a token that ends sooner would end on the way
CREDENTIALS = "Look at AWS_PROFILE and --region; or give --api-url, --pool-id and --client-id."
# On this machine itself nobody listens in.
ENCRYPTED = re.compile(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|$)", re.IGNORECASE)
OUTPUTS = {"api_url": "ApiUrl", "pool_id": "OperatorPoolId", "client_id": "OperatorPoolClientId"}


@dataclass(frozen=True)
class Target:
    """An environment.

    `token` gives an operator's ID token; `careful` asks twice before anything changes; `flags` are what the
    command line is told to mean this environment.
    """

    name: str
    api_url: str
    token: Callable[[], str]
    local: bool = False
    careful: bool = False
    flags: str = ""


@dataclass(frozen=True, kw_only=True)
class OperatorsPool:
    """The operators' pool of an environment on AWS."""

    environment: str
    api_url: str
    pool_id: str
    client_id: str
    region: str | None

    def kept_token(self) -> str:
        """The ID token of the last sign-in.

        Raises LocalError when there is none, or when it has ended.
        """
        kept = _load_tokens().get(self.pool_id, {})
        if kept.get("expires_at", 0) < time.time() + SPARE_SECONDS:
            ended = "The sign-in has ended." if kept else f"Nobody is signed in to {self.environment} here."
            raise LocalError(ended, f"Sign in: `./run admin sign-in {self.flags}`.")
        return str(kept["id_token"])

    def token(self) -> str:
        """The token of the last sign-in, or of a new one where a person can be asked."""
        try:
            return self.kept_token()
        except LocalError:
            if not sys.stdin.isatty():
                raise
            return self.sign_in(None)

    def sign_in(self, email: str | None) -> str:
        """Ask for password and code, sign in, and keep the ID token until it ends (half an hour)."""
        if not sys.stdin.isatty():
            raise LocalError(
                "Signing in asks for a password and a code.",
                f"Sign in at a terminal first: `./run admin sign-in {self.flags}`.",
            )
        # What a command prints may go into a file: the secret of an authenticator must not go with it.
        with redirect_stdout(sys.stderr):
            email, token = self._signed_in(email)
        now = time.time()
        others = {pool: kept for pool, kept in _load_tokens().items() if kept.get("expires_at", 0) > now}
        kept = {"email": email, "id_token": token, "expires_at": expiry(token)}
        _save_tokens({**others, self.pool_id: kept})
        return token

    def _signed_in(self, email: str | None) -> tuple[str, str]:
        """Ask whatever the pool wants to know; return the address and the ID token."""
        print(f"Sign in to {self.environment} as an operator.")
        address = email or input("E-mail: ").strip()
        try:
            token = sign_in(
                client("cognito-idp", self.region),
                pool_id=self.pool_id,
                client_id=self.client_id,
                username=address,
                password=getpass.getpass("Password: "),
                code=lambda: input("Code of the authenticator: ").strip(),
                new_password=_new_password,
                show_secret=lambda secret: print(_enrolment(secret, address)),
            )
        except BotoCoreError as error:
            raise LocalError(f"AWS cannot be asked: {error}", CREDENTIALS) from error
        return address, token

    @property
    def flags(self) -> str:
        """How the command line is told of this environment."""
        if self.environment != self.api_url:
            return f"-e {self.environment}"
        region = f" --region {self.region}" if self.region else ""
        return f"--api-url {self.api_url} --pool-id {self.pool_id} --client-id {self.client_id}{region}"


def find_target(context: Context, arguments: argparse.Namespace) -> Target:
    """The environment that the options name.

    Raises LocalError when it cannot be found, or does not run.
    """
    if arguments.env == LOCAL and not arguments.api_url:
        context.stack.require_up()
        return Target(LOCAL, context.stack.api_url, context.stack.operator_token, local=True)
    pool = find_pool(arguments)
    # An address says nothing of what it is for: it may well be production.
    careful = pool.environment == PRODUCTION or bool(arguments.api_url)
    return Target(pool.environment, pool.api_url, pool.token, careful=careful, flags=pool.flags)


def find_pool(arguments: argparse.Namespace) -> OperatorsPool:
    """The operators' pool of an environment on AWS: as given, else as the API stack tells."""
    if arguments.api_url:
        if not (arguments.pool_id and arguments.client_id):
            arguments.parser.error("--api-url needs --pool-id and --client-id")
        url = arguments.api_url.rstrip("/")
        if not ENCRYPTED.match(url):
            arguments.parser.error("--api-url is an https address: the token goes with every request")
        return OperatorsPool(
            environment=url,
            api_url=url,
            pool_id=arguments.pool_id,
            client_id=arguments.client_id,
            region=arguments.region,
        )
    found = stack_outputs(arguments.env, arguments.region)
    missing = [name for name in OUTPUTS.values() if name not in found]
    if missing:
        raise LocalError(
            f"The API of {arguments.env} was deployed before there were operators' commands "
            f"(no {', '.join(missing)}).",
            f"Deploy it again: `./run deploy -e {arguments.env}`.",
        )
    values = {name: found[output] for name, output in OUTPUTS.items()}
    return OperatorsPool(
        environment=arguments.env,
        region=arguments.region,
        **{**values, "api_url": values["api_url"].rstrip("/")},
    )


def stack_outputs(environment: str, region: str | None, part: str = "Api") -> dict[str, str]:
    """The outputs of a stack of an environment, read with the AWS credentials at hand."""
    stack = f"SilentInfinity-{environment}-{part}"
    try:
        described = client("cloudformation", region).describe_stacks(StackName=stack)
    except ClientError as error:
        reason = error.response["Error"].get("Message") or error.response["Error"]["Code"]
        raise LocalError(f"The outputs of {stack} cannot be read: {reason}", CREDENTIALS) from error
    except BotoCoreError as error:
        raise LocalError(f"The outputs of {stack} cannot be read: {error}", CREDENTIALS) from error
    return {one["OutputKey"]: one["OutputValue"] for one in described["Stacks"][0].get("Outputs", [])}


def client(service: str, region: str | None) -> Any:
    """A client of AWS with the credentials at hand."""
    import boto3

    connect: Callable[..., Any] = boto3.client
    return connect(service, region_name=region)


def _new_password() -> str:
    print("The password of the invitation is good for one sign-in. Choose your own: at least 14 characters.")
    while True:
        chosen = getpass.getpass("New password: ")
        if chosen == getpass.getpass("The same again: "):
            return chosen
        print("These were two different ones.")


def _enrolment(secret: str, email: str) -> str:
    return (
        "\nThis is your first sign-in. Add the account to an authenticator (an app on your phone, a\n"
        "password manager), by this address, as a QR code or as it stands:\n\n"
        f"  {enrolment_uri(secret, email)}\n\n"
        f"or by typing the secret:\n\n  {secret}\n\n"
        "It is not shown again. Then type the code that it shows.\n"
    )


def _tokens_path() -> Path:
    return default_home() / TOKENS_FILE


def _load_tokens() -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(_tokens_path().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a damaged file costs a sign-in, nothing else
        return {}
    return found if isinstance(found, dict) else {}


def _save_tokens(tokens: dict[str, dict[str, Any]]) -> None:
    write_atomically(_tokens_path(), json.dumps(tokens, indent=2) + "\n", mode=0o600)
