"""``PUT /contacts``: upsert one contact. The hottest route of the API, so nothing stands between it and the service.

:class:`ContactUpsert` is a plain ASGI application that the server calls before the router; the handler in
``contacts.py`` of the same path describes it in the OpenAPI document and gives the same answers.
"""

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
from syncom.http.problems import Malformed, TooLarge, UnsupportedMedia

#: Names of what is stored as numbers.
KEYS = {kind.name.lower(): kind for kind in IdentityKind if kind is not IdentityKind.PUSH_TOKEN}
STATES = {state.name.lower(): state for state in SubscriptionState}

_DEFAULT = UpsertOptions()
_OPTIONS = frozenset({"key", "mode", "list", "consent", "phone_region"})
_MAX_BODY = 1_000_000


class Upserted(msgspec.Struct, frozen=True, kw_only=True):
    """The contact, and what was done to it."""

    contact_id: int
    change: Change


class ContactUpsert:
    """The ASGI application."""

    def __init__(self, accounts: AccountsService, contacts: ContactsService, authentication: Authentication) -> None:
        self._accounts = accounts
        self._contacts = contacts
        self._authentication = authentication
        self._decode = msgspec.json.Decoder(ContactInput).decode
        self._encode = msgspec.json.Encoder().encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = media = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                key = value
            elif name == b"content-type":
                media = value
        principal = self._accounts.known_key(key[7:].decode("latin-1")) if key[:7] == b"Bearer " else None
        if principal is None:
            principal = await self._authentication.principal(scope)
        principal.require(Permission.WRITE_CONTACTS)
        if not media.startswith(b"application/json"):
            raise UnsupportedMedia("send application/json (header `Content-Type: application/json`)")
        row = self.read(await _body(receive))
        query = scope.get("query_string", b"")
        options = upsert_options(_lists(query)) if query else _DEFAULT
        outcome = await self._contacts.upsert_one(principal.account_id, row, options)
        body = self._encode(Upserted(contact_id=outcome.contact_id, change=outcome.change))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        status = 201 if outcome.change is Change.CREATED else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def read(self, body: bytes) -> ContactInput:
        """The contact in a body. Raises Malformed, and msgspec's error for a wrong member."""
        try:
            return self._decode(body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(f"the body is not JSON: {error}") from None


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


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] != "http.request":
        raise Malformed("the request was cut off")
    body = message["body"]
    while message["more_body"]:
        if len(body) > _MAX_BODY:
            raise TooLarge(f"a contact may have up to {_MAX_BODY} bytes")
        message = await receive()
        if message["type"] != "http.request":
            raise Malformed("the request was cut off")
        body += message["body"]
    if len(body) > _MAX_BODY:
        raise TooLarge(f"a contact may have up to {_MAX_BODY} bytes")
    return body
