"""The rows of sites and their visitors."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.sites.model import Site

_SQL = load_sql("syncom.sites", "sites.sql")


async def add(connection: Connection, site: Site) -> bool:
    """False: the account has a site of this domain."""
    values = {
        "site_id": site.site_id,
        "account_id": site.account_id,
        "domain": site.domain,
        "strict": site.strict,
        "clicks": site.clicks,
    }
    return await (await connection.execute(_SQL["add"], values)).fetchone() is not None


async def sites(connection: Connection, account_id: int) -> list[Site]:
    rows = await (await connection.execute(_SQL["sites"], {"account_id": account_id})).fetchall()
    return [_site(row) for row in rows]


async def find(connection: Connection, site_id: UUID) -> Site | None:
    row = await (await connection.execute(_SQL["find"], {"site_id": site_id})).fetchone()
    return None if row is None else _site(row)


async def change(
    connection: Connection, account_id: int, site_id: UUID, *, strict: bool | None, clicks: bool | None
) -> Site | None:
    values = {"account_id": account_id, "site_id": site_id, "strict": strict, "clicks": clicks}
    row = await (await connection.execute(_SQL["change"], values)).fetchone()
    return None if row is None else _site(row)


def _site(row: TupleRow) -> Site:
    return Site(site_id=row[0], account_id=row[1], domain=row[2], strict=row[3], clicks=row[4])


async def visitor(connection: Connection, account_id: int, visitor_id: str) -> int | None:
    """The contact this visitor turned out to be."""
    values = {"account_id": account_id, "visitor": visitor_id}
    row = await (await connection.execute(_SQL["visitor"], values)).fetchone()
    return None if row is None else row[0]


async def visitor_of_site(connection: Connection, site: Site, visitor_id: str) -> int | None:
    """The contact this visitor was said to be on this site."""
    values = {"account_id": site.account_id, "visitor": visitor_id, "site_id": site.site_id}
    row = await (await connection.execute(_SQL["visitor_of_site"], values)).fetchone()
    return None if row is None else row[0]


async def remember(
    connection: Connection, account_id: int, visitor_id: str, contact_id: int, site_ids: Sequence[UUID]
) -> None:
    values = {
        "account_id": account_id,
        "visitor": visitor_id,
        "contact_id": contact_id,
        "site_ids": list(site_ids),
    }
    await connection.execute(_SQL["remember"], values)


async def forget(connection: Connection, account_id: int, visitor_id: str) -> None:
    await connection.execute(_SQL["forget"], {"account_id": account_id, "visitor": visitor_id})
