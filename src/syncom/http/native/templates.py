"""/templates: what mails say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Request, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.content.editing.model import Preview
from syncom.content.fields import contact_fields
from syncom.content.model import (
    AttachedFile,
    Finding,
    LanguageInput,
    LanguageVersion,
    Template,
    TemplateInput,
    TemplateSummary,
)
from syncom.errors import Invalid
from syncom.http.headers import header
from syncom.http.native.contacts import CHANNELS, choice
from syncom.http.native.given import By, Contacts, Content, Messages, Previews
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, page_of, read_cursor
from syncom.http.native.routing import Edited, needs
from syncom.messages.service import MessageRecipient, SendRequest

_TAGS = ["Templates"]
#: Together with the rest of a mail: more is refused by most mailbox providers.
_MAX_ATTACHMENT = 20_000_000


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom: a contact, and merge fields of the message that win over the contact's."""

    contact_id: int | None = None
    params: dict[str, Any] = {}


class TestSend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to, through which sender (the default one unless given), with which merge fields."""

    to: list[str]
    sender_id: int | None = None
    params: dict[str, Any] = {}


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of the messages, in the order of the recipients."""

    message_ids: list[str]


class Copy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name of the copy."""

    name: str


@get("/templates", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_templates(
    by: By,
    content: Content,
    limit: Limit = 100,
    cursor: Cursor = None,
    latest: Annotated[bool, QueryParameter(description="What was changed last first, not by ascending id.")] = False,
    search: Annotated[str, QueryParameter(description="Words in name, subject or a tag; with `latest`.")] = "",
    channel: Annotated[
        str | None, QueryParameter(description="email, sms, viber, webpush, …: only of it; with `latest`.")
    ] = None,
) -> Page[TemplateSummary]:
    """All templates, without their texts."""
    if latest:
        found = await content.latest(
            by.account_id,
            channel=None if channel is None else choice("channel", channel, CHANNELS),
            words=search,
            before=read_cursor(cursor, tuple[datetime, int]),
            limit=limit + 1,
        )
        return page_of(found, limit, lambda one: (one.updated_at, one.template_id))
    if search or channel is not None:
        raise Invalid("search" if search else "channel", "goes together with latest=true")
    page = await content.list(by.account_id, cursor=read_cursor(cursor, int) or 0, limit=limit)
    following = None if page.next_cursor is None else cursor_for(page.next_cursor)
    return Page(items=list(page.templates), next_cursor=following)


@post("/templates", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT, edits=Edited.TEMPLATE))
async def create_template(by: By, content: Content, data: JSONBody[TemplateInput]) -> Template:
    """Save a template. It is compiled at once, so mistakes are told now and not when mails go out."""
    return await content.create(by.account_id, data)


@get("/templates/{template_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTENT, edits=Edited.TEMPLATE))
async def get_template(by: By, content: Content, template_id: FromPath[int]) -> Template:
    """One template with its texts."""
    return await content.get(by.account_id, template_id)


@put("/templates/{template_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT, edits=Edited.TEMPLATE))
async def update_template(
    by: By,
    content: Content,
    template_id: FromPath[int],
    data: JSONBody[TemplateInput],
    version: Annotated[int | None, QueryParameter(description="Refuse when somebody saved another one since.")] = None,
) -> Template:
    """Save a new version. Campaigns that were launched keep theirs."""
    return await content.update(by.account_id, template_id, data, version=version)


@delete("/templates/{template_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def delete_template(by: By, content: Content, template_id: FromPath[int]) -> None:
    """Remove a template that no campaign needs."""
    await content.delete(by.account_id, template_id)


@post("/templates/{template_id:int}/copy", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def copy_template(by: By, content: Content, template_id: FromPath[int], data: JSONBody[Copy]) -> Template:
    """Make another template of this one, attachments included."""
    return await content.copy(by.account_id, template_id, data.name)


@get("/templates/{template_id:int}/languages", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_languages(by: By, content: Content, template_id: FromPath[int]) -> Page[LanguageVersion]:
    """A template's versions in other languages, with their texts."""
    return Page(items=list(await content.languages(by.account_id, template_id)), next_cursor=None)


