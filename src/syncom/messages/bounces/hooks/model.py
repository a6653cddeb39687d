"""Values of incoming webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Final

import msgspec

from syncom.messages.bounces.model import Report


class Provider(Enum):
    """Whose webhook it is."""

    SES = "ses"
    SENDGRID = "sendgrid"
    MAILGUN = "mailgun"
    POSTMARK = "postmark"


class HookInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook to listen to."""

    provider: Provider
    name: str = ""
    #: SES: ARNs of the SNS topics. Anybody may have a topic of their own, so one at least.
    topics: tuple[str, ...] = ()
    #: SendGrid: the verification key of the signed event webhook. Mailgun: the HTTP webhook signing key.
    signing_key: str = ""
    #: Postmark: the Basic log-in of the webhook, if it has one.
    username: str = ""
    password: str = ""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that is listened to, without its secrets."""

    hook_id: int
    account_id: int
    provider: Provider
    name: str
    topics: tuple[str, ...]
    #: SES: its subscription was confirmed.
    is_confirmed: bool
    #: Reports that came by it.
    received: int
    last_received_at: datetime | None
    #: Why its last request was refused; empty: it was not.
    problem: str
    created_at: datetime


class NewHook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook and the address to give to the provider. The address is shown this once."""

    hook: Hook
    url: str


class HookSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """As they are sealed."""

    signing_key: str = ""
    username: str = ""
    password: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came in. Names of headers are in small letters."""

    headers: Mapping[str, str]
    body: bytes


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a request said, its signature checked."""

    reports: tuple[Report, ...] = ()
    #: A token that is good once.
    token: bytes = b""
    #: SES: where to confirm the subscription.
    confirm_url: str = ""


#: Reports of one request, those after it are refused with it: a provider splits its batches below that.
MOST_REPORTS: Final = 5000
#: Bytes of one request.
LARGEST_BODY: Final = 2 * 1024 * 1024
