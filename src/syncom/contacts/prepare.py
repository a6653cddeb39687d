"""From what a caller says to rows that are ready to be merged: checked, normalised, with the reason for each refusal.

Pure: an import may do it in another process than the writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from syncom.contacts.model import (
    STANDARD_FIELDS,
    ContactInput,
    CustomField,
    IdentityKind,
    PreparedRow,
    RowProblem,
    UpsertOptions,
)
from syncom.contacts.normalise import (
    ADDRESS_LENGTH,
    KEY_LENGTH,
    NAME_LENGTH,
    POSTCODE_LENGTH,
    normalise_country,
    normalise_email,
    normalise_field,
    normalise_language,
    normalise_phone,
    normalise_text,
    normalise_time_zone,
)
from syncom.errors import Invalid

#: The standard members in the order of ContactInput and of PreparedRow.values.
STANDARD: Final = STANDARD_FIELDS
#: Place of each identity that is a standard member, in STANDARD.
IDENTITY_PLACES: Final[Mapping[IdentityKind, int]] = {
    IdentityKind.EMAIL: 0,
    IdentityKind.PHONE: 1,
    IdentityKind.EXTERNAL_ID: 2,
    IdentityKind.CONTACT_KEY: 3,
}
#: Further addresses of one kind a row may bring.
FURTHER_LIMIT: Final = 50

_PHONE = IDENTITY_PLACES[IdentityKind.PHONE]
_COUNTRY = STANDARD.index("country")

_NORMALISE: Final[tuple[Callable[[str], str], ...]] = (
    normalise_email,
    normalise_phone,
    *(partial(normalise_text, limit=KEY_LENGTH) for _ in range(2)),
    *(partial(normalise_text, limit=NAME_LENGTH) for _ in range(2)),
    normalise_country,
    *(partial(normalise_text, limit=NAME_LENGTH) for _ in range(2)),
    partial(normalise_text, limit=ADDRESS_LENGTH),
    partial(normalise_text, limit=POSTCODE_LENGTH),
    normalise_language,
    normalise_time_zone,
)


class _Refused(Exception):
    """A row is refused for one of its fields. Never leaves this file."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def prepare_rows(
    rows: Sequence[ContactInput], fields: Mapping[str, CustomField], options: UpsertOptions
) -> tuple[list[PreparedRow], list[RowProblem]]:
    """Check and normalise a batch. ``fields`` are the account's custom fields by key.

    Returns the good rows in order, and one problem (the first found) for each other row. About 10 µs a row of
    twelve members.
    """
    keys = recognised_by(options)
    prepared: list[PreparedRow] = []
    problems: list[RowProblem] = []
    for index, row in enumerate(rows):
        try:
            prepared.append(_prepare(index, row, fields, keys, options.phone_region))
        except _Refused as refused:
            problems.append(RowProblem(index=index, field=refused.field, reason=refused.reason))
    return prepared, problems


def prepare_known(
    rows: Sequence[ContactInput], fields: Mapping[str, CustomField], phone_region: str
) -> tuple[list[PreparedRow], list[RowProblem]]:
    """The same for rows whose contacts are found in another way than by an identity."""
    prepared: list[PreparedRow] = []
    problems: list[RowProblem] = []
    for index, row in enumerate(rows):
        try:
            prepared.append(_prepare(index, row, fields, (), phone_region))
        except _Refused as refused:
            problems.append(RowProblem(index=index, field=refused.field, reason=refused.reason))
    return prepared, problems


def recognised_by(options: UpsertOptions) -> tuple[int, ...]:
    """Places in STANDARD of the identities that decide whether a row is a known contact, the first first."""
    try:
        return tuple(IDENTITY_PLACES[kind] for kind in (options.key, *options.fallback_keys))
    except KeyError:
        raise ValueError("contacts are recognised by email, phone, external id or contact key") from None


def prepare_patch(row: ContactInput, fields: Mapping[str, CustomField], phone_region: str) -> PreparedRow:
    """Check and normalise what is said about a contact known by its id. Raises Invalid."""
    try:
        return _prepare(0, row, fields, (), phone_region)
    except _Refused as refused:
        raise Invalid(refused.field, refused.reason) from None


def _prepare(
    index: int, row: ContactInput, fields: Mapping[str, CustomField], keys: tuple[int, ...], phone_region: str
) -> PreparedRow:
    *given, own_fields, emails, phones = msgspec.structs.astuple(row)
    for place, value in enumerate(given):
        if value is msgspec.UNSET:
            given[place] = None
        elif not value or value.isspace():
            given[place] = ""
        elif place != _PHONE:
            try:
                given[place] = _NORMALISE[place](value)
            except ValueError as error:
                raise _Refused(STANDARD[place], str(error)) from None
    # The row's own country says how to read its phone number, so the number comes after it.
    region = given[_COUNTRY] or phone_region or None
    if given[_PHONE]:
        given[_PHONE] = _phone("phone", given[_PHONE], region)
    if keys and not any(given[key] for key in keys):
        others = "".join(f" or {STANDARD[key]}" for key in keys[1:])
        raise _Refused(STANDARD[keys[0]], f"is missing: contacts of this batch are recognised by it{others}")
    return PreparedRow(
        index,
        tuple(given),
        _custom(own_fields, fields) if own_fields else None,
        _further_emails(emails) if emails else (),
        _further_phones(phones, region) if phones else (),
    )


def _phone(field: str, value: str, region: str | None) -> str:
    try:
        return normalise_phone(value, region)
    except ValueError as error:
        raise _Refused(field, str(error)) from None


def _custom(values: dict[str, Any], fields: Mapping[str, CustomField]) -> dict[str, Any]:
    """Values by field id, as they are stored in jsonb."""
    stored: dict[str, Any] = {}
    for key, value in values.items():
        field = fields.get(key)
        if field is None:
            raise _Refused(f"fields.{key}", "there is no custom field with this key; create it first")
        try:
            stored[str(field.field_id)] = normalise_field(field, value)
        except ValueError as error:
            raise _Refused(f"fields.{key}", str(error)) from None
    return stored


def _further_emails(values: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for place, value in enumerate(_limited("emails", values)):
        try:
            found[normalise_email(value)] = None
        except ValueError as error:
            raise _Refused(f"emails.{place}", str(error)) from None
    return tuple(found)


def _further_phones(values: Sequence[str], region: str | None) -> tuple[str, ...]:
    found = [_phone(f"phones.{place}", value, region) for place, value in enumerate(_limited("phones", values))]
    return tuple(dict.fromkeys(found))


def _limited(field: str, values: Sequence[str]) -> Sequence[str]:
    if len(values) > FURTHER_LIMIT:
        raise _Refused(field, f"has more than {FURTHER_LIMIT} entries")
    return values
