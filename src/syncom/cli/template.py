"""``syncom template``."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Many, pairs, read_bytes, read_text
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, here
from syncom.contacts.model import Channel
from syncom.content.fields import contact_fields
from syncom.content.model import (
    AttachedFile,
    Dialect,
    Finding,
    Format,
    LanguageInput,
    Severity,
    Template,
    TemplateInput,
    TemplateSummary,
)
from syncom.errors import Invalid
from syncom.messages.service import MessageRecipient, SendRequest

app = App(name="template", help="Mails before they are sent.")
_DEFAULT = Options()
_PAGE = 500
#: Somebody to preview for when nobody is named.
_NOBODY: dict[str, Any] = {}

Tags = Annotated[tuple[str, ...], Parameter(name="tag", negative=(), show_default=False)]
Members = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]
TemplateChannel = Literal["email", "sms", "viber", "webpush"]
Files = Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)]


@app.command
async def add(
    file: Path,
    *,
    name: str | None = None,
    subject: str = "",
    preheader: str = "",
    text: Path | None = None,
    channel: TemplateChannel = "email",
    member: Members = (),
    dialect: Dialect = Dialect.SYNCOM,
    tag: Tags = (),
    category: Many = (),
    language: str = "",
    sender: int | None = None,
    from_name: str = "",
    attach: Files = (),
    options: Options = _DEFAULT,
) -> None:
    """Save a template. A mail's file that ends in .mjml is MJML, every other one HTML; other channels' is the text.

    Parameters
    ----------
    file
        The mail's source.
    name
        What to call it; the file's name unless given.
    subject
        The subject of a mail, the title of a notification. Merge fields work here too: {{ first_name }}.
    preheader
        What mailboxes show behind the subject.
    text
        File with the plain-text part; it is made from the HTML unless given.
    channel
        What it is sent over.
    member
        What a message of the channel has beside its text, as NAME=VALUE: link, icon, image, ttlSeconds, urgency, topic
        of a notification; img, caption, action of a Viber message. A value may be JSON. May be repeated.
    category
        Key of a subscription category it belongs to. May be repeated.
    dialect
        The language of its tags: syncom, velocity (templates from eSputnik), or plain (everything stays as it is).
    tag
        What it is filed under. May be repeated.
    language
        The language of its texts, such as uk or en-GB.
    sender
        Id of the sender its mails come from unless the send says otherwise.
    from_name
        Stands in for the sender's name.
    attach
        A file that goes with every mail. May be repeated.
    """
    if channel == "email" and not subject:
        raise Invalid("subject", "is missing: a mail needs --subject")
    given = TemplateInput(
        name=name or file.stem,
        subject=subject,
        source=read_text("file", file),
        format=_format(file),
        dialect=dialect,
        preheader=preheader,
        text="" if text is None else read_text("text", text),
        channel=Channel[channel.upper()],
        members={name: _value(value) for name, value in pairs("member", member).items()},
        tags=tag,
        categories=category,
        language=language,
        sender_id=sender,
        from_name=from_name,
    )
    files = [_attached(path) for path in attach]
    async with here(options) as services:
        saved = await services.app.content.create(services.account_id, given)
        try:
            for one in files:
                saved = await services.app.content.attach(services.account_id, saved.template_id, one)
        except Invalid:
            await services.app.content.delete(services.account_id, saved.template_id)
            raise
        findings = await services.app.content.check(services.account_id, saved.template_id)
    show(saved, json=options.json, human=lambda: _saved(saved, findings))


@app.command
async def update(
    template: int,
    file: Path | None = None,
    *,
    name: str | None = None,
    subject: str | None = None,
    preheader: str | None = None,
    text: Path | None = None,
    dialect: Dialect | None = None,
    tag: Tags = (),
    language: str | None = None,
    sender: int | None = None,
    from_name: str | None = None,
    attach: Files = (),
    options: Options = _DEFAULT,
) -> None:
    """Save the next version; what is not named stays. Campaigns that were started keep the one they froze.

    Parameters
    ----------
    template
        Its id.
    file
        The new source.
    name
        What to call it.
    subject
        The subject.
    preheader
        What mailboxes show behind the subject.
    text
        File with the plain-text part.
    dialect
        The language of its tags.
    tag
        What it is filed under, instead of what it was. May be repeated; --tag "" files it under nothing.
    language
        The language of its texts.
    sender
        Id of the sender its mails come from.
    from_name
        Stands in for the sender's name.
    attach
        One more file that goes with every mail. May be repeated.
    """
    files = [_attached(path) for path in attach]
    async with here(options) as services:
        stored = await services.app.content.get(services.account_id, template)
        given = msgspec.structs.replace(
            stored.as_input(),
            name=stored.name if name is None else name,
            subject=stored.subject if subject is None else subject,
            source=stored.source if file is None else read_text("file", file),
            format=stored.format if file is None else _format(file),
            dialect=stored.dialect if dialect is None else dialect,
            preheader=stored.preheader if preheader is None else preheader,
            text=stored.text if text is None else read_text("text", text),
            tags=tag or stored.tags,
            language=stored.language if language is None else language,
            sender_id=stored.sender_id if sender is None else sender,
            from_name=stored.from_name if from_name is None else from_name,
        )
        saved = await services.app.content.update(services.account_id, template, given, version=stored.version)
        for one in files:
            saved = await services.app.content.attach(services.account_id, template, one)
        findings = await services.app.content.check(services.account_id, template)
    show(saved, json=options.json, human=lambda: _saved(saved, findings))


@app.command
async def translate(
    template: int,
    language: str,
    file: Path,
    *,
    subject: str,
    preheader: str = "",
    text: Path | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Save a template's version in another language: who reads that language gets it.

    Parameters
    ----------
    template
        Its id.
    language
        A language tag, such as uk or pt-BR.
    file
        The source, in the template's own format.
    subject
        The subject.
    preheader
        What mailboxes show behind the subject.
    text
        File with the plain-text part; it is made from the HTML unless given.
    """
    given = LanguageInput(
        subject=subject,
        source=read_text("file", file),
        preheader=preheader,
        text="" if text is None else read_text("text", text),
    )
    async with here(options) as services:
        saved = await services.app.content.save_language(services.account_id, template, language, given)
    show(saved, json=options.json, human=lambda: print(f"Template {template} has versions in {_languages(saved)}."))


