"""The half of an import that needs no database: read, map, check, normalise. Runs in a process of its own,
so that it works on the next batch while the database merges the last one.

The parent writes one request to this program's standard input and reads batches from its standard output;
each is a frame of four bytes of length (big endian) and MessagePack. When the parent dies, the pipe breaks
and this ends.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from syncom.contacts.imports.guard import unguard
from syncom.contacts.imports.model import (
    CUSTOM,
    FURTHER,
    KEY_TARGETS,
    ROW_TARGETS,
    DateOrder,
    Dialect,
    Position,
    RowError,
)
from syncom.contacts.imports.reader import SHOWN, RecordReader
from syncom.contacts.imports.row_facts import FactReader, RowFacts
from syncom.contacts.model import ContactInput, CustomField, FieldType, PreparedRow, UpsertOptions
from syncom.contacts.normalise import international
from syncom.contacts.prepare import prepare_known, prepare_rows


class ParseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to read and how."""

    path: str
    dialect: Dialect
    columns: tuple[str, ...]
    #: A target for each column, see ``ColumnTarget``.
    mapping: tuple[str, ...]
    fields: dict[str, CustomField]
    options: UpsertOptions
    start: Position
    batch_rows: int
    #: Rows need none of the identities in ``options``: their contacts are found in another way.
    any_identity: bool = False
    #: Numbers without a ``+`` have their country code all the same.
    international: bool = False


class ParsedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows ready to be merged, and those that never will be."""

    prepared: list[PreparedRow]
    #: The line of the file for each place in the batch: ``prepared[n].row`` leads to it.
    lines: list[int]
    errors: list[RowError]
    #: Rows of the file in this batch, good and bad.
    count: int
    next: Position
    is_last: bool
    #: One for each kept row, by its place in the batch; empty when no column says anything of the kind.
    facts: list[RowFacts] = []


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ParsedBatch)

_DATE = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SEPARATORS = re.compile(r"[;,\s]+")


def decode_batch(frame: bytes) -> ParsedBatch:
    """A batch from the bytes of its frame, without the length."""
    return _DECODER.decode(frame)


def encode_request(request: ParseRequest) -> bytes:
    """The whole frame of a request."""
    return _framed(_ENCODER.encode(request))


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def parse(request: ParseRequest) -> Iterator[ParsedBatch]:
    """The batches of a file from a position on. Memory holds one batch."""
    rows = _RowMapper(request)
    names = ("", *request.columns) if request.dialect.is_numbered else request.columns
    with RecordReader(Path(request.path), request.dialect, names, request.start) as reader:
        while True:
            batch = reader.read(request.batch_rows)
            lines: Sequence[int] = batch.lines
            cells = batch.rows
            if request.dialect.is_numbered:
                lines = [int(row[0]) for row in cells]
                cells = [row[1:] for row in cells]
            yield rows.prepare(cells, lines, batch.errors, batch.next, is_last=batch.is_last)
            if batch.is_last:
                return


class _RowMapper:
    """Turns rows of cells into prepared contacts by the mapping."""

    def __init__(self, request: ParseRequest) -> None:
        self._columns = request.columns
        self._fields = request.fields
        self._options = request.options
        self._standard: list[tuple[int, str]] = []
        self._custom: list[tuple[int, str, Callable[[str], str] | None]] = []
        self._further: list[tuple[int, str]] = []
        self._places: dict[str, int] = {}
        for place, target in enumerate(request.mapping):
            self._places.setdefault(target, place)
            if target in FURTHER:
                self._further.append((place, target))
            elif target.startswith(CUSTOM):
                key = target.removeprefix(CUSTOM)
                self._custom.append((place, key, _notation(self._fields[key].type, request.dialect)))
            elif target and target not in ROW_TARGETS:
                self._standard.append((place, target))
        self._facts = FactReader(request.mapping, _notation(FieldType.DATETIME, request.dialect))
        kinds = (request.options.key, *request.options.fallback_keys)
        keys = [self._places[KEY_TARGETS[kind]] for kind in kinds if KEY_TARGETS[kind] in self._places]
        self._key = keys[0] if keys else 0
        self._any_identity = request.any_identity
        self._international = request.international

    def prepare(
        self,
        rows: list[list[str]],
        lines: Sequence[int],
        errors: list[RowError],
        following: Position,
        *,
        is_last: bool,
    ) -> ParsedBatch:
        inputs: list[ContactInput] = []
        facts: list[RowFacts] = []
        kept_rows: list[list[str]] = []
        kept_lines: list[int] = []
        for line, row in zip(lines, rows, strict=True):
            if any(row):  # spreadsheets leave rows of nothing but delimiters
                if self._facts.is_needed:
                    found = self._facts.read(row, len(inputs))
                    if not isinstance(found, RowFacts):
                        errors.append(self._error(line, row, *found))
                        continue
                    facts.append(found)
                inputs.append(self._contact(row))
                kept_rows.append(row)
                kept_lines.append(line)
        if self._any_identity:
            prepared, problems = prepare_known(inputs, self._fields, self._options.phone_region)
        else:
            prepared, problems = prepare_rows(inputs, self._fields, self._options)
        for problem in problems:
            index = problem.index
            errors.append(
                self._error(kept_lines[index], kept_rows[index], self.place_of(problem.field), problem.reason)
            )
        return ParsedBatch(
            prepared=prepared,
            lines=kept_lines,
            errors=errors,
            count=len(prepared) + len(errors),
            next=following,
            is_last=is_last,
            facts=facts,
        )

    def _error(self, line: int, row: Sequence[str], place: int, reason: str) -> RowError:
        return RowError(line=line, column=self._columns[place], value=row[place][:SHOWN], reason=reason)

    def place_of(self, field: str) -> int:
        """The column a problem is about; ``emails.1`` is about the first column of further addresses."""
        name = field if field.startswith(CUSTOM) else field.partition(".")[0]
        return self._places.get(name, self._key)

    def _contact(self, row: list[str]) -> ContactInput:
        """What the row says. An empty cell says nothing: it never clears what is stored."""
        values: dict[str, Any] = {}
        for place, name in self._standard:
            cell = row[place]
            if cell:
                values[name] = unguard(cell) if cell[0] == "'" else cell
        if self._international and "phone" in values:
            values["phone"] = international(values["phone"])
        if self._custom:
            custom: dict[str, Any] = {}
            for place, key, notation in self._custom:
                cell = row[place]
                if cell and not cell.isspace():
                    cell = unguard(cell) if cell[0] == "'" else cell
                    custom[key] = notation(cell) if notation else cell
            values["fields"] = custom
        for place, name in self._further:
            parts = tuple(part for part in _SEPARATORS.split(unguard(row[place])) if part)
            if parts:
                values[name] = values.get(name, ()) + parts
        return ContactInput(**values)


def _notation(kind: FieldType, dialect: Dialect) -> Callable[[str], str] | None:
    """How cells of this type are rewritten from the file's notation into ours; None: not at all."""
    if kind is FieldType.NUMBER:
        return _with_decimal_comma if dialect.decimal == "," else _with_decimal_point
    if kind in (FieldType.DATE, FieldType.DATETIME) and dialect.date_order is DateOrder.MONTH_FIRST:
        return _with_month_first
    return None


def _with_decimal_comma(cell: str) -> str:
    return cell.replace(".", "").replace(",", ".") if "," in cell else cell


def _with_decimal_point(cell: str) -> str:
    return cell.replace(",", "") if "," in cell and _GROUPED.fullmatch(cell.strip()) else cell


def _with_month_first(cell: str) -> str:
    found = _DATE.match(cell)
    if not found:
        return cell
    month, _, day, year = found.groups()
    return f"{year}-{month:0>2}-{day:0>2}{cell[found.end() :]}"


def main(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer one request."""
    gc.disable()  # nothing here makes cycles, and walking a batch's objects costs a tenth of the time
    request = msgspec.msgpack.decode(source.read(int.from_bytes(source.read(4), "big")), type=ParseRequest)
    for batch in parse(request):
        sink.write(_framed(_ENCODER.encode(batch)))
        sink.flush()


if __name__ == "__main__":
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()  # the parent is gone; nobody is left to be told
