"""What a function finds around it."""

from __future__ import annotations

import json
from typing import Any

from tests.local.emulator_process import Emulator, zipped

CODE = """
import importlib.util, os, sys

def handler(event, context):
    import marker
    try:
        from shared_data import text
    except ImportError:
        text = lambda: None
    return {
        "environment": dict(os.environ),
        "repository": importlib.util.find_spec("local") is not None,
        "marker": marker.WHERE,
        "text": text(),
        "file": text.__code__.co_filename,
    }
"""
LAYER = {
    "python/marker.py": "WHERE = 'layer'",
    "python/shared_data/__init__.py": (
        "from importlib import resources\n"
        "def text():\n    return resources.files(__name__).joinpath('data.txt').read_text()\n"
    ),
    "python/shared_data/data.txt": "नमस्ते",
}


def look(emulator: Emulator, name: str, **settings: Any) -> dict[str, Any]:
    """Make a function that has a module of the layer's, too, and ask it what it sees."""
    client = emulator.client("lambda")
    layer = client.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(LAYER)})
    emulator.function(name, CODE, Layers=[layer["LayerVersionArn"]], **settings)
    client.update_function_code(
        FunctionName=name, ZipFile=zipped({"index.py": CODE, "marker.py": "WHERE = 'function'"})
    )
    seen: dict[str, Any] = json.loads(client.invoke(FunctionName=name)["Payload"].read())
    return seen


def test_the_bare_emulator_shares_its_environment(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    seen = look(bare, "environment")

    assert seen["repository"]
    assert "SILENT_INFINITY_COMPLETIONS_OFF" in seen["environment"]


def test_a_function_cannot_import_the_repository(emulator: Emulator) -> None:
    """A module that is missing from the asset has to be missing here, too."""
    seen = look(emulator, "environment", Environment={"Variables": {"OWN": "1"}})

    assert not seen["repository"]
    assert seen["environment"]["OWN"] == "1"
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "environment"
    assert seen["environment"]["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/environment"
    assert seen["environment"]["AWS_ENDPOINT_URL"].endswith(emulator.url.rpartition(":")[2])
    assert not {"PYTHONPATH", "STATE_DIR", "GATEWAY_PORT"} & set(seen["environment"])


def test_the_functions_own_modules_win_over_the_layers(emulator: Emulator) -> None:
    """The order of sys.path on AWS: /var/task before /opt/python."""
    assert look(emulator, "environment-order")["marker"] == "function"


def test_data_files_of_a_layer_are_readable(emulator: Emulator) -> None:
    """Schemas and lexicon are files of the layer's package; there is no /opt here."""
    assert look(emulator, "environment-data")["text"] == "नमस्ते"
