"""Rows of a text file with their line numbers, in bounded memory, whatever the file holds.

The csv module does the cutting. It gets its lines from blocks of the file, so that the place of every record
is known in bytes (an import resumes there) and a record can be read again. What it would get wrong is put
right here:

* a cell longer than MAX_CELL, a line longer than MAX_RECORD, a NUL, bytes that are not text in the file's
  encoding, too few or too many cells: the row becomes an error and the next one is read;
* a quote that is never closed swallows the lines after it. A record of several lines that is too long, has
  the wrong number of cells, goes on after a closing quote, or is still open at the end of the file, is read
  again line by line, each line once, so that one stray quote costs one row and reading stays linear.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from syncom.contacts.imports.model import MAX_CELL, MAX_RECORD, Dialect, Position, RowError

_BLOCK = 512 * 1024
#: Characters of a wrong cell that are shown.
SHOWN = 200

_NUL = "contains a NUL character"
_BLANK: list[str] = []


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a file, in order. Blank lines are in neither list."""

    #: All have as many cells as the file has columns.
    rows: list[list[str]]
    #: The line each row begins in.
    lines: Sequence[int]
    errors: list[RowError]
    #: Where the next batch begins.
    next: Position
    #: True: there is nothing after it.
    is_last: bool


class _Block(msgspec.Struct, frozen=True, kw_only=True):
    """Whole lines of the file. ``size`` is in bytes."""

    offset: int
    size: int
    first_line: int
    lines: list[str]
    raw: bytes
    has_nul: bool


class _RecordTooLongError(Exception):
    """Raised into the csv module when one record has taken MAX_RECORD bytes without an end."""


