"""The only part of the accounts domain that talks to the database. Every function works in a given transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.accounts.model import (
    Account,
    ApiKey,
    AuditEntry,
    Compat,
    KeyScope,
    Membership,
    OpenSession,
    Principal,
    Role,
    User,
    Velocity,
)
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.accounts", "accounts.sql")
_Row = tuple[Any, ...]


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a key's hash leads to."""

    api_key_id: int
    account_id: int
    role: Role
    #: Its last use should be noted.
    stale: bool
    scope: KeyScope
    compat: frozenset[Compat]


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a cookie's hash leads to."""

    user_id: int
    account_id: int
    role: Role
    is_operator: bool
    last_seen_at: datetime
    #: They have to set up a second factor first.
    must_enrol: bool


class TwoFactorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person's second factor: the sealed secret, and since when it is in use."""

    secret: bytes
    confirmed_at: datetime | None


class SignInRow(msgspec.Struct, frozen=True, kw_only=True):
    """What signing in compares with."""

    user_id: int
    password_hash: str
    disabled: bool


async def add_account(connection: Connection, name: str) -> Account:
    return _account(await _required(connection, "add_account", name=name))


async def list_accounts(connection: Connection) -> list[Account]:
    return [_account(row) for row in await _rows(connection, "list_accounts")]


async def get_account(connection: Connection, account_id: int) -> Account | None:
    row = await _row(connection, "get_account", account_id=account_id)
    return _account(row) if row else None


async def update_account(
    connection: Connection,
    account_id: int,
    *,
    name: str | None,
    time_zone: str | None,
    velocity_truth: Velocity | None,
    velocity_lines: Velocity | None,
    keep_ledger_days: int | None,
    keep_activity_days: int | None,
    keep_events_days: int | None,
    keep_carts_days: int | None,
    require_two_factor: bool | None,
    two_factor_grace_days: int,
) -> Account | None:
    row = await _row(
        connection,
        "update_account",
        account_id=account_id,
        name=name,
        time_zone=time_zone,
        velocity_truth=velocity_truth and velocity_truth.value,
        velocity_lines=velocity_lines and velocity_lines.value,
        keep_ledger_days=keep_ledger_days,
        keep_activity_days=keep_activity_days,
        keep_events_days=keep_events_days,
        keep_carts_days=keep_carts_days,
        require_two_factor=require_two_factor,
        two_factor_grace_days=two_factor_grace_days,
    )
    return _account(row) if row else None


async def first_operator(connection: Connection) -> str | None:
    """Email of the first user there is, under a lock that holds until the transaction ends."""
    await connection.execute(_SQL["lock_users"])
    row = await _row(connection, "first_operator")
    return str(row[0]) if row else None


async def add_user(
    connection: Connection, *, email: str, name: str, password_hash: str, is_operator: bool
) -> int | None:
    """The new user's id; None when the email is taken."""
    row = await _row(
        connection, "add_user", email=email, name=name, password_hash=password_hash, is_operator=is_operator
    )
    return int(row[0]) if row else None


async def find_user(connection: Connection, email: str) -> SignInRow | None:
    row = await _row(connection, "find_user", email=email)
    return SignInRow(user_id=row[0], password_hash=row[1], disabled=row[2] is not None) if row else None


async def user_for_password(connection: Connection, user_id: int) -> tuple[str, str] | None:
    """Email and password hash of an active user."""
    row = await _row(connection, "user_for_password", user_id=user_id)
    return (row[0], row[1]) if row else None


async def add_membership(connection: Connection, account_id: int, user_id: int, role: Role) -> bool:
    row = await _row(connection, "add_membership", account_id=account_id, user_id=user_id, role=role.value)
    return row is not None


async def list_users(connection: Connection, account_id: int) -> list[User]:
    return [_user(row) for row in await _rows(connection, "list_users", account_id=account_id)]


async def get_user(connection: Connection, account_id: int, user_id: int) -> User | None:
    row = await _row(connection, "get_user", account_id=account_id, user_id=user_id)
    return _user(row) if row else None


async def memberships_of(connection: Connection, user_id: int) -> list[Membership]:
    """Accounts of a user who may sign in, the oldest first."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_SQL["memberships_of"], {"user_id": user_id})
    return msgspec.convert(await cursor.fetchall(), list[Membership])


async def find_member(connection: Connection, account_id: int, email: str) -> int | None:
    row = await _row(connection, "find_member", account_id=account_id, email=email)
    return int(row[0]) if row else None


async def lock_members(connection: Connection, account_id: int) -> dict[int, Role]:
    """Roles by user id, locked against other changes of this account's members."""
    return {row[0]: Role(row[1]) for row in await _rows(connection, "lock_members", account_id=account_id)}


async def is_member_elsewhere(connection: Connection, account_id: int, user_id: int) -> bool:
    row = await _required(connection, "memberships_elsewhere", account_id=account_id, user_id=user_id)
    return bool(row[0])


async def set_role(connection: Connection, account_id: int, user_id: int, role: Role) -> None:
    await _run(connection, "set_role", account_id=account_id, user_id=user_id, role=role.value)


