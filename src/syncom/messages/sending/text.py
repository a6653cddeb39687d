"""Turns a recipient into a text for a phone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncom.contacts.model import Channel
from syncom.content.model import CompiledContent
from syncom.content.render import TextRenderer
from syncom.errors import Invalid
from syncom.messages.channels.sms.model import TextParcel
from syncom.messages.channels.sms.parts import Alphabet, count_parts
from syncom.messages.model import Sender
from syncom.messages.sending.merge_fields import readers
from syncom.messages.sending.short_link import short_link
from syncom.messages.sending.work import Work
from syncom.tokens import MessageTokens

#: Characters of a rendered text: ten joined SMS of GSM characters, and what Viber takes.
LONGEST: Final = {Channel.SMS: 1530, Channel.VIBER: 1000}


class TextComposer:
    """Makes the texts of one content by one sender."""

    def __init__(
        self,
        *,
        sender: Sender,
        compiled: CompiledContent,
        content_id: int,
        custom_fields: Mapping[str, int],
        base_url: str,
        tokens: MessageTokens,
    ) -> None:
        self._content_id = content_id
        self._renderer = TextRenderer(compiled, base_url=base_url, tokens=tokens)
        self._readers = readers(compiled.fields, custom_fields)
        self._name = compiled.from_name or sender.from_name
        self._rich = compiled.rich
        self._has_links = bool(compiled.links)
        self._tokens = tokens

    def compose(self, work: Work, /) -> TextParcel:
        """The text of one recipient. Raises Invalid (RenderError) naming the field."""
        fields = {name: read(work) for name, read in self._readers}
        rendered = self._renderer.render(
            work.account_id, self._content_id, work.contact_id, work.message_id, fields, work.params, work.products
        )
        limit = LONGEST.get(work.channel, LONGEST[Channel.SMS])
        if len(rendered.text) > limit:
            raise Invalid("text", f"has {len(rendered.text)} characters for this recipient, {limit} at most")
        counted = count_parts(rendered.text)
        work.parts = 1 if work.channel is Channel.VIBER else counted.parts
        return TextParcel(
            key=work,
            channel=work.channel,
            message_id=work.message_id,
            sender=work.from_name or self._name,
            to=work.address,
            text=rendered.text,
            parts=work.parts,
            is_unicode=counted.alphabet is Alphabet.UCS2,
            rich=self._rich,
            link=short_link(self._tokens, work, self._content_id, rendered.targets) if self._has_links else None,
        )