class RecordReader:
    """Reads the records of a text file from ``position`` on.

    ``columns`` are the names of the columns: their number is what every row must have. None takes rows of any
    length (the header is read that way). Not for several threads; sets the csv module's limit of a field.
    """

    def __init__(
        self, path: Path, dialect: Dialect, columns: Sequence[str] | None, position: Position | None = None
    ) -> None:
        csv.field_size_limit(MAX_CELL)
        self._dialect = dialect
        self._columns = columns
        start = position or Position(offset=dialect.skip_bytes, line=1 + dialect.skip_lines)
        self._file = path.open("rb", buffering=0)
        self._file.seek(start.offset)
        self._pending = b""
        self._offset = start.offset
        self._line = start.line
        self._blocks: deque[_Block] = deque()
        self._bad_lines: dict[int, str] = {}
        self._next = start
        self._rows: list[list[str]] = []
        self._rows_at_blocks: deque[int] = deque(maxlen=MAX_RECORD // _BLOCK + 1)
        self._has_nul = False
        self._is_over = False
        self._start_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, count: int) -> Batch:
        """The next rows, about ``count`` of them, and what is wrong with others."""
        first = self._next.line
        rows, trouble = self._read_rows(count)
        end = self._base + self._reader.line_num
        is_last = end > self._line
        if is_last and trouble is None:
            trouble, end = self._settle_end(rows, end)
        good, lines, errors = self._check(rows, first, end, trouble)
        self._next = self._position_of(end)
        while self._blocks and self._blocks[0].first_line + len(self._blocks[0].lines) <= end:
            self._blocks.popleft()
        if self._bad_lines:  # those of the lines read ahead stay
            self._bad_lines = {line: why for line, why in self._bad_lines.items() if line >= end}
        return Batch(rows=good, lines=lines, errors=errors, next=self._next, is_last=is_last)

    # ------------------------------------------------------------ reading

    def _start_reader(self) -> None:
        dialect = self._dialect
        options: dict[str, Any] = {"quotechar": dialect.quote or None, "doublequote": not dialect.escape}
        if not dialect.quote:
            options["quoting"] = csv.QUOTE_NONE
        if dialect.escape:
            options["escapechar"] = dialect.escape
        self._options = options
        self._base = self._line
        source = chain.from_iterable(self._line_blocks())
        self._reader = csv.reader(source, delimiter=dialect.delimiter, **options)

    def _read_rows(self, count: int) -> tuple[list[list[str]], str | None]:
        """Up to ``count`` records, and why the one after them could not be read."""
        rows: list[list[str]] = []
        self._rows = rows
        self._rows_at_blocks.clear()
        try:
            for row in islice(self._reader, count):
                rows.append(row)  # noqa: PERF402 - the rows before an error are kept
        except csv.Error as error:
            return rows, _reason(error)
        except _RecordTooLongError:
            consumed = self._base + self._reader.line_num
            self._start_reader()
            self._base = consumed
            return rows, "a quote is opened here and not closed"
        return rows, None

    def _settle_end(self, rows: list[list[str]], end: int) -> tuple[str | None, int]:
        """The blank line put after the file's end is a row of its own, unless a quote is still open."""
        if not rows:
            return None, end - 1
        last = rows.pop()
        if not last:
            return None, end - 1
        return "a quote is opened here and not closed before the end of the file", end - 1

    def _line_blocks(self) -> Iterator[list[str]]:
        while True:
            self._guard_length()
            block = self._read_block()
            if block is None:
                break
            self._blocks.append(block)
            yield block.lines
        if not self._is_over:
            self._is_over = True
            yield ["\n"]

    def _guard_length(self) -> None:
        done = len(self._rows)
        recent = self._rows_at_blocks
        if len(recent) == recent.maxlen and recent[0] == done:
            raise _RecordTooLongError
        recent.append(done)

    def _read_block(self) -> _Block | None:
        raw = self._cut_block()
        if not raw:
            return None
        if len(raw) > MAX_RECORD and _last_line_end(raw, self._dialect.encoding) == 0:
            return self._skip_line(len(raw))
        lines = self._decode(raw)
        block = _Block(
            offset=self._offset,
            size=len(raw),
            first_line=self._line,
            lines=lines,
            raw=raw,
            has_nul=b"\0" in raw and any("\0" in line for line in lines),
        )
        self._offset += len(raw)
        self._line += len(lines)
        return block

    def _cut_block(self) -> bytes:
        """The next bytes of the file up to a line's end."""
        data = self._pending
        while True:
            more = self._file.read(_BLOCK)
            if not more:
                self._pending = b""
                return data
            data += more
            end = _last_line_end(data, self._dialect.encoding)
            if end:
                self._pending = data[end:]
                return data[:end]
            if len(data) > MAX_RECORD:
                self._pending = b""
                return data

    def _skip_line(self, size: int) -> _Block:
        """Pass over a line that is too long; a blank one stands for it."""
        self._bad_lines[self._line] = f"the line is longer than {MAX_RECORD >> 20} MB"
        while True:
            data = self._file.read(_BLOCK)
            end = _first_line_end(data, self._dialect.encoding)
            if not data or end:
                self._pending = data[end:]
                size += end
                break
            size += len(data)
        block = _Block(offset=self._offset, size=size, first_line=self._line, lines=["\n"], raw=b"", has_nul=False)
        self._offset += size
        self._line += 1
        return block

    def _decode(self, raw: bytes) -> list[str]:
        encoding = self._dialect.encoding
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            return self._decode_by_line(raw)
        return list(StringIO(text, newline=""))

    def _decode_by_line(self, raw: bytes) -> list[str]:
        encoding = self._dialect.encoding
        if is_wide(encoding):
            lines = list(StringIO(raw.decode(encoding, "replace"), newline=""))
            for number, line in enumerate(lines, self._line):
                if "\ufffd" in line:
                    self._bad_lines[number] = f"is not valid {encoding.upper()}"
            return lines
        lines: list[str] = []
        for number, piece in enumerate(raw.splitlines(keepends=True), self._line):
            try:
                lines.append(piece.decode(encoding))
            except UnicodeDecodeError as error:
                byte = piece[error.start]
                self._bad_lines[number] = f"byte 0x{byte:02X} is not valid {encoding.upper()}"
                lines.append(piece.decode(encoding, "replace"))
        return lines

    # ------------------------------------------------------------ checking

    def _check(
        self, rows: list[list[str]], first: int, end: int, trouble: str | None
    ) -> tuple[list[list[str]], Sequence[int], list[RowError]]:
        width = len(self._columns) if self._columns is not None else None
        self._has_nul = any(block.has_nul for block in self._blocks)
        plain = not trouble and not self._bad_lines and not self._has_nul and len(rows) == end - first
        if plain and (width is None or set(map(len, rows)) <= {width}):
            return rows, range(first, end), []
        good: list[list[str]] = []
        lines: list[int] = []
        errors: list[RowError] = []
        line = first
        for row in rows:
            height = 1 + sum(map(_line_breaks, row))
            found: list[tuple[int, list[str] | RowError]]
            if height > 1 and width is not None and not self._is_sound(row, width, line, height):
                found = self._read_again(line, line + height, "a quote is opened here and not closed")
            else:
                found = [(line, self._checked(row, line, line + height))]
            for number, item in found:
                if isinstance(item, RowError):
                    errors.append(item)
                elif item:
                    good.append(item)
                    lines.append(number)
            line += height
        if trouble:
            for number, item in self._read_again(line, end, trouble):
                if isinstance(item, RowError):
                    errors.append(item)
                elif item:
                    good.append(item)
                    lines.append(number)
        return good, lines, errors

    def _is_sound(self, row: list[str], width: int, line: int, height: int) -> bool:
        """Whether a record of several lines is one: as wide as the file, nothing after a closing quote.

        A quote that was left open is closed by the next quote of the file, the opening quote of another
        cell: what comes after it betrays it.
        """
        if len(row) != width:
            return False
        strict = csv.reader(
            self._kept_lines(line, line + height),
            delimiter=self._dialect.delimiter,
            strict=True,
            **self._options,
        )
        try:
            return next(strict, None) == row
        except csv.Error:
            return False

    def _checked(self, row: list[str], line: int, end: int) -> list[str] | RowError:
        """The row with as many cells as there are columns, empty for a blank line, or what is wrong."""
        for number in range(line, end) if self._bad_lines else ():
            if number in self._bad_lines:
                return self._error(row, line, "\ufffd", self._bad_lines[number])
        if self._has_nul and any("\0" in cell for cell in row):
            return self._error(row, line, "\0", _NUL)
        if not row or self._columns is None or len(row) == len(self._columns):
            return row
        width = len(self._columns)
        if not any(cell.strip() for cell in row):
            return _BLANK
        if len(row) > width and not any(row[width:]):
            return row[:width]
        return RowError(
            line=line,
            column="",
            value=",".join(row)[:SHOWN],
            reason=f"has {len(row)} cells, the file has {width} columns",
        )

    def _error(self, row: list[str], line: int, mark: str, reason: str) -> RowError:
        """An error at the first cell that holds ``mark``."""
        for index, cell in enumerate(row):
            if mark in cell:
                names = self._columns or ()
                name = names[index] if index < len(names) else ""
                return RowError(line=line, column=name, value=cell.replace("\0", "\u2400")[:SHOWN], reason=reason)
        return RowError(line=line, column="", value="", reason=reason)

    def _read_again(self, first: int, end: int, reason: str) -> list[tuple[int, list[str] | RowError]]:
        """The lines from ``first`` to before ``end``, each as a record of its own."""
        lines = self._kept_lines(first, end)
        if len(lines) == 1:
            return [(first, RowError(line=first, column="", value=lines[0][:SHOWN].rstrip(), reason=reason))]
        found: list[tuple[int, list[str] | RowError]] = []
        for number, text in enumerate(lines, first):
            try:
                alone = csv.reader([text], delimiter=self._dialect.delimiter, strict=True, **self._options)
                row = next(alone, _BLANK)
            except csv.Error as error:
                found.append(
                    (
                        number,
                        RowError(line=number, column="", value=text[:SHOWN].rstrip(), reason=_reason(error)),
                    )
                )
                continue
            found.append((number, self._checked(row, number, number + 1)))
        return found

    def _kept_lines(self, first: int, end: int) -> list[str]:
        lines: list[str] = []
        for block in self._blocks:
            low, high = first - block.first_line, end - block.first_line
            if high > 0 and low < len(block.lines):
                lines += block.lines[max(low, 0) : high]
        return lines

    def _position_of(self, line: int) -> Position:
        for block in self._blocks:
            inside = line - block.first_line
            if 0 <= inside < len(block.lines):
                return Position(offset=block.offset + self._bytes_of(block, inside), line=line)
        return Position(offset=self._offset, line=line)

    def _bytes_of(self, block: _Block, lines: int) -> int:
        if not lines:
            return 0
        if is_wide(self._dialect.encoding):
            return len("".join(block.lines[:lines]).encode(self._dialect.encoding, "replace"))
        return sum(map(len, block.raw.splitlines(keepends=True)[:lines]))


