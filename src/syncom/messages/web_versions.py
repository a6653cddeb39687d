"""A recipient's mail as a web page ("view in browser"): made again, from what was frozen and what is known now.

Nothing is stored for a campaign's page: content and contact make it. A single message also has parameters, which
its queue row takes along when it is settled; contents that have a link to the page keep them for some time
(``message_params``), and after that time the page of a single message is gone.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from uuid import UUID

from syncom.clock import Clock
from syncom.contacts.service import ContactsService
from syncom.content.fields import contact_fields
from syncom.content.model import CompiledContent, RenderError
from syncom.content.render import Renderer, render_preview
from syncom.content.service import ContentService
from syncom.errors import NotFound
from syncom.ids import made_at
from syncom.messages import store
from syncom.postgres.pool import Database
from syncom.recommendations.model import BlockReader
from syncom.tokens import MessageRef, MessageTokens

#: Renderers kept in memory: pages are asked for in the hours after a campaign.
_CACHED = 16


class WebVersions:
    """Pages of messages. ``days`` is how long those of single messages are there."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        content: ContentService,
        tokens: MessageTokens,
        clock: Clock,
        *,
        base_url: str,
        days: int,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._content = content
        self._tokens = tokens
        self._clock = clock
        self._base_url = base_url
        self._life = timedelta(days=days)
        self._renderers: OrderedDict[tuple[int, int], Renderer] = OrderedDict()

    async def template_link(self, account_id: int, template_id: int) -> str:
        """Where a template itself can be seen, as nobody in particular would get it. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            await self._content.sendable(connection, account_id, template_id)
        # A page of no contact: the place of the message has the template's id.
        return self._base_url.rstrip("/") + "/t/v/" + self._tokens.view(account_id, 0, 0, UUID(int=template_id))

    async def page(self, message: MessageRef) -> str:
        """The HTML of this message, with its tracked links and its pixel, for the contact as it is now.

        Raises NotFound when it cannot be made any more: the contact is gone, the content was cleared away, a single
        message is too old, or the contact's data no longer fill the template.
        """
        if not message.contact_id:
            return await self._template_page(message.account_id, message.message_id.int)
        made = made_at(message.message_id)
        if made is not None and made < self._clock.now() - self._life:
            raise NotFound("message", str(message.message_id))
        contact = await self._contacts.current(message.account_id, message.contact_id)
        if contact is None:
            raise NotFound("contact", message.contact_id)
        content = await self._content.compiled(message.account_id, message.content_id)
        renderer = self._renderer(message.account_id, message.content_id, content)
        async with self._database.tenant(message.account_id) as connection:
            params = await store.message_params(connection, message)
        reader = BlockReader(contact_id=message.contact_id, language=contact.language, data=params)
        picked = await self._content.products_for(message.account_id, content, [reader])
        try:
            rendered = renderer.render(
                message.account_id,
                message.content_id,
                message.contact_id,
                message.message_id,
                contact_fields(contact),
                params,
                picked[0],
            )
        except RenderError:
            raise NotFound("message", str(message.message_id)) from None
        return rendered.html

    async def _template_page(self, account_id: int, template_id: int) -> str:
        """The template's present version; what would be personal is left blank, and nothing is counted."""
        async with self._database.tenant(account_id) as connection:
            template = await self._content.sendable(connection, account_id, template_id)
        compiled = await self._content.compiled(account_id, template.content_id)
        picked = await self._content.products_for(account_id, compiled, [BlockReader(contact_id=0)])
        try:
            return render_preview(compiled, {}, dict.fromkeys(compiled.params, ""), picked[0]).html
        except RenderError:
            raise NotFound("template", template_id) from None

    async def forget(self) -> int:
        """Delete the parameters of messages whose pages are gone; returns how many."""
        async with self._database.system() as connection:
            return await store.forget_params(connection, self._clock.now() - self._life)

    def _renderer(self, account_id: int, content_id: int, compiled: CompiledContent) -> Renderer:
        key = (account_id, content_id)
        renderer = self._renderers.get(key)
        if renderer is None:
            renderer = Renderer(compiled, base_url=self._base_url, tokens=self._tokens)
            self._renderers[key] = renderer
            while len(self._renderers) > _CACHED:
                self._renderers.popitem(last=False)
        self._renderers.move_to_end(key)
        return renderer
