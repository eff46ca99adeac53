"""Pages of the logs in DynamoDB: so many items, and the cursor of the last of them if there are more."""

from collections.abc import Iterable, Sequence
from itertools import islice

from silent_infinity.adapters.aws.items import Item, to_item
from silent_infinity.domain.cursors import from_cursor, to_cursor


def start_of(of: str, cursor: str | None, names: Sequence[str], **fixed: str) -> dict[str, Item]:
    """Return the argument that has a query go on behind the cursor; none at the beginning.

    Args:
        of: the list that the cursor must be of.
        cursor: what the page before gave.
        names: the attributes that the cursor holds.
        fixed: the attributes that all items of the list share.

    Raises:
        ValueError: the cursor is damaged or of another list.
    """
    if cursor is None:
        return {}
    place = from_cursor(of, cursor, len(names))
    if not all(place):
        raise ValueError("not a cursor of this list")
    return {"ExclusiveStartKey": to_item({**dict(zip(names, place, strict=True)), **fixed})}


def page_of(
    of: str, items: Iterable[Item], limit: int, names: Sequence[str]
) -> tuple[list[Item], str | None]:
    """Return the first `limit` items, and the cursor of the last one if another follows."""
    found = list(islice(items, limit + 1))
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], to_cursor(of, [last[name]["S"] for name in names])
