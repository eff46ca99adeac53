"""What the environment tells a function: read once, named in every error."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class MissingSettingError(RuntimeError):
    """A variable that this function needs is not set. Names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A view of the environment variables, which the stacks set per function.

    Nothing is required until it is asked for, so that a function needs only the variables of what it uses.
    """

    variables: Mapping[str, str]

    @classmethod
    def from_env(cls) -> "Settings":
        """Read the process environment."""
        return cls(dict(os.environ))

    def text(self, name: str, default: str | None = None) -> str:
        """Return the variable, or the default if it is unset or empty.

        Raises:
            MissingSettingError: neither the variable nor a default is there.
        """
        value = self.variables.get(name) or default
        if value is None:
            raise MissingSettingError(f"Set the environment variable {name}.")
        return value

    def optional(self, name: str) -> str | None:
        """Return the variable, or None if it is unset or empty."""
        return self.variables.get(name) or None

    def integer(self, name: str, default: int) -> int:
        """Return the variable as a whole number.

        Raises:
            MissingSettingError: the variable is not a whole number.
        """
        value = self.variables.get(name)
        if not value:
            return default
        try:
            return int(value)
        except ValueError:
            raise MissingSettingError(f"The environment variable {name} must be a whole number.") from None

    def number(self, name: str, default: float) -> float:
        """Return the variable as a number.

        Raises:
            MissingSettingError: the variable is not a number.
        """
        value = self.variables.get(name)
        if not value:
            return default
        try:
            return float(value)
        except ValueError:
            raise MissingSettingError(f"The environment variable {name} must be a number.") from None

    @property
    def region(self) -> str:
        """The AWS region that the function runs in."""
        return self.text("AWS_REGION", "us-east-1")

    @property
    def environment(self) -> str:
        """The environment's name: local, dev, staging or prod."""
        return self.text("ENVIRONMENT")
