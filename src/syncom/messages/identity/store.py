"""Rows of sending domains and their keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from syncom.messages.identity.model import DkimKey, DomainInput, Finding, SendingDomain
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages.identity", "identity.sql")


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """What mails of a verified domain carry."""

    account_id: int
    domain: str
    #: Empty: not in use.
    return_path: str
    tracking_host: str
    tracking_https: bool
    #: Keys that sign, RSA first.
    key_ids: tuple[int, ...]


class SealedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A private key as it is stored."""

    key_id: int
    domain_id: int
    selector: str
    sealed: bytes


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a verified domain is doing, for the operator."""

    account_id: int
    domain: str
    signs: bool
    problem: str


async def add(
    connection: Connection,
    account_id: int,
    given: DomainInput,
    *,
    token: str,
    now: datetime,
    next_at: datetime,
    most: int,
) -> int | None:
    """Its id; None when the account has it, or has ``most`` domains."""
    values = {
        "account_id": account_id,
        "domain": given.domain,
        "token": token,
        "now": now,
        "next_check_at": next_at,
        "most": most,
        **_hosts(given.return_path, given.tracking_host, given.sending_ips, https=given.tracking_https),
    }
    row = await (await connection.execute(_SQL["add"], values)).fetchone()
    return None if row is None else row[0]


async def exists(connection: Connection, account_id: int, domain: str) -> bool:
    row = await (await connection.execute(_SQL["exists"], {"account_id": account_id, "domain": domain})).fetchone()
    return row is not None and row[0]


async def add_key(
    connection: Connection,
    account_id: int,
    domain_id: int,
    *,
    selector: str,
    algorithm: str,
    public_key: str,
    sealed: bytes,
    now: datetime,
) -> None:
    values = {
        "account_id": account_id,
        "domain_id": domain_id,
        "selector": selector,
        "algorithm": algorithm,
        "public_key": public_key,
        "private_key": sealed,
        "now": now,
    }
    await connection.execute(_SQL["add_key"], values)


async def domains(connection: Connection, account_id: int, *, after: str, limit: int) -> list[SendingDomain]:
    """A page in the order of their names."""
    values = {"account_id": account_id, "after": after, "limit": limit}
    return [_domain(row) for row in await (await connection.execute(_SQL["domains"], values)).fetchall()]


async def domain(
    connection: Connection, account_id: int, *, domain_id: int | None = None, name: str = ""
) -> SendingDomain | None:
    values = {"account_id": account_id, "domain_id": domain_id, "domain": name}
    row = await (await connection.execute(_SQL["domain"], values)).fetchone()
    return None if row is None else _domain(row)


async def change(connection: Connection, changed: SendingDomain, now: datetime) -> None:
    values = {
        "account_id": changed.account_id,
        "domain_id": changed.domain_id,
        "now": now,
        **_hosts(changed.return_path, changed.tracking_host, changed.sending_ips, https=changed.tracking_https),
    }
    await connection.execute(_SQL["change"], values)


async def remove(connection: Connection, account_id: int, domain_id: int) -> bool:
    values = {"account_id": account_id, "domain_id": domain_id}
    return bool((await connection.execute(_SQL["remove"], values)).rowcount)


async def drop_pending(connection: Connection, account_id: int, domain_id: int) -> None:
    await connection.execute(_SQL["drop_pending"], {"account_id": account_id, "domain_id": domain_id})


async def lock(connection: Connection, of: SendingDomain) -> bool | None:
    """Whether its account holds the domain, None when it is gone. Nobody else decides who does until the transaction
    ends."""
    rows = await (await connection.execute(_SQL["lock"], {"domain": of.domain})).fetchall()
    return next((row[1] for row in rows if row[0] == of.domain_id), None)


async def hold(
    connection: Connection, of: SendingDomain, *, tokens: Sequence[str], now: datetime, problem: str
) -> bool:
    """Make this account the holder of a domain. False: another one is, and its token (one of ``tokens``, all that
    DNS has) is there too. A holder whose token is gone is told ``problem``."""
    values = {
        "account_id": of.account_id,
        "domain_id": of.domain_id,
        "domain": of.domain,
        "tokens": list(tokens),
        "now": now,
        "problem": problem,
    }
    await connection.execute(_SQL["give_up"], values)
    return await (await connection.execute(_SQL["hold"], values)).fetchone() is not None


async def settle_keys(
    connection: Connection, domain_id: int, verified: Collection[int], *, now: datetime, forget_before: datetime
) -> None:
    """These keys are in DNS. Older ones of the same kind are replaced, and those replaced long ago deleted."""
    values = {"domain_id": domain_id, "key_ids": list(verified), "now": now, "before": forget_before}
    await connection.execute(_SQL["verify_keys"], values)
    await connection.execute(_SQL["replace_keys"], values)
    await connection.execute(_SQL["drop_replaced"], values)


async def checked(
    connection: Connection,
    of: SendingDomain,
    *,
    findings: Sequence[Finding],
    problem: str,
    return_path_ok: bool | None,
    tracking_ok: bool | None,
    now: datetime,
    next_at: datetime,
) -> None:
    values: dict[str, Any] = {
        "domain_id": of.domain_id,
        "return_path": of.return_path,
        "tracking_host": of.tracking_host,
        "return_path_ok": return_path_ok,
        "tracking_ok": tracking_ok,
        "findings": msgspec.json.encode(list(findings)).decode(),
        "problem": problem,
        "now": now,
        "next_check_at": next_at,
    }
    await connection.execute(_SQL["checked"], values)


async def lease_due(connection: Connection, *, now: datetime, until: datetime, limit: int) -> list[tuple[int, int]]:
    """Account and id of domains whose check is due, for the caller alone until then."""
    values = {"now": now, "until": until, "limit": limit}
    return [(row[0], row[1]) for row in await (await connection.execute(_SQL["lease_due"], values)).fetchall()]


async def signing(connection: Connection, account_ids: Collection[int]) -> list[Signing]:
    """The verified domains of these accounts."""
    rows = await (await connection.execute(_SQL["signing"], {"account_ids": list(account_ids)})).fetchall()
    return [
        Signing(
            account_id=row[0],
            domain=row[1],
            return_path=row[2],
            tracking_host=row[3],
            tracking_https=row[4],
            key_ids=tuple(row[5]),
        )
        for row in rows
    ]


async def private_keys(connection: Connection, key_ids: Collection[int]) -> list[SealedKey]:
    rows = await (await connection.execute(_SQL["private_keys"], {"key_ids": list(key_ids)})).fetchall()
    return [SealedKey(key_id=row[0], domain_id=row[1], selector=row[2], sealed=row[3]) for row in rows]


async def standings(connection: Connection) -> list[Standing]:
    rows = await (await connection.execute(_SQL["all_signing"])).fetchall()
    return [Standing(account_id=row[0], domain=row[1], signs=row[2], problem=row[3]) for row in rows]


def _hosts(return_path: str, tracking_host: str, sending_ips: Sequence[str], *, https: bool) -> dict[str, Any]:
    return {
        "return_path": return_path,
        "tracking_host": tracking_host,
        "tracking_https": https,
        "sending_ips": list(sending_ips),
    }


def _domain(row: TupleRow) -> SendingDomain:
    return SendingDomain(
        domain_id=row[0],
        account_id=row[1],
        domain=row[2],
        token=row[3],
        return_path=row[4],
        tracking_host=row[5],
        tracking_https=row[6],
        sending_ips=tuple(row[7]),
        created_at=row[8],
        verified_at=row[9],
        return_path_at=row[10],
        tracking_at=row[11],
        checked_at=row[12],
        problem=row[13],
        findings=tuple(msgspec.convert(row[14], list[Finding])),
        keys=tuple(msgspec.convert(row[15], list[DkimKey])),
    )
