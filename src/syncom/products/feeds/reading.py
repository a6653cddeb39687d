"""Reads a feed: what it is, and its products in batches. Runs in a process of its own.

Files of strangers are parsed here, in a process with a limit of memory and without the database, so that the worst one
can do is end it. The parent writes a :class:`ReadRequest` to standard input and reads answers from standard output
(``aside.answers``), each a :class:`ReadBatch`.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from syncom.aside import limit_memory, write_answer
from syncom.contacts.imports.detect import detect
from syncom.contacts.imports.guard import unguard
from syncom.contacts.imports.reader import RecordReader
from syncom.errors import Invalid
from syncom.products.feeds import google, yml
from syncom.products.feeds.model import FeedFormat, FeedProblem
from syncom.products.feeds.xml import PIECE, Element, Reader
from syncom.products.model import ProductInput
from syncom.products.prepare import StagedProduct, checked, problem_of, rows_json, staged

#: Bytes of a feed, unpacked.
MAX_UNPACKED: Final = 2 << 30
#: Bytes of memory: some 60 MB are used.
_MEMORY: Final = 1 << 30
#: Products of one batch.
_BATCH: Final = 1_000
#: Reasons that are told; the others are counted.
_MAX_PROBLEMS: Final = 100
_GZIP: Final = b"\x1f\x8b"
_ROOTS: Final = {"yml_catalog": FeedFormat.YML, "rss": FeedFormat.RSS, "feed": FeedFormat.ATOM}
_HEAD: Final = 4096


class ReadRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to read."""

    path: str
    language: str = ""


class ReadBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Some products, ready to be staged (``prepare.rows_json``), and what is wrong with others."""

    format: FeedFormat | None = None
    rows: bytes = b"[]"
    #: Offers that were read, good and bad.
    offers: int = 0
    refused: int = 0
    problems: list[FeedProblem] = []
    #: Why the file as a whole cannot be taken: nothing follows.
    failure: str = ""
    is_last: bool = False


class _Batch:
    """Gathers what becomes a :class:`ReadBatch`."""

    def __init__(self, format_: FeedFormat) -> None:
        self._format = format_
        self._rows: list[StagedProduct] = []
        self._problems: list[FeedProblem] = []
        self._told = 0
        self._offers = self._refused = self._place = 0

    @property
    def is_full(self) -> bool:
        return self._offers >= _BATCH

    def add(self, product: ProductInput) -> None:
        """Raises Invalid."""
        self._rows.append(staged(checked(product), self._place))
        self._place += 1
        self._offers += 1

    def refuse(self, line: int, product_id: str, error: Invalid) -> None:
        self._offers += 1
        self._refused += 1
        if self._told < _MAX_PROBLEMS:
            self._told += 1
            field, reason = problem_of(error)
            shown = product_id[:100]
            self._problems.append(FeedProblem(line=line, product_id=shown, field=field, reason=reason))

    def taken(self, *, is_last: bool = False) -> ReadBatch:
        batch = ReadBatch(
            format=self._format,
            rows=rows_json(self._rows),
            offers=self._offers,
            refused=self._refused,
            problems=self._problems,
            is_last=is_last,
        )
        self._rows, self._problems = [], []
        self._offers = self._refused = 0
        return batch


def read(request: ReadRequest) -> Iterator[ReadBatch]:
    """The batches of a file. Memory holds one. Raises Invalid when the file as a whole cannot be taken."""
    path = _unpacked(Path(request.path))
    head = _head(path)
    if not head.strip():
        raise Invalid("file", "is empty")
    if not head.startswith("<"):
        yield from _table(path, request.language)
    else:
        yield from _xml(path, request.language)


# ---------------------------------------------------------------- files


def _unpacked(path: Path) -> Path:
    """The file, or beside it what was packed in it."""
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            return path
    plain = path.with_suffix(".plain")
    size = 0
    try:
        with gzip.open(path) as source, plain.open("wb") as target:
            while piece := source.read(PIECE):
                size += len(piece)
                if size > MAX_UNPACKED:
                    raise Invalid("file", f"unpacks to more than {MAX_UNPACKED >> 30} GB")
                target.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Invalid("file", f"cannot be unpacked: {error}") from None
    return plain


def _head(path: Path) -> str:
    """The beginning as text, good enough to tell XML from a table."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return head.decode(encoding, "replace").lstrip()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        # Some generators leave blank lines before the declaration, where XML allows none.
        first = file.read(PIECE)
        yield first.lstrip(b" \r\n\t")
        while piece := file.read(PIECE):
            yield piece