@app.command
async def untranslate(template: int, language: str, *, options: Options = _DEFAULT) -> None:
    """Remove a template's version in a language.

    Parameters
    ----------
    template
        Its id.
    language
        A language tag, such as uk or pt-BR.
    """
    async with here(options) as services:
        saved = await services.app.content.delete_language(services.account_id, template, language)
    show(saved, json=options.json, human=lambda: print(f"Template {template} has versions in {_languages(saved)}."))


def _languages(template: Template) -> str:
    return ", ".join(template.languages) or "no other language"


@app.command(name="list")
async def list_templates(*, options: Options = _DEFAULT) -> None:
    """List the templates."""
    found: list[TemplateSummary] = []
    cursor: int | None = 0
    async with here(options) as services:
        while cursor is not None:
            page = await services.app.content.list(services.account_id, cursor=cursor, limit=_PAGE)
            found += page.templates
            cursor = page.next_cursor
    rows = [(one.template_id, one.name, one.subject, one.format, one.version, one.updated_at) for one in found]
    columns = ("id", "name", "subject", "format", "version", "changed")
    empty = "No template yet: `syncom template add FILE --subject SUBJECT`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_template(template: int, *, options: Options = _DEFAULT) -> None:
    """Show a template with its source.

    Parameters
    ----------
    template
        Its id.
    """
    async with here(options) as services:
        found = await services.app.content.get(services.account_id, template)

    def human() -> None:
        facts(
            [
                ("id", found.template_id),
                ("name", found.name),
                ("subject", found.subject),
                ("preheader", found.preheader),
                ("format", found.format),
                ("dialect", found.dialect),
                ("tags", ", ".join(found.tags) or None),
                ("language", found.language or None),
                ("other languages", ", ".join(found.languages) or None),
                ("sender", found.sender_id),
                ("from name", found.from_name or None),
                ("version", found.version),
                ("attachments", ", ".join(one.file_name for one in found.attachments) or None),
            ]
        )
        print(f"\n{found.source}")

    show(found, json=options.json, human=human)


