"""What every audit log promises to those who read it."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.domain.cursors import from_cursor, to_cursor
from silent_infinity.ports.audit_log import AuditPage
from tests.contract import aws
from tests.contract.registry_stores import RECORD, Registry, aws_registry, grow

OTHER = replace(RECORD, variant_id="ten")


def test_a_history_is_read_oldest_first_in_pages(registry: Registry) -> None:
    """A chain is checked from its first entry to its last, however long it is."""
    grow(registry, 11)
    grow(registry, 2, OTHER)

    pages = [registry.log.history(*RECORD.key, limit=4)]
    while pages[-1].cursor:
        pages.append(registry.log.history(*RECORD.key, limit=4, cursor=pages[-1].cursor))

    assert [entry.sequence for page in pages for entry in page.entries] == list(range(1, 12))
    assert [len(page.entries) for page in pages] == [4, 4, 3]
    assert registry.log.history(*RECORD.key).entries == tuple(
        entry for page in pages for entry in page.entries
    )


def test_the_log_of_all_is_read_newest_first_in_pages(registry: Registry) -> None:
    """What happened last is what an operator asks; entries of one moment must not be lost between pages."""
    grow(registry, 3)
    grow(registry, 4, OTHER)

    pages = [registry.log.recent(limit=2)]
    while pages[-1].cursor:
        pages.append(registry.log.recent(limit=2, cursor=pages[-1].cursor))
    found = [(entry.at[17:19], entry.variant_id) for page in pages for entry in page.entries]

    assert found == [
        ("03", "ten"),
        ("02", "ten"),
        ("02", "five"),
        ("01", "ten"),
        ("01", "five"),
        ("00", "ten"),
        ("00", "five"),
    ]


def test_nobody_has_no_history(registry: Registry) -> None:
    """An empty page is an answer."""
    assert registry.log.history("LLM_MODEL", "nobody") == AuditPage((), None)
    assert registry.log.recent(limit=5) == AuditPage((), None)


def test_a_cursor_of_another_list_is_refused(registry: Registry) -> None:
    """It would silently start somewhere: entries that are not seen are not checked."""
    grow(registry, 3)
    grow(registry, 3, OTHER)
    own = registry.log.history(*RECORD.key, limit=1).cursor
    of_all = registry.log.recent(limit=1).cursor
    assert own is not None
    assert of_all is not None

    for cursor in (own, "", "?", own[:-3], base64.b64encode(b"[" * 100_000).decode()):
        with pytest.raises(ValueError, match="cursor"):
            registry.log.recent(limit=1, cursor=cursor)
        with pytest.raises(ValueError, match="cursor"):
            registry.log.history(*OTHER.key, limit=1, cursor=cursor)
    with pytest.raises(ValueError, match="cursor"):
        registry.log.history(*RECORD.key, limit=1, cursor=of_all)


@given(of=st.text(max_size=20), place=st.lists(st.text(max_size=20), max_size=3))
@settings(deadline=None)
def test_a_cursor_gives_back_its_place(of: str, place: list[str]) -> None:
    """Whatever a key holds; and of no other list and no other shape."""
    cursor = to_cursor(of, place)

    assert from_cursor(of, cursor, len(place)) == tuple(place)
    with pytest.raises(ValueError, match="cursor"):
        from_cursor(of + "x", cursor, len(place))
    with pytest.raises(ValueError, match="cursor"):
        from_cursor(of, cursor, len(place) + 1)


def test_a_cursor_is_text_that_a_store_takes() -> None:
    """Half of a surrogate pair would be the table's failure instead of the caller's mistake."""
    cursor = base64.urlsafe_b64encode(b'["a list","\\ud800"]').decode().rstrip("=")

    with pytest.raises(ValueError, match="not a cursor"):
        from_cursor("a list", cursor, 1)


@given(cursor=st.text(max_size=40))
@settings(deadline=None)
def test_any_other_text_is_no_cursor(cursor: str) -> None:
    """It comes from outside: there is one way in which it fails."""
    with pytest.raises(ValueError, match="cursor"):
        from_cursor("a list of this name", cursor, 1)


def test_an_entry_says_whose_it_is_by_its_key(dynamodb: DynamoDBClient) -> None:
    """An entry that was moved or damaged has to come up in the check, and must not stop it."""
    registry = aws_registry(dynamodb)
    grow(registry, 1)
    pk = f"VARIANT#{RECORD.category}#{RECORD.variant_id}"
    moved = {"pk": pk, "sk": "0000000002", "category": "X", "variant_id": "y", "sequence": 9}
    for item in (moved, {"pk": pk, "sk": "not a number", "document": "{}"}):
        dynamodb.put_item(TableName=aws.AUDIT_LOG, Item=to_item(item))

    _, second, third = registry.log.history(*RECORD.key).entries

    assert (second.category, second.variant_id, second.sequence) == (*RECORD.key, 2)
    assert (second.at, second.document, second.hash) == ("", "", "")
    assert (third.sequence, third.document) == (0, "{}")
