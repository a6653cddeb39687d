"""The catalog of additional fields (eSputnik reference, 3.4 and 5.4): our custom fields, one catalog, one group."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from syncom.contacts.model import CustomField, FieldType
from syncom.http.esputnik.method import Call, Method, Scope

_TYPES: Final = {
    FieldType.TEXT: "textfield",
    FieldType.NUMBER: "decimal",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.BOOLEAN: "combobox",
    FieldType.CHOICE: "combobox",
    FieldType.MULTICHOICE: "checkboxlist",
    FieldType.JSON: "textarea",
}


class AllowedValues(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What may be chosen."""

    possible_values: list[str]


class Description(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a field takes."""

    type: str
    required: bool = False
    readonly: bool = False
    allowed_values: AllowedValues | UnsetType = UNSET


class FieldShown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An additional field."""

    id: int
    name: str
    field_key: str
    description: Description


class FieldGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields that belong together."""

    name: str
    profile_key: str
    fields: list[FieldShown]


class Book(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The catalog of an account."""

    address_book_id: int
    name: str
    field_groups: list[FieldGroup]


class AddressBooks(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The only catalog there is."""

    address_book: Book


async def get_addressbooks(call: Call[None]) -> AddressBooks:
    account = await call.app.accounts.get_account(call.account_id)
    fields = await call.app.contacts.fields.all(call.account_id)
    shown = sorted((_shown(field) for field in fields), key=lambda field: field.id)
    return AddressBooks(
        address_book=Book(
            address_book_id=account.account_id,
            name=account.name,
            field_groups=[FieldGroup(name="Personal", profile_key="personal", fields=shown)],
        )
    )


def _shown(field: CustomField) -> FieldShown:
    choices = ["true", "false"] if field.type is FieldType.BOOLEAN else list(field.choices)
    return FieldShown(
        id=field.field_id,
        name=field.name,
        field_key=field.key.upper(),
        description=Description(
            type=_TYPES[field.type], allowed_values=AllowedValues(possible_values=choices) if choices else UNSET
        ),
    )


METHODS = [
    Method(
        "GET",
        "/v1/addressbooks",
        get_addressbooks,
        scope=Scope.GENERAL,
        summary="Additional fields of contacts",
        answer=AddressBooks,
    ),
]