async def remove_member(connection: Connection, account_id: int, user_id: int) -> None:
    await _run(connection, "remove_member", account_id=account_id, user_id=user_id)
    await _run(connection, "remove_member_sessions", account_id=account_id, user_id=user_id)


async def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    await _run(connection, "set_password", user_id=user_id, password_hash=password_hash)


async def set_disabled(connection: Connection, user_id: int, *, disabled: bool) -> None:
    await _run(connection, "set_disabled", user_id=user_id, disabled=disabled)


async def landing_account(connection: Connection, user_id: int, account_id: int | None) -> int | None:
    row = await _row(connection, "first_membership", user_id=user_id, account_id=account_id)
    return int(row[0]) if row else None


async def add_session(
    connection: Connection,
    *,
    session_hash: bytes,
    user_id: int,
    account_id: int,
    now: datetime,
    expires_at: datetime,
    address: str,
    agent: str,
) -> None:
    await _run(
        connection,
        "add_session",
        hash=session_hash,
        user_id=user_id,
        account_id=account_id,
        now=now,
        expires_at=expires_at,
        address=address,
        agent=agent,
    )


async def find_session(
    connection: Connection, session_hash: bytes, *, now: datetime, idle_since: datetime
) -> SessionRow | None:
    row = await _row(connection, "find_session", hash=session_hash, now=now, idle_since=idle_since)
    if row is None:
        return None
    return SessionRow(
        user_id=row[0], account_id=row[1], role=Role(row[2]), is_operator=row[3], last_seen_at=row[4], must_enrol=row[5]
    )


async def touch_session(connection: Connection, session_hash: bytes, now: datetime) -> None:
    await _run(connection, "touch_session", hash=session_hash, now=now)


async def remove_session(connection: Connection, session_hash: bytes) -> None:
    await _run(connection, "remove_session", hash=session_hash)


async def remove_user_sessions(connection: Connection, user_id: int, *, keep: bytes | None) -> None:
    """End all sessions of a user but the one whose hash is ``keep``."""
    await _run(connection, "remove_user_sessions", user_id=user_id, keep=keep)


async def list_sessions(
    connection: Connection, user_id: int, *, current: bytes | None, now: datetime, idle_since: datetime
) -> list[OpenSession]:
    """The live sessions of a person; ``current`` is the hash of the one that asks."""
    rows = await _rows(connection, "list_sessions", user_id=user_id, current=current, now=now, idle_since=idle_since)
    return [
        OpenSession(
            session_id=row[0],
            account_id=row[1],
            created_at=row[2],
            last_seen_at=row[3],
            expires_at=row[4],
            address=row[5],
            agent=row[6],
            current=row[7],
        )
        for row in rows
    ]


async def remove_one_session(connection: Connection, user_id: int, session_id: int) -> bool:
    row = await _row(connection, "remove_one_session", user_id=user_id, session_id=session_id)
    return row is not None


async def two_factor(connection: Connection, user_id: int) -> TwoFactorRow | None:
    row = await _row(connection, "two_factor", user_id=user_id)
    return TwoFactorRow(secret=bytes(row[0]), confirmed_at=row[1]) if row else None


async def recovery_codes_left(connection: Connection, user_id: int) -> int:
    return int((await _required(connection, "recovery_codes_left", user_id=user_id))[0])


async def two_factor_required_from(connection: Connection, user_id: int) -> datetime | None:
    return (await _required(connection, "two_factor_required_from", user_id=user_id))[0]


async def begin_two_factor(connection: Connection, user_id: int, secret: bytes) -> bool:
    """Keep a secret that is not in use yet; whether it was kept."""
    return await _row(connection, "begin_two_factor", user_id=user_id, secret=secret) is not None


async def take_step(connection: Connection, user_id: int, step: int) -> bool:
    """Use up the code of a half minute; whether nobody had used it or a later one."""
    return await _row(connection, "take_step", user_id=user_id, step=step) is not None


async def confirm_two_factor(connection: Connection, user_id: int) -> None:
    await _run(connection, "confirm_two_factor", user_id=user_id)


async def put_recovery_codes(connection: Connection, user_id: int, hashes: list[bytes]) -> None:
    await _run(connection, "remove_recovery_codes", user_id=user_id)
    await _run(connection, "add_recovery_codes", user_id=user_id, hashes=hashes)


async def use_recovery_code(connection: Connection, user_id: int, code_hash: bytes) -> bool:
    return await _row(connection, "use_recovery_code", user_id=user_id, hash=code_hash) is not None


async def remove_two_factor(connection: Connection, user_id: int) -> bool:
    """Forget secret and recovery codes; whether there was a secret."""
    await _run(connection, "remove_recovery_codes", user_id=user_id)
    return await _row(connection, "remove_two_factor", user_id=user_id) is not None


async def remove_dead_sessions(connection: Connection, *, now: datetime, idle_since: datetime) -> None:
    await _run(connection, "remove_dead_sessions", now=now, idle_since=idle_since)


