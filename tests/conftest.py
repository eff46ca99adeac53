"""What holds for every test: no live model, no AWS account, and no sockets in unit tests."""

import os

import pytest

# Set before any test imports boto3 or an adapter. The credentials are not anybody's.
os.environ["SILENT_INFINITY_FORBID_LIVE_MODELS"] = "1"
os.environ["AWS_ACCESS_KEY_ID"] = "testing"
os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# As the screen's function has it: the encoder computes on one processor.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Unit tests run with sockets off: what needs one belongs to another scope."""
    for item in items:
        if "/tests/unit/" in item.path.as_posix():
            item.add_marker(pytest.mark.disable_socket)
