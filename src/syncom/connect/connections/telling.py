"""Tells a workspace's owner what became of its connections: in order, at least once, for a day (membrane-api, 12.1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.connect.connections import news
from syncom.connect.connections.model import News, OwnerWebhook, WebhookLease
from syncom.errors import Invalid, SyncomError
from syncom.jobs.keeping import keep
from syncom.outbound import OutboundClient, check_url, refusal
from syncom.postgres.pool import Database

_log = logging.getLogger(__name__)

#: Seconds between looks for news.
_LOOK: Final = 1.0
#: Workspaces at a time, and posts to each under one lease; each is one request.
_AT_ONCE: Final = 8
_POSTS: Final = 10
_SECONDS: Final = 10.0
#: Longer than all posts of a lease can take: then its process is gone, and another one may post.
_LEASE: Final = timedelta(seconds=180)
_FIRST_WAIT: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(hours=1)
#: What could not be told for so long is not told any more.
GIVE_UP: Final = timedelta(days=1)
HEADER: Final = "x-integration-app-token"

#: A token for an account's owner, signed with the workspace's secret: account, id of the event, body.
Sign = Callable[[int, str, bytes], Awaitable[str]]


class OwnerWebhooks:
    """Where owners of workspaces are told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, account_id: int) -> OwnerWebhook | None:
        async with self._database.system() as connection:
            return await news.webhook(connection, account_id)

    async def set(self, account_id: int, url: str | None) -> OwnerWebhook | None:
        """From now on there; None: nowhere, and what waits is forgotten. Raises Invalid."""
        if url is not None:
            checked = check_url("webhookUri", url)
            if checked.user is not None or checked.password is not None:
                raise Invalid("webhookUri", "must not hold a log-in: the posts are signed")
        async with self._database.system() as connection:
            await news.set_webhook(connection, account_id, url)
            return await news.webhook(connection, account_id)


class OwnerTeller:
    """Posts to every workspace that has a webhook. Any number may run: a workspace is one's at a time."""

    def __init__(self, database: Database, sign: Sign, client: OutboundClient, clock: Clock) -> None:
        self._database = database
        self._sign = sign
        self._client = client
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Keep going until ``stop`` is set."""
        await keep("news of connections", self.step, stop, rest=_LOOK)

    async def step(self) -> int:
        """Tell each workspace whose time has come; how much was taken."""
        now = self._clock.now()
        async with self._database.system() as connection:
            leased = await news.lease(connection, now=now, until=now + _LEASE, limit=_AT_ONCE)
        results = await asyncio.gather(*(self._tell(each) for each in leased), return_exceptions=True)
        for each, result in zip(leased, results, strict=True):
            if isinstance(result, BaseException):
                # The lease ends by itself, and the next look tries again.
                _log.error("the owner of account %d could not be told", each.account_id, exc_info=result)
        return sum(result for result in results if isinstance(result, int))

    async def _tell(self, leased: WebhookLease) -> int:
        """The oldest news, one request each, until one is not taken."""
        async with self._database.system() as connection:
            waiting = await news.oldest(connection, leased.account_id, _POSTS)
        for number, one in enumerate(waiting):
            problem = await self._post(leased, one)
            if problem:
                await self._failed(leased, 0 if number else leased.failures, problem)
                return number
            async with self._database.system() as connection:
                if not await news.delivered(connection, leased, one.news_id, self._clock.now()):
                    return number
        async with self._database.system() as connection:
            await news.release(connection, leased)
        return len(waiting)

    async def _failed(self, leased: WebhookLease, failures: int, problem: str) -> None:
        now = self._clock.now()
        _log.info("the webhook of account %d did not take an event: %s", leased.account_id, problem)
        async with self._database.system() as connection:
            dropped = await news.failed(
                connection,
                leased,
                problem,
                now=now,
                next_attempt_at=now + wait_after(failures + 1),
                give_up_before=now - GIVE_UP,
            )
        if dropped:
            _log.error(
                "the webhook of account %d took nothing for a day: %d events are given up (%s)",
                leased.account_id,
                dropped,
                problem,
            )

    async def _post(self, leased: WebhookLease, one: News) -> str:
        """Why it was not taken; empty when it was. A redirect is not followed."""
        body = msgspec.json.encode({"eventType": one.event.value, "data": {"connection": one.connection}})
        try:
            token = await self._sign(leased.account_id, str(one.news_id), body)
            answer = await self._client.call(
                "POST",
                leased.url,
                headers={HEADER: token, "Content-Type": "application/json"},
                body=body,
                seconds=_SECONDS,
                limit=64 * 1024,
            )
        except SyncomError as error:
            return error.message
        if 200 <= answer.status < 300:
            return ""
        return refusal(answer.status, answer.body)


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: 10, 20, 40 ... seconds, an hour at most."""
    return min(_FIRST_WAIT * 2 ** min(failures - 1, 20), _LONGEST_WAIT)
