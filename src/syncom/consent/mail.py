"""The mail that asks for a confirmation: a template of the account, made when it is first needed, in every language."""

from __future__ import annotations

from html import escape
from typing import Final

from syncom.consent.languages import DEFAULT, Words, languages
from syncom.content.model import Format, LanguageInput, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import NotFound
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.consent", "consent.sql")
NAME: Final = "Confirmation of a subscription"
#: The merge field with the link to the page where the subscription is confirmed.
CONFIRM_URL: Final = "confirm_url"
_LAYOUT: Final = """<mjml>
  <mj-body background-color="#f4f5f7">
    <mj-section background-color="#ffffff" padding="32px 16px">
      <mj-column>
        <mj-text font-size="22px" font-weight="bold">{heading}</mj-text>
        <mj-text font-size="16px" line-height="1.5">{text}</mj-text>
        <mj-button background-color="#2456d6" font-size="16px" href="{{{{ confirm_url }}}}">{button}</mj-button>
        <mj-text font-size="13px" color="#5b6270" line-height="1.5">{otherwise}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
_PLAIN: Final = "{heading}\n\n{text}\n\n{{{{ confirm_url }}}}\n\n{otherwise}\n"


async def confirmation_template(database: Database, content: ContentService, account_id: int) -> int:
    """The account's template for it; one that was deleted is made anew."""
    values = {"account_id": account_id}
    async with database.tenant(account_id) as connection:
        row = await (await connection.execute(_SQL["settings"], values)).fetchone()
        if row is not None:
            try:
                await content.sendable(connection, account_id, row[0])
            except NotFound:
                pass
            else:
                return row[0]
    made = await _made(content, account_id)
    changes = values | {"template_id": made, "before": row[0] if row else 0}
    async with database.tenant(account_id) as connection:
        first = await (await connection.execute(_SQL["first_settings"], changes)).fetchone()
        theirs = await (await connection.execute(_SQL["settings"], values)).fetchone()
    if first is None and theirs is not None:
        await content.delete(account_id, made)
        return theirs[0]
    return made


async def set_confirmation_template(
    database: Database, content: ContentService, account_id: int, template_id: int
) -> None:
    """Ask with this template from now on. Raises NotFound."""
    async with database.tenant(account_id) as connection:
        await content.sendable(connection, account_id, template_id)
        await connection.execute(_SQL["put_settings"], {"account_id": account_id, "template_id": template_id})


async def _made(content: ContentService, account_id: int) -> int:
    words = languages()[DEFAULT]
    template = TemplateInput(
        name=NAME,
        subject=words.mail["subject"],
        preheader=words.mail["preheader"],
        format=Format.MJML,
        source=_source(words),
        text=_PLAIN.format(**words.mail),
        language=DEFAULT,
    )
    made = (await content.create(account_id, template)).template_id
    for language, words in languages().items():
        if language != DEFAULT:
            version = LanguageInput(
                subject=words.mail["subject"],
                preheader=words.mail["preheader"],
                source=_source(words),
                text=_PLAIN.format(**words.mail),
            )
            await content.save_language(account_id, made, language, version)
    return made


def _source(words: Words) -> str:
    return _LAYOUT.format(**{name: escape(text) for name, text in words.mail.items()})
