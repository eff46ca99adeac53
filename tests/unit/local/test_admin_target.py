"""Where the operators' commands go, and as whom: environments, sign-in, and the token that is kept."""

import argparse
import base64
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from local.cli.__main__ import build_parser, main
from local.cli.admin_target import TOKENS_FILE, find_pool, find_target
from local.cli.command import Context
from local.tools.errors import LocalError

EMAIL = "op@your-company.example"
PASSWORD = "correct horse battery staple 1A!"
SECRET = "JBSWY3DPEHPK3PXP"
GIVEN = ["--api-url", "https://api.example/prod/", "--pool-id", "eu-west-1_ops", "--client-id", "client"]
OUTPUTS = {
    "ApiUrl": "https://x.execute-api.eu-west-1.amazonaws.com/v/",
    "OperatorPoolId": "eu-west-1_ops",
    "OperatorPoolClientId": "client",
    "Other": "value",
}


def jwt(seconds: float) -> str:
    """Return a token that ends in so many seconds. Its signature is nobody's business here."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode()).decode()
    return f"header.{claims.rstrip('=')}.signature"


class Aws:
    """CloudFormation with one stack, and a pool with one operator, who may have to enrol first."""

    def __init__(self) -> None:
        self.outputs = dict(OUTPUTS)
        self.error: Exception | None = None
        self.enrolled = True
        self.asked: list[tuple[str, str | None]] = []
        self.answers: list[dict[str, str]] = []
        self.seconds = 1800.0

    def client(self, service: str, region_name: str | None = None) -> Any:
        """As boto3's."""
        self.asked.append((service, region_name))
        return self

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - AWS's own name
        if self.error:
            raise self.error
        assert StackName in ("SilentInfinity-dev-Api", "SilentInfinity-prod-Api")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def admin_initiate_auth(self, **request: Any) -> Any:
        if self.error:
            raise self.error
        assert request["UserPoolId"] == "eu-west-1_ops"
        assert request["ClientId"] == "client"
        if request["AuthParameters"] != {"USERNAME": EMAIL, "PASSWORD": PASSWORD}:
            raise ClientError(
                {"Error": {"Code": "NotAuthorizedException", "Message": "Incorrect username or password."}},
                "x",
            )
        return self._challenge("SOFTWARE_TOKEN_MFA" if self.enrolled else "NEW_PASSWORD_REQUIRED")

    def admin_respond_to_auth_challenge(self, **request: Any) -> Any:
        self.answers.append(request["ChallengeResponses"])
        match request["ChallengeName"]:
            case "NEW_PASSWORD_REQUIRED":
                return self._challenge("MFA_SETUP")
            case _:
                return {"AuthenticationResult": {"IdToken": jwt(self.seconds)}}

    def associate_software_token(self, **_: Any) -> Any:
        return {"SecretCode": SECRET, "Session": "s"}

    def verify_software_token(self, **request: Any) -> Any:
        self.answers.append({"enrolled with": request["UserCode"]})
        return {"Session": "s"}

    def _challenge(self, name: str) -> dict[str, Any]:
        return {"ChallengeName": name, "Session": "s", "ChallengeParameters": {}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    """AWS in memory, and a home of its own."""
    made = Aws()
    monkeypatch.setattr("boto3.client", made.client)
    monkeypatch.setenv("SILENT_INFINITY_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    return made


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody at a terminal; what they will type, in order, secrets included."""
    typed: list[str] = []
    answers: Iterator[str] = iter(lambda: typed.pop(0), None)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _prompt: next(answers))
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    return typed


def arguments(*words: str) -> argparse.Namespace:
    """Parse `./run admin variants list …`."""
    return build_parser().parse_args(["admin", "variants", "list", *words])


def context(**stack: Any) -> Context:
    """A context with a stack that is up."""
    made = Context()
    vars(made)["stack"] = SimpleNamespace(require_up=lambda: None, **stack)
    return made


def test_the_local_stack_is_the_default_and_signs_in_by_itself() -> None:
    """A laptop's operator has no authenticator in a pocket."""
    made = context(api_url="http://127.0.0.1:1/api", operator_token=lambda: "token")
    target = find_target(made, arguments())

    assert (target.name, target.api_url, target.token()) == ("local", "http://127.0.0.1:1/api", "token")
    assert target.local
    assert not target.careful
    assert target.flags == ""


def test_an_environment_is_found_by_its_stack(aws: Aws) -> None:
    """With the AWS credentials at hand; no address has to be copied."""
    target = find_target(context(), arguments("-e", "dev", "--region", "eu-west-1"))

    assert target.api_url == "https://x.execute-api.eu-west-1.amazonaws.com/v"
    assert aws.asked == [("cloudformation", "eu-west-1")]
    assert (target.local, target.careful, target.flags) == (False, False, "-e dev")


def test_without_cloudformation_an_address_will_do(aws: Aws) -> None:
    """For operators whose credentials may sign in and nothing else. It may be production: be careful."""
    target = find_target(context(), arguments(*GIVEN))

    assert target.api_url == "https://api.example/prod"
    assert target.careful
    assert aws.asked == []
    assert target.flags == "--api-url https://api.example/prod --pool-id eu-west-1_ops --client-id client"


def test_production_is_careful(aws: Aws) -> None:
    """By the environment's name."""
    assert find_target(context(), arguments("-e", "prod")).careful


def test_an_address_alone_is_not_enough(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """The pool is needed to sign in."""
    with pytest.raises(SystemExit) as ended:
        find_pool(arguments("--api-url", "https://api.example"))

    assert ended.value.code == 2
    assert "--pool-id" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NoCredentialsError(), id="no credentials"),
        pytest.param(
            ClientError({"Error": {"Code": "ValidationError", "Message": "Stack does not exist"}}, "x"),
            id="no stack",
        ),
    ],
)
def test_a_stack_that_cannot_be_read_is_a_paragraph(aws: Aws, error: Exception) -> None:
    """It says what to look at, and the way without CloudFormation."""
    aws.error = error

    with pytest.raises(LocalError, match="SilentInfinity-dev-Api") as failed:
        find_pool(arguments("-e", "dev"))
    assert "--api-url" in failed.value.remedy


