"""Values of outgoing webhooks: an account's activity, posted to somebody's server as it happens."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from syncom.feed.model import FeedStatus

#: Headers of one's own that a webhook may have.
MAX_HEADERS = 5


class WebhookInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says about a webhook. Left out on an update, password and headers stay as they are."""

    name: str
    url: str
    #: Of a Basic log-in; empty: none.
    username: str = ""
    password: str | UnsetType = UNSET
    #: Names and values; the values are never shown again.
    headers: dict[str, str] | UnsetType = UNSET
    #: What to post; none: everything.
    statuses: tuple[FeedStatus, ...] = ()


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as stored, with how its deliveries go."""

    webhook_id: int
    account_id: int
    name: str
    url: str
    username: str
    header_names: list[str]
    statuses: list[FeedStatus]
    is_active: bool
    #: Attempts in a row that failed; 0: all is well.
    failures: int
    #: When the next attempt is due; in the past: at once when there is something.
    next_attempt_at: datetime
    #: Why the last attempt failed; empty after one that went well.
    last_error: str
    last_error_at: datetime | None
    last_delivered_at: datetime | None
    #: Rows that were taken in all.
    delivered: int
    created_at: datetime
    #: Facts that wait to be posted, those included that the choice of statuses will leave out.
    waiting: int = 0


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a server said to the test GET; ``status`` is None when it gave no answer."""

    status: int | None
    #: Empty when the answer was 200.
    problem: str


class SavedWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that was saved, and what its server said to the test."""

    webhook: Webhook
    test: TestResult


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that this process delivers to for now."""

    webhook_id: int
    account_id: int
    url: str
    username: str
    secret: bytes | None
    statuses: list[FeedStatus]
    failures: int
    fence: int
    time_zone: str
