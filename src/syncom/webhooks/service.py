"""Use cases of outgoing webhooks: add, change, test, switch off and on, remove."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET

from syncom.activity import news
from syncom.errors import Conflict, Invalid, NotFound
from syncom.feed.model import FeedStatus
from syncom.outbound import OutboundClient, Unreachable, check_header, check_url
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring
from syncom.webhooks import store
from syncom.webhooks.model import MAX_HEADERS, SavedWebhook, TestResult, Webhook, WebhookInput
from syncom.webhooks.secrets import Secrets, request_headers, seal, unseal

#: Webhooks of one account: each costs a copy of every fact.
MAX_WEBHOOKS: Final = 10
_NAME_LENGTH: Final = 200
#: Made by the request itself.
_RESERVED: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "authorization", "user-agent"}
)
_TEST_SECONDS: Final = 10.0


class WebhooksService:
    """Webhooks of an account. Passwords and values of headers are sealed when they come in and never leave again."""

    def __init__(self, database: Database, keyring: Keyring, client: OutboundClient) -> None:
        self._database = database
        self._keyring = keyring
        self._client = client

    async def add(self, account_id: int, given: WebhookInput) -> SavedWebhook:
        """Test the address and begin to gather what happens from now on.

        Any answer to the test GET is good enough, and is told; a server that gives none is refused, so that a
        mistyped address does not wait to be found by its absence. Raises Invalid naming the field, Conflict when
        there are too many.
        """
        secrets = _secrets(given, Secrets())
        values = _columns(given) | {"account_id": account_id, "header_names": list(secrets.headers)}
        test = await self._tried(given.url, request_headers(given.username, secrets))
        async with self._database.system() as connection:
            if await store.count(connection, account_id) >= MAX_WEBHOOKS:
                raise Conflict(f"an account has {MAX_WEBHOOKS} webhooks at most: remove one first")
            webhook_id = await store.insert(connection, values)
            await store.save_secret(connection, webhook_id, seal(self._keyring, webhook_id, secrets))
            await news.follow(connection, account_id, webhook_id)
            return SavedWebhook(webhook=await _found(connection, account_id, webhook_id), test=test)

    async def update(self, account_id: int, webhook_id: int, given: WebhookInput) -> SavedWebhook:
        """Replace its settings, test the address, and try again at once what waits. Raises Invalid, NotFound.

        A password or headers left out stay, unless the address leads to another host: they were given for that one.
        """
        async with self._database.system() as connection:
            present = await _found(connection, account_id, webhook_id)
            sealed = await store.secret_of(connection, account_id, webhook_id)
        moved = check_url("url", given.url).origin() != check_url("url", present.url).origin()
        stored = Secrets() if moved else unseal(self._keyring, webhook_id, sealed)
        secrets = _secrets(given, stored)
        values = _columns(given) | {
            "account_id": account_id,
            "webhook_id": webhook_id,
            "header_names": list(secrets.headers),
        }
        test = await self._tried(given.url, request_headers(given.username, secrets))
        async with self._database.system() as connection:
            if not await store.update(connection, values):
                raise NotFound("webhook", webhook_id)
            await store.save_secret(connection, webhook_id, seal(self._keyring, webhook_id, secrets))
            return SavedWebhook(webhook=await _found(connection, account_id, webhook_id), test=test)

    async def list(self, account_id: int) -> list[Webhook]:
        """All of them, oldest first, with how their deliveries go."""
        async with self._database.system() as connection:
            return await store.select(connection, account_id)

    async def get(self, account_id: int, webhook_id: int) -> Webhook:
        """Raises NotFound."""
        async with self._database.system() as connection:
            return await _found(connection, account_id, webhook_id)

    async def test(self, account_id: int, webhook_id: int) -> TestResult:
        """Ask its server with a GET, as on saving, and tell what it said. Raises NotFound."""
        async with self._database.system() as connection:
            webhook = await _found(connection, account_id, webhook_id)
            sealed = await store.secret_of(connection, account_id, webhook_id)
        headers = request_headers(webhook.username, unseal(self._keyring, webhook_id, sealed))
        try:
            return await self._asked(webhook.url, headers)
        except (Unreachable, Invalid) as error:
            return TestResult(status=None, problem=error.message)

    async def deactivate(self, account_id: int, webhook_id: int) -> Webhook:
        """Post and gather no more. What waits is kept for the day it is switched on again. Raises NotFound."""
        async with self._database.system() as connection:
            if not await store.set_active(connection, account_id, webhook_id, is_active=False):
                raise NotFound("webhook", webhook_id)
            await news.unfollow(connection, webhook_id)
            return await _found(connection, account_id, webhook_id)

    async def activate(self, account_id: int, webhook_id: int) -> Webhook:
        """Gather again from now on, and post at once what waits. Raises NotFound."""
        async with self._database.system() as connection:
            if not await store.set_active(connection, account_id, webhook_id, is_active=True):
                raise NotFound("webhook", webhook_id)
            await news.follow(connection, account_id, webhook_id)
            return await _found(connection, account_id, webhook_id)

    async def delete(self, account_id: int, webhook_id: int) -> None:
        """Remove it with everything that waits. Raises NotFound."""
        async with self._database.system() as connection:
            if not await store.delete(connection, account_id, webhook_id):
                raise NotFound("webhook", webhook_id)
            await news.forget_follower(connection, webhook_id)

    async def _tried(self, url: str, headers: dict[str, str]) -> TestResult:
        try:
            return await self._asked(url, headers)
        except Unreachable as error:
            raise Invalid("url", f"gave no answer to a test GET: {error.message}") from error

    async def _asked(self, url: str, headers: dict[str, str]) -> TestResult:
        answer = await self._client.call("GET", url, headers=headers, seconds=_TEST_SECONDS, limit=1024 * 1024)
        if answer.status == 200:
            return TestResult(status=200, problem="")
        return TestResult(status=answer.status, problem=f"answered {answer.status} to the test GET")


async def _found(connection: Connection, account_id: int, webhook_id: int) -> Webhook:
    found = await store.select(connection, account_id, webhook_id)
    if not found:
        raise NotFound("webhook", webhook_id)
    return found[0]


def _columns(given: WebhookInput) -> dict[str, Any]:
    name = given.name.strip()
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise Invalid("name", f"must have 1 to {_NAME_LENGTH} printable characters")
    url = check_url("url", given.url)
    if url.user is not None or url.password is not None:
        raise Invalid("url", "must not hold a log-in; give username and password beside it")
    if ":" in given.username or not given.username.isprintable() or len(given.username) > _NAME_LENGTH:
        raise Invalid("username", "must be printable, without a colon")
    statuses = given.statuses or tuple(FeedStatus)
    return {
        "name": name,
        "url": given.url,
        "username": given.username,
        "statuses": [status.value for status in dict.fromkeys(statuses)],
    }


def _secrets(given: WebhookInput, stored: Secrets) -> Secrets:
    """What is given, over what is stored."""
    if isinstance(given.headers, dict):
        if len(given.headers) > MAX_HEADERS:
            raise Invalid("headers", f"must be {MAX_HEADERS} at most")
        for name, value in given.headers.items():
            check_header("headers", name, value, reserved=_RESERVED)
        stored = msgspec.structs.replace(stored, headers=given.headers)
    if given.password is not UNSET:
        stored = msgspec.structs.replace(stored, password=given.password)
    return stored