async def add_api_key(
    connection: Connection,
    account_id: int,
    *,
    name: str,
    prefix: str,
    key_hash: bytes,
    role: Role,
    scope: KeyScope,
    compat: Collection[Compat],
) -> ApiKey:
    return _api_key(
        await _required(
            connection,
            "add_api_key",
            account_id=account_id,
            name=name,
            prefix=prefix,
            key_hash=key_hash,
            role=role.value,
            scope=scope.value,
            compat=sorted(switch.value for switch in compat),
        )
    )


async def list_api_keys(connection: Connection, account_id: int) -> list[ApiKey]:
    return [_api_key(row) for row in await _rows(connection, "list_api_keys", account_id=account_id)]


async def get_api_key(connection: Connection, account_id: int, api_key_id: int) -> ApiKey | None:
    row = await _row(connection, "get_api_key", account_id=account_id, api_key_id=api_key_id)
    return _api_key(row) if row else None


async def revoke_api_key(connection: Connection, account_id: int, api_key_id: int) -> bytes | None:
    """The hash of the key that was just revoked; None when there was no live one."""
    row = await _row(connection, "revoke_api_key", account_id=account_id, api_key_id=api_key_id)
    return bytes(row[0]) if row else None


async def find_api_key(connection: Connection, key_hash: bytes) -> KeyRow | None:
    row = await _row(connection, "find_api_key", key_hash=key_hash)
    if row is None:
        return None
    return KeyRow(
        api_key_id=row[0],
        account_id=row[1],
        role=Role(row[2]),
        stale=row[3],
        scope=KeyScope(row[4]),
        compat=frozenset(Compat(name) for name in row[5]),
    )


async def touch_api_key(connection: Connection, api_key_id: int) -> None:
    await _run(connection, "touch_api_key", api_key_id=api_key_id)


async def add_api_token(
    connection: Connection, account_id: int, *, token_hash: bytes, actor: str, seconds: float
) -> None:
    await _run(connection, "add_api_token", account_id=account_id, token_hash=token_hash, actor=actor, seconds=seconds)


async def find_api_token(connection: Connection, token_hash: bytes) -> Principal | None:
    """Whom a token that is still good stands for."""
    row = await _row(connection, "find_api_token", token_hash=token_hash)
    if row is None:
        return None
    return Principal(
        account_id=row[0],
        role=Role(row[1]),
        actor=row[2],
        scope=KeyScope(row[3]),
        compat=frozenset(Compat(name) for name in row[4]),
        user_id=row[5],
    )


async def forget_api_tokens(connection: Connection) -> None:
    await _run(connection, "forget_api_tokens")


async def notify(connection: Connection, payload: str) -> None:
    """Tell every process when this transaction commits that a credential changed."""
    await _run(connection, "notify", payload=payload)


async def add_audit(
    connection: Connection, account_id: int, *, actor: str, action: str, object_: str, detail: dict[str, Any]
) -> None:
    await _run(
        connection,
        "add_audit",
        account_id=account_id,
        actor=actor,
        action=action,
        object=object_,
        detail=Jsonb(detail),
    )


async def list_audit(
    connection: Connection, account_id: int, *, before: int | None, limit: int, actor: str, action: str
) -> list[AuditEntry]:
    rows = await _rows(
        connection, "list_audit", account_id=account_id, before=before, limit=limit, actor=actor, action=action
    )
    return [
        AuditEntry(audit_id=r[0], occurred_at=r[1], actor=r[2], action=r[3], object=r[4], detail=r[5]) for r in rows
    ]


def _account(row: _Row) -> Account:
    return Account(
        account_id=row[0],
        name=row[1],
        time_zone=row[2],
        created_at=row[3],
        velocity_truth=Velocity(row[4]),
        velocity_lines=Velocity(row[5]),
        keep_ledger_days=row[6],
        keep_activity_days=row[7],
        keep_events_days=row[8],
        keep_carts_days=row[9],
        two_factor_required_from=row[10],
    )


def _user(row: _Row) -> User:
    return User(
        user_id=row[0],
        email=row[1],
        name=row[2],
        role=Role(row[3]),
        is_operator=row[4],
        created_at=row[5],
        disabled_at=row[6],
        two_factor=row[7],
    )


def _api_key(row: _Row) -> ApiKey:
    return ApiKey(
        api_key_id=row[0],
        name=row[1],
        prefix=row[2],
        role=Role(row[3]),
        scope=KeyScope(row[4]),
        compat=tuple(Compat(name) for name in row[5]),
        created_at=row[6],
        last_used_at=row[7],
        revoked_at=row[8],
    )


async def _run(connection: Connection, statement: str, /, **values: Any) -> None:
    await connection.execute(_SQL[statement], values)


async def _rows(connection: Connection, statement: str, /, **values: Any) -> list[_Row]:
    return await (await connection.execute(_SQL[statement], values)).fetchall()


async def _row(connection: Connection, statement: str, /, **values: Any) -> _Row | None:
    return await (await connection.execute(_SQL[statement], values)).fetchone()


async def _required(connection: Connection, statement: str, /, **values: Any) -> _Row:
    row = await _row(connection, statement, **values)
    if row is None:
        raise AssertionError(f"{statement} always returns a row")
    return row
