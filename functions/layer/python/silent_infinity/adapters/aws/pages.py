"""Items of a query or a scan, page after page."""

from collections.abc import Callable, Iterator
from typing import Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import Item


def items_of(operation: Callable[..., Any], **request: Any) -> Iterator[Item]:
    """Return the items, each page being asked for when the one before has been used.

    Raises:
        StoreUnavailableError: a page could not be read.
    """
    while True:
        page = call(operation, **request)
        yield from page["Items"]
        if not (last := page.get("LastEvaluatedKey")):
            return
        request["ExclusiveStartKey"] = last