# ---------------------------------------------------------------- XML


def _xml(path: Path, language: str) -> Iterator[ReadBatch]:
    format_ = _format(path)
    categories = _categories(path) if format_ is FeedFormat.YML else yml.Categories()
    wanted = (yml.OFFER,) if format_ is FeedFormat.YML else google.ITEMS
    batch = _Batch(format_)
    for element in Reader(wanted).read(_pieces(path)):
        _take(batch, element, format_, categories, language)
        if batch.is_full:
            yield batch.taken()
    yield batch.taken(is_last=True)


def _take(batch: _Batch, element: Element, format_: FeedFormat, categories: yml.Categories, language: str) -> None:
    try:
        if element.is_too_large:
            raise Invalid("offer", "is too large")
        if format_ is FeedFormat.YML:
            batch.add(yml.product_of(element, categories, language))
        else:
            batch.add(google.product_of(element, language))
    except Invalid as error:
        batch.refuse(element.line, _id_of(element), error)


def _id_of(element: Element) -> str:
    return element.attributes.get("id", "") or next((one.text for one in element.members if one.name == "id"), "")


def _format(path: Path) -> FeedFormat:
    """By the name of the document's first element. Raises Invalid for any other."""
    reader, _ = _looked(path, (), lambda reader: bool(reader.root))
    found = _ROOTS.get(reader.root.lower())
    if found is None:
        known = ", ".join(f"<{name}>" for name in _ROOTS)
        raise Invalid("file", f"begins with <{reader.root[:60]}>; known feeds begin with {known}, or are tables")
    return found


def _categories(path: Path) -> yml.Categories:
    """The categories of a file. They stand before all offers as a rule; then little is read."""
    _, found = _looked(path, (yml.CATEGORY,), lambda reader: "categories" in reader.closed)
    return yml.Categories(found)


def _looked(path: Path, wanted: tuple[str, ...], is_enough: Callable[[Reader], bool]) -> tuple[Reader, list[Element]]:
    """What was found until it is enough."""
    reader = Reader(wanted)
    found: list[Element] = []

    def pieces() -> Iterator[bytes]:
        for piece in _pieces(path):
            if is_enough(reader):
                raise _EnoughError
            yield piece

    with suppress(_EnoughError):
        for element in reader.read(pieces()):
            found.append(element)  # noqa: PERF402 - those before the end are kept
    return reader, found


class _EnoughError(Exception):
    """The rest need not be read."""


# ---------------------------------------------------------------- tables


def _table(path: Path, language: str) -> Iterator[ReadBatch]:
    dialect = detect(path).dialect
    with RecordReader(path, dialect, None) as reader:
        header = reader.read(1)
    if not header.rows:
        raise Invalid("file", "has no line with the names of its columns")
    columns = [google.column_name(cell) for cell in header.rows[0]]
    missing = [name for name in ("id", "title") if name not in columns]
    if missing:
        raise Invalid(
            "file", f"is neither XML nor a table of products: it has no column {' and no column '.join(missing)}"
        )
    batch = _Batch(FeedFormat.TABLE)
    with RecordReader(path, dialect, columns, header.next) as reader:
        is_last = header.is_last
        while not is_last:
            rows = reader.read(_BATCH)
            is_last = rows.is_last
            for error in rows.errors:
                batch.refuse(error.line, "", Invalid(error.column or "row", error.reason))
            for line, cells in zip(rows.lines, rows.rows, strict=True):
                row = {name: unguard(cell) for name, cell in zip(columns, cells, strict=True)}
                try:
                    batch.add(google.product_of_row(row, language))
                except Invalid as error:
                    batch.refuse(line, row["id"], error)
            if batch.is_full:
                yield batch.taken()
    yield batch.taken(is_last=True)


# ---------------------------------------------------------------- the program


def batches(request: ReadRequest) -> Iterable[ReadBatch]:
    """What is answered to a request: what is wrong with the file as a whole is an answer too."""
    try:
        yield from read(request)
    except Invalid as error:
        yield ReadBatch(failure=error.fields[0].reason, is_last=True)
    except MemoryError:
        yield ReadBatch(failure="needs too much memory", is_last=True)


def main(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer one request."""
    request = msgspec.msgpack.decode(source.read(), type=ReadRequest)
    for batch in batches(request):
        write_answer(sink, msgspec.msgpack.encode(batch))


if __name__ == "__main__":
    limit_memory(_MEMORY)
    try:
        main(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()  # the parent is gone; nobody is left to be told
