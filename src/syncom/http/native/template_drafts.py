"""/templates: what is being written, and what was before. Previews and checks of it, drafts, versions, merge fields."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.contacts.model import Channel
from syncom.content.editing.model import FullTemplateVersion, Preview, TemplateDraft, TemplateVersion
from syncom.content.merge_fields import MergeField, merge_fields, sample_contact
from syncom.content.model import Dialect, Finding, Format, Template, TemplateInput
from syncom.errors import Invalid
from syncom.http.native.given import By, Contacts, Content, Events, Messages, Previews, TemplateWriting
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs
from syncom.http.native.templates import Sent, contact_or_nobody
from syncom.messages.service import MessageRecipient, SendRequest

_TAGS = ["Templates"]
#: The largest source and text, in JSON.
_MAX_BODY = 5_000_000


class Unsaved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template as it stands in an editor, and for whom: a contact, or a sample one.

    `event_type` gives its parameters examples out of the newest events; `params` win over them.
    """

    source: str
    name: str = ""
    subject: str = ""
    format: Format = Format.HTML
    dialect: Dialect = Dialect.SYNCOM
    preheader: str = ""
    text: str = ""
    language: str = ""
    channel: Channel = Channel.EMAIL
    members: dict[str, Any] = {}
    contact_id: int | None = None
    event_type: str = ""
    params: dict[str, Any] = {}


