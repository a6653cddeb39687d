"""What happened to messages (eSputnik reference, 5.10): the activity of an account, the messages of a contact."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from syncom.contacts.model import Channel, IdentityKind
from syncom.feed.model import FeedQuery, FeedRow, FeedStatus, MessageOf
from syncom.feed.service import MAX_PAGE, media_type, read_place
from syncom.http.esputnik.method import Call, Method, Parameter, Refused, Scope
from syncom.http.esputnik.moments import account_zone, required_end, required_moment, write_moment

_DEFAULT_PAGE = 1000
_MAX_ID = 2**63 - 1
_MESSAGES_DEFAULT, _MESSAGES_MOST = 10, 100
_MEDIA = {media_type(channel): channel for channel in Channel}


class ContactMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One message of a contact's history. ``sent_date`` is in the account's zone."""

    iid: str
    contact_id: int
    media_type: str
    message_id: int | None
    message_instance_id: int | None
    broadcast_id: int | None
    name: str | None
    subject: str | None
    locator: str
    #: How far it came: DELIVERED, UNDELIVERED, READ, CLICKED, UNSUBSCRIBED, SPAM.
    status: FeedStatus
    sent_date: str


async def contacts_activity(call: Call[None]) -> list[FeedRow]:
    zone = await account_zone(call)
    query = call.query
    since = required_moment("dateFrom", query.required("dateFrom"), zone)
    until = required_end("dateTo", query.required("dateTo"), zone)
    _check_order(since, until)
    offset = query.text("offset")
    wanted = FeedQuery(
        since=since,
        until=until,
        statuses=_statuses(query.text("activityStatus")),
        tag=query.text("messageTag"),
        after=read_place(offset) if offset else None,
        limit=query.number("maxrows", default=_DEFAULT_PAGE, least=1, clamp=MAX_PAGE),
    )
    criteria = [
        (kind, value)
        for kind, value in ((IdentityKind.EMAIL, query.text("email")), (IdentityKind.PHONE, query.text("sms")))
        if value is not None
    ]
    if criteria:
        contact_id = await _one_contact(call, criteria)
        if contact_id is None:
            return []
        wanted = msgspec.structs.replace(wanted, contact_id=contact_id)
    facts = await call.app.feed.page(call.account_id, wanted)
    return await call.app.feed.tell(call.account_id, facts, zone)


async def contacts_messages(call: Call[None]) -> list[ContactMessage]:
    zone = await account_zone(call)
    query = call.query
    since = required_moment("dateFrom", query.required("dateFrom"), zone)
    until = required_end("dateTo", query.required("dateTo"), zone)
    _check_order(since, until)
    contact_id = await _named_contact(call)
    channels = [_channel(word) for word in query.words("mediaTypes")]
    offset = query.number("offset", default=0, clamp=1_000_000)
    limit = query.number("limit", default=_MESSAGES_DEFAULT, least=1, clamp=_MESSAGES_MOST)
    if contact_id is None:
        return []
    found = await call.app.feed.messages_of(
        call.account_id, contact_id, since=since, until=until, channels=channels, offset=offset, limit=limit
    )
    return [
        ContactMessage(
            iid=str(message.message_id),
            contact_id=message.contact_id,
            media_type=media_type(message.channel),
            message_id=message.template_id,
            message_instance_id=message.content_id or None,
            broadcast_id=message.campaign_id or None,
            name=message.name,
            subject=message.subject,
            locator=_locator(message),
            status=message.status,
            sent_date=write_moment(message.sent_at, zone),
        )
        for message in found
    ]


def _locator(message: MessageOf) -> str:
    return message.address if message.channel is Channel.EMAIL else message.address.removeprefix("+")


def _check_order(since: datetime, until: datetime) -> None:
    if until <= since:
        raise Refused(400, "'dateTo' must not be before 'dateFrom'")