@put("/templates/{template_id:int}/languages/{language:str}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def save_language(
    by: By, content: Content, template_id: FromPath[int], language: FromPath[str], data: JSONBody[LanguageInput]
) -> Template:
    """Add or replace the version in a language (BCP 47). Readers of this language get it from now on."""
    return await content.save_language(by.account_id, template_id, language, data)


@delete("/templates/{template_id:int}/languages/{language:str}", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def delete_language(by: By, content: Content, template_id: FromPath[int], language: FromPath[str]) -> None:
    """Remove the version in a language: its readers get the template's own texts."""
    await content.delete_language(by.account_id, template_id, language)


@post(
    "/templates/{template_id:int}/preview",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.READ_CONTENT, replay=False),
)
async def preview_template(
    by: By, previews: Previews, contacts: Contacts, template_id: FromPath[int], data: JSONBody[Sample]
) -> Preview:
    """The mail as this contact would get it. Changes nothing; its links are not tracked. Show `url` in a frame."""
    fields = await contact_or_nobody(by.account_id, contacts, data.contact_id)
    return await previews.saved(by.account_id, template_id, fields, data.params)


@post(
    "/templates/{template_id:int}/check",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.READ_CONTENT, replay=False),
)
async def check_template(
    by: By, content: Content, contacts: Contacts, template_id: FromPath[int], data: JSONBody[Sample]
) -> Page[Finding]:
    """What is wrong with a template: dead merge tags, a missing unsubscribe link, size. Changes nothing."""
    fields = await contact_or_nobody(by.account_id, contacts, data.contact_id) if data.contact_id is not None else None
    found = await content.check(by.account_id, template_id, fields, data.params)
    return Page(items=list(found), next_cursor=None)


@post("/templates/{template_id:int}/test-send", tags=_TAGS, status_code=202, opt=needs(Permission.SEND))
async def test_send(
    by: By, content: Content, messages: Messages, template_id: FromPath[int], data: JSONBody[TestSend]
) -> Sent:
    """Send this template now to a few addresses."""
    await content.get(by.account_id, template_id)
    recipients = tuple(MessageRecipient(email=email, params=data.params) for email in data.to)
    request = SendRequest(template_id=template_id, recipients=recipients, sender_id=data.sender_id)
    return Sent(message_ids=[str(sent) for sent in await messages.send(by.account_id, request)])


@post(
    "/templates/{template_id:int}/attachments",
    tags=_TAGS,
    request_max_body_size=_MAX_ATTACHMENT,
    opt=needs(Permission.WRITE_CONTENT, media=None, replay=False),
)
async def add_attachment(
    request: Request[Any, Any, Any],
    by: By,
    content: Content,
    template_id: FromPath[int],
    name: Annotated[str, QueryParameter(description="The file's name, as recipients see it.")],
) -> Template:
    """Attach a file: its bytes are the body, its kind is the Content-Type."""
    body = await request.body()
    if not body:
        raise Invalid("body", "is empty; send the file's bytes")
    media = header(request.scope, b"content-type") or "application/octet-stream"
    file = AttachedFile(file_name=unquote(name), content_type=media, content=body)
    return await content.attach(by.account_id, template_id, file)


@delete(
    "/templates/{template_id:int}/attachments/{attachment_id:int}",
    tags=_TAGS,
    opt=needs(Permission.WRITE_CONTENT),
)
async def remove_attachment(by: By, content: Content, template_id: FromPath[int], attachment_id: FromPath[int]) -> None:
    """Take a file off a template."""
    await content.detach(by.account_id, template_id, attachment_id)


async def contact_or_nobody(account_id: int, contacts: Contacts, contact_id: int | None) -> dict[str, Any]:
    """The merge fields of a contact; none of nobody. Raises NotFound."""
    if contact_id is None:
        return {}
    return contact_fields(await contacts.get(account_id, contact_id))


HANDLERS: list[Any] = [
    list_templates,
    create_template,
    get_template,
    update_template,
    delete_template,
    copy_template,
    list_languages,
    save_language,
    delete_language,
    preview_template,
    check_template,
    test_send,
    add_attachment,
    remove_attachment,
]