class UnsavedTest(Unsaved, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, where to, and through which sender (the default one unless given)."""

    to: list[str]
    sender_id: int | None = None


class PlainTextOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a text part is made from."""

    source: str
    format: Format = Format.HTML


class PlainText(msgspec.Struct, frozen=True, kw_only=True):
    """A text part, its merge fields as they were written."""

    text: str


class DraftInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is being written, whether it can be compiled or not; and the version it began from, at its first save.

    `seen_at` is `drafted_at` of the draft that this one changes: refused when another one was saved since.
    """

    content: dict[str, Any]
    from_version: int | None = None
    seen_at: datetime | None = None


@post(
    "/templates/preview",
    tags=_TAGS,
    status_code=200,
    request_max_body_size=_MAX_BODY,
    opt=needs(Permission.READ_CONTENT, replay=False),
)
async def preview_unsaved(
    by: By, previews: Previews, contacts: Contacts, events: Events, data: JSONBody[Unsaved]
) -> Preview:
    """What is being written, as a contact or a sample one would get it. Saves nothing; show `url` in a frame.

    The address answers for 15 minutes, with rules of its own that keep scripts and forms from running; with
    `?images=off` it loads nothing from other servers.
    """
    params = await _params(by.account_id, events, data)
    fields = await _reader(by.account_id, contacts, data.contact_id)
    return await previews.unsaved(by.account_id, _template(data), fields, params)


@post(
    "/templates/check",
    tags=_TAGS,
    status_code=200,
    request_max_body_size=_MAX_BODY,
    opt=needs(Permission.READ_CONTENT, replay=False),
)
async def check_unsaved(
    by: By, previews: Previews, contacts: Contacts, events: Events, data: JSONBody[Unsaved]
) -> Page[Finding]:
    """What is wrong with what is being written, errors first. Saves nothing."""
    params = await _params(by.account_id, events, data)
    fields = await contact_or_nobody(by.account_id, contacts, data.contact_id) if data.contact_id is not None else None
    return Page(items=list(await previews.check(by.account_id, _template(data), fields, params)), next_cursor=None)


@post(
    "/templates/test-send",
    tags=_TAGS,
    status_code=202,
    request_max_body_size=_MAX_BODY,
    opt=needs(Permission.SEND),
)
async def test_send_unsaved(
    by: By, messages: Messages, contacts: Contacts, events: Events, data: JSONBody[UnsavedTest]
) -> Sent:
    """Send what is being written to a few addresses, with the merge fields of a contact or a sample one."""
    params = await _params(by.account_id, events, data)
    fields = await _reader(by.account_id, contacts, data.contact_id)
    shown = {name: value for name, value in msgspec.to_builtins(fields).items() if name not in _OF_THE_READER}
    recipients = tuple(MessageRecipient(email=email, params={**shown, **params}) for email in data.to)
    request = SendRequest(template_id=0, recipients=recipients, sender_id=data.sender_id)
    unsaved = await messages.unsaved(by.account_id, _template(data))
    sent = await messages.send(by.account_id, request, unsaved=unsaved)
    return Sent(message_ids=[str(one) for one in sent])


@post(
    "/templates/plain-text",
    tags=_TAGS,
    status_code=200,
    request_max_body_size=_MAX_BODY,
    opt=needs(Permission.READ_CONTENT, replay=False),
)
async def make_plain_text(by: By, content: Content, data: JSONBody[PlainTextOf]) -> PlainText:
    """The text part that is made of a mail when it has none, to begin one's own from. Saves nothing."""
    if data.format is Format.TEXT:
        raise Invalid("format", "must be html or mjml")
    mail = TemplateInput(name=_NAMELESS, subject="", source=data.source, format=data.format)
    return PlainText(text=(await content.trial(by.account_id, mail, track_links=False)).text)


@get("/merge-fields", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_merge_fields(
    by: By,
    contacts: Contacts,
    events: Events,
    event_type: Annotated[str, QueryParameter(description="Key of a type of events, for its parameters.")] = "",
    dialect: Annotated[Dialect, QueryParameter(description="How tags are written.")] = Dialect.SYNCOM,
) -> Page[MergeField]:
    """What can be put into a message, each with the tag to write and a sample."""
    custom = await contacts.fields.all(by.account_id)
    found = await events.parameters(by.account_id, event_type) if event_type else []
    parameters = {one.name: (one.type, one.example) for one in found}
    return Page(items=merge_fields(custom, parameters, dialect), next_cursor=None)


@get("/templates/{template_id:int}/draft", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def get_template_draft(by: By, template_drafts: TemplateWriting, template_id: FromPath[int]) -> TemplateDraft:
    """What is being written of a template; 404 when nothing is."""
    return await template_drafts.get(by.account_id, template_id)


@put(
    "/templates/{template_id:int}/draft",
    tags=_TAGS,
    request_max_body_size=_MAX_BODY,
    opt=needs(Permission.WRITE_CONTENT),
)
async def save_template_draft(
    by: By, template_drafts: TemplateWriting, template_id: FromPath[int], data: JSONBody[DraftInput]
) -> TemplateDraft:
    """Keep what is being written, as it stands. What is published stays."""
    return await template_drafts.save(
        by.account_id, template_id, data.content, from_version=data.from_version, seen_at=data.seen_at, by=by.actor
    )


@delete("/templates/{template_id:int}/draft", tags=_TAGS, opt=needs(Permission.WRITE_CONTENT))
async def drop_template_draft(by: By, template_drafts: TemplateWriting, template_id: FromPath[int]) -> None:
    """Forget what was being written."""
    await template_drafts.drop(by.account_id, template_id)


@post("/templates/{template_id:int}/draft/publish", tags=_TAGS, status_code=200, opt=needs(Permission.WRITE_CONTENT))
async def publish_template_draft(
    by: By,
    template_drafts: TemplateWriting,
    template_id: FromPath[int],
    overwrite: Annotated[bool, QueryParameter(description="Even when somebody published since it began.")] = False,
) -> Template:
    """Make the draft the newest version."""
    return await template_drafts.publish(by.account_id, template_id, overwrite=overwrite)


@get("/templates/{template_id:int}/versions", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def list_template_versions(
    by: By, template_drafts: TemplateWriting, template_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[TemplateVersion]:
    """Versions of a template, the newest first; 200 former ones are kept."""
    found = await template_drafts.versions(by.account_id, template_id, before=read_cursor(cursor, int), limit=limit + 1)
    return page_of(found, limit, lambda one: one.version)


@get("/templates/{template_id:int}/versions/{version:int}", tags=_TAGS, opt=needs(Permission.READ_CONTENT))
async def get_template_version(
    by: By, template_drafts: TemplateWriting, template_id: FromPath[int], version: FromPath[int]
) -> FullTemplateVersion:
    """A version with its texts."""
    return await template_drafts.version(by.account_id, template_id, version)


@post(
    "/templates/{template_id:int}/versions/{version:int}/restore",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.WRITE_CONTENT),
)
async def restore_template_version(
    by: By,
    template_drafts: TemplateWriting,
    template_id: FromPath[int],
    version: FromPath[int],
    newest: Annotated[int | None, QueryParameter(description="Refuse when somebody saved another since.")] = None,
) -> Template:
    """Publish a former version again, as a new one."""
    return await template_drafts.restore(by.account_id, template_id, version, newest=newest)


#: Fields that stay those of whom a test goes to.
_OF_THE_READER = ("email", "contact_id")
#: What is not saved may have no name yet.
_NAMELESS = "Untitled"


def _template(data: Unsaved) -> TemplateInput:
    return TemplateInput(
        name=data.name.strip() or _NAMELESS,
        subject=data.subject,
        source=data.source,
        format=data.format,
        dialect=data.dialect,
        preheader=data.preheader,
        text=data.text,
        language=data.language,
        channel=data.channel,
        members=data.members,
    )


async def _params(account_id: int, events: Events, data: Unsaved) -> dict[str, Any]:
    if not data.event_type:
        return data.params
    examples = {one.name: one.example for one in await events.parameters(account_id, data.event_type)}
    return {**data.dialect.params_of(examples), **data.params}


async def _reader(account_id: int, contacts: Contacts, contact_id: int | None) -> dict[str, Any]:
    if contact_id is None:
        return sample_contact(await contacts.fields.all(account_id))
    return await contact_or_nobody(account_id, contacts, contact_id)


HANDLERS: list[Any] = [
    preview_unsaved,
    check_unsaved,
    test_send_unsaved,
    make_plain_text,
    list_merge_fields,
    get_template_draft,
    save_template_draft,
    drop_template_draft,
    publish_template_draft,
    list_template_versions,
    get_template_version,
    restore_template_version,
]
