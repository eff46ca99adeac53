"""Trino's SQL means on a laptop what it means on AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.athena.engine import Engine
from local.athena.errors import StatementError
from local.athena.parameters import with_parameters
from local.athena.tables import FolderCatalog
from local.athena.text import csv_of, datum
from tests.local.emulator_process import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/athena_trino.json").read_text(encoding="utf-8"))
ENGINE = Engine(FolderCatalog(Path("/nowhere")), threads=1)


def rows(sql: str) -> list[list[str | None]]:
    """The rows of a query over no table, as Athena's text."""
    return [[datum(value) for value in row] for row in ENGINE.run(sql).rows]


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if v.get("rows")], ids=lambda vector: str(vector["description"])
)
def test_a_query_gives_what_trino_gives(vector: dict[str, Any]) -> None:
    """The expected rows are those of Trino's documentation, or follow from its words."""
    assert rows(vector["sql"]) == vector["rows"]


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if "error" in v], ids=lambda vector: str(vector["description"])
)
def test_a_query_fails_where_trino_fails_or_this_engine_would_guess(vector: dict[str, Any]) -> None:
    """A wrong result is worse than none."""
    with pytest.raises(StatementError) as failure:
        rows(vector["sql"])

    assert failure.value.code == vector["error"]


def test_every_vector_is_used() -> None:
    """A vector is a query with rows or with an error, never neither."""
    assert all(bool(v.get("rows")) != bool(v.get("error")) for v in VECTORS)


@settings(max_examples=30, deadline=None)
@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1).filter(bool))
def test_quotient_and_remainder_make_the_dividend(a: int, b: int) -> None:
    """Division towards zero and a remainder with the dividend's sign belong together."""
    [[quotient, remainder]] = rows(f"SELECT BIGINT '{a}' / {b}, BIGINT '{a}' % {b}")

    assert int(str(quotient)) * b + int(str(remainder)) == a
    assert abs(int(str(remainder))) < abs(b)


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=20))
def test_a_parameter_is_only_ever_a_value(text: str) -> None:
    """Whatever stands between the quotes comes back as it is."""
    literal = "'" + text.replace("'", "''") + "'"

    assert rows(with_parameters("SELECT ? AS x, '?' AS y", [literal])) == [[text, "?"]]


@pytest.mark.parametrize("parameter", ["1; DROP TABLE x", "a", "1 + 1", "'a' || 'b'", "(SELECT 1)", "", "'a"])
def test_a_parameter_that_is_no_literal_is_refused(parameter: str) -> None:
    """Athena takes literals."""
    with pytest.raises(StatementError):
        with_parameters("SELECT ?", [parameter])


@pytest.mark.parametrize("count", [0, 2])
def test_parameters_are_as_many_as_question_marks(count: int) -> None:
    """A missing one must not become NULL."""
    with pytest.raises(StatementError, match="Incorrect number of parameters"):
        with_parameters("SELECT ?", ["1"] * count)


def test_the_file_of_a_result_tells_null_from_empty() -> None:
    """A NULL is nothing, an empty text is a pair of quotes."""
    assert csv_of(["a", "b"], [[None, ""], ['say "x"', "1"]]) == '"a","b"\n,""\n"say ""x""","1"\n'
