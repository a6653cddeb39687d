"""Tokens: of contacts, of callers that cannot use Basic, and of mobile devices (eSputnik reference, 5.1 and 5.12)."""

from __future__ import annotations

from typing import Any

import msgspec

from syncom.accounts.service import TOKEN_SECONDS
from syncom.contacts.model import IdentityKind, PushToken
from syncom.contacts.service import international
from syncom.errors import NotFound
from syncom.http.esputnik.method import EMPTY, Call, Method, Refused, Scope


class ContactTokenBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whom the token is to speak for; one member is enough."""

    email: str | None = None
    phone: str | None = None
    external_customer_id: str | None = None
    user_pseudo_id: str | None = None
    cookie: str | None = None


class ContactToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token for the request header ES-TOKEN."""

    token: str


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that stands for the key it was asked with, as Bearer or as the password of Basic."""

    token: str
    expires_in: int


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether anything is sent to a mobile push token."""

    active: bool


class ActivityBody(msgspec.Struct, frozen=True, kw_only=True):
    """The same as callers write it."""

    active: bool | None = None
    activated: bool | None = None


ActiveBody: Any = ActivityBody | bool


class TokenOwner(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whose token it is."""

    contact_id: int


async def make_contact_token(call: Call[ContactTokenBody]) -> ContactToken:
    body = call.body
    phone = international(body.phone) if body.phone else None
    named = [
        (kind, value)
        for kind, value in (
            (IdentityKind.EXTERNAL_ID, body.external_customer_id),
            (IdentityKind.EMAIL, body.email),
            (IdentityKind.PHONE, phone),
        )
        if value and value.strip()
    ]
    if not named and not body.user_pseudo_id and not body.cookie:
        raise Refused(400, "One of email, phone, externalCustomerId, userPseudoId and cookie is needed")
    for kind, value in named:
        contact = await call.app.contacts.find(call.account_id, kind, value)
        if contact is not None:
            return ContactToken(token=await call.app.contacts.tokens.issue(call.account_id, contact.contact_id))
    raise Refused(404, "Contact not found")


async def make_api_token(call: Call[None]) -> ApiToken:
    return ApiToken(token=await call.app.accounts.issue_token(call.by), expires_in=TOKEN_SECONDS)


async def get_activity(call: Call[None]) -> Activity:
    return Activity(active=(await _push_token(call)).active)


async def put_activity(call: Call[Any]) -> object:
    body: ActivityBody | bool = call.body
    wanted = body if isinstance(body, bool) else body.active if body.active is not None else body.activated
    if wanted is None:
        raise Refused(400, "Required field 'active' is missing")
    await _push_token(call)
    await call.app.contacts.directory.set_push_token_active(call.account_id, call.path["token:text"], active=wanted)
    return EMPTY


async def get_owner(call: Call[None]) -> TokenOwner:
    return TokenOwner(contact_id=(await _push_token(call)).contact_id)


async def _push_token(call: Call[Any]) -> PushToken:
    """The token in the path, when it belongs to the app in the path. Raises Refused."""
    token, app = call.path["token:text"], call.path["app:text"]
    try:
        found = await call.app.contacts.directory.push_token(call.account_id, token)
    except NotFound:
        raise Refused(404, f"Token '{token}' not found") from None
    known = found.data.get("appId")
    if known is not None and str(known).lower() != app.lower():
        raise Refused(404, f"Token '{token}' not found in app '{app}'")
    return found


METHODS = [
    Method(
        "POST",
        "/v1/auth/contact/token",
        make_contact_token,
        scope=Scope.READ_CONTACTS,
        body=ContactTokenBody,
        summary="A token for one contact, for mobile apps",
        answer=ContactToken,
    ),
    Method(
        "POST",
        "/v1/auth/token",
        make_api_token,
        scope=Scope.GENERAL,
        summary="A token that stands for the key for 24 hours",
        answer=ApiToken,
    ),
    Method(
        "GET",
        "/v1/contact/token/activated/{app:text}/{token:text}",
        get_activity,
        scope=Scope.GENERAL,
        summary="Whether a mobile push token is active",
        answer=Activity,
    ),
    Method(
        "PUT",
        "/v1/contact/token/activated/{app:text}/{token:text}",
        put_activity,
        scope=Scope.WRITE_CONTACTS,
        body=ActiveBody,
        summary="Switch a mobile push token on or off",
    ),
    Method(
        "GET",
        "/v1/contact/token/{app:text}/{token:text}",
        get_owner,
        scope=Scope.READ_CONTACTS,
        summary="The contact that a push token belongs to",
        answer=TokenOwner,
    ),
]
