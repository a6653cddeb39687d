"""Where a provider posts: below a token that nobody can guess, one for each sender."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from syncom.messages.model import Sender
from syncom.tokens import MessageTokens


class CallbackAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """What is entered at the provider."""

    #: Delivery receipts.
    receipts: str
    #: Texts of people.
    texts: str


def callback_addresses(base_url: str, tokens: MessageTokens, sender_id: int) -> CallbackAddresses:
    token = tokens.gateway(sender_id)
    return CallbackAddresses(
        receipts=f"{base_url}/gateways/{token}/receipts", texts=f"{base_url}/gateways/{token}/texts"
    )


def receipts_address(base_url: str, tokens: MessageTokens, sender: Sender) -> str:
    """Where receipts of this sender's texts are asked for; empty: its provider could not reach us.

    Twilio refuses a text whose StatusCallback it cannot reach (error 21609).
    """
    form = sender.config.form
    if form is None or (_is_here(base_url) and not _is_here(form.sms.url)):
        return ""
    return callback_addresses(base_url, tokens, sender.sender_id).receipts


def _is_here(url: str) -> bool:
    """Whether an address leads to this machine or a private network."""
    host = urlsplit(url).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".localdomain", ".local", ".internal"))