def is_wide(encoding: str) -> bool:
    """Whether a line feed is more than one byte in this encoding."""
    return encoding.startswith(("utf-16", "utf-32"))


def _last_line_end(data: bytes, encoding: str) -> int:
    """The place after the last line end, 0 when there is none. A CR at the very end may be half a CRLF."""
    if is_wide(encoding):
        mark = "\n".encode(encoding)
        at = len(data)
        while (at := data.rfind(mark, 0, at)) >= 0:
            if at % len(mark) == 0:
                return at + len(mark)
            at += len(mark) - 1
        return 0
    end = data.rfind(b"\n") + 1
    return end or data.rfind(b"\r", 0, -1) + 1


def _first_line_end(data: bytes, encoding: str) -> int:
    """The place after the first line end, 0 when there is none."""
    if is_wide(encoding):
        mark = "\n".encode(encoding)
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            if at % len(mark) == 0:
                return at + len(mark)
        return 0
    return data.find(b"\n") + 1


def _line_breaks(cell: str) -> int:
    feeds = cell.count("\n")
    if "\r" in cell:
        return feeds + cell.count("\r") - cell.count("\r\n")
    return feeds


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell is longer than {MAX_CELL >> 20} MB, or a quote is opened here and not closed"
    if "unexpected end" in text:
        return "a quote is opened here and not closed"
    if "expected after" in text:
        return "a quoted cell goes on after its closing quote"
    return text
