"""What an author can put into a message, each with a sample: for pickers, and for previews of nobody in particular."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from syncom.contacts.model import CustomField, FieldType
from syncom.content.fields import PREFERENCES_URL, STANDARD, UNSUBSCRIBE_URL, VIEW_URL
from syncom.content.merge_tags import NAMES
from syncom.content.model import Dialect

#: Of somebody who could be a contact. Numbers and addresses that belong to nobody (RFC 2606).
_STANDARD_SAMPLES: Mapping[str, Any] = {
    "email": "anna@example.com",
    "phone": "+380501234567",
    "external_id": "A-1024",
    "contact_key": "anna-1024",
    "first_name": "Anna",
    "last_name": "Koval",
    "country": "UA",
    "region": "Lvivska",
    "city": "Lviv",
    "address": "1 Main Street",
    "postcode": "79000",
    "language": "en",
    "contact_id": 1024,
}
_SAMPLES: Mapping[FieldType, Any] = {
    FieldType.TEXT: "Text",
    FieldType.NUMBER: 100,
    FieldType.DATE: "2026-05-20",
    FieldType.DATETIME: "2026-05-20T12:00:00Z",
    FieldType.BOOLEAN: True,
    FieldType.JSON: {"key": "value"},
}
_LINKS = (UNSUBSCRIBE_URL, VIEW_URL, PREFERENCES_URL)
_VENDOR_TAGS = {name: tag for tag, name in NAMES.items()}


class MergeField(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is printed differently for each reader."""

    #: As it is written in a message.
    tag: str
    key: str
    #: What a person calls it.
    name: str
    #: contact, custom, event or link.
    source: str
    #: text, number, date, datetime, boolean, choice, multichoice, json, url; of an event's parameter what was seen.
    type: str
    #: What it may print.
    sample: Any


def merge_fields(
    custom: Sequence[CustomField], parameters: Mapping[str, tuple[str, Any]], dialect: Dialect
) -> list[MergeField]:
    """All of them: of every contact, of this account's, of an event (types and examples by name), and links."""
    return [
        *(
            MergeField(
                tag=_contact_tag(key, dialect),
                key=key,
                name=key.replace("_", " ").capitalize(),
                source="contact",
                type="number" if key == "contact_id" else "text",
                sample=_STANDARD_SAMPLES[key],
            )
            for key in STANDARD
        ),
        *(
            MergeField(
                tag=_contact_tag(field.key, dialect),
                key=field.key,
                name=field.name,
                source="custom",
                type=field.type.value,
                sample=_sample(field),
            )
            for field in custom
        ),
        *(
            MergeField(
                tag=f"$!data.{key}" if dialect is Dialect.VELOCITY else f"{{{{ data.{key} }}}}",
                key=key,
                name=key,
                source="event",
                type=type_,
                sample=example,
            )
            for key, (type_, example) in parameters.items()
        ),
        *(
            MergeField(
                tag=f"{{{{ {key} }}}}" if dialect is Dialect.SYNCOM else _VENDOR_LINKS.get(key, ""),
                key=key,
                name=key.replace("_url", "").replace("_", " ").capitalize(),
                source="link",
                type="url",
                sample="#",
            )
            for key in _LINKS
            if dialect is Dialect.SYNCOM or key in _VENDOR_LINKS
        ),
    ]


_VENDOR_LINKS = {
    UNSUBSCRIBE_URL: "https://esputnik.com/unsubscribe",
    VIEW_URL: "https://esputnik.com/viewInBrowser",
}


def sample_contact(custom: Sequence[CustomField]) -> dict[str, Any]:
    """Merge fields of somebody who could be a contact."""
    return {field.key: _sample(field) for field in custom} | dict(_STANDARD_SAMPLES)


def _sample(field: CustomField) -> Any:
    if field.type is FieldType.CHOICE:
        return field.choices[0] if field.choices else ""
    if field.type is FieldType.MULTICHOICE:
        return list(field.choices[:2])
    return _SAMPLES[field.type]


def _contact_tag(key: str, dialect: Dialect) -> str:
    if dialect is Dialect.SYNCOM:
        return f"{{{{ {key} }}}}"
    return f"%{_VENDOR_TAGS.get(key, key.upper())}%"
