"""What was done to a history shows; and a history to which nothing was done is whole."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from silent_infinity.domain.audit import AuditEntry, digest
from silent_infinity.domain.audit_verification import Flaw
from silent_infinity.domain.variant_records import VariantRecord
from tests.unit.audit.chains import KEY, chain, flaws, relinked, rewritten

CHAIN = chain(6)
ENTRIES, ROWS, ROW = list(CHAIN.entries), CHAIN.rows, CHAIN.rows[-1]
PLACES = st.integers(0, len(ENTRIES) - 1)


@given(length=st.integers(0, 12), anchored=st.lists(st.integers(0, 12), max_size=4))
@settings(deadline=None)
def test_a_history_that_nobody_touched_is_whole(length: int, anchored: list[int]) -> None:
    """An alarm that rings for nothing is turned off."""
    whole = chain(length)
    row = whole.rows[-1] if length else VariantRecord(*KEY, "staged")

    assert not flaws(whole.entries, row, whole.anchors(*(one for one in anchored if one <= length)))


def test_a_row_from_before_there_was_a_log_is_whole() -> None:
    """Its first entry comes with its first change; what it was before is in that entry."""
    assert not flaws([], VariantRecord(*KEY, "staged", version=7))


@given(place=PLACES, at=st.integers(min_value=0), character=st.characters(codec="utf-8"))
@settings(deadline=None)
def test_a_changed_document_shows(place: int, at: int, character: str) -> None:
    """Whatever character of whatever entry."""
    entry = ENTRIES[place]
    index = at % len(entry.document)
    changed = entry.document[:index] + character + entry.document[index + 1 :]
    assume(changed != entry.document)
    entries = [*ENTRIES[:place], replace(entry, document=changed), *ENTRIES[place + 1 :]]

    assert (Flaw.CHANGED, place + 1) in flaws(entries, ROW)


def test_a_stored_hash_is_not_believed() -> None:
    """Only what a document hashes to now counts: for the entry after it, and for anchors."""
    changed = replace(ENTRIES[2], document=rewritten(ENTRIES[2], reason="Another reason").document)

    assert flaws([*ENTRIES[:2], changed, *ENTRIES[3:]], ROW, CHAIN.anchors(3)) == {
        (Flaw.CHANGED, 3),
        (Flaw.REORDERED, 4),
        (Flaw.ANCHOR, 3),
    }


@given(place=PLACES, fact=st.sampled_from(sorted(ENTRIES[0].facts)), value=st.text(max_size=5))
@settings(deadline=None)
def test_a_changed_document_with_a_fitting_hash_shows(place: int, fact: str, value: str) -> None:
    """The entry after it names what it was, or the row does."""
    forged = rewritten(ENTRIES[place], **{fact: value})

    found = flaws([*ENTRIES[:place], forged, *ENTRIES[place + 1 :]], ROW)

    assert found
    assert found & {(Flaw.REORDERED, place + 2), (Flaw.HEAD, len(ENTRIES))}


@given(place=PLACES, name=st.sampled_from(["hash", "at"]), value=st.text(max_size=70))
@settings(deadline=None)
def test_a_changed_attribute_beside_the_document_shows(place: int, name: str, value: str) -> None:
    """Readers sort and filter by them."""
    assume(value != getattr(ENTRIES[place], name))
    changed: AuditEntry = replace(ENTRIES[place], **{name: value})  # type: ignore[arg-type] # both are texts

    assert flaws([*ENTRIES[:place], changed, *ENTRIES[place + 1 :]], ROW)


@given(gone=st.sets(PLACES, min_size=1))
@settings(deadline=None)
def test_removed_entries_show(gone: set[int]) -> None:
    """In the middle as a gap, at the end by the row's count."""
    left = [entry for place, entry in enumerate(ENTRIES) if place not in gone]

    found = flaws(left, ROW)

    assert found <= {(flaw, place + 1) for place in gone for flaw in (Flaw.REMOVED, Flaw.TRUNCATED)}
    assert (
        Flaw.TRUNCATED if gone == set(range(min(gone), len(ENTRIES))) else Flaw.REMOVED,
        min(gone) + 1,
    ) in found


@given(places=st.lists(PLACES, min_size=2, max_size=2, unique=True))
@settings(deadline=None)
def test_exchanged_entries_show(places: list[int]) -> None:
    """Under each other's numbers, with and without what they say of themselves being made to fit."""
    one, other = sorted(places)
    plain, forged = list(ENTRIES), list(ENTRIES)
    for place, source in ((one, other), (other, one)):
        moved = replace(ENTRIES[source], sequence=place + 1)
        plain[place] = moved
        forged[place] = rewritten(moved, sequence=place + 1)

    assert {(Flaw.FOREIGN, one + 1), (Flaw.FOREIGN, other + 1)} <= flaws(plain, ROW)
    assert (Flaw.REORDERED, one + 1) in flaws(forged, ROW)


