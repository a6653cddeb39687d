"""Scoring customers in the background."""

from __future__ import annotations

from typing import Final

from procrastinate import App

from syncom.rfm.predictions.service import PredictionsService
from syncom.rfm.service import RfmService

_RECOMPUTE: Final = "rfm.recompute"
_PREDICT: Final = "rfm.predict"
_QUEUE: Final = "rfm"


def register(app: App, rfm: RfmService, predictions: PredictionsService) -> None:
    """Add the tasks of RFM to the runner."""

    @app.periodic(cron="17 * * * *")
    @app.task(name="rfm.renew", queue=_QUEUE, queueing_lock="rfm.renew")
    async def renew(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        del timestamp
        await rfm.recompute_due()

    @app.task(name=_RECOMPUTE, queue=_QUEUE)
    async def recompute(account_id: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        await rfm.recompute(account_id)

    @app.periodic(cron="37 * * * *")
    @app.task(name="rfm.predict_due", queue=_QUEUE, queueing_lock="rfm.predict_due")
    async def predict_due(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        del timestamp
        await predictions.renew_due()

    @app.task(name=_PREDICT, queue=_QUEUE)
    async def predict(account_id: int) -> None:  # pyright: ignore[reportUnusedFunction] # called by its name
        await predictions.renew(account_id)


async def start(app: App, account_id: int) -> None:
    """Queue a recomputation. It is durable when this returns, and safe to run twice."""
    await app.configure_task(_RECOMPUTE, queue=_QUEUE).defer_async(account_id=account_id)


async def start_predictions(app: App, account_id: int) -> None:
    """Queue fitting and predicting. It is durable when this returns, and safe to run twice."""
    await app.configure_task(_PREDICT, queue=_QUEUE).defer_async(account_id=account_id)
