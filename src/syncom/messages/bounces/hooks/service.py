"""Use cases of incoming webhooks: make an address, listen to it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import psycopg
from psycopg.rows import dict_row

from syncom.clock import Clock
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, Upstream
from syncom.messages.bounces.hooks import mailgun, postmark, sendgrid, ses
from syncom.messages.bounces.hooks.model import (
    MOST_REPORTS,
    Call,
    Heard,
    Hook,
    HookInput,
    HookSecrets,
    NewHook,
    Provider,
)
from syncom.messages.bounces.intake import Intake
from syncom.messages.bounces.model import Received
from syncom.outbound import OutboundClient
from syncom.postgres.group_commit import GroupCommit
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring
from syncom.tokens import MessageTokens

_SQL: Final = load_sql("syncom.messages.bounces.hooks", "hooks.sql")

#: The first piece of the paths of incoming webhooks.
PREFIX: Final = "bounces"
MAX_HOOKS: Final = 50
_PURPOSE: Final = "bounce hook"
_NAME_LENGTH: Final = 200
_TOPIC_LENGTH: Final = 300
_MOST_TOPICS: Final = 20
_CERTIFICATE_BYTES: Final = 64 * 1024
#: Requests of one transaction, and those that wait in one process.
_BATCH: Final = 50
_MOST_WAITING: Final = 500
#: A key is 32 characters.
_LONGEST_KEY: Final = 100


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    hook_id: int
    account_id: int
    provider: Provider
    topics: tuple[str, ...]
    secret: bytes | None


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose reports are to be taken in."""

    hook: _Found
    heard: Heard


