"""What a text file is: its encoding, delimiter, quoting, header. Nothing is guessed in silence.

Whether a file is UTF-8 is not a guess: the whole file is checked (about a gigabyte a second). Other
encodings are told apart by how plausible the letters are, and the proposal says that it is a guess and shows
rows to check.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from io import StringIO
from pathlib import Path

import charset_normalizer
import msgspec

from syncom.contacts.imports.model import MAX_CELL, MAX_COLUMNS, DateOrder, Dialect, Overrides
from syncom.contacts.imports.reader import is_wide
from syncom.errors import Invalid

#: Bytes of the file's beginning that the shape (delimiter, header) is read from.
SAMPLE_BYTES = 256 * 1024
_SAMPLE_LINES = 500
_FOREIGN_BYTES = 64 * 1024

DELIMITERS = (",", ";", "\t", "|")

#: Longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CYRILLIC = ("cp1251", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic")
_LATIN = ("cp1252", "cp1250", "cp1254", "iso8859-2", "iso8859-15", "mac-roman")
#: What the 8-bit encodings of one family differ in is settled by the more common one.
_PREFERENCE = {"cp1251": 0.02, "cp1252": 0.03, "cp1250": 0.01}
_COMMON_CYRILLIC = set("оаеинтсрвлкмдпуяыьгзбчйхжіїєшюц")
_COMMON_LATIN = set("éèàçäöüßñíóáúêôâîåøæëïòãõšžčřýěłąęśźżćńőűůğışÉÀÇÄÖÜÑÅØŠŽČ€’“”«»–")

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
_VALUE = re.compile(r"\+?[\d\s().,:/-]*\d[\d\s().,:/-]*")
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\r?\n', re.IGNORECASE)
_NUMERIC_DATE = re.compile(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})\b")
_NUMBER = re.compile(r"^-?\d+([.,])\d+$")


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """What a file looks like, with the rows it was seen in, the header first when there is one."""

    dialect: Dialect
    rows: list[list[str]]
    warnings: list[str]


def detect(path: Path, overrides: Overrides | None = None, *, is_numbered: bool = False) -> Detection:
    """Look at a text file. Reads all of it once, in blocks. ``is_numbered``: see :class:`Dialect`.

    Raises Invalid: the file is empty, is no text, or cannot be decoded as the caller says.
    """
    wanted = overrides or Overrides()
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    if not head.strip(b"\0 \r\n\t\xef\xbb\xbf\xff\xfe"):
        raise Invalid("file", "the file is empty: it needs a line with column names and one line for each contact")
    _refuse_binary(head)
    encoding, skip_bytes, warnings = _encoding(path, head, wanted.encoding)
    text = _decoded_sample(head[skip_bytes:], encoding)
    text, skipped, named = _without_separator_line(text)
    skip_bytes += len(skipped.encode(encoding))
    delimiter = wanted.delimiter or named or _delimiter(text)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise Invalid("delimiter", "must be one character, such as a comma, a semicolon or a tab")
    quote, escape = _quoting(text, delimiter)
    rows = _rows(text, delimiter, quote, escape)
    if is_numbered:
        rows = [row[1:] for row in rows if any(row[1:])]
    if not rows:
        raise Invalid("file", "no rows were found: is this a CSV or XLSX file?")
    if len(rows[0]) > MAX_COLUMNS:
        raise Invalid("file", f"has {len(rows[0])} columns; {MAX_COLUMNS} is the most")
    has_header = looks_like_header(rows) if wanted.has_header is None else wanted.has_header
    data = rows[1:] if has_header else rows
    dialect = Dialect(
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        skip_bytes=skip_bytes,
        skip_lines=1 if skipped else 0,
        has_header=has_header,
        decimal=wanted.decimal or _decimal(data, delimiter),
        date_order=wanted.date_order or _date_order(data),
        is_numbered=is_numbered,
    )
    return Detection(dialect=dialect, rows=rows, warnings=warnings)


def looks_like_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: no cell of it is an address, a number or a date."""
    first = [cell.strip() for cell in rows[0]]
    if any(_EMAIL.fullmatch(cell) or _VALUE.fullmatch(cell) for cell in first):
        return False
    named = [cell for cell in first if cell]
    return bool(named) and max(map(len, named)) <= 200