@given(order=st.permutations(range(len(ENTRIES))))
@settings(deadline=None)
def test_another_order_that_is_linked_anew_shows(order: list[int]) -> None:
    """Whoever rewrites the whole chain still has to rewrite the row, and then the anchors speak."""
    assume(order != sorted(order))
    forged = relinked([ENTRIES[place] for place in order])
    left = replace(
        ROWS[order[-1]],
        version=ROW.version,
        audit_count=ROW.audit_count,
        audit_head=forged[-1].hash,
    )

    assert (Flaw.HEAD, len(ENTRIES)) in flaws(forged, ROW)
    assert flaws(forged, left, CHAIN.anchors(len(ENTRIES))) == {(Flaw.ANCHOR, len(ENTRIES))}


@given(keep=st.integers(0, len(ENTRIES) - 1), anchored=st.integers(1, len(ENTRIES)))
@settings(deadline=None)
def test_an_end_that_was_cut_off_shows(keep: int, anchored: int) -> None:
    """By the row; and if that is put back to fit, by every anchor of what was cut off."""
    assume(anchored > keep)
    earlier = ROWS[keep - 1] if keep else VariantRecord(*KEY, "staged")

    assert (Flaw.TRUNCATED, keep + 1) in flaws(ENTRIES[:keep], ROW)
    assert not flaws(ENTRIES[:keep], earlier)
    assert flaws(ENTRIES[:keep], earlier, CHAIN.anchors(anchored)) == {(Flaw.ANCHOR, anchored)}


def test_a_forged_end_shows() -> None:
    """A change that is told of but was never made."""
    assert flaws(ENTRIES, ROWS[3]) == {(Flaw.FORGED, 5)}
    assert flaws(ENTRIES[:1], VariantRecord(*KEY, "staged")) == {(Flaw.FORGED, 1)}


def test_an_end_that_was_rewritten_after_an_anchor_shows() -> None:
    """Row and chain fit each other; only the anchor remembers."""
    other = chain(6)
    forged = relinked([*ENTRIES[:4], rewritten(other.entries[4], reason="Another reason"), ENTRIES[5]])
    row = replace(ROW, audit_head=forged[-1].hash)

    assert not flaws(forged, row)
    assert not flaws(forged, row, CHAIN.anchors(2, 4))
    assert flaws(forged, row, CHAIN.anchors(4, 5, 6)) == {(Flaw.ANCHOR, 5), (Flaw.ANCHOR, 6)}


def test_an_entry_of_another_variant_shows() -> None:
    """A history that somebody borrowed is whole in itself."""
    borrowed = [replace(entry, category=KEY[0]) for entry in chain(6, (KEY[0], "ten")).entries]

    assert (Flaw.FOREIGN, 1) in flaws(borrowed, ROW)


@pytest.mark.parametrize("sequence", [0, 1, 3, -4])
def test_an_entry_under_a_number_that_is_taken_shows(sequence: int) -> None:
    """Keys are texts: `3` lies beside `0000000003`."""
    assert flaws([*ENTRIES, replace(ENTRIES[2], sequence=sequence)], ROW) == {(Flaw.FOREIGN, sequence)}


@pytest.mark.parametrize(
    "changes",
    [
        {"rollout_percent": 100.0},
        {"status": "production"},
        {"config": {"size": 6}},
        {"ranges": ((0, 1),)},
        {"last_modified_by": "operator:2"},
    ],
)
def test_a_row_that_was_changed_past_the_log_shows(changes: dict[str, Any]) -> None:
    """The shortest way round an audit log is not to write to it."""
    assert flaws(ENTRIES, replace(ROW, **changes)) == {(Flaw.ROW, 6)}


def test_a_row_that_is_gone_shows() -> None:
    """Variants are never deleted; and a history without a row may be anchored or not."""
    assert flaws(ENTRIES, None) == {(Flaw.ROW, 6)}
    assert flaws([], None, CHAIN.anchors(6)) == {(Flaw.ANCHOR, 6)}


def test_a_row_may_name_no_head_without_entries() -> None:
    """A count of zero with a hash is a row that somebody put back half."""
    assert flaws([], VariantRecord(*KEY, "staged", audit_head="ab")) == {(Flaw.HEAD, 0)}


def test_fields_that_came_later_do_not_spoil_a_history() -> None:
    """A version that adds a field to rows must not find every older entry wrong."""
    facts = ENTRIES[0].facts
    after = {name: value for name, value in facts["after"].items() if name != "pass_criteria"}
    older = rewritten(ENTRIES[0], after=after)

    assert not flaws([older], replace(ROWS[0], audit_head=older.hash))


@pytest.mark.parametrize(
    "document",
    ["", "[]", "7", "[" * 100_000, json.dumps({"chain_version": 2})],
)
def test_a_document_that_is_none_shows(document: str) -> None:
    """With a hash that fits, too; and nothing that somebody writes may stop the check."""
    entry = replace(ENTRIES[5], document=document, hash=digest(document))

    assert (Flaw.CHANGED, 6) in flaws([*ENTRIES[:5], entry], replace(ROW, audit_head=entry.hash))
