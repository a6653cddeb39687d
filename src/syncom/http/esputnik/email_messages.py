"""Prepared emails: what smartsend sends (eSputnik reference, 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from syncom.contacts.model import Channel
from syncom.content.model import Dialect, LanguageInput, LanguageVersion, Template, TemplateInput
from syncom.errors import Invalid, NotFound
from syncom.http.esputnik.method import EMPTY, PAGING, Answer, Call, Method, Parameter, Refused, Scope
from syncom.http.esputnik.senders import from_text, read_from
from syncom.messages.model import Sender

_MAX_ROWS: Final = 500


class EmailMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A prepared email. ``languages`` are those it has versions in beside its own."""

    id: int
    name: str
    from_: str = msgspec.field(name="from")
    subject: str
    html_text: str
    plain_text: str
    tags: list[str]
    language_code: str = ""
    languages: list[str] = []


class EmailMessageBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a caller says about an email; members that are not named stay as they are when it exists."""

    id: int | None = None
    name: str | None = None
    from_: str | None = msgspec.field(name="from", default=None)
    subject: str | None = None
    html_text: str | None = None
    plain_text: str | None = None
    tags: list[str] | None = None
    language_code: str | None = None


class MessageId(msgspec.Struct, frozen=True, kw_only=True):
    """Its id."""

    id: int


class MessageLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where the web version is."""

    link: str


async def list_messages(call: Call[None]) -> Answer:
    found, total = await call.app.content.search(
        call.account_id,
        Channel.EMAIL,
        call.query.text("search") or "",
        skip=call.query.number("startindex", default=1, least=1, clamp=2**31) - 1,
        limit=call.query.number("maxrows", default=_MAX_ROWS, least=1, clamp=_MAX_ROWS),
    )
    senders = await _senders(call)
    return Answer([_message(one, senders) for one in found], {"TotalCount": str(total)})


async def add_message(call: Call[EmailMessageBody]) -> MessageId:
    """A new one; with an ``id``, a change of that one or of one of its languages."""
    body = call.body
    if body.id is not None:
        if body.language_code and body.language_code.strip():
            return await _save_language(call, body.id, body.language_code)
        return await _change(call, body.id)
    for name, text in (("subject", body.subject), ("htmlText", body.html_text)):
        if not (text or "").strip():
            raise Refused(400, f"Required field '{name}' is missing")
    name = (body.name or body.subject or "").strip()[:200]
    blank = TemplateInput(name=name, subject="", source="", dialect=Dialect.VELOCITY)
    given = await _changed(call, blank)
    if body.language_code:
        given = msgspec.structs.replace(given, language=body.language_code)
    return MessageId(id=(await call.app.content.create(call.account_id, given)).template_id)


async def get_message(call: Call[None]) -> EmailMessage:
    return _message(await _template(call, call.path["id"]), await _senders(call))


async def change_message(call: Call[EmailMessageBody]) -> MessageId:
    code = call.body.language_code
    if code and code.strip():
        template = await _template(call, call.path["id"])
        if code.strip().lower().replace("_", "-") != template.language.lower():
            return await _save_language(call, call.path["id"], code)
    return await _change(call, call.path["id"])


async def delete_message(call: Call[None]) -> object:
    await _template(call, call.path["id"])
    await call.app.content.delete(call.account_id, call.path["id"])
    return EMPTY


async def get_language(call: Call[None]) -> EmailMessage:
    template = await _template(call, call.path["id"])
    version = await _version(call, template, call.path["language:text"])
    if version is None:
        raise NotFound("language", call.path["language:text"])
    senders = await _senders(call)
    return msgspec.structs.replace(
        _message(template, senders),
        subject=version.subject,
        html_text=version.source,
        plain_text=version.text,
        language_code=version.language,
        languages=[],
    )


async def save_language(call: Call[EmailMessageBody]) -> MessageId:
    return await _save_language(call, call.path["id"], call.path["language:text"])


async def delete_language(call: Call[None]) -> object:
    await _template(call, call.path["id"])
    await call.app.content.delete_language(call.account_id, call.path["id"], call.path["language:text"])
    return EMPTY


async def view_link(call: Call[None]) -> MessageLink:
    await _template(call, call.path["id"])
    return MessageLink(link=await call.app.web_versions.template_link(call.account_id, call.path["id"]))


# ------------------------------------------------------------------ steps


async def _template(call: Call[Any], template_id: int) -> Template:
    """The email with this id. Raises NotFound for another channel's message too."""
    try:
        found = await call.app.content.get(call.account_id, template_id)
    except NotFound:
        raise NotFound("message", template_id) from None
    if found.channel is not Channel.EMAIL:
        raise NotFound("message", template_id)
    return found


async def _change(call: Call[EmailMessageBody], template_id: int) -> MessageId:
    stored = await _template(call, template_id)
    given = await _changed(call, stored.as_input())
    await call.app.content.update(call.account_id, template_id, given)
    return MessageId(id=template_id)


