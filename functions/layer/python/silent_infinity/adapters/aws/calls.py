"""Calls of AWS services, with errors as the ports promise them: a code, and never what an item holds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from silent_infinity.ports.errors import StoreUnavailableError

P = ParamSpec("P")
R = TypeVar("R")

CONDITION_FAILED = "ConditionalCheckFailed"
_CONTENTION = frozenset({"TransactionConflict", "TransactionInProgress"})


class ConditionFailedError(Exception):
    """The item is not as the condition wants it. `item` is the item as it is, if the store told."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__(CONDITION_FAILED)
        self.item = item


class TransactionCancelledError(Exception):
    """Nothing was written. `reasons` has a code for each operation, `None` where it would have succeeded."""

    def __init__(self, reasons: tuple[str | None, ...]) -> None:
        super().__init__("TransactionCanceled")
        self.reasons = reasons

    def failed(self, place: int) -> bool:
        """True if the condition of the operation at this place did not hold."""
        return self.reasons[place] == CONDITION_FAILED


class ContentionError(StoreUnavailableError):
    """Another write to the same item was under way; the same call may succeed at once."""


def call(operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call an operation of a client.

    Raises:
        ConditionFailedError: a single write's condition did not hold.
        TransactionCancelledError: a transaction's conditions did not hold.
        ContentionError: another write was under way.
        StoreUnavailableError: any other failure.
    """
    with mapped_errors():
        return operation(*args, **kwargs)


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn botocore's errors into those of `call`. Their messages and causes could quote an item: both go."""
    try:
        yield
    except ClientError as error:
        raise _mapped(cast(Mapping[str, Any], error.response)) from None
    except BotoCoreError as error:
        raise StoreUnavailableError(type(error).__name__) from None


def _mapped(response: Mapping[str, Any]) -> Exception:
    code = str(response.get("Error", {}).get("Code", "Unknown"))
    if code == "ConditionalCheckFailedException":
        return ConditionFailedError(response.get("Item"))
    if code == "TransactionConflictException":
        return ContentionError("TransactionConflict")
    if code != "TransactionCanceledException":
        return StoreUnavailableError(code)
    codes = tuple(reason.get("Code") for reason in response.get("CancellationReasons", ()))
    reasons = tuple(None if code == "None" else code for code in codes)
    if CONDITION_FAILED in reasons:
        return TransactionCancelledError(reasons)
    other = next((reason for reason in reasons if reason), code)
    return ContentionError(other) if other in _CONTENTION else StoreUnavailableError(other)
