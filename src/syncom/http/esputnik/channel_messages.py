"""Prepared messages of every channel but email (eSputnik reference, 5.6): one pattern for all of them.

A message has ``name``, ``text``, ``title``, ``from``, ``tags`` and members of its channel (``content/members.py``). The
known ones are checked, the others kept as they came. Sources name these methods by title only; the members are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

import msgspec

from syncom.contacts.model import Channel
from syncom.content.model import Dialect, LanguageInput, LanguageVersion, Template, TemplateInput
from syncom.errors import NotFound
from syncom.http.esputnik.email_messages import MessageId
from syncom.http.esputnik.method import EMPTY, PAGING, Answer, Call, Method, Parameter, Refused, Scope
from syncom.messages.senders import own_name

#: Channels by their word in the path.
CHANNELS: Final[Mapping[str, Channel]] = {
    "sms": Channel.SMS,
    "viber": Channel.VIBER,
    "mobilepush": Channel.MOBILEPUSH,
    "webpush": Channel.WEBPUSH,
    "appinbox": Channel.APPINBOX,
    "telegram": Channel.TELEGRAM,
    "inapp": Channel.INAPP,
}
#: Channels whose messages come from one of the account's sender names.
_NAMED: Final = (Channel.SMS, Channel.VIBER)
_MAX_ROWS: Final = 500
_NAME_LIMIT: Final = 80


class ChannelMessageBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a caller says about a message, beside members of its channel. What is not named stays as it is."""

    id: int | None = None
    name: str | None = None
    from_: str | None = msgspec.field(name="from", default=None)
    title: str | None = None
    text: str | None = None
    tags: list[str] | None = None
    language_code: str | None = None


class ChannelMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A prepared message; the members of its channel stand beside these."""

    id: int
    name: str
    from_: str = msgspec.field(name="from")
    title: str = ""
    text: str
    tags: list[str]
    language_code: str = ""
    languages: list[str] = []


#: Members of a body that are no members of the channel.
_COMMON: Final = frozenset({"id", "name", "from", "title", "text", "tags", "languageCode", "languages"})


async def list_messages(channel: Channel, call: Call[None]) -> Answer:
    found, total = await call.app.content.search(
        call.account_id,
        channel,
        call.query.text("search") or "",
        skip=call.query.number("startindex", default=1, least=1, clamp=2**31) - 1,
        limit=call.query.number("maxrows", default=_MAX_ROWS, least=1, clamp=_MAX_ROWS),
    )
    return Answer([_shown(one) for one in found], {"TotalCount": str(total)})


async def add_message(channel: Channel, call: Call[ChannelMessageBody]) -> MessageId:
    """A new one; with an ``id``, a change of that one or of one of its languages."""
    body = call.body
    if body.id is not None:
        return await _change(channel, call, body.id)
    if not (body.text or "").strip():
        raise Refused(400, "Required field 'text' is missing")
    name = (body.name or "").strip() or " ".join((body.text or "").split())[:_NAME_LIMIT]
    blank = TemplateInput(
        name=name,
        subject="",
        source="",
        dialect=Dialect.VELOCITY,
        channel=channel,
        language=body.language_code or "",
    )
    given = await _changed(call, blank)
    return MessageId(id=(await call.app.content.create(call.account_id, given)).template_id)


async def get_message(channel: Channel, call: Call[None]) -> dict[str, Any]:
    return _shown(await _template(channel, call))


async def change_message(channel: Channel, call: Call[ChannelMessageBody]) -> MessageId:
    return await _change(channel, call, call.path["id"])


async def delete_message(channel: Channel, call: Call[None]) -> object:
    template = await _template(channel, call)
    await call.app.content.delete(call.account_id, template.template_id)
    return EMPTY


async def get_language(channel: Channel, call: Call[None]) -> dict[str, Any]:
    template = await _template(channel, call)
    version = await _version(call, template, call.path["language:text"])
    if version is None:
        raise NotFound("language", call.path["language:text"])
    translated = msgspec.structs.replace(
        template,
        subject=version.subject,
        source=version.source,
        members={**template.members, **version.members},
        language=version.language,
        languages=(),
    )
    return _shown(translated)


async def save_language(channel: Channel, call: Call[ChannelMessageBody]) -> MessageId:
    return await _save_language(call, await _template(channel, call), call.path["language:text"])


async def delete_language(channel: Channel, call: Call[None]) -> object:
    template = await _template(channel, call)
    await call.app.content.delete_language(call.account_id, template.template_id, call.path["language:text"])
    return EMPTY


# ------------------------------------------------------------------ steps


async def _template(channel: Channel, call: Call[Any], template_id: int | None = None) -> Template:
    """The message with this id, that of the path unless given. Raises NotFound for another channel's message too."""
    wanted: int = call.path["id"] if template_id is None else template_id
    try:
        found = await call.app.content.get(call.account_id, wanted)
    except NotFound:
        raise NotFound("message", wanted) from None
    if found.channel is not channel:
        raise NotFound("message", wanted)
    return found


