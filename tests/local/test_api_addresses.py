"""Where functions find the API that they write links to."""

from __future__ import annotations

from tests.local.emulator_process import Emulator
from tests.local.test_lambda_environment import look

AWS = "https://abc123def4.execute-api.us-east-1.amazonaws.com/v1"


def seen(emulator: Emulator, name: str) -> str:
    """What a function is told that a stack has given the address of an API."""
    variables = {"BASE_URL": AWS, "OTHER": f"see {AWS}/x"}
    environment = look(emulator, name, Environment={"Variables": variables})["environment"]
    assert environment["OTHER"] == f"see {environment['BASE_URL']}/x"
    return str(environment["BASE_URL"])


def test_the_bare_emulator_sends_people_to_aws(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    assert seen(bare, "addresses") == AWS


def test_a_function_writes_links_that_open(emulator: Emulator) -> None:
    """An approver on a laptop clicks on what the mail says."""
    port = emulator.url.rpartition(":")[2]

    assert seen(emulator, "addresses") == f"http://127.0.0.1:{port}/restapis/abc123def4/v1/_user_request_"
