"""DynamoDB attribute values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.aws.items import from_item, to_attribute, to_item

numbers = st.integers(-(10**37), 10**37) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text() | st.binary(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=6))
def test_what_goes_in_comes_out(item: dict[str, Any]) -> None:
    """Emoji, nested maps, empty texts and small costs all live in these tables."""
    assert from_item(to_item(item)) == item


def test_the_wire_format() -> None:
    """Written out, because a round trip alone would also pass with a format of our own."""
    assert to_item(
        {"a": "x", "b": 1, "c": 0.00066, "d": True, "e": None, "f": [1, "y"], "g": {"h": b"z"}}
    ) == {
        "a": {"S": "x"},
        "b": {"N": "1"},
        "c": {"N": "0.00066"},
        "d": {"BOOL": True},
        "e": {"NULL": True},
        "f": {"L": [{"N": "1"}, {"S": "y"}]},
        "g": {"M": {"h": {"B": b"z"}}},
    }


def test_a_whole_number_may_come_back_as_an_int() -> None:
    """DynamoDB normalises 4.0 to 4; whoever needs a float says so in its type."""
    assert from_item({"rating": {"N": "4"}, "cost": {"N": "1E-7"}}) == {"rating": 4, "cost": 1e-07}


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), float("inf")])
def test_what_cannot_be_stored_is_named_by_its_type(value: Any) -> None:
    """The value itself could be somebody's message."""
    with pytest.raises(TypeError, match=rf"^cannot store a {type(value).__name__}$"):
        to_attribute(value)