# ---------------------------------------------------------------- encoding


def _refuse_binary(head: bytes) -> None:
    kinds = {
        b"PK\x03\x04": "a ZIP archive: unpack it, or give an .xlsx file its own name",
        b"\xd0\xcf\x11\xe0": "an old Excel file (.xls): save it as .xlsx or CSV",
        b"%PDF": "a PDF",
        b"\x1f\x8b": "compressed with gzip: unpack it first",
    }
    for mark, what in kinds.items():
        if head.startswith(mark):
            raise Invalid("file", f"this is {what}")


def _encoding(path: Path, head: bytes, wanted: str | None) -> tuple[str, int, list[str]]:
    marked = next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), None)
    if wanted:
        return _wanted_encoding(wanted, marked)
    if marked:
        return *marked, []
    wide = _wide_without_mark(head)
    if wide:
        return (
            wide,
            0,
            [f"the file looks like {wide.upper()} without a byte order mark; check the rows below"],
        )
    bad_line, bad_lines, foreign = _scan_utf8(path)
    if not bad_line:
        return "utf-8", 0, []
    total = foreign.count(b"\n") or 1
    valid = sum(1 for line in foreign.splitlines() if _is_utf8(line))
    if valid > total / 2:
        return (
            "utf-8",
            0,
            [f"{bad_lines} lines are not valid UTF-8, the first is line {bad_line}; they will be reported"],
        )
    name = _eight_bit(foreign)
    return (
        name,
        0,
        [f"the file is not UTF-8 (line {bad_line}); it looks like {name.upper()}: check the rows below"],
    )


def _wanted_encoding(wanted: str, marked: tuple[str, int] | None) -> tuple[str, int, list[str]]:
    try:
        name = codecs.lookup(wanted).name
        if not codecs.lookup(wanted)._is_text_encoding:  # pyright: ignore[reportPrivateUsage]
            raise LookupError
    except LookupError:
        raise Invalid("encoding", f"{wanted} is not known; examples are utf-8, windows-1251, iso-8859-2") from None
    simple = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(name, name)
    if marked and (marked[0] == simple or name in ("utf-16", "utf-32")):
        return *marked, []
    return simple, 0, []


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a NUL in every second byte."""
    sample = head[:4096]
    half = len(sample) // 2
    if half < 4:
        return None
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    if even > 0.3 and odd < 0.05:
        return "utf-16-be"
    return None


def _scan_utf8(path: Path) -> tuple[int, int, bytes]:
    """The first line that is not UTF-8 (0: none), how many there are, and some lines that are not ASCII."""
    first_bad = bad = line = 0
    foreign = bytearray()
    with path.open("rb") as file:
        rest = b""
        while block := file.read(1 << 20):
            block = rest + block
            end = block.rfind(b"\n") + 1 or (len(block) if len(block) > 4 << 20 else 0)
            block, rest = block[:end], block[end:]
            found = _bad_lines(block, foreign)
            if found and not first_bad:
                first_bad = line + found[0]
            bad += len(found)
            line += block.count(b"\n")
        found = _bad_lines(rest, foreign)
        if found and not first_bad:
            first_bad = line + found[0]
    return first_bad, bad + len(found), bytes(foreign)


def _bad_lines(block: bytes, foreign: bytearray) -> list[int]:
    if block.isascii():
        return []
    room = _FOREIGN_BYTES - len(foreign)
    if _is_utf8(block):
        if room > 0:
            foreign += b"".join(line + b"\n" for line in block[: 4 * room].splitlines() if not line.isascii())[:room]
        return []
    found: list[int] = []
    for number, line in enumerate(block.split(b"\n"), 1):
        if line.isascii():
            continue
        if len(foreign) < _FOREIGN_BYTES:
            foreign += line[:4096] + b"\n"
        if not _is_utf8(line):
            found.append(number)
    return found


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _eight_bit(foreign: bytes) -> str:
    """The 8-bit encoding in which these lines read best."""
    scores = {name: _plausibility(foreign, name) + _PREFERENCE.get(name, 0) for name in _CYRILLIC + _LATIN}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0.3:
        return best
    match = charset_normalizer.from_bytes(foreign[:16384]).best()
    return codecs.lookup(match.encoding).name if match else best


def _plausibility(foreign: bytes, encoding: str) -> float:
    """How much the bytes above ASCII look like letters of one alphabet, from about -2 to 1."""
    try:
        text = foreign.decode(encoding)
    except UnicodeDecodeError:
        return -9.0
    score, count = 0.0, 0
    before = " "
    for letter in text:
        if letter > "\x7f":
            count += 1
            score += _letter_score(letter, before)
        before = letter
    return score / count if count else 0.0


def _letter_score(letter: str, before: str) -> float:
    if letter in _COMMON_LATIN:
        return -1.0 if "Ѐ" <= before <= "ӿ" else 0.9
    if "Ѐ" <= letter <= "ӿ":
        if before.isascii() and before.isalpha():
            return -1.0
        if letter.isupper():
            return -0.8 if before.islower() else 0.5
        return 1.0 if letter in _COMMON_CYRILLIC else 0.2
    if letter.isalpha():
        return -0.3
    return 0.0 if letter in "№°…—«»\xa0" else -1.0


def _decoded_sample(data: bytes, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(data)
    if len(data) >= SAMPLE_BYTES - 8 and "\n" in text:  # the last line may be cut
        text = text[: text.rindex("\n") + 1]
    if is_wide(encoding) and text.count("\ufffd") > len(text) / 4:
        raise Invalid("encoding", f"the file is not {encoding.upper()}")
    return text


# ---------------------------------------------------------------- shape


def _without_separator_line(text: str) -> tuple[str, str, str | None]:
    """Excel's own first line ``sep=;`` names the delimiter and is no row."""
    found = _SEPARATOR_LINE.match(text)
    if not found:
        return text, "", None
    return text[found.end() :], found.group(), found.group(1)


