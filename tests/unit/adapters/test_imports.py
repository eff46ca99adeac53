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
    "name", ["claims", "conversations", "limits", "turn_records", "feedback", "variants"]
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
    "name", ["deadline", "retry", "fallback", "composed", "openai_compatible", "live_switch", "lazy"]
)
def test_models_but_bedrock_import_no_vendor(name: str) -> None:
    """The OpenAI SDK takes most of a second: a turn that never calls it must not load it."""
    modules = loaded(f"silent_infinity.adapters.llm.{name}")

    assert not modules & {"openai", "httpx", "httpx2", "boto3", "botocore", "pydantic"}


def test_memory_and_system_adapters_need_the_standard_library_only() -> None:
    """They are what benchmarks and trials run on."""
    names = ("claims", "clock", "conversations", "limits", "store", "turn_records", "variants", "prompts")
    modules = loaded(*(f"silent_infinity.adapters.memory.{name}" for name in names)) | loaded(
        "silent_infinity.adapters.system.clock", "silent_infinity.adapters.system.prompts"
    )

    assert not modules & {"openai", "boto3", "botocore", "jsonschema", "pydantic"}
