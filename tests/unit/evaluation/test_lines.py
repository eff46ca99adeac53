"""Reading data: errors lead to the line and never repeat what a person wrote."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.lines import LineError, checked, read, text_problem, written

CANARY = "canary-7f3a"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a data file."""
    return tmp_path / "data.jsonl"


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b'{"text": "canary-7f3a"', "not JSON at column"),
        (b'{"text": "canary-7f3a \xff"}', "not UTF-8 at byte 23"),
        (b'["canary-7f3a"]', "not a JSON object"),
        (b'"canary-7f3a"', "not a JSON object"),
        (b'{"message": "canary-7f3a"}', 'no field "text"'),
        (b'{"text": ["canary-7f3a"]}', 'the field "text" is not a string'),
        (b'{"text": "canary-7f3a", "x": NaN}', "not JSON: a number"),
        (b'{"text": "canary-7f3a", "x": ' + b"[" * 200_000 + b"}", "not JSON"),
        (b'{"text": "canary-7f3a", "x": ' + b"9" * 5_000 + b"}", "not JSON: a number"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_not_quoted(file: Path, bad: bytes, problem: str) -> None:
    """The error goes to terminals and CI logs; the text may be somebody's worst night."""
    file.write_bytes(b'{"text": "one"}\n\n' + bad + b"\n")

    with pytest.raises(LineError, match=r"data\.jsonl, line 3: ") as refused:
        checked(file, text_problem)

    assert problem in str(refused.value)
    assert CANARY not in str(refused.value)
    assert refused.value.number == 3


def test_no_parser_error_hides_behind_ours(file: Path) -> None:
    """A chained exception would be printed with the line that it quotes."""
    file.write_text(f'{{"text": "{CANARY}" oops')

    with pytest.raises(LineError) as refused:
        list(read(file, text_problem))

    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_blank_lines_a_mark_and_windows_ends_are_no_errors(file: Path) -> None:
    """Files come out of spreadsheets and editors of all kinds."""
    file.write_bytes(b'\xef\xbb\xbf{"text": "one"}\r\n\r\n   \n{"text": "zw\xc3\xb6lf"}')

    assert [line["text"] for line in read(file, text_problem)] == ["one", "zwölf"]
    assert checked(file, text_problem).lines == 2


def test_only_a_newline_ends_a_line(file: Path) -> None:
    """Texts hold line separators, form feeds and other things at which Python would split."""
    text = "a\u2028b\u2029c\x85d"
    file.write_text(json.dumps({"text": text}, ensure_ascii=False) + "\n", encoding="utf-8")

    assert [line["text"] for line in read(file, text_problem)] == [text]


def test_a_file_without_lines_is_an_error(file: Path) -> None:
    """Figures of nothing would look like figures."""
    file.write_text("\n\n")

    with pytest.raises(LineError, match="no lines"):
        checked(file, text_problem)


def test_a_file_is_known_by_its_content(file: Path) -> None:
    """A figure belongs to exactly these bytes."""
    file.write_bytes(b'{"text": "one"}\n')

    found = checked(file, text_problem)

    assert found.sha256 == "d0c87fa3d5b4e12b921f70a3abdd2c40f350e2b1df848fb32d0be45aabaaf3b6"
    assert found.name == "data.jsonl"


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans()))
def test_what_is_written_is_read_back_the_same(line: dict[str, object]) -> None:
    """Unknown fields belong to whoever made the file: they are passed through untouched."""
    raw = written(line)

    assert raw.count(b"\n") == 1
    assert json.loads(raw) == line


def test_half_a_surrogate_pair_does_not_end_the_run() -> None:
    """JSON allows it in an escape, UTF-8 does not."""
    line = json.loads('{"text": "\\ud83d"}')

    assert json.loads(written(line)) == line
