"""A sheet of an XLSX file written out as a UTF-8 text file. Runs in a process of its own with bounded
memory.

The first cell of every record is the number of its row in the sheet, so that errors name what the user sees.
An XLSX file is a ZIP archive of XML: before a parser sees it, every part is unpacked once and counted,
because the sizes that the archive itself claims may be a lie.

Formulas give the value that was stored with them, dates become ISO 8601, whole numbers lose their ``.0``.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

#: Most bytes all parts may have together when unpacked.
MAX_UNPACKED = 1 << 30
_MAX_PARTS = 10_000
#: Address space beyond what the interpreter has at the start, in bytes. A sheet is held in memory whole.
_MEMORY = 4 << 30
_CHUNK = 1 << 20

#: What a cell may hold.
Value = int | float | str | bool | time | date | datetime | timedelta


class RefusedError(Exception):
    """Why the file is not read, for the user."""


def is_spreadsheet(path: Path) -> bool:
    """Whether the file is a ZIP archive with a workbook in it. Reads the archive's table of contents only."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def convert(source: Path, target: Path, sheet: str | None) -> list[str]:
    """Write a sheet (None: the first) as text; returns the names of all sheets. Raises RefusedError."""
    refuse_bomb(source)
    try:
        workbook = CalamineWorkbook.from_path(str(source))
        names = workbook.sheet_names
        if not names:
            raise RefusedError("the workbook has no sheets")
        if sheet and sheet not in names:
            raise RefusedError(f"there is no sheet {sheet!r}; there are {', '.join(map(repr, names[:20]))}")
        data = workbook.get_sheet_by_name(sheet or names[0])
    except CalamineError as error:
        raise RefusedError(f"the spreadsheet cannot be read: {error}") from error
    with target.open("w", encoding="utf-8", newline="", errors="replace") as file:
        writer = csv.writer(file)
        for number, row in enumerate(data.iter_rows(), 1):
            writer.writerow([number, *map(cell_text, row)])
    return names


def cell_text(value: Value) -> str:
    """A cell as a person would type it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat() if value.time() != time() else value.date().isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)


def refuse_bomb(source: Path) -> None:
    """Unpack every part into nothing and count. Raises RefusedError beyond MAX_UNPACKED."""
    try:
        with zipfile.ZipFile(source) as archive, source.open("rb") as file:
            parts = archive.infolist()
            if len(parts) > _MAX_PARTS:
                raise RefusedError(f"the archive has {len(parts)} parts")
            if sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise RefusedError(_too_large())
            total = 0
            for part in parts:
                for size in _unpacked_sizes(file, part):
                    total += size
                    if total > MAX_UNPACKED:
                        raise RefusedError(_too_large())
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise RefusedError(f"the spreadsheet is damaged: {error}") from error


def _unpacked_sizes(file: BinaryIO, part: zipfile.ZipInfo) -> Iterator[int]:
    if part.compress_type == zipfile.ZIP_STORED:
        yield part.compress_size
        return
    if part.compress_type != zipfile.ZIP_DEFLATED or part.flag_bits & 1:
        raise RefusedError("the spreadsheet is encrypted or packed in an unusual way: save it again, or as CSV")
    file.seek(part.header_offset)
    header = file.read(30)
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    left = part.compress_size
    inflate = zlib.decompressobj(-15)
    while left > 0 and not inflate.eof:
        packed = file.read(min(left, 64 * 1024))
        if not packed:
            return
        left -= len(packed)
        while packed and not inflate.eof:
            yield len(inflate.decompress(packed, _CHUNK))
            packed = inflate.unconsumed_tail


def _too_large() -> str:
    return f"the spreadsheet is larger than {MAX_UNPACKED >> 30} GB when unpacked: save it as CSV"


def _limit_memory() -> None:
    """A sheet with one cell in its last corner claims billions of cells: only this process fails."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY and hard <= _MEMORY:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))


def main(arguments: list[str]) -> int:
    """``source target [sheet]``: prints a JSON object with ``sheets`` or ``problem``."""
    if sys.platform == "linux":  # macOS does not enforce it
        _limit_memory()
    source, target = Path(arguments[0]), Path(arguments[1])
    try:
        answer: dict[str, object] = {"sheets": convert(source, target, arguments[2] if len(arguments) > 2 else None)}
    except RefusedError as refused:
        answer = {"problem": str(refused)}
    except MemoryError:
        answer = {"problem": "the spreadsheet needs too much memory: save it as CSV"}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