def _statuses(word: str | None) -> frozenset[FeedStatus]:
    if word is None:
        return frozenset(FeedStatus)
    try:
        return frozenset({FeedStatus(word.upper())})
    except ValueError:
        known = ", ".join(status.value for status in FeedStatus)
        raise Refused(400, f"'activityStatus' must be one of {known}") from None


def _channel(word: str) -> Channel:
    channel = _MEDIA.get(word.lower().replace(" ", "").replace("_", ""))
    if channel is None:
        raise Refused(400, f"'mediaTypes' must be some of {', '.join(_MEDIA)}")
    return channel


async def _named_contact(call: Call[Any]) -> int | None:
    """The contact of `contactId`, `externalCustomerId`, `email` or `phone`: the first that is given."""
    query = call.query
    if query.text("contactId") is not None:
        return query.number("contactId", default=0, least=1, clamp=_MAX_ID)
    for name, kind in (
        ("externalCustomerId", IdentityKind.EXTERNAL_ID),
        ("email", IdentityKind.EMAIL),
        ("phone", IdentityKind.PHONE),
    ):
        value = query.text(name)
        if value is not None:
            return await _one_contact(call, [(kind, value)])
    raise Refused(400, "One of the parameters 'contactId', 'externalCustomerId', 'email' and 'phone' is required")


async def _one_contact(call: Call[Any], criteria: list[tuple[IdentityKind, str]]) -> int | None:
    """The contact that has all of these; None when there is none."""
    found: set[int | None] = set()
    for kind, value in criteria:
        wanted = "+" + value if kind is IdentityKind.PHONE and value[:1].isdigit() else value
        contact = await call.app.contacts.find(call.account_id, kind, wanted)
        found.add(contact.contact_id if contact else None)
    return found.pop() if len(found) == 1 else None


_PERIOD = (
    Parameter(name="dateFrom", required=True, text="YYYY-MM-DD or YYYY-MM-DDTHH:mm:ss, in the account's zone."),
    Parameter(name="dateTo", required=True, text="The same; a bare day counts to its end. Three months at most."),
)
_ACTIVITY_QUERY = (
    *_PERIOD,
    Parameter(name="email", text="Only of the contact with this address."),
    Parameter(name="sms", text="Only of the contact with this phone."),
    Parameter(name="messageTag", text="Only of messages filed under this word."),
    Parameter(name="activityStatus", text=", ".join(status.value for status in FeedStatus)),
    Parameter(name="maxrows", type="integer", text="Rows to return: 1,000 unless given, 25,000 at most."),
    Parameter(name="offset", text="The `offset` of the last row received; an empty answer is the end."),
)


def _activity(path: str, summary: str) -> Method:
    return Method(
        "GET",
        path,
        contacts_activity,
        scope=Scope.ACTIVITY,
        summary=summary,
        query=_ACTIVITY_QUERY,
        answer=list[FeedRow],
    )


METHODS = [
    _activity("/v2/contacts/activity", "What happened to messages, oldest first"),
    _activity("/v1/contacts/activity", "The same under an older path"),
    _activity("/v1/contactActivity", "The same under its oldest path"),
    Method(
        "GET",
        "/v2/contacts/messages",
        contacts_messages,
        scope=Scope.ACTIVITY,
        summary="Messages that were sent to one contact, newest first",
        query=(
            *_PERIOD,
            Parameter(name="contactId", type="integer", text="Whose messages."),
            Parameter(name="externalCustomerId", text="Instead of contactId."),
            Parameter(name="email", text="Instead of contactId."),
            Parameter(name="phone", text="Instead of contactId."),
            Parameter(name="mediaTypes", text=f"Some of {', '.join(_MEDIA)}, separated by commas; all unless given."),
            Parameter(name="offset", type="integer", text="Messages to skip; 0 unless given."),
            Parameter(name="limit", type="integer", text="Messages to return: 10 unless given, 100 at most."),
        ),
        answer=list[ContactMessage],
    ),
]
