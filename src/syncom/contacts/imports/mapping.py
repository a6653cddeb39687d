"""Which column goes where: a proposal from the names of the columns, then from what is in them."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources

from syncom.contacts.fields import RESERVED
from syncom.contacts.imports.model import (
    CONSENT_AT,
    CUSTOM,
    FURTHER,
    KEY_TARGETS,
    STATE_TARGETS,
    Column,
    ColumnTarget,
    Dialect,
)
from syncom.contacts.imports.row_facts import state_of
from syncom.contacts.model import CustomField, FieldType, IdentityKind
from syncom.contacts.normalise import normalise_email, normalise_moment, normalise_phone
from syncom.errors import FieldError, Invalid

_SAMPLES = 3
#: Share of the filled cells of a column that must fit before its content decides.
_ENOUGH = 0.8
_NOT_A_LETTER = re.compile(r"[^\w]|_")
_BAD_KEY = re.compile(r"[^a-z0-9]+")
#: Cyrillic letters as a key spells them (Ukraine's passport rules of 2010, and their Russian neighbours).
_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z",
    "и": "y", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
    "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch",
    "ь": "", "ю": "iu", "я": "ia", "ъ": "", "ы": "y", "э": "e", "ё": "e", "ʼ": "", "’": "", "'": "",
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}([./-])\d{1,2}\1\d{4}")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{4})[T ]\d{1,2}:\d{2}\S*")
_TRUTH = frozenset(("true", "false", "yes", "no", "так", "ні", "да", "нет"))


@cache
def standard_targets() -> tuple[str, ...]:
    """Names of the standard fields a column can go to, further addresses last."""
    return tuple(tomllib.loads(_names_file()))


@cache
def _known_names() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for target, names in tomllib.loads(_names_file()).items():
        known.setdefault(_folded(target), target)
        for name in names:
            known.setdefault(_folded(name), target)
    return known


def _names_file() -> str:
    return resources.files("syncom.contacts.imports").joinpath("column_names.toml").read_text("utf-8")


def column_names(rows: Sequence[Sequence[str]], dialect: Dialect) -> tuple[str, ...]:
    """The name of each column, made up where the header has none."""
    width = len(rows[0])
    header = rows[0] if dialect.has_header else [""] * width
    return tuple(" ".join(name.split())[:200] or f"Column {place}" for place, name in enumerate(header, 1))


def propose_columns(
    rows: Sequence[Sequence[str]], dialect: Dialect, fields: Mapping[str, CustomField]
) -> tuple[Column, ...]:
    """A target for every column, each target used once. ``fields`` are the account's custom fields by key."""
    names = column_names(rows, dialect)
    data = rows[1:] if dialect.has_header else rows
    contents = [[row[place] for row in data if place < len(row) and row[place].strip()] for place in range(len(names))]
    taken: set[str] = set()
    found: dict[int, tuple[str, str]] = {}
    for place, name in enumerate(names):
        target = _by_name(name, fields)
        if target and target not in taken and _fits(target, contents[place]):
            taken.add(target)
            found[place] = (target, "name")
    for place, cells in enumerate(contents):
        target = _by_content(cells) if place not in found else ""
        if target and target not in taken:
            taken.add(target)
            found[place] = (target, "content")
    columns: list[Column] = []
    for place, name in enumerate(names):
        target, reason = found.get(place, ("", ""))
        columns.append(
            Column(
                index=place,
                name=name,
                target=ColumnTarget(target=target),
                reason=reason,
                suggested_type=suggest_type(contents[place]),
                samples=tuple(cell[:100] for cell in contents[place][:_SAMPLES]),
            )
        )
    return tuple(columns)


def _by_name(name: str, fields: Mapping[str, CustomField]) -> str:
    folded = _folded(name)
    for key, field in fields.items():
        if folded in (_folded(key), _folded(field.name)) or name == CUSTOM + key:
            return CUSTOM + key
    return _known_names().get(folded, "")


def _folded(name: str) -> str:
    return _NOT_A_LETTER.sub("", name.casefold())