def _delimiter(text: str) -> str:
    """The candidate that cuts most lines into the same number of cells; a comma when none does."""
    best, best_score = ",", 0.0
    for candidate in DELIMITERS:
        rows = _rows(text, candidate, '"', "")
        widths = Counter(map(len, rows))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        first = len(rows[0]) if rows else 1
        if max(width, first) < 2:
            continue
        score = count / len(rows) + (0.5 if width == first else 0) + min(width, 50) / 1000
        if width == 1:
            score /= 4
        if score > best_score:
            best, best_score = candidate, score
    return best


def _quoting(text: str, delimiter: str) -> tuple[str, str]:
    """The quote character and the escape before it, if any."""
    cut = re.escape(delimiter)
    single = len(re.findall(rf"(?:^|{cut})'[^'\n]*'(?={cut}|\r?$)", text, re.MULTILINE))
    double = len(re.findall(rf'(?:^|{cut})"', text, re.MULTILINE))
    quote = "'" if single > 2 and not double else '"'
    escaped = text.count("\\" + quote)
    ends = len(re.findall(rf"\\{quote}(?={cut}|\r?$)", text, re.MULTILINE))
    if quote * 2 not in text.replace(delimiter + quote * 2 + delimiter, "") and escaped > ends:
        return quote, "\\"
    return quote, ""


def _rows(text: str, delimiter: str, quote: str, escape: str) -> list[list[str]]:
    csv.field_size_limit(MAX_CELL)
    lines = StringIO(text, newline="")
    rows: list[list[str]] = []
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, doublequote=not escape, escapechar=escape or None)
    try:
        for row in reader:
            if any(row):
                rows.append(row)
            if len(rows) >= _SAMPLE_LINES:
                break
    except csv.Error:
        return rows
    return rows


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    """',' when numbers with a comma are more common than those with a point."""
    marks = Counter(found.group(1) for row in rows for cell in row if (found := _NUMBER.match(cell.strip())))
    return "," if marks[","] > marks["."] and delimiter != "," else "."


def _date_order(rows: list[list[str]]) -> DateOrder:
    """Month first only when some date proves it and none contradicts."""
    month_first = False
    for row in rows:
        for cell in row:
            found = _NUMERIC_DATE.match(cell.strip())
            if not found:
                continue
            if int(found.group(1)) > 12:
                return DateOrder.DAY_FIRST
            month_first = month_first or int(found.group(2)) > 12
    return DateOrder.MONTH_FIRST if month_first else DateOrder.DAY_FIRST