@app.command
async def preview(
    template: int,
    *,
    contact: int | None = None,
    param: Many = (),
    output: Path | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Show the mail as a contact would get it. Links lead straight to their targets, nothing is counted.

    Parameters
    ----------
    template
        Its id.
    contact
        Whose mail; without one all merge fields are empty.
    param
        A merge field of the message, NAME=VALUE. May be repeated.
    output
        Write the HTML to this file, for a browser.
    """
    async with here(options) as services:
        fields = await _fields(services, contact)
        given = pairs("param", param)
        rendered = await services.app.content.preview(services.account_id, template, fields, given)
    if output is not None:
        try:
            output.write_text(rendered.html, "utf-8")
        except OSError as error:
            raise Invalid("output", f"{output} cannot be written: {error.strerror}") from None

    def human() -> None:
        print(f"Subject: {rendered.subject}\n")
        print(rendered.text)
        if output is not None:
            print(f"\nHTML: {output}")

    show(rendered, json=options.json, human=human)


@app.command
async def check(template: int, *, contact: int | None = None, options: Options = _DEFAULT) -> int:
    """Say what is wrong with a template; exit code 1 when sending would fail or mislead.

    Parameters
    ----------
    template
        Its id.
    contact
        Measure this contact's mail.
    """
    async with here(options) as services:
        fields = None if contact is None else await _fields(services, contact)
        found = await services.app.content.check(services.account_id, template, fields)
    show(found, json=options.json, human=lambda: _findings(found, "Nothing to complain about."))
    return 1 if any(finding.severity is Severity.ERROR for finding in found) else 0


@app.command(name="test-send")
async def send_test(
    template: int,
    *,
    to: str,
    contact: int | None = None,
    param: Many = (),
    sender: int | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Send the template to one address, as a single message.

    Parameters
    ----------
    template
        Its id.
    to
        Where to.
    contact
        Whose merge fields to show; those of the address's own contact unless given.
    param
        A merge field of the message, NAME=VALUE. May be repeated.
    sender
        Id of the sender; the default one unless given.
    """
    async with here(options) as services:
        shown = {} if contact is None else _plain(await _fields(services, contact))
        recipient = MessageRecipient(email=to, params=shown | pairs("param", param))
        request = SendRequest(template_id=template, recipients=(recipient,), sender_id=sender)
        message_ids = await services.app.messages.send(services.account_id, request)
    said = f"Message {message_ids[0]} is queued for {to}: `syncom message status {message_ids[0]}`."
    show({"message_ids": message_ids}, json=options.json, human=lambda: print(said))


@app.command
async def delete(template: int, *, options: Options = _DEFAULT) -> None:
    """Delete a template that no campaign needs. What was sent from it stays.

    Parameters
    ----------
    template
        Its id.
    """
    async with here(options) as services:
        await services.app.content.delete(services.account_id, template)
    show({"deleted": template}, json=options.json, human=lambda: print(f"Template {template} is deleted."))


def _value(given: str) -> Any:
    """A number, a truth, an object where the text is JSON; else the text."""
    try:
        return msgspec.json.decode(given)
    except msgspec.DecodeError:
        return given


def _format(file: Path) -> Format:
    return Format.MJML if file.suffix.lower() == ".mjml" else Format.HTML


def _attached(path: Path) -> AttachedFile:
    return AttachedFile(
        file_name=path.name,
        content_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        content=read_bytes("attach", path),
    )


async def _fields(services: Here, contact: int | None) -> dict[str, Any]:
    if contact is None:
        return _NOBODY
    return contact_fields(await services.app.contacts.get(services.account_id, contact))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Merge fields as parameters of a message; the address stays that of whom it goes to."""
    return {name: value for name, value in msgspec.to_builtins(fields).items() if name not in ("email", "contact_id")}


def _saved(saved: Template, findings: tuple[Finding, ...]) -> None:
    print(f"Template {saved.template_id}, version {saved.version}.")
    _findings(findings, f"Nothing to complain about. See it: `syncom template preview {saved.template_id}`.")


def _findings(found: tuple[Finding, ...], fine: str) -> None:
    for finding in found:
        print(f"{finding.severity.value:<8} {finding.where}: {finding.message}")
    if not found:
        print(fine)
