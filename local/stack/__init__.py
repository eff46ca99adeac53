"""The local stack as a Python API: `LocalStack` for tests and for the command line."""

from local.stack.stack import COMPOSER, DEMO_USER, SMALL, LocalStack, ServiceStatus

__all__ = ["COMPOSER", "DEMO_USER", "SMALL", "LocalStack", "ServiceStatus"]
