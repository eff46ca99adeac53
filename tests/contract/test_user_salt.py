"""The salt of pseudonyms on AWS."""

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws.secrets import SecretText, SecretUserSalt
from silent_infinity.adapters.memory.user_salt import MemoryUserSalt
from silent_infinity.ports.errors import StoreUnavailableError


def test_the_salt_is_read_once_and_kept() -> None:
    """Every turn needs it; a secret read each time is slow, dear and one more thing to be down."""
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="salt", SecretString="s3cr3t")
        salt = SecretUserSalt(lambda: client, "salt")
        first = salt.salt()
        client.delete_secret(SecretId="salt", ForceDeleteWithoutRecovery=True)

        assert first == "s3cr3t"
        assert salt.salt() == "s3cr3t"


def test_a_secret_that_may_be_changed_is_read_again() -> None:
    """A key of links is changed because somebody else has it: what they signed must end with it."""
    now = [0.0]
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="key", SecretString="old")
        key = SecretText(lambda: client, "key", kept_seconds=60, elapsed=lambda: now[0])
        read = [key.text()]
        client.put_secret_value(SecretId="key", SecretString="new")
        for now[0] in (59.0, 60.0):
            read.append(key.text())

    assert read == ["old", "old", "new"]


def test_a_secret_that_cannot_be_read_is_an_outage() -> None:
    """Without the salt a person cannot be told from another: the turn must not be stored under a guess."""
    with mock_aws():
        client = boto3.client("secretsmanager")

        with pytest.raises(StoreUnavailableError, match=r"^ResourceNotFoundException$"):
            SecretUserSalt(lambda: client, "salt").salt()


def test_an_empty_secret_is_an_outage() -> None:
    """Pseudonyms made with an empty salt can be recomputed by anybody who knows a subject."""
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="salt", SecretBinary=b"binary")

        with pytest.raises(StoreUnavailableError, match=r"^EmptySecret$"):
            SecretUserSalt(lambda: client, "salt").salt()


def test_the_memory_salt_is_what_it_was_given() -> None:
    """Tests recompute pseudonyms with it."""
    assert MemoryUserSalt("pepper").salt() == "pepper"
