"""A link is good for exactly what it was signed for."""

import base64
import hashlib
import hmac
from dataclasses import replace
from string import ascii_letters, digits, printable
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.promotion.links import ApprovalLink, read, signature, url_of
from tests.support.approvals import BASE, KEY, query_of
from tests.support.vectors import description, load_vectors

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
numbers = st.integers(1, 10**15 - 1)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
links = st.builds(ApprovalLink, names, names, numbers, hashes, numbers)
LINK = ApprovalLink("promotion-1", "approver-1", 7, "0f" * 32, 1_795_938_900)


@pytest.mark.parametrize("case", load_vectors("approval_links.json"), ids=description)
def test_a_signature_is_hmac_sha256_of_the_signed_text(case: dict[str, Any]) -> None:
    """Whoever checks links in another language gets the same bytes."""
    digest = hmac.new(case["key"].encode(), case["signed"].encode(), hashlib.sha256).digest()

    assert signature(from_payload(ApprovalLink, case["link"]), case["key"]) == case["signature"]
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == case["signature"]


@given(links, st.sampled_from(["", "approve", "reject"]))
def test_a_link_says_what_was_signed(link: ApprovalLink, choice: str) -> None:
    """What is read from a link is what was put into it, whatever the names are made of."""
    url = url_of(BASE, link, KEY, choice)
    query = query_of(url)

    assert read(link.approval_id, query, KEY) == link
    assert query.get("d", "") == choice


@given(links, links)
def test_two_links_have_two_signatures(one: ApprovalLink, other: ApprovalLink) -> None:
    """Fields that could be divided otherwise would let one link stand for another."""
    assert (signature(one, KEY) == signature(other, KEY)) == (one == other)


@given(st.sampled_from("avhes"), st.integers(0, 70), st.sampled_from(printable + "é"), st.booleans(), links)
def test_a_link_with_any_character_changed_is_refused(
    name: str, place: int, character: str, insert: bool, link: ApprovalLink
) -> None:
    """One character decides about who, about what and until when."""
    query = query_of(url_of(BASE, link, KEY))
    text = query[name]
    cut = place % (len(text) + 1)
    changed = text[:cut] + character + text[cut + (0 if insert else 1) :]
    found = read(link.approval_id, {**query, name: changed}, KEY)

    assert (found is not None) == (changed == text)


@pytest.mark.parametrize("name", list("avhes"))
@pytest.mark.parametrize("value", [None, "", "0", "-1", "01", "1.0", " 7", "7\n", "٧", "x" * 5_000, "\udcff"])
def test_a_link_with_a_field_gone_or_odd_is_refused(name: str, value: str | None) -> None:
    """A number that reads the same in another spelling is not what was signed."""
    query = query_of(url_of(BASE, LINK, KEY))
    changed = {key: text for key, text in query.items() if key != name}
    if value is not None:
        changed[name] = value

    assert read(LINK.approval_id, changed, KEY) is None


def test_the_last_character_of_a_signature_counts_whole() -> None:
    """Of its six bits two are no part of the signature: four characters would be as good as one."""
    query = query_of(url_of(BASE, LINK, KEY))
    good = [
        last
        for last in ascii_letters + digits + "-_"
        if read(LINK.approval_id, {**query, "s": query["s"][:-1] + last}, KEY)
    ]

    assert good == [query["s"][-1]]


@given(names, links)
def test_a_link_opens_no_other_approval(other: str, link: ApprovalLink) -> None:
    """The id stands in the path, where it is as easily changed as in the query."""
    query = query_of(url_of(BASE, link, KEY))

    assert (read(other, query, KEY) is not None) == (other == link.approval_id)


@given(st.text(max_size=50))
def test_a_link_under_another_key_is_refused(key: str) -> None:
    """Keys differ between environments: what was sent in one opens nothing in another."""
    query = query_of(url_of(BASE, LINK, key))

    assert (read(LINK.approval_id, query, KEY) is not None) == (key == KEY)


def test_the_id_in_the_path_cannot_leave_it() -> None:
    """An id with a slash or a question mark would make another address of the link."""
    url = urlsplit(url_of(BASE + "/", replace(LINK, approval_id="a/../b?c#d"), KEY))

    assert url.path == "/v1-stage/v1/approvals/a%2F..%2Fb%3Fc%23d"
    assert url.fragment == ""


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=90), max_size=9), st.text(max_size=300))
def test_whatever_is_sent_is_refused_without_an_error(query: dict[str, str], approval_id: str) -> None:
    """Scanners and attackers send anything; none of it may end in a failure that an alarm counts."""
    assert read(approval_id, query, KEY) is None
