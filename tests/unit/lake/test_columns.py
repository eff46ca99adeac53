"""An event has one definition. Everything else that says what an event is made of is derived from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from silent_infinity import schemas
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.lake.arrivals import FEEDBACK, SOURCES, TURN_EVENTS, Source, line
from silent_infinity.domain.lake.bronze import BRONZE_TABLES
from silent_infinity.domain.lake.columns import columns_of, hive_type
from silent_infinity.domain.lake.hive_types import parse
from silent_infinity.domain.lake.tables import TABLES, table
from silent_infinity.domain.turn_event import TurnEvent
from silent_infinity.schemas.generate import documents
from tests.support.lake_events import feedback_item, turn_item

SCHEMAS = Path(schemas.__file__).parent


@dataclass(frozen=True)
class _Part:
    name: str
    share: float | None


@dataclass(frozen=True)
class _Whole:
    flag: bool
    number: int
    parts: tuple[_Part, ...]
    first: _Part
    words: tuple[str, ...]
    scores: dict[str, float]
    maybe: int | None = None


COLUMNS = {
    "flag": "boolean",
    "number": "bigint",
    "parts": "array<struct<name:string,share:double>>",
    "first": "struct<name:string,share:double>",
    "words": "array<string>",
    "scores": "map<string,double>",
    "maybe": "bigint",
}


@pytest.mark.parametrize("name", documents())
def test_generated_files_say_what_the_definitions_say(name: str) -> None:
    """Schema, catalogue, Parquet and history. Run `python -m silent_infinity.schemas.generate`."""
    assert (SCHEMAS / name).read_text(encoding="utf-8") == documents()[name]


def test_each_kind_of_field_has_its_column() -> None:
    """Nested ones too: a struct in a list is what the calls of models are."""
    assert {column.name: column.type for column in columns_of(_Whole)} == COLUMNS


@pytest.mark.parametrize("hint", [bytes, int | str, tuple[int, str], dict[int, str], Any])
def test_what_no_column_can_hold_is_refused(hint: Any) -> None:
    """A column of a guessed type would be found out by the first analyst, months later."""
    with pytest.raises(TypeError, match="no column can hold"):
        hive_type(hint)


def test_the_bronze_columns_are_the_fields_of_the_event() -> None:
    """All of them, in their order, none besides."""
    names = [column.name for column in table("bronze_turn_events").columns]

    assert names == [each.name for each in fields(TurnEvent)]


def test_no_word_has_a_column() -> None:
    """Invariant: free text never enters the lake. `feedback_text` is kept null for the memo's sake."""
    feedback = {column.name for column in table("bronze_feedback").columns}

    assert feedback.isdisjoint({"text", "feedback_text", "message", "comment"})
    assert (
        json.loads(line(TURN_EVENTS, TURN_EVENTS.offered(turn_item(feedback_text="said"))))["feedback_text"]
        is None
    )


@pytest.mark.parametrize(("source", "item"), [(TURN_EVENTS, turn_item()), (FEEDBACK, feedback_item())])
def test_the_item_in_the_table_is_the_event(source: Source, item: Mapping[str, Any]) -> None:
    """From the dataclass to DynamoDB's types and back to a line, nothing is lost and nothing changes."""
    stored = from_item(to_item(item))
    document = json.loads(line(source, source.offered(stored)))

    assert list(document) == [each.name for each in fields(source.event)]
    told = {name: value for name, value in item.items() if name in document}
    assert {name: document[name] for name in told} == json.loads(json.dumps(told))


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_its_table(name: str) -> None:
    """Lines of a source are read by the columns of its table."""
    columns = {f"bronze_{source}": SOURCES[source].event for source in SOURCES}

    assert table(f"bronze_{name}").columns
    assert [column.name for column in table(f"bronze_{name}").columns] == [
        each.name for each in fields(columns[f"bronze_{name}"])
    ]


def test_every_table_can_be_made() -> None:
    """Names are unique, prefixes lie apart, types are types, and arrivals are found without a catalogue."""
    names = [each.name for each in TABLES]
    prefixes = [each.prefix for each in TABLES]

    assert len(set(names)) == len(names)
    assert all(
        not other.startswith(prefix) for prefix in prefixes for other in prefixes if other is not prefix
    )
    assert all(prefix.endswith("/") for prefix in prefixes)
    for each in TABLES:
        columns = [column.name for column in (*each.columns, *each.partitions)]
        assert len(set(columns)) == len(columns), each.name
        assert all(name == name.lower() for name in columns), each.name
        assert all(parse(column.type) for column in each.columns), each.name
        assert each.partitions[0].name == "dt", each.name
        assert each.projected == (each in BRONZE_TABLES), each.name


@pytest.mark.parametrize("text", ["array<string", "map<string>", "array<string,string>", "list<string>"])
def test_a_broken_type_is_refused(text: str) -> None:
    """The catalogue takes any text for a type and fails when somebody asks."""
    with pytest.raises(ValueError, match=text.partition("<")[0]):
        parse(text)


def test_metadata_of_fields_does_not_reach_columns() -> None:
    """A field that was added later is a column like any other."""

    @dataclass(frozen=True)
    class Later:
        old: str
        new: int = field(default=0, metadata={"since": 2})

    assert [column.type for column in columns_of(Later)] == ["string", "bigint"]
