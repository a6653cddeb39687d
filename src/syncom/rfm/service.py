"""Use cases of RFM: score customers by recency, frequency and monetary value, and say what came of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import psycopg

from syncom.clock import Clock
from syncom.errors import FieldError, Invalid, NotFound, SyncomError
from syncom.ids import BUCKETS
from syncom.postgres.pool import Connection, Database
from syncom.rfm import store
from syncom.rfm.model import Bounds, RfmGrid, RfmScore, RfmSettings, RfmState, Thresholds, Transitions

_log = logging.getLogger(__name__)
_MAX_DAYS: Final = 36_500
_MAX_STATUSES: Final = 100
_ALWAYS: Final = "-infinity"
_CENT: Final = Decimal("0.01")
_EVERY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=30)
#: How far back moves between classes are told.
_HISTORY: Final = timedelta(days=3 * 366)


class RfmService:
    """Scores and classes of an account's customers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def state(self, account_id: int) -> RfmState:
        """The settings and the boundaries in force."""
        async with self._database.tenant(account_id) as connection:
            return await store.state(connection, account_id)

    async def configure(self, account_id: int, settings: RfmSettings) -> RfmState:
        """Save settings. They count from the next recomputation on, except for statuses, currency and revenue, which
        count for the next order already. Raises Invalid naming each wrong field."""
        wrong = _wrong(settings)
        if wrong:
            raise Invalid.of(wrong)
        async with self._database.tenant(account_id) as connection:
            await store.save_settings(connection, account_id, settings)
            return await store.state(connection, account_id)

    async def recompute(self, account_id: int) -> int:
        """Draw the boundaries anew and score everybody by them, a bucket in a transaction; returns how many contacts
        were looked at. Safe to run twice, and again after a crash."""
        now = self._clock.now()
        async with self._database.tenant(account_id) as connection:
            await store.hold_settings(connection, account_id)
            settings = (await store.state(connection, account_id)).settings
            from_at = _ALWAYS if settings.window_days is None else now - timedelta(days=settings.window_days)
            if not settings.currency:
                await store.choose_currency(connection, account_id, from_at)
            if settings.thresholds is None:
                bounds = await store.quintiles(connection, account_id, from_at, now)
            else:
                bounds = _own_bounds(settings.thresholds, now)
            await store.bound(connection, account_id, bounds, from_at)
        looked_at = 0
        for bucket in range(BUCKETS):
            async with self._database.tenant(account_id) as connection:
                looked_at += await store.score_bucket(connection, account_id, bucket, now)
            # By itself: orders of the account wait while a bucket is scored.
            async with self._database.tenant(account_id) as connection:
                await store.forget_history(connection, account_id, bucket, now.date() - _HISTORY)
        async with self._database.tenant(account_id) as connection:
            await store.recomputed(connection, account_id, now)
        return looked_at

    async def recompute_due(self) -> int:
        """Recompute the accounts whose scores are a day old; returns how many. One that fails does not keep the others
        waiting, and is tried again by the next run."""
        async with self._database.system() as connection:
            account_ids = await store.due(connection, self._clock.now() - _EVERY)
        done = 0
        for account_id in account_ids:
            try:
                await self.recompute(account_id)
                done += 1
            except (psycopg.Error, SyncomError) as error:
                _log.warning("customers of account %d are not scored anew: %s", account_id, error)
        return done

    async def rescore(self, connection: Connection, account_id: int, contact_ids: Sequence[int]) -> None:
        """Score contacts whose orders changed, in the transaction that changed them, by the boundaries in force."""
        await store.score_some(connection, account_id, contact_ids, self._clock.now())

    async def of_contact(self, account_id: int, contact_id: int) -> RfmScore:
        """A customer's scores. Raises NotFound for a contact without completed orders in the window."""
        async with self._database.tenant(account_id) as connection:
            found = await store.of_contact(connection, account_id, contact_id)
        if found is None:
            raise NotFound("RFM score of contact", contact_id)
        return found

    async def grid(self, account_id: int) -> RfmGrid:
        """How many customers, and what revenue, each cell and each class has."""
        async with self._database.tenant(account_id) as connection:
            return await store.grid(connection, account_id)

    async def transitions(self, account_id: int, since: date | None = None, until: date | None = None) -> Transitions:
        """Who moved from which class to which between the ends of two days. Raises Invalid when not in order.

        ``until`` is today unless given, and ``since`` thirty days before it.
        """
        until = until or self._clock.now().date()
        since = since or until - _MONTH
        if since > until:
            raise Invalid("since", "must not be after until")
        async with self._database.tenant(account_id) as connection:
            moves = await store.transitions(connection, account_id, since, until)
        return Transitions(since=since, until=until, moves=moves)


def _own_bounds(thresholds: Thresholds, now: datetime) -> Bounds:
    """Thresholds as boundaries that a value must be above: "at least 3 orders" is "above 2"."""
    return Bounds(
        bounded_at=now,
        recency=[now - timedelta(days=days, microseconds=1) for days in reversed(thresholds.recency_days)],
        frequency=[least - 1 for least in thresholds.frequency],
        monetary=[least - _CENT for least in thresholds.monetary],
    )


def _wrong(settings: RfmSettings) -> list[FieldError]:
    wrong: list[FieldError] = []
    if not 0 < len(settings.statuses) <= _MAX_STATUSES or not all(one.strip() for one in settings.statuses):
        wrong.append(FieldError("statuses", f"must be 1 to {_MAX_STATUSES} statuses of orders, such as DELIVERED"))
    currency = settings.currency
    if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        wrong.append(FieldError("currency", "must be an ISO 4217 code such as EUR, or empty"))
    if settings.window_days is not None and not 0 < settings.window_days <= _MAX_DAYS:
        wrong.append(FieldError("window_days", f"must be 1 to {_MAX_DAYS:,}, or left out for all orders"))
    if settings.thresholds is not None:
        wrong += _wrong_thresholds(settings.thresholds)
    return wrong


def _wrong_thresholds(thresholds: Thresholds) -> list[FieldError]:
    wrong: list[FieldError] = []
    for name in ("recency_days", "frequency", "monetary"):
        given: tuple[int | Decimal, ...] = getattr(thresholds, name)
        if not all(isinstance(one, int) or one.is_finite() for one in given):
            wrong.append(FieldError(f"thresholds.{name}", "must be numbers"))
        elif list(given) != sorted(set(given)):
            wrong.append(FieldError(f"thresholds.{name}", "must be four numbers, each greater than the one before"))
        elif given[0] < 0 or given[-1] > (_MAX_DAYS if name == "recency_days" else 10**12):
            wrong.append(FieldError(f"thresholds.{name}", "must not be negative, nor beyond all measure"))
    return wrong
