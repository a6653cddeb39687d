"""What the sending loop and a carrier of texts say to each other."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel
from syncom.content.model import Rich
from syncom.messages.channels.sms.codes import Action

_LONGEST_WORDS: Final = 500


class ShortLink(msgspec.Struct, frozen=True, kw_only=True):
    """What the short links of one message lead to. Written before the message leaves."""

    code: str
    account_id: int
    contact_id: int
    content_id: int
    message_id: UUID
    channel: Channel
    #: Personal targets by the link's number; the others are the content's.
    targets: dict[int, str] = {}


class TextParcel(msgspec.Struct):
    """One text to one phone, ready to hand over."""

    #: Opaque to the carrier; says to the source which message it was.
    key: object
    channel: Channel
    message_id: UUID
    #: Sender name or number.
    sender: str
    #: E.164, with its plus.
    to: str
    text: str
    #: Messages on the air; 1 for Viber.
    parts: int
    #: Whether it needs UCS-2.
    is_unicode: bool = False
    #: What a Viber message has beside its text.
    rich: Rich | None = None
    #: None: there are no short links in it.
    link: ShortLink | None = None


class GatewayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway said, or our own words where it was not heard."""

    #: HTTP status; 0: there was no answer.
    status: int
    text: str
    #: The gateway's own ids of the message, one or one for each part.
    message_ids: tuple[str, ...] = ()
    #: Seconds the gateway asks to wait (Retry-After); None: it does not say.
    retry_after: float | None = None
    #: Whether the words are ours and the gateway was not asked.
    local: bool = False
    #: Whether nothing can be sent to this gateway as it is set up.
    of_sender: bool = False
    #: What the gateway's code asks for; None: it has none that is known.
    action: Action | None = None

    @property
    def words(self) -> str:
        status = f"{self.status} " if self.status else ""
        ident = f"id={','.join(self.message_ids)} " if self.message_ids else ""
        return f"{status}{ident}{self.text}".strip()[:_LONGEST_WORDS]

    @property
    def peer_ids(self) -> tuple[str, ...]:
        return self.message_ids


class TextReplies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a sender of texts answers STOP, HELP and START. Empty words: those of ``inbound_texts/answers.toml``."""

    #: None: yes, but for words that the provider answers itself.
    answer: bool | None = None
    #: What ``{brand}`` is; empty: the sender's name.
    brand: str = ""
    #: Whom to ask, such as "Ask help@example.org or +1 202 555 0100."
    contact: str = ""
    stop: str = ""
    help: str = ""
    start: str = ""
