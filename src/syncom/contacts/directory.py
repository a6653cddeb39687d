"""Reading contacts as lists with totals, and with what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from syncom.contacts import store
from syncom.contacts.fields import CustomFields
from syncom.contacts.model import (
    Channel,
    ContactDetails,
    ContactSearch,
    Found,
    FurtherChannel,
    OrderSummary,
    PushToken,
)
from syncom.errors import NotFound
from syncom.ids import bucket_of
from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "directory.sql")
_NO_DIGIT: Final = re.compile("[^0-9]+")
_EMAIL_KIND: Final = 1
_PHONE_KIND: Final = 2


class Directory:
    """The contacts of an account as somebody looks them up."""

    def __init__(self, database: Database, fields: CustomFields) -> None:
        self._database = database
        self._fields = fields

    async def search(self, account_id: int, search: ContactSearch, *, offset: int, limit: int) -> Found:
        """A part of the contacts that fit, in the order of their ids, and how many fit."""
        phone = _NO_DIGIT.sub("", search.phone)
        if search.phone and not phone:
            return Found(contact_ids=[], total=0)
        email = search.email.strip().lower()
        values: dict[str, Any] = {
            "account_id": account_id,
            "offset": offset,
            "limit": limit,
            "phone": phone if email else "",
            "first_name": search.first_name,
            "last_name": search.last_name,
        }
        statement = _SQL["everybody"]
        if email:
            statement = _SQL["by_address"]
            values |= {"kind": _EMAIL_KIND, "part": email}
        elif phone:
            statement = _SQL["by_address"]
            values |= {"kind": _PHONE_KIND, "part": phone}
        elif search.first_name or search.last_name:
            statement = _SQL["by_name"]
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(statement, values)).fetchone()
        return Found(contact_ids=row[1], total=row[0]) if row else Found(contact_ids=[], total=0)

    async def members(self, account_id: int, list_id: int, *, offset: int, limit: int) -> Found:
        """A part of a list's members, and how many there are. An unknown list has none."""
        values = {"account_id": account_id, "list_id": list_id}
        found: list[int] = []
        async with self._database.tenant(account_id) as connection:
            counted = await (await connection.execute(_SQL["list_buckets"], values)).fetchall()
            total = sum(count for _, count in counted)
            for bucket, count in counted:
                if offset >= count:
                    offset -= count
                    continue
                if len(found) >= limit:
                    break
                part = {"bucket": bucket, "offset": offset, "limit": limit - len(found)}
                rows = await (await connection.execute(_SQL["list_bucket"], values | part)).fetchall()
                found += [row[0] for row in rows]
                offset = 0
        return Found(contact_ids=found, total=total)

    async def details(self, account_id: int, contact_ids: Sequence[int]) -> list[ContactDetails]:
        """The contacts that exist, in the order of the ids, with channels, lists and orders."""
        fields = await self._fields.by_key(account_id)
        these = {"account_id": account_id, "buckets": buckets(contact_ids), "contact_ids": numbers(contact_ids)}
        channels: dict[int, list[FurtherChannel]] = {}
        lists: dict[int, list[tuple[int, str]]] = {}
        addresses: dict[tuple[int, int], list[str]] = {}
        async with self._database.tenant(account_id) as connection:
            contacts = await store.get_contacts(connection, account_id, contact_ids, fields)
            for row in await (await connection.execute(_SQL["channels"], these)).fetchall():
                channel = FurtherChannel(channel=Channel(row[1]), value=row[2], data=row[3], active=row[4])
                channels.setdefault(row[0], []).append(channel)
            for contact_id, kind, value in await (await connection.execute(_SQL["addresses"], these)).fetchall():
                addresses.setdefault((contact_id, kind), []).append(value)
            for contact_id, list_id, name in await (await connection.execute(_SQL["memberships"], these)).fetchall():
                lists.setdefault(contact_id, []).append((list_id, name))
            rows = await (await connection.execute(_SQL["order_summaries"], these)).fetchall()
        orders = {row[0]: OrderSummary(count=row[1], last_order_at=row[2]) for row in rows}
        return [
            ContactDetails(
                contact=contact,
                emails=_others(addresses.get((contact.contact_id, _EMAIL_KIND)), contact.email),
                phones=_others(addresses.get((contact.contact_id, _PHONE_KIND)), contact.phone),
                channels=tuple(channels.get(contact.contact_id, ())),
                lists=tuple(lists.get(contact.contact_id, ())),
                orders=orders.get(contact.contact_id),
            )
            for contact in contacts
        ]

    async def push_token(self, account_id: int, token: str) -> PushToken:
        """A push token. Raises NotFound."""
        values = {"account_id": account_id, "token": token}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["token_channel"], values)).fetchone()
        if row is None:
            raise NotFound("token", token)
        return PushToken(contact_id=row[0], data=row[1], active=row[2])

    async def set_push_token_active(self, account_id: int, token: str, *, active: bool) -> None:
        """Say whether anything may be sent to a push token. Raises NotFound."""
        found = await self.push_token(account_id, token)
        values = {
            "account_id": account_id,
            "bucket": bucket_of(found.contact_id),
            "contact_id": found.contact_id,
            "token": token,
            "active": active,
        }
        async with self._database.tenant(account_id) as connection:
            await connection.execute(_SQL["set_token_active"], values)


def _others(values: list[str] | None, primary: str | None) -> tuple[str, ...]:
    return tuple(value for value in values or () if value != primary)
