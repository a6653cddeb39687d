"""SMS and Viber whose texts come with the request (eSputnik reference, 5.5): to phones, or to a whole segment."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncom.campaigns.model import Audience
from syncom.contacts.model import Channel, ContactInput, IdentityKind, SubscriptionState, UpsertOptions
from syncom.content.model import Dialect, TemplateInput
from syncom.errors import Invalid
from syncom.http.esputnik.method import EMPTY, PAGING, Answer, Call, Method, Refused, Scope
from syncom.http.esputnik.moments import account_zone, write_moment
from syncom.http.esputnik.outcomes import SendAnswer, SendRow, collapsed, queue
from syncom.ids import campaign_message_id
from syncom.messages.batch import BatchRecipient, BatchSend
from syncom.messages.routes import normalise_number
from syncom.segments.model import Group

#: A message that comes with its request is called by its first words.
_NAME_LIMIT: Final = 80
_MAX_ROWS: Final = 500
#: As of addresses of one call elsewhere in this API.
_MAX_PHONES: Final = 3000
_MAX_GROUPS: Final = 10_000


# ------------------------------------------------------------------ sending


class SmsSend(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A text for phones."""

    from_: str = msgspec.field(name="from")
    text: str
    phone_numbers: list[str] = []
    group_id: int | None = None
    tags: list[str] = []
    external_request_id: str = ""
    subscriptions_keys: list[str] = []
    subscription_keys: list[str] = []
    track_urls: bool = False
    campaign_id: int = 0