async def _changed(call: Call[EmailMessageBody], stored: TemplateInput) -> TemplateInput:
    """The stored email with the named members of the body."""
    body = call.body
    changes: dict[str, object] = {
        member: value
        for member, value in (
            ("name", body.name),
            ("subject", body.subject),
            ("source", body.html_text),
            ("text", body.plain_text),
            ("tags", None if body.tags is None else tuple(body.tags)),
        )
        if value is not None
    }
    if body.from_ is not None and body.from_.strip():
        from_name, address = read_from(body.from_)
        sender = await call.app.senders.with_address(call.account_id, address)
        if sender is None:
            raise Invalid("from", f"'{address}' is not one of the senders of this account")
        changes["sender_id"] = sender.sender_id
        changes["from_name"] = "" if from_name == sender.from_name else from_name
    return msgspec.structs.replace(stored, **changes)


async def _save_language(call: Call[EmailMessageBody], template_id: int, language: str) -> MessageId:
    """Members that are not named stay as they are in this language, or are the email's own when it is new."""
    template = await _template(call, template_id)
    stored = await _version(call, template, language)
    body = call.body
    given = LanguageInput(
        subject=_either(body.subject, stored.subject if stored else template.subject),
        source=_either(body.html_text, stored.source if stored else template.source),
        text=_either(body.plain_text, stored.text if stored else ""),
        preheader=stored.preheader if stored else "",
    )
    await call.app.content.save_language(call.account_id, template_id, language, given)
    return MessageId(id=template_id)


def _either(given: str | None, stored: str) -> str:
    return stored if given is None else given


async def _version(call: Call[Any], template: Template, language: str) -> LanguageVersion | None:
    wanted = language.strip().lower().replace("_", "-")
    versions = await call.app.content.languages(call.account_id, template.template_id)
    return next((version for version in versions if version.language.lower() == wanted), None)


async def _senders(call: Call[Any]) -> Mapping[int | None, Sender]:
    """By id, and under None the one of emails that name none."""
    senders = [
        one for one in await call.app.senders.list(call.account_id) if one.channel is Channel.EMAIL and one.from_email
    ]
    found: dict[int | None, Sender] = {sender.sender_id: sender for sender in senders}
    if senders:
        found[None] = next((sender for sender in senders if sender.is_default), senders[0])
    return found


def _message(template: Template, senders: Mapping[int | None, Sender]) -> EmailMessage:
    sender = senders.get(template.sender_id) or senders.get(None)
    return EmailMessage(
        id=template.template_id,
        name=template.name,
        from_=from_text(sender, template.from_name) if sender else "",
        subject=template.subject,
        html_text=template.source,
        plain_text=template.text,
        tags=list(template.tags),
        language_code=template.language,
        languages=list(template.languages),
    )


_SEARCH: Final = Parameter(name="search", text="Part of the name or of a tag.")
_ONE: Final = "/v1/messages/email/{id}"
_LANGUAGE: Final = "/v1/messages/email/{id}/{language:text}"

METHODS = [
    Method(
        "GET",
        "/v1/messages/email",
        list_messages,
        scope=Scope.READ_CONTENT,
        summary="Prepared emails",
        query=(*PAGING, _SEARCH),
        answer=list[EmailMessage],
    ),
    Method(
        "POST",
        "/v1/messages/email",
        add_message,
        scope=Scope.WRITE_CONTENT,
        body=EmailMessageBody,
        summary="Add a prepared email, or change one by its id",
        answer=MessageId,
    ),
    Method("GET", _ONE, get_message, scope=Scope.READ_CONTENT, summary="A prepared email", answer=EmailMessage),
    Method(
        "PUT",
        _ONE,
        change_message,
        scope=Scope.WRITE_CONTENT,
        body=EmailMessageBody,
        summary="Change a prepared email",
        answer=MessageId,
    ),
    Method("DELETE", _ONE, delete_message, scope=Scope.WRITE_CONTENT, summary="Delete a prepared email"),
    Method(
        "GET",
        f"{_ONE}/viewLink",
        view_link,
        scope=Scope.READ_CONTENT,
        summary="Where a prepared email can be seen in the browser",
        answer=MessageLink,
    ),
    Method(
        "GET",
        _LANGUAGE,
        get_language,
        scope=Scope.READ_CONTENT,
        summary="A prepared email in another language",
        answer=EmailMessage,
    ),
    Method(
        "PUT",
        _LANGUAGE,
        save_language,
        scope=Scope.WRITE_CONTENT,
        body=EmailMessageBody,
        summary="Add or change a language of a prepared email",
        answer=MessageId,
    ),
    Method(
        "DELETE",
        _LANGUAGE,
        delete_language,
        scope=Scope.WRITE_CONTENT,
        summary="Delete a language of a prepared email",
    ),
]
