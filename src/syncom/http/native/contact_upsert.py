"""``PUT /contacts``: upsert one contact, straight (``straight.py``)."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.accounts.model import Permission
from syncom.accounts.service import AccountsService
from syncom.contacts.model import (
    Change,
    ContactInput,
    IdentityKind,
    MergeMode,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid
from syncom.http.authentication import Authentication
from syncom.http.native.straight import Straight, answer, decoded

#: Names of what is stored as numbers.
KEYS = {kind.name.lower(): kind for kind in IdentityKind if kind is not IdentityKind.PUSH_TOKEN}
STATES = {state.name.lower(): state for state in SubscriptionState}

_DEFAULT = UpsertOptions()
_OPTIONS = frozenset({"key", "mode", "list", "consent", "phone_region"})


class Upserted(msgspec.Struct, frozen=True, kw_only=True):
    """The contact, and what was done to it."""

    contact_id: int
    change: Change


class ContactUpsert:
    """The ASGI application."""

    def __init__(self, accounts: AccountsService, contacts: ContactsService, authentication: Authentication) -> None:
        self._contacts = contacts
        self._straight = Straight(accounts, authentication, Permission.WRITE_CONTACTS)
        self._decoder = msgspec.json.Decoder(ContactInput)
        self._encode = msgspec.json.Encoder().encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, body = await self._straight.read(scope, receive)
        row = decoded(self._decoder, body)
        query = scope.get("query_string", b"")
        options = upsert_options(_lists(query)) if query else _DEFAULT
        outcome = await self._contacts.upsert_one(principal.account_id, row, options)
        status = 201 if outcome.change is Change.CREATED else 200
        await answer(send, status, self._encode(Upserted(contact_id=outcome.contact_id, change=outcome.change)))


def upsert_options(given: dict[str, str | list[str]]) -> UpsertOptions:
    """Options out of the query: key, mode, list (may be repeated), consent, phone_region. Raises Invalid."""
    unknown = set(given) - _OPTIONS
    if unknown:
        raise Invalid(min(unknown), f"is no option; there are {', '.join(sorted(_OPTIONS))}")
    lists = given.get("list", [])
    try:
        list_ids = tuple(int(value) for value in ([lists] if isinstance(lists, str) else lists))
    except ValueError:
        raise Invalid("list", "must be the id of a list") from None
    return UpsertOptions(
        key=_choice(given, "key", KEYS, IdentityKind.EMAIL),
        mode=_choice(given, "mode", {mode.value: mode for mode in MergeMode}, MergeMode.OVERWRITE),
        list_ids=list_ids,
        consent=_choice(given, "consent", STATES, SubscriptionState.SUBSCRIBED),
        phone_region=str(given.get("phone_region", "")),
    )


Value = TypeVar("Value")


def _choice(given: dict[str, str | list[str]], name: str, choices: dict[str, Value], default: Value) -> Value:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in choices:
        raise Invalid(name, f"must be one of {', '.join(choices)}")
    return choices[value]


def _lists(query: bytes) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100):
        known = found.get(name)
        if known is None:
            found[name] = value
        else:
            found[name] = [*([known] if isinstance(known, str) else known), value]
    return found