def test_an_older_deployment_says_what_it_lacks(aws: Aws) -> None:
    """There were no operators before."""
    del aws.outputs["OperatorPoolId"]

    with pytest.raises(LocalError, match="OperatorPoolId"):
        find_pool(arguments("-e", "dev"))


def test_signing_in_keeps_the_token_until_it_ends(
    aws: Aws, person: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half an hour, in a file that nobody else can read; password and code are in no file."""
    person += [EMAIL, PASSWORD, "123456"]

    assert main(["admin", "sign-in", "-e", "dev"]) == 0
    kept = tmp_path / TOKENS_FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert PASSWORD not in kept.read_text(encoding="utf-8")
    assert aws.answers == [{"USERNAME": EMAIL, "SOFTWARE_TOKEN_MFA_CODE": "123456"}]
    token = find_pool(arguments("-e", "dev")).token()
    assert token == json.loads(kept.read_text(encoding="utf-8"))["eu-west-1_ops"]["id_token"]
    assert token not in capsys.readouterr().out


def test_a_token_that_has_ended_is_asked_for_again(
    aws: Aws, person: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle of the command, where a person is there to answer."""
    aws.seconds = 10
    pool = find_pool(arguments("-e", "dev"))
    person += [PASSWORD, "123456", EMAIL, PASSWORD, "654321"]
    pool.sign_in(EMAIL)
    aws.seconds = 1800
    first = pool.token()

    assert aws.answers[-1]["SOFTWARE_TOKEN_MFA_CODE"] == "654321"
    assert pool.token() == first
    assert person == []


def test_a_script_is_told_to_sign_in_first(aws: Aws) -> None:
    """With the options that it was called with."""
    for words, flags in ((["-e", "dev"], "-e dev"), (GIVEN, "--client-id client")):
        pool = find_pool(arguments(*words))

        with pytest.raises(LocalError, match="Nobody is signed in") as failed:
            pool.token()
        assert f"{flags}`" in failed.value.remedy
        with pytest.raises(LocalError, match="asks for a password"):
            pool.sign_in(EMAIL)


def test_a_wrong_password_is_a_sentence(aws: Aws, person: list[str], tmp_path: Path) -> None:
    """And nothing is kept."""
    person += [EMAIL, "wrong"]

    with pytest.raises(LocalError, match="The sign-in was refused"):
        find_pool(arguments("-e", "dev")).sign_in(None)
    assert not (tmp_path / TOKENS_FILE).exists()


def test_the_first_sign_in_sets_a_password_and_enrols(
    aws: Aws, person: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The invitation's password is good once; the secret is shown once, as an authenticator reads it."""
    aws.enrolled = False
    chosen = "a new one of their own 2B!"
    person += [PASSWORD, "first try", "typing error", chosen, chosen, "111111"]
    find_pool(arguments("-e", "dev")).sign_in(EMAIL)

    said = capsys.readouterr().err
    assert "These were two different ones." in said
    assert f"otpauth://totp/Silent%20Infinity%3Aop%40your-company.example?secret={SECRET}" in said
    assert {"USERNAME": EMAIL, "NEW_PASSWORD": chosen} in aws.answers
    assert {"enrolled with": "111111"} in aws.answers
    assert chosen not in said


def test_what_a_command_prints_has_nothing_of_a_sign_in(
    aws: Aws, person: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`list --json > file` may have to sign in first: the authenticator's secret would lie in the file, and
    nobody would have seen it.
    """
    aws.enrolled = False
    person += [EMAIL, PASSWORD, "a new one of their own 2B!", "a new one of their own 2B!", "111111"]
    find_pool(arguments("-e", "dev")).token()
    printed = capsys.readouterr()

    assert printed.out == ""
    assert SECRET in printed.err


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://api.example/prod", True),
        ("http://127.0.0.1:4566/x", True),
        ("http://localhost", True),
        ("http://[::1]:4566", True),
        ("http://api.example/prod", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1@api.example", False),
        ("http://localhost:1@api.example", False),
        ("ftp://api.example", False),
        ("api.example", False),
    ],
)
def test_a_token_never_goes_over_an_open_line(aws: Aws, url: str, taken: bool) -> None:
    """Whoever reads along would be an operator for half an hour."""
    words = ["--api-url", url, "--pool-id", "eu-west-1_ops", "--client-id", "client"]
    if taken:
        assert find_pool(arguments(*words)).api_url == url
    else:
        with pytest.raises(SystemExit):
            find_pool(arguments(*words))


def test_aws_that_cannot_be_asked_is_a_paragraph(aws: Aws, person: list[str]) -> None:
    """Signing in needs credentials of the account beside the password."""
    pool = find_pool(arguments(*GIVEN))
    aws.error = NoCredentialsError()
    person += [EMAIL, PASSWORD]

    with pytest.raises(LocalError, match="AWS cannot be asked"):
        pool.sign_in(None)


def test_a_damaged_file_costs_a_sign_in(aws: Aws, tmp_path: Path) -> None:
    """Nothing else is in it."""
    (tmp_path / TOKENS_FILE).write_text("{", encoding="utf-8")

    with pytest.raises(LocalError, match="Nobody is signed in"):
        find_pool(arguments("-e", "dev")).kept_token()


def test_tokens_of_two_environments_are_kept_apart(
    aws: Aws, person: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And those that have ended are thrown away with the next sign-in."""
    (tmp_path / TOKENS_FILE).write_text(
        json.dumps({"a": {"expires_at": time.time() + 600, "id_token": "x"}, "b": {"expires_at": 1}}),
        encoding="utf-8",
    )
    person += [PASSWORD, "123456"]
    find_pool(arguments("-e", "dev")).sign_in(EMAIL)

    assert set(json.loads((tmp_path / TOKENS_FILE).read_text(encoding="utf-8"))) == {"a", "eu-west-1_ops"}


def test_the_local_operator_needs_no_sign_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, instead of asking for an e-mail address."""
    monkeypatch.setattr(
        Context, "stack", SimpleNamespace(require_up=lambda: None, operator_token=lambda: "t")
    )

    assert main(["admin", "sign-in"]) == 0
    assert "signs its operator in by itself" in capsys.readouterr().out
