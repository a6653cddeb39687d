"""Posts what happened to those who want to know: in order, at least once, again and again until it is taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from syncom.activity import news
from syncom.activity.model import News
from syncom.clock import Clock
from syncom.errors import Conflict, Invalid
from syncom.feed.model import Fact, FeedRow, FeedStatus, fact_of
from syncom.feed.service import FeedService
from syncom.jobs.keeping import keep
from syncom.outbound import OutboundClient, Unreachable, refusal
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.webhooks import store
from syncom.webhooks.model import Leased
from syncom.webhooks.secrets import request_headers, unseal

_log = logging.getLogger(__name__)

#: Seconds between looks for news.
_LOOK: Final = 1.0
#: Facts rest so long before they are told: what two processes write at about the same time goes out in its order.
REST: Final = timedelta(seconds=1)
#: Deliveries at a time; each is one request.
_AT_ONCE: Final = 8
_SECONDS: Final = 30.0
#: Longer than a delivery can take: then its process is gone, and another one may deliver.
_LEASE: Final = timedelta(seconds=120)
_LONGEST_WAIT: Final = timedelta(hours=1)


class WebhookPoster:
    """Delivers to every webhook of the installation. Any number may run: a webhook is one's at a time."""

    def __init__(
        self,
        database: Database,
        feed: FeedService,
        keyring: Keyring,
        client: OutboundClient,
        clock: Clock,
        *,
        rest: timedelta = REST,
    ) -> None:
        self._database = database
        self._feed = feed
        self._keyring = keyring
        self._client = client
        self._clock = clock
        self._rest = rest

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("webhooks", self.step, stop, rest=_LOOK)

    async def step(self) -> int:
        """One delivery to each webhook that is due; returns how many went well."""
        now = self._clock.now()
        async with self._database.system() as connection:
            leased = await store.lease(connection, now=now, until=now + _LEASE, rest=self._rest, limit=_AT_ONCE)
        results = await asyncio.gather(*(self._deliver(webhook) for webhook in leased), return_exceptions=True)
        for webhook, result in zip(leased, results, strict=True):
            if isinstance(result, BaseException):
                # The lease ends by itself, and the next look tries again.
                _log.error("webhook %d could not be served", webhook.webhook_id, exc_info=result)
        return sum(result is True for result in results)

    async def _deliver(self, webhook: Leased) -> bool:
        """One request with the oldest facts; whether it went well."""
        async with self._database.system() as connection:
            bundles = await news.read_news(connection, webhook.account_id, webhook.webhook_id, rest=self._rest)
        rows = await self._rows(webhook, [fact for bundle in bundles for fact in bundle.facts])
        problem = await self._post(webhook, rows) if rows else ""
        now = self._clock.now()
        async with self._database.system() as connection:
            if problem:
                _log.info("webhook %d did not take %d rows: %s", webhook.webhook_id, len(rows), problem)
                due = now + wait_after(webhook.failures + 1)
                await store.failed(connection, webhook, problem, now=now, next_attempt_at=due)
            elif await store.delivered(connection, webhook, len(rows), now):
                await news.forget_news(connection, [bundle.news_id for bundle in bundles])
        return not problem

    async def _rows(self, webhook: Leased, told: Sequence[News]) -> list[dict[str, Any]]:
        wanted = frozenset(webhook.statuses)
        facts = [fact_of(webhook.account_id, number, one) for number, one in enumerate(told)]
        facts = sorted((fact for fact in facts if fact.status in wanted), key=_order)
        zone = ZoneInfo(webhook.time_zone)
        return [shown(row) for row in await self._feed.tell(webhook.account_id, facts, zone)]

    async def _post(self, webhook: Leased, rows: Sequence[dict[str, Any]]) -> str:
        """Why it was not taken; empty when it was. A redirect is no 200 and is not followed."""
        try:
            secrets = unseal(self._keyring, webhook.webhook_id, webhook.secret)
            answer = await self._client.call(
                "POST",
                webhook.url,
                headers={
                    **request_headers(webhook.username, secrets),
                    "Content-Type": "application/json;charset=UTF-8",
                },
                body=msgspec.json.encode(rows),
                seconds=_SECONDS,
            )
        except (Unreachable, Invalid, Conflict) as error:
            return error.message
        if answer.status == 200:
            return ""
        return refusal(answer.status, answer.body)


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: 1, 2, 4, 8 ... minutes, an hour at most."""
    return min(timedelta(minutes=2 ** min(failures - 1, 10)), _LONGEST_WAIT)


def shown(row: FeedRow) -> dict[str, Any]:
    """A row as the data export posts it: what has no value is left out (eSputnik reference, 7)."""
    found: dict[str, Any] = {
        name: value for name, value in msgspec.to_builtins(row).items() if value is not None and value != {}
    }
    del found["offset"]
    if row.activity_status is not FeedStatus.UNDELIVERED:
        del found["hardBounce"]
    token = row.web_push_token or row.mob_push_token
    if token is not None:
        found[row.media_type] = token
    elif row.media_type == "viber" and row.sms is not None:
        found["viber"] = row.sms
    return found


def _order(fact: Fact) -> tuple[datetime, int]:
    """Facts of a delivery by time; at the same time as they were written."""
    return fact.occurred_at, fact.number
