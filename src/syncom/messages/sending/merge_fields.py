"""The contact's values that a content names, out of the row that was read for a recipient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncom.messages.sending.work import Work
from syncom.messages.store import LANGUAGE_PLACE, RECIPIENT_FIELDS
from syncom.recommendations.model import BlockReader

#: Position of a standard field in ``Work.contact``.
_PLACES = {name: place for place, name in enumerate(RECIPIENT_FIELDS)}
_CUSTOM = len(RECIPIENT_FIELDS)

#: Reads one merge field out of a recipient.
Reader = Callable[[Work], Any]


def reader_of(work: Work) -> BlockReader:
    """Whom the products in a mail are for."""
    language = work.contact[LANGUAGE_PLACE] if work.contact else ""
    return BlockReader(contact_id=work.contact_id, language=language or "", data=work.params)


def readers(names: tuple[str, ...], custom_fields: Mapping[str, int]) -> list[tuple[str, Reader]]:
    """What reads each of these merge fields out of a recipient; names nobody has are left out."""
    found: list[tuple[str, Reader]] = []
    for name in names:
        if name == "contact_id":
            found.append((name, lambda work: work.contact_id))
        elif name in _PLACES:
            found.append((name, _standard(_PLACES[name])))
        elif name in custom_fields:
            found.append((name, _custom(str(custom_fields[name]))))
    return found


def _standard(place: int) -> Reader:
    return lambda work: (work.contact[place] or "") if work.contact else ""


def _custom(key: str) -> Reader:
    return lambda work: work.contact[_CUSTOM].get(key, "") if work.contact else ""
