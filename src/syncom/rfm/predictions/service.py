"""Use cases of predictions: when customers will order again, for how much, and whether at all."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Final

import msgspec
import numpy as np
import psycopg

from syncom.aside import Died
from syncom.clock import Clock
from syncom.errors import NotFound, SyncomError, Unavailable
from syncom.ids import BUCKETS
from syncom.postgres.pool import Database
from syncom.rfm.predictions import store, working
from syncom.rfm.predictions.model import Model, Prediction, PredictionState
from syncom.rfm.predictions.working import Customers

_log = logging.getLogger(__name__)
_EVERY: Final = timedelta(days=1)
#: What customers do changes slowly; fitting reads many of them.
_FIT_EVERY: Final = timedelta(days=7)
#: Customers a model is fitted to: more do not move it. Buckets are a fair sample.
_ENOUGH: Final = 100_000
#: Customers in one question to the process beside, which takes half a second to start.
_AT_ONCE: Final = 20_000
_MISSING: Final = "predictions need an optional part of Syncom: install syncom[predictions]"
_FEW: Final = f"fewer than {working.LEAST_REPEATING} customers came back on another day: too few to learn from"


class PredictionsService:
    """What to expect of an account's customers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def state(self, account_id: int) -> PredictionState:
        """The model in force and when it was made."""
        async with self._database.tenant(account_id) as connection:
            found = await store.state(connection, account_id)
        if not working.available():
            return msgspec.structs.replace(found, problem=_MISSING)
        return found

    async def of_contact(self, account_id: int, contact_id: int) -> Prediction:
        """What to expect of a customer. Raises NotFound where there is no prediction."""
        async with self._database.tenant(account_id) as connection:
            found = await store.of_contact(connection, account_id, contact_id)
        if found is None:
            raise NotFound("prediction for contact", contact_id)
        return found

    async def renew(self, account_id: int, *, fit: bool = True) -> int:
        """Fit the models (``fit``, or when they are a week old) and predict for every customer; returns how many
        predictions were written. Safe to run twice, and again after a crash. Raises Unavailable."""
        if not working.available():
            raise Unavailable(_MISSING)
        now = self._clock.now()
        async with self._database.tenant(account_id) as connection:
            found = await store.state(connection, account_id)
        model = found.model
        try:
            if fit or found.fitted_at is None or found.fitted_at <= now - _FIT_EVERY:
                model = await self._fit(account_id, now)
            written = await self._predict(account_id, model, now)
        except (TimeoutError, Died):
            raise Unavailable("predictions could not be worked out: not enough memory or time") from None
        async with self._database.tenant(account_id) as connection:
            await store.predicted(connection, account_id, now)
        return written

    async def renew_due(self) -> int:
        """Renew the accounts whose predictions are a day old; returns how many. One that fails does not keep the others
        waiting, and is tried again by the next run."""
        if not working.available():
            return 0
        async with self._database.system() as connection:
            account_ids = await store.due(connection, self._clock.now() - _EVERY)
        done = 0
        for account_id in account_ids:
            try:
                await self.renew(account_id, fit=False)
                done += 1
            except (psycopg.Error, SyncomError) as error:
                _log.warning("nothing new is predicted for account %d: %s", account_id, error)
        return done

    async def _fit(self, account_id: int, now: datetime) -> Model | None:
        parts: list[Customers] = []
        async for _, _, found in self._batches(account_id, now):
            parts.append(found)
            if sum(map(len, parts)) >= _ENOUGH:
                break
        columns = [msgspec.structs.astuple(part) for part in parts]
        sample = Customers(*(np.concatenate(column) for column in zip(*columns, strict=True)))
        model = None
        if np.count_nonzero(sample.repeats) >= working.LEAST_REPEATING:
            model = await working.fit(sample)
        async with self._database.tenant(account_id) as connection:
            await store.save_model(connection, account_id, model, "" if model else _FEW, now)
        return model

    async def _predict(self, account_id: int, model: Model | None, now: datetime) -> int:
        written = 0
        async for held, contact_ids, found in self._batches(account_id, now):
            expected = None
            if model is None:
                contact_ids = []
            elif contact_ids:
                expected = await working.predict(found, model)
            async with self._database.tenant(account_id) as connection:
                written += await store.write(connection, account_id, held, contact_ids, expected, now)
        return written

    async def _batches(self, account_id: int, now: datetime) -> AsyncGenerator[tuple[range, list[int], Customers]]:
        """All customers, some buckets at a time: more where buckets turn out small."""
        first, many = 0, 1
        while first < BUCKETS:
            held = range(first, min(first + many, BUCKETS))
            async with self._database.tenant(account_id) as connection:
                contact_ids, found = await store.customers(connection, account_id, held, now.date())
            yield held, contact_ids, found
            first = held.stop
            many = max(1, min(BUCKETS, _AT_ONCE * len(held) // max(1, len(contact_ids))))
