"""Use cases of promo codes: put them in, look at them, give each away once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import psycopg

from syncom.clock import Clock
from syncom.errors import FieldError, Invalid, NotFound
from syncom.postgres.pool import Connection, Database
from syncom.promocodes import store
from syncom.promocodes.model import Promocode, PromocodeFilter, PromocodeInput, Taker, Uploaded

#: Codes of one upload, and takers of one batch.
MAX_CODES: Final = 10_000
_TEXT_LIMIT: Final = 100


class PromocodesService:
    """Promo codes of an account."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def upload(self, account_id: int, codes: Sequence[PromocodeInput]) -> Uploaded:
        """Add codes and update known ones: all of them or, with Invalid naming each wrong field, none.

        A code that is in use stays so: it has been given to somebody. The last of a repeated code wins.
        """
        if not 0 < len(codes) <= MAX_CODES:
            raise Invalid("promocodes", f"must be 1 to {MAX_CODES:,} at a time")
        problems = [problem for place, code in enumerate(codes) for problem in _check(place, code)]
        if problems:
            raise Invalid.of(problems)
        async with self._database.tenant(account_id) as connection:
            new = await store.upload(connection, account_id, list({code.code: code for code in codes}.values()))
        return Uploaded(added=sum(new), updated=len(new) - sum(new))

    async def search(
        self, account_id: int, wanted: PromocodeFilter, *, offset: int = 0, limit: int = 500
    ) -> tuple[list[Promocode], int]:
        """A page in the order of upload, and how many there are in all."""
        async with self._database.tenant(account_id) as connection:
            page = await store.search(connection, account_id, wanted, offset, limit)
            return page, await store.count(connection, account_id, wanted)

    async def count(self, account_id: int, wanted: PromocodeFilter) -> int:
        """How many codes there are."""
        async with self._database.tenant(account_id) as connection:
            return await store.count(connection, account_id, wanted)

    async def get(self, account_id: int, promocode_id: int) -> Promocode:
        """One code. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            found = await store.get(connection, account_id, promocode_id)
        if found is None:
            raise NotFound("promocode", promocode_id)
        return found

    async def switch_off(self, account_id: int, promocode_id: int) -> None:
        """Take a code out of use: nobody gets it any more. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            if not await store.switch_off(connection, account_id, promocode_id):
                raise NotFound("promocode", promocode_id)

    async def take(
        self, account_id: int, takers: Sequence[Taker], *, type_: str | None = None, discount: int | None = None
    ) -> dict[UUID, str]:
        """Give each taker the next free code of this type and discount (None: any), in a transaction of its own.

        Returns the codes by effect; a taker without one came too late. An effect that has its code gets that one.
        """
        async with self._database.tenant(account_id) as connection:
            return await self.take_in(connection, account_id, takers, type_=type_, discount=discount)

    async def take_in(
        self,
        connection: Connection,
        account_id: int,
        takers: Sequence[Taker],
        *,
        type_: str | None = None,
        discount: int | None = None,
    ) -> dict[UUID, str]:
        """The same inside the caller's transaction: what it takes is free again when it rolls back."""
        if len(takers) > MAX_CODES:
            raise Invalid("takers", f"must be at most {MAX_CODES:,} at a time")
        distinct = {taker.effect_id: taker for taker in takers}
        while True:
            found = await store.taken(connection, account_id, list(distinct))
            waiting = [taker for effect_id, taker in distinct.items() if effect_id not in found]
            if not waiting:
                return found
            try:
                async with connection.transaction():
                    return found | await store.take(
                        connection, account_id, waiting, type_=type_, discount=discount, now=self._clock.now()
                    )
            except psycopg.errors.UniqueViolation:
                # Somebody else tried the same effect at the same moment, and has its code now.
                continue


def _check(place: int, code: PromocodeInput) -> list[FieldError]:
    at = f"promocodes.{place}"
    problems: list[FieldError] = []
    if not code.code.strip() or len(code.code) > _TEXT_LIMIT or not code.code.isprintable():
        problems.append(FieldError(f"{at}.code", f"must be printable text of 1 to {_TEXT_LIMIT} characters"))
    if len(code.type) > _TEXT_LIMIT or not code.type.isprintable():
        problems.append(FieldError(f"{at}.type", f"must be printable text of at most {_TEXT_LIMIT} characters"))
    if not 0 <= code.discount <= 99:
        problems.append(FieldError(f"{at}.discount", "must be 0 to 99 percent"))
    if code.expires_at is not None and code.expires_at.tzinfo is None:
        problems.append(FieldError(f"{at}.expires_at", "must say its offset, such as Z or +03:00"))
    return problems
