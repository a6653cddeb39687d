"""Use cases of content: templates, their attachments, previews, checks, and what the sender needs."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.contacts.usage import refer
from syncom.content import store
from syncom.content.check import check_content
from syncom.content.compiling import Compiler
from syncom.content.filing import clean_language, filed
from syncom.content.members import checked_members
from syncom.content.model import (
    AttachedFile,
    Attachment,
    CompiledContent,
    ContentLabel,
    Finding,
    LanguageInput,
    LanguageVersion,
    Rendered,
    RenderError,
    Sendable,
    Template,
    TemplateInput,
    TemplatePage,
    TemplateSummary,
)
from syncom.content.own import NO_PRODUCTS, Picked
from syncom.content.render import render_preview
from syncom.content.unsubscribe import lacks_unsubscribe_link, with_unsubscribe_link
from syncom.errors import Conflict, Invalid, NotFound, Unavailable
from syncom.postgres.pool import Connection, Database
from syncom.recommendations.blocks import ProductBlocks
from syncom.recommendations.model import BlockReader

#: All attachments of one template: mail servers take 20 to 25 MB, and base64 adds a third.
MAX_ATTACHMENTS = 10_000_000
_MAX_FILES = 20
#: Former versions of a template: enough for weeks of work.
_KEPT_VERSIONS = 200
MAX_LANGUAGES = 50
#: Raised when the compiler makes something else of the same mail, so that no content of an older one is taken for it.
_MADE = 2
_MAX_PAGE = 500
#: Contents deleted in one transaction.
_COLLECTED = 200
#: Contents kept in memory: those of the campaigns that are being sent.
_CACHED = 64
_FILE_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|]{1,200}")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}")
#: Refused by the large mailbox providers, and a danger to who opens them.
_DANGEROUS = frozenset({
    "ade", "adp", "apk", "appx", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe", "hta", "ins", "isp",
    "iso", "jar", "js", "jse", "lib", "lnk", "mde", "msc", "msi", "msp", "mst", "nsh", "pif", "ps1", "scr", "sct",
    "shb", "sys", "vb", "vbe", "vbs", "vxd", "wsc", "wsf", "wsh",
})  # fmt: skip


class ContentService:
    """Templates of an account. Every change of one makes a new immutable content, which it names."""

    def __init__(self, database: Database, clock: Clock, blocks: ProductBlocks | None = None) -> None:
        """``blocks``: where the products in mails come from; without it there are none."""
        self._database = database
        self._clock = clock
        self._blocks = blocks
        self._compiler = Compiler()
        self._cache: OrderedDict[tuple[int, int], CompiledContent] = OrderedDict()

    async def create(self, account_id: int, template: TemplateInput) -> Template:
        """Compile and store a template. Raises Invalid naming the part and the line."""
        template = filed(template)
        async with self._database.tenant(account_id) as connection:
            return await _found(connection, account_id, await self._add(connection, account_id, template))

    async def update(
        self, account_id: int, template_id: int, template: TemplateInput, *, version: int | None = None
    ) -> Template:
        """Store the next version. Campaigns that were launched keep the one they froze.

        Raises NotFound, Invalid, and Conflict when ``version`` is given and somebody saved another one since.
        """
        template = filed(template)
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id, lock=True)
            if template.channel is not stored.channel:
                raise Invalid("channel", f"is {stored.channel.name.lower()} and cannot be changed; make a new template")
            if version is not None and version != stored.version:
                raise Conflict(f"version {stored.version} of this template was saved since; load it and edit again")
            return await self._store_version(connection, account_id, stored, template)

    async def get(self, account_id: int, template_id: int) -> Template:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            return await _found(connection, account_id, template_id)

    async def list(self, account_id: int, *, cursor: int = 0, limit: int = 50) -> TemplatePage:
        """Templates after ``cursor`` (the id of the last one seen), at most 500 at a time."""
        limit = max(1, min(limit, _MAX_PAGE))
        async with self._database.tenant(account_id) as connection:
            found = await store.list_templates(connection, account_id, after=cursor, limit=limit + 1)
        page = found[:limit]
        return TemplatePage(templates=page, next_cursor=page[-1].template_id if len(found) > limit else None)

    async def latest(
        self,
        account_id: int,
        *,
        channel: Channel | None = None,
        words: str = "",
        before: tuple[datetime, int] | None = None,
        limit: int = 50,
    ) -> tuple[TemplateSummary, ...]:
        """What was changed last first, with these words in name, subject or a tag; ``before``: the last one seen."""
        async with self._database.tenant(account_id) as connection:
            return await store.latest_templates(
                connection, account_id, channel, words.strip(), before=before, limit=limit
            )

    async def search(
        self, account_id: int, channel: Channel, words: str = "", *, skip: int = 0, limit: int = _MAX_PAGE
    ) -> tuple[list[Template], int]:
        """Templates of a channel with these words in their name or in a tag, by ascending id, and how many there are.

        For callers that page by number: ``skip`` are left out, at most 500 follow.
        """
        limit = max(1, min(limit, _MAX_PAGE))
        async with self._database.tenant(account_id) as connection:
            found, total = await store.search_templates(
                connection, account_id, channel, words.strip(), skip=skip, limit=limit
            )
            return await store.find_templates(connection, account_id, found), total

    async def delete(self, account_id: int, template_id: int) -> None:
        """Delete a template; what was sent from it stays. Raises NotFound, and Conflict while a campaign needs it."""
        async with self._database.tenant(account_id) as connection:
            await _found(connection, account_id, template_id, lock=True)
            user = await store.campaign_using(connection, account_id, template_id)
            if user is not None:
                raise Conflict(f'campaign {user[0]} "{user[1]}" uses this template; cancel it or give it another one')
            await store.delete_template(connection, account_id, template_id)

    async def copy(self, account_id: int, template_id: int, name: str) -> Template:
        """A template of its own with the same texts and attachments. Raises NotFound, Invalid."""
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id)
            template = msgspec.structs.replace(stored.as_input(), name=name)
            copy_id = await self._add(connection, account_id, template)
            for version in await store.language_versions(connection, account_id, template_id):
                await self._save_language(connection, account_id, copy_id, template, version.language, _texts(version))
            if not stored.attachments:
                return await _found(connection, account_id, copy_id)
            await store.copy_attachments(connection, account_id, template_id, copy_id)
            copied = await _found(connection, account_id, copy_id)
            return await self._store_version(connection, account_id, copied, template)

    async def save_language(self, account_id: int, template_id: int, language: str, given: LanguageInput) -> Template:
        """Add or replace the version in a language (BCP 47). Raises NotFound, Invalid naming the part and the line."""
        language = clean_language(language)
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id, lock=True)
            if language == stored.language:
                raise Invalid("language", "is the template's own: change the template itself")
            if len(stored.languages) >= MAX_LANGUAGES and language not in stored.languages:
                raise Invalid("language", f"a template has versions in {MAX_LANGUAGES} languages at most")
            await self._save_language(connection, account_id, template_id, stored.as_input(), language, given)
            return await _found(connection, account_id, template_id)

    async def delete_language(self, account_id: int, template_id: int, language: str) -> Template:
        """Remove the version in a language: who reads it gets the template's own from now on. Raises NotFound."""
        language = clean_language(language)
        async with self._database.tenant(account_id) as connection:
            await _found(connection, account_id, template_id, lock=True)
            if not await store.delete_language(connection, account_id, template_id, language):
                raise NotFound("language", language)
            return await _found(connection, account_id, template_id)

    async def languages(self, account_id: int, template_id: int) -> tuple[LanguageVersion, ...]:
        """The versions in other languages with their texts. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await _found(connection, account_id, template_id)
            return await store.language_versions(connection, account_id, template_id)

    async def attach(self, account_id: int, template_id: int, file: AttachedFile) -> Template:
        """Add an attachment, as a new version of the template. Raises NotFound, Invalid naming what is wrong."""
        _check_file(file)
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id, lock=True)
            _check_room(stored.attachments, file)
            await store.add_attachment(connection, account_id, template_id, file)
            return await self._store_version(connection, account_id, stored, stored.as_input())

    async def detach(self, account_id: int, template_id: int, attachment_id: int) -> Template:
        """Take an attachment off, as a new version. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id, lock=True)
            if not await store.detach(connection, account_id, template_id, attachment_id):
                raise NotFound("attachment", attachment_id)
            return await self._store_version(connection, account_id, stored, stored.as_input())

    async def preview(
        self,
        account_id: int,
        template_id: int,
        contact_fields: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
    ) -> Rendered:
        """The mail as this contact would see it; links lead to their targets, nothing is counted.

        ``contact_fields`` as ``fields.contact_fields`` makes them. Raises NotFound, RenderError naming the field.
        """
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id)
            compiled = await self._content(connection, account_id, stored.content_id)
        return await self.rendered(account_id, compiled, contact_fields, params or {})

    async def rendered(
        self, account_id: int, compiled: CompiledContent, contact_fields: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Rendered:
        """A content as this contact would see it. Raises RenderError."""
        picked = await self.products_for(account_id, compiled, [_reader(contact_fields, params)])
        return render_preview(compiled, contact_fields, params, picked[0])

    async def trial(self, account_id: int, template: TemplateInput, *, track_links: bool = True) -> CompiledContent:
        """What would be stored of a template; nothing is. Raises Invalid naming the part and the line."""
        template = filed(template)
        async with self._database.tenant(account_id) as connection:
            return await self._compiled(connection, account_id, template, (), track_links=track_links)

    async def check(
        self,
        account_id: int,
        template_id: int,
        contact_fields: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> tuple[Finding, ...]:
        """What is wrong with a template, errors first. With a contact's fields, the size is that of its mail."""
        async with self._database.tenant(account_id) as connection:
            stored = await _found(connection, account_id, template_id)
            compiled = await self._content(connection, account_id, stored.content_id)
        return await self.findings(account_id, compiled, contact_fields, params)

    async def findings(
        self,
        account_id: int,
        compiled: CompiledContent,
        contact_fields: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> tuple[Finding, ...]:
        """The same of a content."""
        async with self._database.tenant(account_id) as connection:
            known = await store.custom_field_keys(connection, account_id)
        reader = _reader(contact_fields or {}, params or {})
        picked = (await self.products_for(account_id, compiled, [reader]))[0]
        rendered = _tried(compiled, contact_fields, params or {}, picked) if contact_fields is not None else None
        return tuple(
            check_content(
                compiled,
                known,
                rendered=rendered,
                params=(params or {}).keys(),
                products=picked,
                is_of_contact=contact_fields is not None,
            )
        )

    async def products_for(
        self, account_id: int, content: CompiledContent, readers: Sequence[BlockReader]
    ) -> Sequence[Picked]:
        """The products of a content's blocks for each of these readers: one look-up for all of them."""
        if not content.products or self._blocks is None:
            return [NO_PRODUCTS] * len(readers)
        return await self._blocks.pick(account_id, content.products, readers)

    async def compiled(self, account_id: int, content_id: int) -> CompiledContent:
        """A content by its id; kept in memory, because it never changes. Raises NotFound."""
        cached = self._cached(account_id, content_id)
        if cached is not None:
            return cached
        async with self._database.tenant(account_id) as connection:
            return await self._content(connection, account_id, content_id)

    async def attached_files(self, account_id: int, content_id: int) -> tuple[AttachedFile, ...]:
        """The attachments of a content with their bytes, for the MIME parts that all its mails share."""
        content = await self.compiled(account_id, content_id)
        if not content.attachments:
            return ()
        async with self._database.tenant(account_id) as connection:
            return await store.attached_files(connection, account_id, content.attachments)

    async def freeze(
        self,
        connection: Connection,
        account_id: int,
        template_id: int,
        *,
        from_name: str = "",
        track_links: bool = True,
    ) -> Sendable:
        """The template's contents as they are now, for a campaign that keeps them. Raises NotFound.

        A campaign that comes under another name, or whose links lead to their targets directly, gets contents of
        its own, and so does a mail without an unsubscribe link, which gets one at its end. Raises Invalid when those
        cannot be made.
        """
        found = await self.sendable(connection, account_id, template_id)
        contents = (found.content_id, *found.languages.values())
        lacking = [one for one in contents if lacks_unsubscribe_link(await self._content(connection, account_id, one))]
        if from_name or not track_links or (lacking and found.channel is Channel.EMAIL):
            stored = await _found(connection, account_id, template_id)
            template = msgspec.structs.replace(stored.as_input(), from_name=from_name or stored.from_name)
            languages: dict[str, int] = {}
            for version in await store.language_versions(connection, account_id, template_id):
                translated = _translated(template, version.language, _texts(version))
                languages[version.language] = await self._add_mailing(
                    connection, account_id, template_id, translated, stored.attachments, track_links=track_links
                )
            content_id = await self._add_mailing(
                connection, account_id, template_id, template, stored.attachments, track_links=track_links
            )
            found = msgspec.structs.replace(found, content_id=content_id, languages=languages)
        await self.mark_used(connection, account_id, (found.content_id, *found.languages.values()))
        return found

    async def _add_content(
        self,
        connection: Connection,
        account_id: int,
        template_id: int,
        template: TemplateInput,
        attachments: Collection[Attachment],
        *,
        track_links: bool = True,
    ) -> int:
        """A content of the template with this id. The fields it names are not deleted before the transaction ends."""
        await refer(connection, account_id)
        compiled = await self._compiled(connection, account_id, template, attachments, track_links=track_links)
        return await store.add_content(connection, account_id, compiled, _label(template, template_id))

    async def _add_mailing(
        self,
        connection: Connection,
        account_id: int,
        template_id: int,
        template: TemplateInput,
        attachments: Collection[Attachment],
        *,
        track_links: bool,
    ) -> int:
        """The same for a campaign alone: a mail that nobody could leave by gets an unsubscribe link."""
        compiled = await self._compiled(connection, account_id, template, attachments, track_links=track_links)
        if template.channel is Channel.EMAIL and lacks_unsubscribe_link(compiled):
            template = with_unsubscribe_link(template)
        return await self._add_content(
            connection, account_id, template_id, template, attachments, track_links=track_links
        )

    async def sendable(self, connection: Connection, account_id: int, template_id: int) -> Sendable:
        """What a single message needs of a template as it is now. Raises NotFound."""
        found = await store.sendable(connection, account_id, template_id)
        if found is None:
            raise NotFound("template", template_id)
        return found

    async def mark_used(self, connection: Connection, account_id: int, content_ids: Iterable[int]) -> None:
        """Say that messages are made from these contents, in the transaction that queues them.

        Raises Unavailable when one was cleared away since it was read; then a newer version has taken its place.
        """
        wanted = sorted(set(content_ids))
        for _ in range(2):
            # Whoever waited for another send that marked the same contents sees its mark with the next statement only.
            if await store.mark_used(connection, account_id, wanted) == len(wanted):
                return
        raise Unavailable("the template has just changed; try again")

    async def users(self, connection: Connection, account_id: int, kind: str, key: int | str) -> list[str]:
        """The templates whose present version, in any language, names this contact field: ``("field", "points")``."""
        if kind != "field":
            return []
        return [f"template {name!r}" for name in await store.naming_field(connection, account_id, str(key))]

    async def collect(self, *, link_days: int) -> int:
        """Delete contents that nothing needs any more, and files that only they named; returns how many contents.

        Versions that were never sent go after a day; what was sent stays for ``link_days``, because its links lead
        through it, and what a campaign froze stays with the campaign.
        """
        collected = 0
        while True:
            async with self._database.system() as connection:
                count = await store.collect_contents(
                    connection, now=self._clock.now(), link_days=link_days, limit=_COLLECTED
                )
            collected += count
            if count < _COLLECTED:
                break
        async with self._database.system() as connection:
            await store.collect_attachments(connection)
        return collected

    async def made_for_send(self, account_id: int, mail: TemplateInput, *, track_links: bool = True) -> int:
        """The content of a mail that comes with the request to send it.

        The same mail again is the same content, so that a shop which sends one text all day long fills no table and
        compiles it once. Raises Invalid naming the part and the line.
        """
        mail = filed(mail)
        async with self._database.tenant(account_id) as connection:
            known = await store.custom_field_keys(connection, account_id)
            rules = await store.velocity_rules(connection, account_id)
            digest = sha256(msgspec.json.encode((_MADE, mail, track_links, known, rules))).digest()
            found = await store.find_digest(connection, account_id, digest)
            if found is None:
                compiled = await self._compiler.compile(mail, known, track_links=track_links, rules=rules)
                compiled = msgspec.structs.replace(compiled, from_name=mail.from_name)
                label = ContentLabel(name=mail.name, tags=mail.tags, language=mail.language, channel=mail.channel)
                await store.add_digest(connection, account_id, compiled, label, digest)
                found = await store.find_digest(connection, account_id, digest)
        assert found is not None, "a content with this digest was stored above"
        return found

    async def _add(self, connection: Connection, account_id: int, template: TemplateInput) -> int:
        """A new template's id."""
        template_id = await store.next_template_id(connection)
        content_id = await self._add_content(connection, account_id, template_id, template, ())
        await store.add_template(connection, account_id, template_id, template, content_id)
        return template_id

    async def _store_version(
        self, connection: Connection, account_id: int, stored: Template, template: TemplateInput
    ) -> Template:
        attachments = await store.attachments_of(connection, account_id, stored.template_id)
        content_id = await self._add_content(connection, account_id, stored.template_id, template, attachments)
        await store.keep_version(connection, account_id, stored, _KEPT_VERSIONS)
        await store.change_template(connection, account_id, stored.template_id, template, content_id, self._clock.now())
        # What the versions share with the template, such as its attachments and tags, is in their contents too.
        for version in await store.language_versions(connection, account_id, stored.template_id):
            await self._save_language(
                connection, account_id, stored.template_id, template, version.language, _texts(version)
            )
        return await _found(connection, account_id, stored.template_id)

    async def _save_language(
        self,
        connection: Connection,
        account_id: int,
        template_id: int,
        template: TemplateInput,
        language: str,
        given: LanguageInput,
    ) -> None:
        translated = _translated(template, language, given)
        attachments = await store.attachments_of(connection, account_id, template_id)
        content_id = await self._add_content(connection, account_id, template_id, translated, attachments)
        await store.save_language(connection, account_id, template_id, language, given, content_id, self._clock.now())

    async def _compiled(
        self,
        connection: Connection,
        account_id: int,
        template: TemplateInput,
        attachments: Collection[Attachment],
        *,
        track_links: bool = True,
    ) -> CompiledContent:
        if template.sender_id is not None and not await store.has_sender(connection, account_id, template.sender_id):
            raise Invalid("sender_id", "names no sender of this account")
        known = await store.custom_field_keys(connection, account_id)
        # A short link costs characters: texts have tracked links only where their author says so.
        wanted = template.channel in (Channel.EMAIL, Channel.WEBPUSH) or template.members.get("trackUrls") is True
        rules = await store.velocity_rules(connection, account_id)
        compiled = await self._compiler.compile(template, known, track_links=track_links and wanted, rules=rules)
        return msgspec.structs.replace(compiled, attachments=tuple(attachments), from_name=template.from_name)

    async def _content(self, connection: Connection, account_id: int, content_id: int) -> CompiledContent:
        content = self._cached(account_id, content_id)
        if content is None:
            content = await store.find_content(connection, account_id, content_id)
            if content is None:
                raise NotFound("content", content_id)
            self._cache[account_id, content_id] = content
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return content

    def _cached(self, account_id: int, content_id: int) -> CompiledContent | None:
        content = self._cache.get((account_id, content_id))
        if content is not None:
            self._cache.move_to_end((account_id, content_id))
        return content


async def _found(connection: Connection, account_id: int, template_id: int, *, lock: bool = False) -> Template:
    template = await store.find_template(connection, account_id, template_id, lock=lock)
    if template is None:
        raise NotFound("template", template_id)
    return template


def _translated(template: TemplateInput, language: str, given: LanguageInput) -> TemplateInput:
    return msgspec.structs.replace(
        template,
        subject=given.subject,
        preheader=given.preheader,
        source=given.source,
        text=given.text,
        language=language,
        members={**template.members, **checked_members(template.channel, given.members)},
    )


def _texts(version: LanguageVersion) -> LanguageInput:
    return LanguageInput(
        subject=version.subject,
        source=version.source,
        preheader=version.preheader,
        text=version.text,
        members=version.members,
    )


def _label(template: TemplateInput, template_id: int) -> ContentLabel:
    return ContentLabel(
        template_id=template_id,
        name=template.name,
        tags=template.tags,
        language=template.language,
        channel=template.channel,
    )


def _reader(fields: Mapping[str, Any], params: Mapping[str, Any]) -> BlockReader:
    """Whom a preview is for; nobody in particular is contact 0, whom no contact is."""
    language = params.get("language", fields.get("language"))
    return BlockReader(
        contact_id=fields.get("contact_id", 0), language=language if isinstance(language, str) else "", data=params
    )


def _tried(
    compiled: CompiledContent, fields: Mapping[str, Any], params: Mapping[str, Any], picked: Picked
) -> Rendered | None:
    """The preview, or None when it fails: the findings say why."""
    try:
        return render_preview(compiled, fields, params, picked)
    except RenderError:
        return None


def _check_file(file: AttachedFile) -> None:
    if not _FILE_NAME.fullmatch(file.file_name) or file.file_name.strip(". ") != file.file_name:
        raise Invalid("file_name", "must be a plain name of up to 200 characters, such as price-list.pdf")
    if file.file_name.rpartition(".")[2].lower() in _DANGEROUS:
        raise Invalid("file_name", "is a program or script, which mailbox providers refuse; send a link to it")
    if not _CONTENT_TYPE.fullmatch(file.content_type) or file.content_type.startswith(("multipart/", "message/")):
        raise Invalid("content_type", "must be a media type such as application/pdf")
    if not file.content:
        raise Invalid("content", "is empty")


def _check_room(attachments: Collection[Attachment], file: AttachedFile) -> None:
    if len(attachments) >= _MAX_FILES:
        raise Invalid("content", f"a template has {_MAX_FILES} attachments at most")
    if sum(attachment.size for attachment in attachments) + len(file.content) > MAX_ATTACHMENTS:
        raise Invalid("content", f"all attachments together may have {MAX_ATTACHMENTS // 1_000_000} MB; send a link")