def _fits(target: str, cells: Sequence[str]) -> bool:
    """Whether the content of a column bears out its name, where the wrong place would do harm."""
    if target in STATE_TARGETS:
        return bool(cells) and all(state_of(cell) is not None for cell in cells)
    if target == CONSENT_AT:
        return bool(cells) and _share(cells, _is_moment) >= _ENOUGH
    return True


def _is_moment(cell: str) -> bool:
    try:
        normalise_moment(cell)
    except ValueError:
        return False
    return True


def _by_content(cells: Sequence[str]) -> str:
    if not cells:
        return ""
    if _share(cells, _is_email) >= _ENOUGH:
        return "email"
    if _share(cells, _is_phone) >= _ENOUGH:
        return "phone"
    return ""


def _share(cells: Sequence[str], fits: Callable[[str], bool]) -> float:
    looked_at = cells[:100]
    return sum(1 for cell in looked_at if fits(cell)) / len(looked_at)


def _is_email(cell: str) -> bool:
    if "@" not in cell:
        return False
    try:
        normalise_email(cell)
    except ValueError:
        return False
    return True


def _is_phone(cell: str) -> bool:
    """International numbers only: other digits may be anything."""
    if not cell.strip().startswith("+"):
        return False
    try:
        normalise_phone(cell)
    except ValueError:
        return False
    return True


def suggest_type(cells: Sequence[str]) -> FieldType:
    """The narrowest type that all sampled cells fit."""
    stripped = [cell.strip() for cell in cells]
    if not stripped:
        return FieldType.TEXT
    if all(cell.casefold() in _TRUTH for cell in stripped):
        return FieldType.BOOLEAN
    # A leading zero means a code: as a number it would be lost.
    if all(_NUMBER.fullmatch(cell) and not re.match(r"[+-]?0\d", cell) for cell in stripped):
        return FieldType.NUMBER
    if all(_DATE.fullmatch(cell) for cell in stripped):
        return FieldType.DATE
    if all(_MOMENT.fullmatch(cell) for cell in stripped):
        return FieldType.DATETIME
    return FieldType.TEXT


def field_key(name: str) -> str:
    """A key for a custom field made from a column: lower-case Latin letters, digits and underscores."""
    latin = "".join(_LATIN.get(letter, letter) for letter in name.casefold())
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode()
    key = _BAD_KEY.sub("_", plain).strip("_")[:60]
    if not key or not key[0].isalpha() or key in RESERVED:
        key = f"column_{key}".rstrip("_")
    return key


def check_mapping(
    mapping: Sequence[ColumnTarget],
    names: Sequence[str],
    fields: Mapping[str, CustomField],
    key: IdentityKind,
    others: Sequence[str] = (),
) -> None:
    """Raises Invalid that names every wrong entry, and what was seen when the key's column is missing.

    ``others`` are targets that do as well as the key's.
    """
    problems: list[FieldError] = []
    if len(mapping) != len(names):
        raise Invalid("mapping", f"has {len(mapping)} entries; the file has {len(names)} columns")
    seen: dict[str, str] = {}
    for place, (entry, name) in enumerate(zip(mapping, names, strict=True)):
        where = f"mapping.{place}"
        target = entry.target
        if not target:
            continue
        if target in seen and target not in FURTHER:
            problems.append(FieldError(where, f"{target} is already taken by the column {seen[target]!r}"))
        seen.setdefault(target, name)
        if target.startswith(CUSTOM):
            if target.removeprefix(CUSTOM) not in fields and entry.create_type is None:
                problems.append(FieldError(where, f"there is no custom field {target.removeprefix(CUSTOM)!r}"))
        elif target not in standard_targets():
            problems.append(FieldError(where, f"{target!r} is no field of a contact"))
    needed = KEY_TARGETS.get(key)
    if needed is None:
        raise Invalid("key", "contacts are recognised by email, phone, external id or contact key")
    if needed not in seen and not any(other in seen for other in others):
        shown = ", ".join(repr(name) for name in names[:12]) + (", ..." if len(names) > 12 else "")
        problems.append(
            FieldError(
                "mapping",
                f"no column goes to {needed}, by which contacts are recognised. Columns seen: {shown}. "
                "Name the column, or map it by hand",
            )
        )
    if problems:
        raise Invalid.of(problems)
