"""What importing an adapter costs, in modules: a cold start pays for each of them."""

import subprocess
import sys

import pytest

NEVER_ON_THE_TURN = (
    "aws_xray_sdk",
    "aws_lambda_powertools",
    "pydantic",
    "anthropic",
    "boto3.resources.factory",
)


def loaded(*modules: str) -> set[str]:
    """Return what is loaded after importing the modules in a fresh interpreter."""
    program = f"import sys\nfor name in {modules!r}: __import__(name)\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(  # noqa: S603 -- this very interpreter, with a program written above
        [sys.executable, "-c", program],
        env={"PYTHONPATH": "functions/layer/python"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "name",
    [
        "claims",
        "conversations",
        "limits",
        "turn_records",
        "feedback",
        "variants",
        "observations",
        "alerts",
        "quarantine",
        "breakers",
        "spend",
        "model_rates",
    ],
)
def test_a_store_imports_no_vendor_but_botocore(name: str) -> None:
    """The rest belongs to whoever makes the client."""
    modules = loaded(f"silent_infinity.adapters.aws.{name}")

    assert "botocore.exceptions" in modules
    assert "boto3" not in modules
    assert "botocore.client" not in modules
    assert not modules & set(NEVER_ON_THE_TURN)


def test_the_clients_import_botocore_and_nothing_heavy_besides() -> None:
    """Tracing SDKs and Powertools cost more than the client itself, and boto3 a third of it again."""
    modules = loaded("silent_infinity.adapters.aws.clients")

    assert "botocore.client" in modules
    assert not modules & {
        "boto3",
        "s3transfer",
        "aws_xray_sdk",
        "aws_lambda_powertools",
        "pydantic",
        "openai",
        "jsonschema",
    }


@pytest.mark.parametrize(
    "name",
    [
        "anthropic",
        "caching",
        "composed",
        "composition",
        "deadline",
        "fallback",
        "knobs",
        "lazy",
        "live_switch",
        "openai_compatible",
        "retry",
        "schemas",
        "streamed",
    ],
)
def test_models_but_bedrock_import_no_vendor(name: str) -> None:
    """The OpenAI SDK takes most of a second: a turn that never calls it must not load it."""
    modules = loaded(f"silent_infinity.adapters.llm.{name}")

    assert not modules & {"anthropic", "openai", "httpx", "httpx2", "boto3", "botocore", "pydantic"}


FIRST_CALL = """
import sys
sys.path.insert(0, "functions/generate")
import handler
before = set(sys.modules)
from silent_infinity import bootstrap
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.turn import Utterance
from silent_infinity.ports.llm import ModelRequest, TransientModelError
from silent_infinity.settings import Settings
import time
model = bootstrap.provider_model(Settings.from_env(), SystemClock())
wired = set(sys.modules)
deadline_ms = int(time.time() * 1000) + 60_000
said = (Utterance("user", "hello"),)
try:
    model.complete(ModelRequest((), said, "claude-sonnet-4-6", 8, 0.5, deadline_ms, "TC4", "hello", "seed"))
except TransientModelError:
    print(*before & SDKS, "|", *wired & SDKS, "|", *set(sys.modules) & SDKS)
"""
SDKS = {"anthropic", "openai", "botocore.client", "boto3", "pydantic"}


@pytest.mark.parametrize(
    ("provider", "wired", "called"),
    [
        ("anthropic", set(), {"anthropic", "pydantic"}),
        ("openai_compatible", set(), {"openai", "pydantic"}),
        # The stores of a turn need botocore in any case.
        ("bedrock", {"botocore.client"}, {"botocore.client"}),
    ],
)
def test_the_first_call_of_generation_imports_the_chosen_sdk_only(
    provider: str, wired: set[str], called: set[str]
) -> None:
    """Neither the handler nor its wiring pays for an SDK; the first call pays for one, not for three."""
    done = subprocess.run(  # noqa: S603 -- this very interpreter, with a program written above
        [sys.executable, "-c", f"SDKS = {SDKS!r}\n{FIRST_CALL}"],
        env={
            "PYTHONPATH": "functions/layer/python",
            "SILENT_INFINITY_FORBID_LIVE_MODELS": "1",
            "LLM_PROVIDER": provider,
            # Nobody listens there: the call fails when the SDK has long been imported.
            "LLM_BASE_URL": "http://127.0.0.1:9",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    after_import, after_wiring, after_call = (set(part.split()) for part in done.stdout.split("|"))

    assert after_import == set()
    assert after_wiring == wired
    assert after_call == called


def test_memory_and_system_adapters_need_the_standard_library_only() -> None:
    """They are what benchmarks and trials run on."""
    names = ("claims", "clock", "conversations", "limits", "store", "turn_records", "variants", "prompts")
    modules = loaded(*(f"silent_infinity.adapters.memory.{name}" for name in names)) | loaded(
        "silent_infinity.adapters.system.clock", "silent_infinity.adapters.system.prompts"
    )

    assert not modules & {"openai", "boto3", "botocore", "jsonschema", "pydantic"}