class ViberSend(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A Viber message. ``iosExpirityText`` is spelled as the vendor spells it."""

    text: str
    from_: str = msgspec.field(name="from", default="")
    ttl_seconds: int | None = None
    img: str = ""
    caption: str = ""
    action: str = ""
    ios_expirity_text: str = ""
    phone_numbers: list[str] = []
    group_id: int | None = None
    tags: list[str] = []
    external_request_id: str = ""
    subscriptions_keys: list[str] = []
    subscription_keys: list[str] = []
    track_urls: bool = False


async def send_sms(call: Call[SmsSend]) -> SendAnswer:
    if not call.body.from_.strip():
        raise Refused(400, "Required field 'from' is empty")
    return await _send(call, Channel.SMS, {})


async def send_viber(call: Call[ViberSend]) -> SendAnswer:
    body = call.body
    members = {
        "img": body.img,
        "caption": body.caption,
        "action": body.action,
        "ttlSeconds": body.ttl_seconds,
        "iosExpirityText": body.ios_expirity_text,
    }
    return await _send(call, Channel.VIBER, members)


async def _send(call: Call[Any], channel: Channel, members: dict[str, Any]) -> SendAnswer:
    body: SmsSend | ViberSend = call.body
    if not body.text.strip():
        raise Refused(400, "Required field 'text' is empty")
    if body.phone_numbers and body.group_id is not None:
        raise Refused(400, "Use either 'phoneNumbers' or 'groupId'")
    message = TemplateInput(
        name=" ".join(body.text.split())[:_NAME_LIMIT],
        subject="",
        source=body.text,
        tags=tuple(body.tags),
        from_name=body.from_.strip(),
        dialect=Dialect.VELOCITY,
        channel=channel,
        members=members,
    )
    if body.group_id is not None:
        return await _send_to_group(call, message, body.group_id)
    if not body.phone_numbers:
        raise Refused(400, "One of 'phoneNumbers' and 'groupId' is needed")
    request = BatchSend(
        mail=message,
        recipients=tuple(BatchRecipient(locator=phone) for phone in body.phone_numbers),
        from_name=message.from_name,
        external_request_id=body.external_request_id,
        categories=tuple(dict.fromkeys([*body.subscriptions_keys, *body.subscription_keys])),
        track_links=body.track_urls,
        allow_unconfirmed=True,
    )
    return await queue(call, request)


async def _send_to_group(call: Call[Any], message: TemplateInput, group_id: int) -> SendAnswer:
    """A group may be millions: it becomes a campaign, and the one row of the answer stands for it."""
    lists, segments = await call.app.segments.groups.resolve(call.account_id, [group_id])
    keys = dict.fromkeys([*call.body.subscriptions_keys, *call.body.subscription_keys])
    audience = Audience(lists=tuple(lists), segments=tuple(segments), categories=tuple(keys))
    try:
        campaign = await call.app.campaigns.send_at_once(
            call.account_id, message, audience, track_links=call.body.track_urls
        )
    except Invalid as error:
        return collapsed(call, [SendRow(locator=str(group_id), status="ERROR", message=error.fields[0].reason)])
    request_id = campaign_message_id(campaign.campaign_id, 0)
    return collapsed(call, [SendRow(locator=str(group_id), status="OK", request_id=str(request_id))])


# ------------------------------------------------------------------ what was sent


class CallOutRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An SMS broadcast and how it went. ``groupId`` is 0 and ``groupName`` empty when the group is gone."""

    callout_name: str
    group_id: int
    group_name: str
    #: In the account's time zone, without an offset.
    date: str
    sent: int
    delivered: int
    errors: int


async def sms_call_outs(call: Call[None]) -> Answer:
    found, total = await call.app.campaigns.call_outs(
        call.account_id,
        Channel.SMS,
        skip=call.query.number("startindex", default=1, least=1, clamp=2**31) - 1,
        limit=call.query.number("maxrows", default=_MAX_ROWS, least=1, clamp=_MAX_ROWS),
    )
    zone = await account_zone(call)
    groups = await _groups(call) if found else []
    rows: list[CallOutRow] = []
    for one in found:
        group = next((group for group in groups if _is_for(one.audience, group)), None)
        rows.append(
            CallOutRow(
                callout_name=one.name,
                group_id=group.group_id if group else 0,
                group_name=group.name if group else "",
                date=write_moment(one.launched_at, zone),
                sent=one.sent,
                delivered=one.delivered,
                errors=one.errors,
            )
        )
    return Answer(rows, {"TotalCount": str(total)})


async def _groups(call: Call[Any]) -> list[Group]:
    found, _ = await call.app.segments.groups.page(call.account_id, offset=0, limit=_MAX_GROUPS)
    return found


def _is_for(audience: Audience, group: Group) -> bool:
    return group.list_id in audience.lists or group.segment_id in audience.segments


# ------------------------------------------------------------------ who wants no SMS


class Phones(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Phones in international form, under either name."""

    phones: list[str] = []
    phone_numbers: list[str] = []


async def unsubscribe_phones(call: Call[Phones]) -> object:
    """Whoever has one of these phones gets no bulk SMS any more; an unknown phone is remembered by a new contact."""
    rows = [ContactInput(phone=phone) for phone in _phones(call.body)]
    options = UpsertOptions(key=IdentityKind.PHONE, consent=SubscriptionState.UNSUBSCRIBED, source="api")
    result = await call.app.contacts.upsert(call.account_id, rows, options)
    for problem in result.problems:
        raise Invalid("phones", f"'{rows[problem.index].phone}' {problem.reason}")
    return EMPTY


async def resubscribe_phones(call: Call[Phones]) -> object:
    """Lifts it for those who were unsubscribed; phones that nobody has are passed over."""
    phones = _phones(call.body)
    found = await call.app.contacts.find_ids(call.account_id, IdentityKind.PHONE, phones)
    ids = [contact_id for contact_id in found if contact_id is not None]
    contacts = await call.app.contacts.get_many(call.account_id, ids)
    lifted = [one.contact_id for one in contacts if one.sms_state is SubscriptionState.UNSUBSCRIBED]
    await call.app.contacts.consents.subscribe(call.account_id, lifted, Channel.SMS, source="api")
    return EMPTY


def _phones(body: Phones) -> list[str]:
    """E.164, each once. Raises Refused (400) for what is no phone."""
    given = [*body.phones, *body.phone_numbers]
    if not given:
        raise Refused(400, "Required field 'phones' is missing")
    if len(given) > _MAX_PHONES:
        raise Refused(400, f"Maximum {_MAX_PHONES} phones per request")
    found: dict[str, None] = {}
    for phone in given:
        try:
            found[normalise_number(phone)] = None
        except ValueError:
            raise Refused(400, f"'{phone}' is not valid phone number") from None
    return list(found)


METHODS = [
    Method(
        "POST",
        "/v1/message/sms",
        send_sms,
        scope=Scope.SENDING,
        body=SmsSend,
        summary="Send an SMS whose text is in the request",
        answer=SendAnswer,
    ),
    Method(
        "POST",
        "/v1/message/viber",
        send_viber,
        scope=Scope.SENDING,
        body=ViberSend,
        summary="Send a Viber message that is in the request",
        answer=SendAnswer,
    ),
    Method(
        "GET",
        "/v1/callouts/sms",
        sms_call_outs,
        scope=Scope.GENERAL,
        summary="Broadcasts of SMS and how they went",
        query=PAGING,
        answer=list[CallOutRow],
    ),
    Method(
        "POST",
        "/v1/sms/unsubscribed/add",
        unsubscribe_phones,
        scope=Scope.WRITE_CONTACTS,
        body=Phones,
        summary="Phones that get no bulk SMS any more (an extension)",
    ),
    Method(
        "POST",
        "/v1/sms/unsubscribed/delete",
        resubscribe_phones,
        scope=Scope.WRITE_CONTACTS,
        body=Phones,
        summary="Lift it (an extension)",
    ),
]
