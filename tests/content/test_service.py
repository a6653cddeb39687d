"""Templates in the database: versions, attachments, isolation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from syncom.accounts.model import Velocity
from syncom.accounts.service import AccountsService, machine_principal
from syncom.clock import SystemClock
from syncom.contacts.model import Contact, FieldType, SubscriptionState
from syncom.contacts.service import ContactsService
from syncom.content.fields import STANDARD, contact_fields
from syncom.content.model import (
    AttachedFile,
    Dialect,
    Format,
    LanguageInput,
    RenderError,
    TemplateInput,
    content_in,
)
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, NotFound
from syncom.postgres.pool import Database
from syncom.security import Keyring

HELLO = TemplateInput(
    name="Hello",
    subject="Hi {{ first_name }}",
    source='<p>Hello {{ first_name }}</p><a href="https://x.example/">x</a><a href="{{ unsubscribe_url }}">bye</a>',
)
PDF = AttachedFile(file_name="price.pdf", content_type="application/pdf", content=b"%PDF")


@pytest.fixture
def service(database: Database) -> ContentService:
    return ContentService(database, SystemClock())


def changed(template: TemplateInput, **values: object) -> TemplateInput:
    return msgspec.structs.replace(template, **values)


async def test_every_save_makes_a_version_and_the_old_content_stays(service: ContentService, account_id: int) -> None:
    first = await service.create(account_id, HELLO)
    second = await service.update(account_id, first.template_id, changed(HELLO, subject="New"), version=1)
    assert (first.version, second.version) == (1, 2)
    assert second.content_id != first.content_id
    assert (await service.compiled(account_id, first.content_id)).subject == "Hi {{ first_name }}"
    assert (await service.compiled(account_id, second.content_id)).subject == "New"
    assert await service.get(account_id, first.template_id) == second


async def test_a_field_that_a_template_names_cannot_be_deleted(database: Database, account_id: int) -> None:
    contacts = ContactsService(database, SystemClock())
    service = ContentService(database, SystemClock())
    contacts.usage.ask(service.users)
    points = await contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)
    other = await contacts.fields.create(account_id, key="other", name="Other", type=FieldType.NUMBER)
    ours = await service.create(account_id, changed(HELLO, name="Ours", subject="{{ points }} points"))
    theirs = await service.create(
        account_id, changed(HELLO, name="Theirs", subject="%POINTS%", dialect=Dialect.VELOCITY)
    )
    spoken = await service.create(account_id, changed(HELLO, name="Spoken"))
    await service.save_language(
        account_id, spoken.template_id, "uk", LanguageInput(subject="{{ points }}", source=HELLO.source)
    )
    with pytest.raises(Conflict, match="used by template 'Ours', template 'Theirs', template 'Spoken'"):
        await contacts.fields.delete(account_id, points.field_id)
    await service.update(account_id, ours.template_id, HELLO)
    await service.delete(account_id, theirs.template_id)
    await service.delete_language(account_id, spoken.template_id, "uk")
    await contacts.fields.delete(account_id, points.field_id)
    await contacts.fields.delete(account_id, other.field_id)
    await contacts.close()


async def test_a_field_waits_for_the_template_that_is_being_saved_with_it(
    service: ContentService, database: Database, account_id: int
) -> None:
    contacts = ContactsService(database, SystemClock())
    contacts.usage.ask(service.users)
    points = await contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)
    template = changed(HELLO, subject="{{ points }}")
    saved, deleted = await asyncio.gather(
        service.create(account_id, template),
        contacts.fields.delete(account_id, points.field_id),
        return_exceptions=True,
    )
    assert not isinstance(saved, BaseException)
    content = await service.compiled(account_id, saved.content_id)
    assert isinstance(deleted, Conflict) == ("points" in content.fields), "named as a field, or not there any more"
    await contacts.close()


async def test_an_edit_of_an_old_version_is_a_conflict(service: ContentService, account_id: int) -> None:
    template = await service.create(account_id, HELLO)
    await service.update(account_id, template.template_id, changed(HELLO, name="Other"), version=1)
    with pytest.raises(Conflict, match="version 2"):
        await service.update(account_id, template.template_id, HELLO, version=1)


async def test_a_broken_template_is_not_stored(service: ContentService, account_id: int) -> None:
    with pytest.raises(Invalid):
        await service.create(account_id, changed(HELLO, source="{{"))
    template = await service.create(account_id, HELLO)
    with pytest.raises(Invalid):
        await service.update(account_id, template.template_id, changed(HELLO, subject="{% if %}"))
    assert await service.get(account_id, template.template_id) == template


async def test_a_stored_content_is_the_compiled_one_and_names_its_links(
    service: ContentService, database: Database, account_id: int
) -> None:
    template = await service.create(account_id, HELLO)
    here = await service.compiled(account_id, template.content_id)
    there = await ContentService(database, SystemClock()).compiled(account_id, template.content_id)
    assert here == there
    assert await service.compiled(account_id, template.content_id) is here
    async with database.system() as connection:
        cursor = await connection.execute("SELECT links FROM contents WHERE content_id = %s", (template.content_id,))
        row = await cursor.fetchone()
    assert row == (["https://x.example/"],)


async def test_templates_are_listed_in_pages(service: ContentService, account_id: int) -> None:
    made = [await service.create(account_id, changed(HELLO, name=f"T{number}")) for number in range(5)]
    first = await service.list(account_id, limit=3)
    assert [item.name for item in first.templates] == ["T0", "T1", "T2"]
    assert first.next_cursor == made[2].template_id
    last = await service.list(account_id, cursor=first.next_cursor, limit=3)
    assert [item.name for item in last.templates] == ["T3", "T4"]
    assert last.next_cursor is None


async def test_a_template_is_deleted_unless_a_campaign_needs_it(
    service: ContentService, database: Database, account_id: int
) -> None:
    template = await service.create(account_id, HELLO)
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO campaigns (account_id, name, template_id, sender_id, audience, state) "
            "VALUES (%s, 'Autumn', %s, 1, '{}', 'paused')",
            (account_id, template.template_id),
        )
    with pytest.raises(Conflict, match="Autumn"):
        await service.delete(account_id, template.template_id)
    async with database.system() as connection:
        await connection.execute("UPDATE campaigns SET state = 'finished'")
    await service.delete(account_id, template.template_id)
    with pytest.raises(NotFound):
        await service.get(account_id, template.template_id)
    assert await service.compiled(account_id, template.content_id)


async def test_attachments_belong_to_the_version_and_outlive_the_template(
    service: ContentService, account_id: int
) -> None:
    template = await service.create(account_id, HELLO)
    attached = await service.attach(account_id, template.template_id, PDF)
    assert [file.file_name for file in attached.attachments] == ["price.pdf"]
    assert attached.attachments[0].size == 4
    detached = await service.detach(account_id, template.template_id, attached.attachments[0].attachment_id)
    assert (detached.version, detached.attachments) == (3, ())
    await service.delete(account_id, template.template_id)
    assert await service.attached_files(account_id, attached.content_id) == (PDF,)
    assert await service.attached_files(account_id, template.content_id) == ()


async def test_a_copy_stands_on_its_own(service: ContentService, account_id: int) -> None:
    template = await service.create(account_id, HELLO)
    await service.attach(account_id, template.template_id, PDF)
    copy = await service.copy(account_id, template.template_id, "Copy")
    await service.delete(account_id, template.template_id)
    assert (copy.name, copy.subject, len(copy.attachments)) == ("Copy", HELLO.subject, 1)
    assert await service.attached_files(account_id, copy.content_id) == (PDF,)


@pytest.mark.parametrize(
    ("file_name", "content_type", "content", "field"),
    [
        ("a.exe", "application/pdf", b"x", "file_name"),
        ("../a.pdf", "application/pdf", b"x", "file_name"),
        ("a\r\nb.pdf", "application/pdf", b"x", "file_name"),
        ("", "application/pdf", b"x", "file_name"),
        ("a.pdf", "application/pdf\r\nX: y", b"x", "content_type"),
        ("a.pdf", "message/rfc822", b"x", "content_type"),
        ("a.pdf", "application/pdf", b"", "content"),
        ("a.pdf", "application/pdf", b"x" * 10_000_001, "content"),
    ],
)
async def test_bad_attachments_are_refused(
    service: ContentService, account_id: int, file_name: str, content_type: str, content: bytes, field: str
) -> None:
    template = await service.create(account_id, HELLO)
    file = AttachedFile(file_name=file_name, content_type=content_type, content=content)
    with pytest.raises(Invalid) as caught:
        await service.attach(account_id, template.template_id, file)
    assert caught.value.fields[0].field == field


async def test_preview_and_check_use_the_custom_fields_of_the_account(
    service: ContentService, database: Database, account_id: int
) -> None:
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO custom_fields (account_id, key, name, type) VALUES (%s, 'vip', 'VIP', 'text')", (account_id,)
        )
    source = HELLO.source + "<p>%VIP|no% {{ vpi|default('') }}</p>"
    template = await service.create(account_id, changed(HELLO, source=source))
    fields = contact_fields(contact(fields={"vip": "yes"}))
    assert "<p>yes </p>" in (await service.preview(account_id, template.template_id, fields)).html
    findings = await service.check(account_id, template.template_id, fields)
    assert [finding.message.endswith("did you mean vip?") for finding in findings] == [True, True]
    failing = await service.create(account_id, changed(HELLO, subject="{{ nope }}"))
    with pytest.raises(RenderError, match="nope"):
        await service.preview(account_id, failing.template_id, fields)


async def test_mjml_templates_are_stored_as_they_were_written(service: ContentService, account_id: int) -> None:
    source = "<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>"
    template = await service.create(account_id, changed(HELLO, source=source, format=Format.MJML))
    assert (template.source, template.format) == (source, Format.MJML)
    assert "Hi</div>" in (await service.preview(account_id, template.template_id, {})).html


async def test_another_account_sees_and_changes_nothing(
    service: ContentService, account_id: int, other_account_id: int
) -> None:
    template = await service.create(account_id, HELLO)
    attached = await service.attach(account_id, template.template_id, PDF)
    number = template.template_id
    for attempt in (
        service.get(other_account_id, number),
        service.update(other_account_id, number, HELLO),
        service.delete(other_account_id, number),
        service.copy(other_account_id, number, "Mine"),
        service.attach(other_account_id, number, PDF),
        service.detach(other_account_id, number, attached.attachments[0].attachment_id),
        service.preview(other_account_id, number, {}),
        service.check(other_account_id, number),
        service.compiled(other_account_id, attached.content_id),
        service.attached_files(other_account_id, attached.content_id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await service.list(other_account_id)).templates == ()
    assert await service.get(account_id, number) == attached


async def test_freeze_names_the_content_of_now(
    service: ContentService, database: Database, account_id: int, other_account_id: int
) -> None:
    template = await service.create(account_id, HELLO)
    async with database.tenant(account_id) as connection:
        frozen = await service.freeze(connection, account_id, template.template_id)
        assert (frozen.content_id, frozen.all_languages) == (template.content_id, {})
    async with database.tenant(other_account_id) as connection:
        with pytest.raises(NotFound):
            await service.freeze(connection, other_account_id, template.template_id)


async def test_versions_in_other_languages_follow_their_template(
    service: ContentService, database: Database, account_id: int
) -> None:
    english = msgspec.structs.replace(HELLO, language="en-gb", tags=("a",))
    template = await service.create(account_id, english)
    text = LanguageInput(subject="Вітаю", source="<p>Вітаю</p>")
    saved = await service.save_language(account_id, template.template_id, "UK", text)
    assert (saved.language, saved.languages, saved.version) == ("en-GB", ("uk",), template.version)
    (first,) = await service.languages(account_id, template.template_id)
    # A new attachment and a new sender's name are the versions' too.
    await service.attach(account_id, template.template_id, PDF)
    named = msgspec.structs.replace(english, from_name="Ann")
    await service.update(account_id, template.template_id, named)
    (second,) = await service.languages(account_id, template.template_id)
    assert (second.subject, second.content_id != first.content_id) == ("Вітаю", True)
    compiled = await service.compiled(account_id, second.content_id)
    assert (compiled.from_name, [file.file_name for file in compiled.attachments]) == ("Ann", [PDF.file_name])
    # A campaign under another name has contents of its own, in all languages.
    async with database.tenant(account_id) as connection:
        frozen = await service.freeze(connection, account_id, template.template_id, from_name="Bob")
    assert set(frozen.all_languages) == {"en-GB", "uk"}
    assert second.content_id not in frozen.languages.values()
    for content_id in frozen.all_languages.values():
        assert (await service.compiled(account_id, content_id)).from_name == "Bob"
    copy = await service.copy(account_id, template.template_id, "Copy")
    (copied,) = await service.languages(account_id, copy.template_id)
    assert (copied.subject, copied.content_id != second.content_id) == ("Вітаю", True)
    gone = await service.delete_language(account_id, template.template_id, "uk")
    assert gone.languages == ()
    assert (await service.get(account_id, copy.template_id)).languages == ("uk",)


@pytest.mark.parametrize(
    ("language", "text", "field"),
    [
        ("", {}, "language"),
        ("english", {}, "language"),
        ("en", {}, "language"),
        ("uk", {"source": "{{ x"}, "html"),
        ("uk", {"subject": "a\nb"}, "subject"),
    ],
)
async def test_wrong_versions_are_refused(
    service: ContentService, account_id: int, language: str, text: dict[str, str], field: str
) -> None:
    template = await service.create(account_id, msgspec.structs.replace(HELLO, language="en"))
    given = LanguageInput(**{"subject": "Вітаю", "source": "<p>Вітаю</p>", **text})
    with pytest.raises(Invalid, match=field):
        await service.save_language(account_id, template.template_id, language, given)
    assert await service.languages(account_id, template.template_id) == ()


@pytest.mark.parametrize(
    ("language", "content"),
    [("uk", 2), ("uk-UA", 2), ("pt-BR", 3), ("pt", 1), ("en-GB", 4), ("en-US", 1), ("", 1), ("de", 1)],
)
def test_a_reader_gets_the_nearest_version(language: str, content: int) -> None:
    assert content_in({"uk": 2, "pt-BR": 3, "en-GB": 4}, language, 1) == content


@pytest.mark.parametrize(
    "wrong",
    [
        {"tags": ("x" * 101,)},
        {"tags": ("a\nb",)},
        {"tags": tuple(str(number) for number in range(51))},
        {"language": "english"},
        {"from_name": "a\nb"},
        {"sender_id": 10**12},
    ],
)
async def test_what_a_template_says_about_itself_is_checked(
    service: ContentService, account_id: int, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid, match=next(iter(wrong))):
        await service.create(account_id, msgspec.structs.replace(HELLO, **wrong))


def test_merge_fields_of_a_contact_are_the_standard_ones_and_its_own() -> None:
    fields = contact_fields(contact(fields={"vip": "yes", "size": None, "email": "forged"}))
    assert set(fields) == {*STANDARD, "vip", "size"}
    assert fields["email"] == "anna@x.example"
    assert (fields["phone"], fields["size"], fields["contact_id"]) == ("", "", 7)


def contact(fields: dict[str, object]) -> Contact:
    now = datetime.now(UTC)
    return Contact(
        contact_id=7,
        email="anna@x.example",
        phone=None,
        external_id=None,
        contact_key=None,
        first_name="Anna",
        last_name="",
        country="UA",
        region="",
        city="Львів",
        address="",
        postcode="",
        language="uk",
        time_zone="",
        fields=fields,
        email_state=SubscriptionState.SUBSCRIBED,
        sms_state=SubscriptionState.NONE,
        push_state=SubscriptionState.NONE,
        created_at=now,
        updated_at=now,
    )


VELOCITY = TemplateInput(
    name="Order",
    subject="Order $!data.get('n')",
    source='<p>#if($x)full#{else}empty#end</p><a href="https://esputnik.com/unsubscribe">bye</a>',
    dialect=Dialect.VELOCITY,
)


async def test_a_template_keeps_its_dialect_through_versions_copies_and_languages(
    service: ContentService, account_id: int
) -> None:
    template = await service.create(account_id, VELOCITY)
    assert template.dialect is Dialect.VELOCITY
    copied = await service.copy(account_id, template.template_id, "Copy")
    attached = await service.attach(account_id, template.template_id, PDF)
    assert (copied.dialect, attached.dialect) == (Dialect.VELOCITY, Dialect.VELOCITY)
    text = LanguageInput(subject="Замовлення $!data.get('n')", source="<p>$!x</p>")
    await service.save_language(account_id, template.template_id, "uk", text)
    versions = await service.languages(account_id, template.template_id)
    content = await service.compiled(account_id, versions[0].content_id)
    assert content.dialect is Dialect.VELOCITY
    shown = await service.preview(account_id, template.template_id, {}, {"n": 7, "x": "yes"})
    assert (shown.subject, shown.text.split()[0]) == ("Order 7", "full")
    changed_back = changed(HELLO, name="Own")
    assert (await service.update(account_id, template.template_id, changed_back)).dialect is Dialect.SYNCOM


async def test_a_broken_velocity_template_is_not_stored(service: ContentService, account_id: int) -> None:
    with pytest.raises(Invalid, match="html: line 1: #if is never closed; add #end"):
        await service.create(account_id, changed(VELOCITY, source="<p>#if($x)</p>"))


async def test_the_accounts_version_of_velocity_holds_for_what_is_saved_from_then_on(
    service: ContentService, database: Database, account_id: int
) -> None:
    before = await service.create(account_id, VELOCITY)
    accounts = AccountsService(database, Keyring(b"k" * 32), SystemClock())
    by = machine_principal(account_id)
    account = await accounts.update_account(by, velocity_truth=Velocity.TWO)
    assert (account.velocity_truth, account.velocity_lines) == (Velocity.TWO, Velocity.ONE)
    after = await service.create(account_id, VELOCITY)
    params = {"x": ""}
    texts = [(await service.preview(account_id, one.template_id, {}, params)).text for one in (before, after)]
    assert [text.split()[0] for text in texts] == ["full", "empty"]
    mail = changed(VELOCITY, name="Sent")
    with_two = await service.made_for_send(account_id, mail)
    await accounts.update_account(by, velocity_truth=Velocity.ONE)
    assert await service.made_for_send(account_id, mail) != with_two
