"""Custom fields: definitions as typed rows; values live in ``contacts.fields`` by field id."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from psycopg.rows import TupleRow

from syncom.clock import Clock
from syncom.contacts.model import CustomField, FieldType
from syncom.contacts.normalise import NAME_LENGTH, normalise_text
from syncom.contacts.usage import Usage
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "fields.sql")

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
#: Standard members and the names templates and segments use for something else.
RESERVED: Final = frozenset(
    (
        "email", "phone", "external_id", "contact_key", "first_name", "last_name", "country", "region",
        "city", "address", "postcode", "language", "time_zone", "contact_id", "id", "contact", "emails",
        "phones", "fields", "lists", "created_at", "updated_at", "email_state", "sms_state", "push_state",
        "campaign", "message", "unsubscribe_url", "view_url", "preferences_url", "account", "params", "event",
        "order", "now",
    )
)  # fmt: skip
_CHOICES_LIMIT: Final = 500
#: Fields of one account; every contact carries its values in one document.
_FIELDS_LIMIT: Final = 500
#: Seconds for which another process's new field may be unknown here. An unknown key is looked up at once.
_REMEMBERED: Final = 5.0


class CustomFields:
    """The custom fields of an account."""

    def __init__(self, database: Database, clock: Clock, usage: Usage) -> None:
        self._database = database
        self._usage = usage
        self._clock = clock
        self._remembered: dict[int, tuple[float, Mapping[str, CustomField]]] = {}

    async def all(self, account_id: int) -> list[CustomField]:
        """Every field, by key."""
        async with self._database.tenant(account_id) as connection:
            return await self._read(connection, account_id)

    async def _read(self, connection: Connection, account_id: int) -> list[CustomField]:
        rows = await (await connection.execute(_SQL["list_fields"], {"account_id": account_id})).fetchall()
        return [_field(row) for row in rows]

    async def by_key(self, account_id: int, *, wanted: set[str] | None = None) -> Mapping[str, CustomField]:
        """Fields by key, remembered for a few seconds; asked again when one of ``wanted`` is not among
        them.
        """
        known = self._remembered.get(account_id)
        now = self._clock.monotonic()
        if known is not None and now - known[0] < _REMEMBERED and (not wanted or wanted <= known[1].keys()):
            return known[1]
        fields = {field.key: field for field in await self.all(account_id)}
        self._remembered[account_id] = (now, fields)
        return fields

    async def by_id(self, account_id: int, wanted: set[int]) -> Mapping[int, CustomField]:
        """Fields by number, those asked for that exist."""
        for fresh in (False, True):
            if fresh:
                self._remembered.pop(account_id, None)
            known = {field.field_id: field for field in (await self.by_key(account_id)).values()}
            if wanted <= known.keys():
                break
        return {field_id: known[field_id] for field_id in wanted if field_id in known}

    async def create(
        self,
        account_id: int,
        *,
        key: str,
        name: str,
        type: FieldType,  # noqa: A002 - the field's own word, keyword-only
        choices: Sequence[str] = (),
    ) -> CustomField:
        """Add a field. Raises Invalid for a bad key, name or choices, Conflict when the key is taken."""
        if not _KEY.fullmatch(key):
            raise Invalid("key", "is 1 to 63 lower-case letters, digits and underscores, a letter first")
        if key in RESERVED:
            raise Invalid("key", f"{key} is a standard name; choose another one")
        parameters = {
            "account_id": account_id,
            "key": key,
            "name": _name(name),
            "type": type.value,
            "choices": _choices(type, choices),
        }
        if len(await self.all(account_id)) >= _FIELDS_LIMIT:
            raise Conflict(f"an account has at most {_FIELDS_LIMIT} custom fields; delete one first")
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["add_field"], parameters)).fetchone()
        self._remembered.pop(account_id, None)
        if row is None:
            raise Conflict(f"there is a custom field {key} already", field="key")
        return _field(row)

    async def change(
        self, account_id: int, field_id: int, *, name: str | None = None, choices: Sequence[str] | None = None
    ) -> CustomField:
        """Rename a field or replace its choices; key and type stay, because stored values depend on them.

        Values that are no choice any more stay until they are written again.
        """
        field = next((field for field in await self.all(account_id) if field.field_id == field_id), None)
        if field is None:
            raise NotFound("custom field", field_id)
        parameters = {
            "account_id": account_id,
            "field_id": field_id,
            "name": None if name is None else _name(name),
            "choices": None if choices is None else _choices(field.type, choices),
        }
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["change_field"], parameters)).fetchone()
        self._remembered.pop(account_id, None)
        if row is None:
            raise NotFound("custom field", field_id)
        return _field(row)

    async def delete(self, account_id: int, field_id: int) -> None:
        """Remove a field. Its values are not shown any more; ids are never used again. Raises Conflict."""
        async with self._database.tenant(account_id) as connection:
            known = [field.key for field in await self._read(connection, account_id) if field.field_id == field_id]
            for key in known:
                await self._usage.require_none(connection, account_id, "field", key)
            parameters = {"account_id": account_id, "field_id": field_id}
            row = await (await connection.execute(_SQL["delete_field"], parameters)).fetchone()
        self._remembered.pop(account_id, None)
        if row is None:
            raise NotFound("custom field", field_id)


def _field(row: TupleRow) -> CustomField:
    return CustomField(field_id=row[0], key=row[1], name=row[2], type=FieldType(row[3]), choices=tuple(row[4]))


def _name(name: str) -> str:
    try:
        text = normalise_text(name, NAME_LENGTH)
    except ValueError as error:
        raise Invalid("name", str(error)) from None
    if not text:
        raise Invalid("name", "is empty")
    return text


def _choices(field_type: FieldType, choices: Sequence[str]) -> list[str]:
    if field_type not in (FieldType.CHOICE, FieldType.MULTICHOICE):
        if choices:
            raise Invalid("choices", "are for fields of type choice and multichoice")
        return []
    if not choices or len(choices) > _CHOICES_LIMIT:
        raise Invalid("choices", f"give 1 to {_CHOICES_LIMIT} of them")
    found: dict[str, str] = {}
    for place, choice in enumerate(choices):
        try:
            text = normalise_text(choice, NAME_LENGTH)
        except ValueError as error:
            raise Invalid(f"choices.{place}", str(error)) from None
        if not text or ";" in text:
            raise Invalid(f"choices.{place}", "is empty or contains a semicolon")
        if text.casefold() in found:
            raise Invalid(f"choices.{place}", "is there twice")
        found[text.casefold()] = text
    return list(found.values())
