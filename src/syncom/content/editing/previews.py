"""Previews: a message made of what may not even be saved, for a frame that loads it by an address of its own.

A mail in a page of the application would have the application's rights, and in a frame's `srcdoc` its
Content-Security-Policy. By an address it has its own (``http/pages/previews.py``).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.content.editing.model import Preview
from syncom.content.model import Finding, Rendered, TemplateInput
from syncom.content.service import ContentService
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.content.editing", "editing.sql")
#: Where they are shown.
PREFIX: Final = "previews"
#: How long an address answers.
_LIFE: Final = timedelta(minutes=15)
#: Kept for an account at a time: an editor asks for another one every few seconds.
_KEPT: Final = 100


class PreviewsService:
    """Makes previews, and finds them again."""

    def __init__(self, database: Database, content: ContentService, clock: Clock, *, base_url: str) -> None:
        self._database = database
        self._content = content
        self._clock = clock
        self._base_url = base_url

    async def unsaved(
        self,
        account_id: int,
        template: TemplateInput,
        contact_fields: Mapping[str, Any],
        params: Mapping[str, Any],
    ) -> Preview:
        """What is being written, as this reader would get it. Changes nothing else. Raises Invalid, RenderError."""
        compiled = await self._content.trial(account_id, template)
        rendered = await self._content.rendered(account_id, compiled, contact_fields, params)
        return await self._kept(account_id, rendered, has_html=template.channel is Channel.EMAIL)

    async def saved(
        self, account_id: int, template_id: int, contact_fields: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Preview:
        """A stored template, the same way. Raises NotFound, RenderError."""
        rendered = await self._content.preview(account_id, template_id, contact_fields, params)
        return await self._kept(account_id, rendered, has_html=bool(rendered.html))

    async def check(
        self,
        account_id: int,
        template: TemplateInput,
        contact_fields: Mapping[str, Any] | None,
        params: Mapping[str, Any],
    ) -> tuple[Finding, ...]:
        """What is wrong with what is being written, errors first. Raises Invalid when it cannot be compiled."""
        compiled = await self._content.trial(account_id, template)
        return await self._content.findings(account_id, compiled, contact_fields, params)

    async def find(self, token: str) -> str | None:
        """The HTML behind an address; None: it has had its time."""
        values = {"preview_hash": sha256(token.encode()).digest(), "now": self._clock.now()}
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["find_preview"], values)).fetchone()
        return row[0] if row else None

    async def forget(self) -> None:
        """Delete those that have had their time."""
        async with self._database.system() as connection:
            await connection.execute(_SQL["forget_previews"], {"now": self._clock.now()})

    async def _kept(self, account_id: int, rendered: Rendered, *, has_html: bool) -> Preview:
        expires_at = self._clock.now() + _LIFE
        token = secrets.token_urlsafe(24)
        if has_html:
            values = {
                "preview_hash": sha256(token.encode()).digest(),
                "account_id": account_id,
                "html": rendered.html.replace("\0", ""),
                "expires_at": expires_at,
            }
            async with self._database.tenant(account_id) as connection:
                await connection.execute(_SQL["add_preview"], values)
                await connection.execute(_SQL["trim_previews"], {"account_id": account_id, "keep": _KEPT})
        return Preview(
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            unsubscribe_url=rendered.unsubscribe_url,
            url=f"{self._base_url}/{PREFIX}/{token}" if has_html else None,
            expires_at=expires_at,
        )
