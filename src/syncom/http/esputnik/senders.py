"""Senders as eSputnik's callers see them (eSputnik reference, 5.4): ``"Name" <address>``."""

from __future__ import annotations

from email.utils import parseaddr

import msgspec

from syncom.contacts.model import Channel
from syncom.http.esputnik.method import Call, Method, Scope
from syncom.messages.model import Sender
from syncom.messages.senders import is_text_sender, sender_names


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """One sender."""

    type: str
    value: str


async def email_interfaces(call: Call[None]) -> list[Interface]:
    """The senders of mail; before there is one, the dev inbox."""
    await call.app.senders.default(call.account_id)
    senders = await call.app.senders.list(call.account_id)
    return [
        Interface(type="email", value=from_text(sender))
        for sender in senders
        if sender.channel is Channel.EMAIL and sender.from_email
    ]


async def sms_interfaces(call: Call[None]) -> list[Interface]:
    """The names that texts may come from; before there is a gateway, that of the dev inbox."""
    await call.app.senders.default(call.account_id, Channel.SMS)
    senders = await call.app.senders.list(call.account_id)
    names = [name for sender in senders if is_text_sender(sender) for name in sender_names(sender) if name]
    return [Interface(type="sms", value=name) for name in dict.fromkeys(names)]


def from_text(sender: Sender, from_name: str = "") -> str:
    """A sender as one text; ``from_name`` stands in for its name."""
    name = (from_name or sender.from_name).replace("\\", "").replace('"', "'")
    return f'"{name}" <{sender.from_email}>' if name else sender.from_email


def read_from(text: str) -> tuple[str, str]:
    """Name and address of ``"Name" <address>``, ``Name <address>`` or a bare address; the address is not checked."""
    name, address = parseaddr(text.strip())
    return name.strip(), address.strip() or text.strip()


METHODS = [
    Method(
        "GET",
        "/v1/interfaces/email",
        email_interfaces,
        scope=Scope.GENERAL,
        summary="Senders of email",
        answer=list[Interface],
    ),
    Method(
        "GET",
        "/v1/interfaces/sms",
        sms_interfaces,
        scope=Scope.GENERAL,
        summary="Senders of SMS",
        answer=list[Interface],
    ),
]
