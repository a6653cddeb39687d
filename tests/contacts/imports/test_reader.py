"""The reader gives back what was written, and survives what should never have been written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.contacts.imports.detect import detect
from syncom.contacts.imports.model import Dialect, Overrides, Position, RowError
from syncom.contacts.imports.reader import RecordReader

_MARK = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
_ALPHABETS = {
    "utf-8": st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    "utf-16-le": st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
    "utf-16-be": st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
    "cp1251": st.sampled_from("abc Їжак,;\t|\"'\r\n\\€№0="),
    "cp1252": st.sampled_from("abc éü,;\t|\"'\r\n\\€0="),
    "iso8859-2": st.sampled_from("abc łř,;\t|\"'\r\n\\0="),
}


@st.composite
def _tables(draw: st.DrawFn) -> tuple[str, str, bool, str, list[list[str]]]:
    encoding = draw(st.sampled_from(sorted(_ALPHABETS)))
    width = draw(st.integers(1, 5))
    cell = st.text(_ALPHABETS[encoding], max_size=12)
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=30))
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    return encoding, draw(st.sampled_from(",;\t|")), draw(st.booleans()), ends, rows


@given(table=_tables(), batch=st.integers(1, 7), sparing=st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_table_is_read_back_as_it_was_written_and_from_any_place(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[str, str, bool, str, list[list[str]]],
    batch: int,
    sparing: bool,
) -> None:
    encoding, delimiter, marked, ends, rows = table
    text = io.StringIO(newline="")
    # With LF ends Python's writer leaves a lone CR unquoted, which no reader can tell from a line end.
    quoting = csv.QUOTE_MINIMAL if sparing and ends == "\r\n" else csv.QUOTE_ALL
    csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=quoting).writerows(rows)
    mark = _MARK.get(encoding, b"") if marked else b""
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_bytes(mark + text.getvalue().encode(encoding))
    columns = [f"c{place}" for place in range(len(rows[0]) if rows else 1)]
    dialect = Dialect(encoding=encoding, delimiter=delimiter, skip_bytes=len(mark))
    found: list[list[str]] = []
    lines: list[int] = []
    position: Position | None = None
    while True:  # a new reader for every batch: each begins where the last one ended
        with RecordReader(path, dialect, columns, position) as reader:
            part = reader.read(batch)
        assert part.errors == []
        found += part.rows
        lines += part.lines
        position = part.next
        if part.is_last:
            break
    assert found == rows
    expected, line = [], 1
    for row in rows:
        expected.append(line)
        line += 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in row)
    assert lines == expected


def _read(
    path: Path, data: bytes, *, columns: int = 3, count: int = 4, **dialect: object
) -> tuple[list, list[RowError]]:
    path.write_bytes(data)
    rows: list[tuple[int, list[str]]] = []
    errors: list[RowError] = []
    with RecordReader(path, Dialect(**dialect), [f"c{n}" for n in range(columns)]) as reader:
        while True:
            batch = reader.read(count)
            rows += zip(batch.lines, batch.rows, strict=True)
            errors += batch.errors
            if batch.is_last:
                return rows, errors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def test_a_cell_of_ten_megabytes_is_one_bad_row(path: Path) -> None:
    big = b"x" * 10_000_000
    for cell in (big, b'"' + big + b'"'):
        rows, errors = _read(path, b"1,2,3\n4," + cell + b",6\n7,8,9\n")
        assert [line for line, _ in rows] == [1, 3]
        assert [error.line for error in errors] == [2]


def test_a_file_that_is_one_endless_line_is_one_bad_row(path: Path) -> None:
    rows, errors = _read(path, b"x" * 7_000_000)
    assert rows == []
    assert len(errors) == 1
    assert "longer than" in errors[0].reason


def test_a_nul_makes_its_row_an_error_that_names_the_column(path: Path) -> None:
    rows, errors = _read(path, b"1,2,3\n4,\0,6\n7,8,9\n")
    assert [line for line, _ in rows] == [1, 3]
    assert [(error.line, error.column) for error in errors] == [(2, "c1")]


def test_rows_with_too_few_or_too_many_cells_are_errors_and_empty_extra_cells_are_not(path: Path) -> None:
    rows, errors = _read(path, b"1,2,3\n4,5\n1,2,3,4\n1,2,3,,\n\n,,\n7,8,9\n")
    assert [line for line, _ in rows] == [1, 4, 6, 7]
    assert [error.line for error in errors] == [2, 3]
    assert "has 2 cells" in errors[0].reason


def test_bare_carriage_returns_end_lines(path: Path) -> None:
    rows, errors = _read(path, b"1,2,3\r4,5,6\r7,8,9\r")
    assert [row for _, row in rows] == [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]]
    assert errors == []


@pytest.mark.parametrize("stray", [b'"4,5,6\n', b'4,"5,6\n', b'4,5,"6\n'])
@pytest.mark.parametrize("after", [3, 100, 180_000])
def test_a_quote_that_is_never_closed_costs_one_row(path: Path, stray: bytes, after: int) -> None:
    rows, errors = _read(path, b"1,2,3\n" + stray + b"7,8,9\n" * after, count=10_000)
    assert [error.line for error in errors] == [2]
    assert len(rows) == 1 + after
    assert rows[-1][0] == 2 + after


def test_a_quote_that_a_far_row_closes_costs_two_rows(path: Path) -> None:
    rows, errors = _read(path, b'1,2,3\n"4,5,6\n' + b"7,8,9\n" * 50 + b'x",1,2,3\n1,2,3\n')
    assert len(rows) == 52
    assert [error.line for error in errors] == [2, 53]


@pytest.mark.parametrize("closing", [b'"4,5,6\n', b'4,"5,6\n', b'4,5,"6"\n', b'"4","5","6"\n'])
def test_an_open_quote_that_a_later_quote_seems_to_close_swallows_nothing(path: Path, closing: bytes) -> None:
    rows, errors = _read(path, b'1,2,3\n"4,5,6\n' + b"7,8,9\n" * 50 + closing + b"1,2,3\n")
    assert len(rows) + len(errors) == 54
    assert errors[0].line == 2
    assert "not closed" in errors[0].reason
    assert rows[1:51] == [(line, ["7", "8", "9"]) for line in range(3, 53)]


def test_reopened_quotes_without_end_are_read_in_bounded_memory_and_linear_time(path: Path) -> None:
    rows, errors = _read(path, b'a"b,"\n' * 200_000, columns=2, count=10_000)
    assert len(rows) + len(errors) == 200_000


def test_bytes_that_are_not_in_the_encoding_are_errors_of_their_rows(path: Path) -> None:
    rows, errors = _read(path, "1,ї,3\n4,".encode() + b"\xe9" + ",6\n7,ґ,9\n".encode())
    assert [line for line, _ in rows] == [1, 3]
    assert [(error.line, error.column) for error in errors] == [(2, "c1")]
    assert "0xE9" in errors[0].reason


def test_a_file_read_in_the_wrong_encoding_reports_every_row(path: Path) -> None:
    rows, errors = _read(path, "1,Київ,3\n".encode("cp1251") * 50_000, count=10_000)
    assert rows == []
    assert [error.line for error in errors] == list(range(1, 50_001))


def test_utf16_cut_in_the_middle_of_a_character_is_an_error_of_the_last_row(path: Path) -> None:
    rows, errors = _read(path, "1,2,3\n4,5,6".encode("utf-16-le")[:-1], encoding="utf-16-le")
    assert [line for line, _ in rows] == [1]
    assert [error.line for error in errors] == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8-u", "cp866", "utf-16-le", "cp1252", "cp1250"])
def test_the_encoding_is_recognised(path: Path, encoding: str) -> None:
    text = "email,name,city\n"
    if encoding == "cp1252":
        text += "a@x.com,François,Orléans\nb@x.com,Jürgen,Köln\nc@x.com,Íñigo,Málaga\n"
    elif encoding == "cp1250":
        text += "a@x.com,Łukasz,Łódź\nb@x.com,Jiří,Třebíč\nc@x.com,Grażyna,Gdańsk\n"
    elif encoding == "cp866":
        text += "a@x.com,Иван,Москва\nb@x.com,Мария,Ростов\nc@x.com,Алексей,Одесса\n"
    else:
        text += "a@x.com,Іван,Київ\nb@x.com,Марія Петренко,Івано-Франківськ\nc@x.com,Алексей,Одесса\n"
    path.write_bytes(text.encode(encoding))
    found = detect(path)
    assert [row[1:] for row in found.rows] == [line.split(",")[1:] for line in text.splitlines()]
    assert found.dialect.encoding in (encoding, "iso8859-2")
    assert bool(found.warnings) == (encoding != "utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_delimiter_is_recognised_and_a_mark_is_no_part_of_the_first_name(
    path: Path, delimiter: str, mark: bytes
) -> None:
    rows = [["email", "note, or; more", "sum"], ["a@x.com", "one, two; three | four", "1,5"]] * 2
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(mark + text.getvalue().encode())
    found = detect(path)
    assert found.dialect.delimiter == delimiter
    assert found.rows[0][0] == "email"


def test_excels_separator_line_is_obeyed_and_skipped(path: Path) -> None:
    path.write_bytes(b"sep=|\r\nemail|name\r\na@x.com|A\r\n")
    found = detect(path)
    assert (found.dialect.delimiter, found.dialect.skip_lines) == ("|", 1)
    assert found.rows[0] == ["email", "name"]


def test_backslash_escapes_are_recognised(path: Path) -> None:
    path.write_bytes(b'"email","note"\n"a@x.com","say \\"hi\\", twice"\n')
    assert detect(path).rows[1] == ["a@x.com", 'say "hi", twice']


def test_a_missing_header_is_noticed(path: Path) -> None:
    path.write_bytes(b"a@x.com,Ann\nb@x.com,Bob\n")
    assert detect(path).dialect.has_header is False
    path.write_bytes(b"email\na@x.com\n")
    assert detect(path).dialect.has_header is True


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n\n", b"PK\x03\x04rest", b"%PDF-1.7 x", b"\0" * 100])
def test_files_without_rows_are_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(Exception, match=r"file"):
        detect(path)


def test_an_unknown_encoding_is_refused_by_name(path: Path) -> None:
    path.write_bytes(b"email\n")
    with pytest.raises(Exception, match="klingon is not known"):
        detect(path, Overrides(encoding="klingon"))
