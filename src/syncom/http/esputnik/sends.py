"""Sending single messages and asking what became of them (eSputnik reference, 5.5)."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

import msgspec

from syncom.content.model import Dialect, TemplateInput
from syncom.http.esputnik.method import Call, Method, Parameter, Refused, Scope
from syncom.http.esputnik.outcomes import (
    SendAnswer,
    StatusAnswer,
    StatusRow,
    answer_statuses,
    group_status_row,
    queue,
    status_row,
)
from syncom.http.esputnik.senders import read_from
from syncom.messages.batch import MAX_RECIPIENTS, BatchRecipient, BatchSend

#: Ids one question may name (eSputnik reference, 5.5).
_MAX_IDS: Final = 500
#: A mail that comes with its request is called by its subject.
_NAME_LIMIT: Final = 200


# ------------------------------------------------------------------ smartsend


class SmartRecipient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whom a prepared message goes to, with data of its own. Of the two ids one is needed."""

    locator: str = ""
    contact_id: int | None = None
    #: JSON in a text, as the vendor wants it, or the object itself.
    json_param: Any = None
    language_code: str = ""
    external_request_id: str = ""
    from_name: str = ""


class SmartSend(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A prepared message to up to 1,000 recipients. The message knows its channel: ``email`` is not needed for it."""

    recipients: list[SmartRecipient]
    external_request_id: str = ""
    email: bool = True
    from_name: str = ""
    campaign_id: int = 0
    allow_unconfirmed: bool = False


async def smart_send(call: Call[SmartSend]) -> SendAnswer:
    body = call.body
    request = BatchSend(
        template_id=call.path["id"],
        recipients=tuple(_recipient(one) for one in body.recipients),
        external_request_id=body.external_request_id,
        from_name=body.from_name,
        allow_unconfirmed=body.allow_unconfirmed,
    )
    return await queue(call, request)


def _recipient(given: SmartRecipient) -> BatchRecipient:
    data = given.json_param
    # Anything but a text or an object is refused as what it is not: an object.
    params: str | dict[str, Any] = data if isinstance(data, str) else cast("dict[str, Any]", data or {})
    return BatchRecipient(
        locator=given.locator,
        contact_id=given.contact_id,
        params=params,
        language=given.language_code,
        external_request_id=given.external_request_id,
        from_name=given.from_name,
    )


# ------------------------------------------------------------------ send, the old form


class KeyValue(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of all recipients."""

    key: str
    value: Any = ""


class OldSend(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A prepared message with the same parameters for all: to locators, a contact, or the members of a small group."""

    params: list[KeyValue] = []
    recipients: list[str] = []
    contact_id: int | None = None
    group_id: int | None = None
    email: bool = True
    from_name: str = ""
    campaign_id: int = 0
    allow_unconfirmed: bool = False
    external_request_id: str = ""


async def old_send(call: Call[OldSend]) -> SendAnswer:
    body = call.body
    params = {one.key: one.value for one in body.params}
    recipients = [BatchRecipient(locator=locator, params=params) for locator in body.recipients]
    if body.contact_id is not None:
        recipients.append(BatchRecipient(contact_id=body.contact_id, params=params))
    if body.group_id is not None:
        recipients += [
            BatchRecipient(contact_id=one, params=params) for one in await group_members(call, body.group_id)
        ]
    if not recipients:
        raise Refused(400, "One of 'recipients', 'contactId' and 'groupId' is needed")
    request = BatchSend(
        template_id=call.path["id"],
        recipients=tuple(recipients),
        external_request_id=body.external_request_id,
        from_name=body.from_name,
        allow_unconfirmed=body.allow_unconfirmed,
    )
    return await queue(call, request)


async def group_members(call: Call[Any], group_id: int) -> list[int]:
    """The contacts of a group that is small enough to be answered one by one.

    Raises NotFound, and Refused (400) for a group without contacts, or with more than a send has recipients.
    """
    group = await call.app.segments.groups.get(call.account_id, group_id)
    condition = {"list": group.list_id} if group.list_id is not None else {"segment": group.segment_id}
    found = await call.app.segments.page(call.account_id, condition, limit=MAX_RECIPIENTS + 1)
    if not found:
        raise Refused(400, f"Group with id='{group_id}' has no contacts")
    if len(found) > MAX_RECIPIENTS:
        raise Refused(
            400, f"Group with id='{group_id}' has more than {MAX_RECIPIENTS} contacts: send a broadcast to it"
        )
    return found


# ------------------------------------------------------------------ a mail in the request


class EmailSend(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A mail whose texts come with the request."""

    from_: str = msgspec.field(name="from")
    subject: str
    html_text: str
    emails: list[str]
    plain_text: str = ""
    tags: list[str] = []
    external_request_id: str = ""
    subscriptions_keys: list[str] = []
    subscription_keys: list[str] = []
    track_urls: bool = True
    #: The texts go as they are: only links and the unsubscribe address are ours.
    skip_personalisation: bool = False
    campaign_id: int = 0


async def send_email(call: Call[EmailSend]) -> SendAnswer:
    body = call.body
    from_name, from_email = read_from(body.from_)
    for name, text in (("subject", body.subject), ("htmlText", body.html_text), ("from", from_email)):
        if not text.strip():
            raise Refused(400, f"Required field '{name}' is empty")
    request = BatchSend(
        mail=TemplateInput(
            name=body.subject.strip()[:_NAME_LIMIT],
            subject=body.subject.strip(),
            source=body.html_text,
            text=body.plain_text,
            tags=tuple(body.tags),
            dialect=Dialect.PLAIN if body.skip_personalisation else Dialect.VELOCITY,
        ),
        recipients=tuple(BatchRecipient(locator=address) for address in body.emails),
        from_email=from_email,
        from_name=from_name,
        external_request_id=body.external_request_id,
        categories=tuple(dict.fromkeys([*body.subscriptions_keys, *body.subscription_keys])),
        track_links=body.track_urls,
        allow_unconfirmed=True,
    )
    return await queue(call, request)


# ------------------------------------------------------------------ status


async def message_status(call: Call[None]) -> StatusAnswer:
    asked = call.query.words("ids")
    if not asked:
        raise Refused(400, "Required parameter 'ids' is missing")
    if len(asked) > _MAX_IDS:
        raise Refused(400, f"Maximum {_MAX_IDS} ids per request")
    ids = {text: _message_id(text) for text in asked}
    found = await call.app.messages.status(call.account_id, list({one for one in ids.values() if one is not None}))
    known = {one.message_id: one for one in found}
    campaigns = await call.app.campaigns.of_sends(call.account_id, [one for one in ids.values() if one is not None])
    rows: list[StatusRow] = []
    for text in asked:
        message_id = ids[text]
        campaign = None if message_id is None else campaigns.get(message_id)
        if campaign is not None:
            rows.append(group_status_row(text, campaign))
        else:
            rows.append(status_row(text, None if message_id is None else known.get(message_id)))
    return answer_statuses(rows, call)


def _message_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


_IDS: Final = (Parameter(name="ids", text="Request ids, separated by commas; 500 at most.", required=True),)

METHODS = [
    Method(
        "POST",
        "/v1/message/{id}/smartsend",
        smart_send,
        scope=Scope.SENDING,
        body=SmartSend,
        summary="Send a prepared message, each recipient with data of its own",
        answer=SendAnswer,
    ),
    Method(
        "POST",
        "/v1/message/{id}/send",
        old_send,
        scope=Scope.SENDING,
        body=OldSend,
        summary="Send a prepared message with the same data for all (old)",
        answer=SendAnswer,
    ),
    Method(
        "POST",
        "/v1/message/email",
        send_email,
        scope=Scope.SENDING,
        body=EmailSend,
        summary="Send an email whose texts are in the request",
        answer=SendAnswer,
    ),
    *(
        Method(
            "GET",
            path,
            message_status,
            scope=Scope.SENDING,
            summary=f"What became of messages{note}",
            query=_IDS,
            answer=StatusAnswer,
        )
        for path, note in (
            ("/v1/message/status", ""),
            ("/v1/message/email/status", " (old)"),
            ("/v1/message/sms/status", " (old)"),
            ("/v1/message/viber/status", " (old)"),
        )
    ),
]