class BounceHooks:
    """Webhooks of mail providers, of every account."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        tokens: MessageTokens,
        intake: Intake,
        client: OutboundClient,
        clock: Clock,
        *,
        base_url: str,
        fetch: ses.Fetch | None = None,
    ) -> None:
        """``fetch`` stands in for reading from Amazon's hosts."""
        self._database = database
        self._keyring = keyring
        self._tokens = tokens
        self._intake = intake
        self._client = client
        self._clock = clock
        self._base_url = base_url
        self._fetch: ses.Fetch = fetch or self._from_outside
        self._certificates = ses.Certificates(self._fetch)
        self._group: GroupCommit[_Work, None] = GroupCommit(self._write, max_batch=_BATCH, max_waiting=_MOST_WAITING)

    async def add(self, account_id: int, given: HookInput) -> NewHook:
        """Listen to a webhook. Its address is shown this once. Raises Invalid naming the field, Conflict."""
        _check(given)
        key = secrets.token_urlsafe(24)
        values = {
            "account_id": account_id,
            "provider": given.provider.value,
            "name": (given.name or given.provider.value).strip(),
            "path_hash": _hash(key),
            "topics": list(given.topics),
        }
        kept = HookSecrets(signing_key=given.signing_key, username=given.username, password=given.password)
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["count"], {"account_id": account_id})).fetchone()
            if row is not None and row[0] >= MAX_HOOKS:
                raise Conflict(f"an account has {MAX_HOOKS} incoming webhooks at most: remove one first")
            made = await (await connection.execute(_SQL["insert"], values)).fetchone()
            assert made is not None
            hook_id = int(made[0])
            sealed = self._keyring.seal(msgspec.json.encode(kept), purpose=_PURPOSE, owner=_owner(hook_id))
            await connection.execute(_SQL["save_secret"], {"hook_id": hook_id, "secret": sealed})
            [hook] = await _select(connection, account_id, hook_id)
        return NewHook(hook=hook, url=f"{self._base_url}/{PREFIX}/{key}")

    async def list(self, account_id: int) -> list[Hook]:
        """All of them, oldest first."""
        async with self._database.system() as connection:
            return await _select(connection, account_id)

    async def get(self, account_id: int, hook_id: int) -> Hook:
        """Raises NotFound."""
        async with self._database.system() as connection:
            found = await _select(connection, account_id, hook_id)
        if not found:
            raise NotFound("incoming webhook", hook_id)
        return found[0]

    async def remove(self, account_id: int, hook_id: int) -> None:
        """Listen no more; its address leads nowhere from now on. Raises NotFound."""
        values = {"account_id": account_id, "hook_id": hook_id}
        async with self._database.system() as connection:
            if await (await connection.execute(_SQL["delete"], values)).fetchone() is None:
                raise NotFound("incoming webhook", hook_id)

    async def receive(self, key: str, call: Call) -> None:
        """A request came to an address. Returns when what it says is durable.

        Raises NotFound for an address that was not made here; Forbidden when it is not signed as it should be; Invalid
        for a body that is not the provider's; Unavailable, Upstream when it shall come again.
        """
        hook = await self._find(key)
        source = f"{hook.provider.value} webhook {hook.hook_id}"
        try:
            heard = await self._hear(hook, call, source)
            if len(heard.reports) > MOST_REPORTS:
                raise Invalid("body", f"has more than {MOST_REPORTS:,} events")
        except (Forbidden, Invalid) as error:
            async with self._database.system() as connection:
                await connection.execute(_SQL["refused"], {"hook_id": hook.hook_id, "problem": error.message[:300]})
            raise
        if heard.confirm_url:
            await self._fetch(heard.confirm_url)
            async with self._database.system() as connection:
                await connection.execute(_SQL["confirmed"], {"hook_id": hook.hook_id})
        elif heard.reports or heard.token:
            await self._group.submit(_Work(hook=hook, heard=heard))

    async def forget(self) -> None:
        """Delete tokens whose time is over: their signatures are too old."""
        async with self._database.system() as connection:
            await connection.execute(_SQL["forget_tokens"], {"now": self._clock.now()})

    async def close(self) -> None:
        """Finish what was accepted."""
        await self._group.close()

    # ------------------------------------------------------------ steps

    async def _find(self, key: str) -> _Found:
        if not 0 < len(key) <= _LONGEST_KEY:
            raise NotFound("page", "here")
        async with self._database.system() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            row = await (await cursor.execute(_SQL["find"], {"path_hash": _hash(key)})).fetchone()
        if row is None:
            raise NotFound("page", "here")
        return msgspec.convert(row, _Found)

    async def _hear(self, hook: _Found, call: Call, source: str) -> Heard:
        now = self._clock.now()
        if hook.provider is Provider.SES:
            return await ses.hear(call, hook.topics, self._certificates, self._tokens, now, source)
        kept = HookSecrets()
        if hook.secret is not None:
            text = self._keyring.unseal(hook.secret, purpose=_PURPOSE, owner=_owner(hook.hook_id))
            kept = msgspec.json.decode(text, type=HookSecrets)
        hear = {Provider.SENDGRID: sendgrid.hear, Provider.MAILGUN: mailgun.hear, Provider.POSTMARK: postmark.hear}
        return hear[hook.provider](call, kept, self._tokens, now, source)

    async def _write(self, batch: Sequence[_Work]) -> list[None]:
        now = self._clock.now()
        async with self._database.system() as connection:
            received: list[Received] = []
            counts: dict[int, int] = {}
            for work in batch:
                counts.setdefault(work.hook.hook_id, 0)
                if work.heard.token and not await self._is_first(connection, work, now + mailgun.TOKEN_LIFE * 2):
                    continue
                hook = work.hook
                received += [Received(account_id=hook.account_id, report=one) for one in work.heard.reports]
                counts[hook.hook_id] += len(work.heard.reports)
            await self._intake.take(connection, received)
            for hook_id, reports in sorted(counts.items()):
                values = {"hook_id": hook_id, "reports": reports, "now": now}
                await connection.execute(_SQL["heard"], values)
        return [None] * len(batch)

    async def _is_first(self, connection: Connection, work: _Work, expires_at: datetime) -> bool:
        values = {"hook_id": work.hook.hook_id, "token": work.heard.token, "expires_at": expires_at}
        try:
            async with connection.transaction():
                return await (await connection.execute(_SQL["use_token"], values)).fetchone() is not None
        except psycopg.errors.ForeignKeyViolation:
            return False  # the webhook was removed meanwhile

    async def _from_outside(self, url: str) -> bytes:
        answer = await self._client.call("GET", url, seconds=10, limit=_CERTIFICATE_BYTES)
        if answer.status != 200:
            raise Upstream(f"Amazon SNS answered {answer.status} to a request of ours")
        return answer.body


def _check(given: HookInput) -> None:
    """Raises Invalid naming the field."""
    if len(given.name) > _NAME_LENGTH or not given.name.isprintable():
        raise Invalid("name", f"must be at most {_NAME_LENGTH} printable characters")
    if given.provider is Provider.SES:
        if not 0 < len(given.topics) <= _MOST_TOPICS:
            raise Invalid("topics", f"must have 1 to {_MOST_TOPICS} ARNs of SNS topics")
        if any(not one.startswith("arn:aws") or len(one) > _TOPIC_LENGTH for one in given.topics):
            raise Invalid("topics", "must be ARNs, such as arn:aws:sns:eu-west-1:123456789012:bounces")
    elif given.topics:
        raise Invalid("topics", "are for SES alone")
    if given.provider in (Provider.SENDGRID, Provider.MAILGUN) and not given.signing_key:
        raise Invalid("signing_key", "is missing: without it anybody could report bounces")
    if given.provider is Provider.SENDGRID:
        sendgrid.check_key(given.signing_key)
    if len(given.signing_key) > 1000 or len(given.username) + len(given.password) > 400 or ":" in given.username:
        raise Invalid("signing_key", "or the log-in is too long, or the user's name has a colon")


async def _select(connection: Connection, account_id: int, hook_id: int | None = None) -> list[Hook]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["select"], {"account_id": account_id, "hook_id": hook_id})
    return msgspec.convert(await cursor.fetchall(), list[Hook])


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def _owner(hook_id: int) -> str:
    return f"bounce hook:{hook_id}"