async def _change(channel: Channel, call: Call[ChannelMessageBody], template_id: int) -> MessageId:
    template = await _template(channel, call, template_id)
    code = (call.body.language_code or "").strip()
    if code and code.lower().replace("_", "-") != template.language.lower():
        return await _save_language(call, template, code)
    await call.app.content.update(call.account_id, template_id, await _changed(call, template.as_input()))
    return MessageId(id=template_id)


async def _changed(call: Call[ChannelMessageBody], stored: TemplateInput) -> TemplateInput:
    """The stored message with what the body names."""
    body = call.body
    changes: dict[str, Any] = {
        member: value
        for member, value in (
            ("name", body.name),
            ("subject", body.title),
            ("source", body.text),
            ("tags", None if body.tags is None else tuple(body.tags)),
        )
        if value is not None
    }
    if body.from_ is not None:
        changes["from_name"] = await _from_name(call, stored.channel, body.from_)
    members = _members(call)
    if members:
        changes["members"] = {**stored.members, **members}
    return msgspec.structs.replace(stored, **changes)


async def _from_name(call: Call[Any], channel: Channel, name: str) -> str:
    """A name of one of the account's senders. Raises Invalid."""
    if not name.strip() or channel not in _NAMED:
        return name.strip()
    return own_name(await call.app.senders.of_texts(call.account_id, channel, name), name)


def _members(call: Call[Any]) -> dict[str, Any]:
    """What a body has beside the common members: those of its channel."""
    try:
        value = msgspec.json.decode(call.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: inner for name, inner in cast("dict[str, Any]", value).items() if name not in _COMMON}


async def _save_language(call: Call[ChannelMessageBody], template: Template, language: str) -> MessageId:
    """Members that are not named stay as they are in this language, or are the message's own when it is new."""
    body = call.body
    stored = await _version(call, template, language)
    base: Template | LanguageVersion = stored or template
    given = LanguageInput(
        subject=base.subject if body.title is None else body.title,
        source=base.source if body.text is None else body.text,
        members={**(stored.members if stored else {}), **_members(call)},
    )
    await call.app.content.save_language(call.account_id, template.template_id, language, given)
    return MessageId(id=template.template_id)


async def _version(call: Call[Any], template: Template, language: str) -> LanguageVersion | None:
    wanted = language.strip().lower().replace("_", "-")
    versions = await call.app.content.languages(call.account_id, template.template_id)
    return next((version for version in versions if version.language.lower() == wanted), None)


def _shown(template: Template) -> dict[str, Any]:
    common = ChannelMessage(
        id=template.template_id,
        name=template.name,
        from_=template.from_name,
        title=template.subject,
        text=template.source,
        tags=list(template.tags),
        language_code=template.language,
        languages=list(template.languages),
    )
    return {**template.members, **msgspec.to_builtins(common)}


_SEARCH: Final = Parameter(name="search", text="Part of the name or of a tag.")


def _methods(word: str, channel: Channel) -> list[Method]:
    every = f"/v1/messages/{word}"
    one, language = f"{every}/{{id}}", f"{every}/{{id}}/{{language:text}}"
    read, write = Scope.READ_CONTENT, Scope.WRITE_CONTENT
    return [
        Method(
            "GET",
            every,
            partial(list_messages, channel),
            scope=read,
            summary=f"Prepared {word} messages",
            query=(*PAGING, _SEARCH),
            answer=list[ChannelMessage],
        ),
        Method(
            "POST",
            every,
            partial(add_message, channel),
            scope=write,
            body=ChannelMessageBody,
            summary=f"Add a prepared {word} message, or change one by its id",
            answer=MessageId,
        ),
        Method(
            "GET",
            one,
            partial(get_message, channel),
            scope=read,
            summary=f"A prepared {word} message",
            answer=ChannelMessage,
        ),
        Method(
            "PUT",
            one,
            partial(change_message, channel),
            scope=write,
            body=ChannelMessageBody,
            summary=f"Change a prepared {word} message",
            answer=MessageId,
        ),
        Method(
            "DELETE", one, partial(delete_message, channel), scope=write, summary=f"Delete a prepared {word} message"
        ),
        Method(
            "GET",
            language,
            partial(get_language, channel),
            scope=read,
            summary=f"A prepared {word} message in another language",
            answer=ChannelMessage,
        ),
        Method(
            "PUT",
            language,
            partial(save_language, channel),
            scope=write,
            body=ChannelMessageBody,
            summary=f"Add or change a language of a prepared {word} message",
            answer=MessageId,
        ),
        Method(
            "DELETE",
            language,
            partial(delete_language, channel),
            scope=write,
            summary=f"Delete a language of a prepared {word} message",
        ),
    ]


METHODS = [method for word, channel in CHANNELS.items() for method in _methods(word, channel)]
