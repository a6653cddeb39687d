"""The short link of a message that is too small for long ones."""

from __future__ import annotations

from syncom.messages.channels.sms.model import ShortLink
from syncom.messages.sending.work import Work
from syncom.tokens import MessageTokens


def short_link(tokens: MessageTokens, work: Work, content_id: int, targets: dict[int, str]) -> ShortLink:
    """Of one recipient; ``targets``: where its own links lead, by number."""
    return ShortLink(
        code=tokens.short(work.message_id),
        account_id=work.account_id,
        contact_id=work.contact_id,
        content_id=content_id,
        message_id=work.message_id,
        channel=work.channel,
        targets=targets,
    )
