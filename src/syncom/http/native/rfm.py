"""/rfm: customers by recency, frequency and monetary value."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Contacts, Jobs, Predictions, Rfm
from syncom.http.native.routing import needs
from syncom.rfm.jobs import start, start_predictions
from syncom.rfm.model import RfmGrid, RfmScore, RfmSettings, RfmState, Transitions
from syncom.rfm.predictions.model import Prediction, PredictionState

_TAGS = ["RFM"]


@get("/rfm/settings", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_rfm_settings(by: By, rfm: Rfm) -> RfmState:
    """How customers are scored, and the boundaries in force."""
    return await rfm.state(by.account_id)


@put("/rfm/settings", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def put_rfm_settings(by: By, rfm: Rfm, jobs: Jobs, data: JSONBody[RfmSettings]) -> RfmState:
    """Change how customers are scored. All are scored anew in the background."""
    saved = await rfm.configure(by.account_id, data)
    await start(jobs, by.account_id)
    return saved


@post("/rfm/recompute", tags=_TAGS, status_code=202, opt=needs(Permission.WRITE_CAMPAIGNS))
async def recompute_rfm(by: By, jobs: Jobs) -> None:
    """Draw the boundaries anew and score everybody, in the background. It happens daily by itself."""
    await start(jobs, by.account_id)


@get("/rfm/grid", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_rfm_grid(by: By, rfm: Rfm) -> RfmGrid:
    """Customers and revenue of each cell (recency and frequency) and of each class."""
    return await rfm.grid(by.account_id)


@get("/rfm/transitions", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_rfm_transitions(
    by: By, rfm: Rfm, since: FromQuery[date | None] = None, until: FromQuery[date | None] = None
) -> Transitions:
    """Moves from class to class between the ends of two days (UTC): today and 30 days before, unless given."""
    return await rfm.transitions(by.account_id, since, until)


@get("/contacts/{contact_id:int}/rfm", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_contact_rfm(by: By, rfm: Rfm, contacts: Contacts, contact_id: FromPath[int]) -> RfmScore:
    """A customer's scores and class."""
    await contacts.get(by.account_id, contact_id)
    return await rfm.of_contact(by.account_id, contact_id)


@get("/predictions", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_predictions(by: By, predictions: Predictions) -> PredictionState:
    """The models that predictions are made with, when they were made and how many customers they were fitted to."""
    return await predictions.state(by.account_id)


@post("/predictions/renew", tags=_TAGS, status_code=202, opt=needs(Permission.WRITE_CAMPAIGNS))
async def renew_predictions(by: By, jobs: Jobs) -> None:
    """Fit the models and predict for every customer, in the background. It happens by itself: models weekly,
    predictions daily."""
    await start_predictions(jobs, by.account_id)


@get("/contacts/{contact_id:int}/prediction", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_contact_prediction(
    by: By, predictions: Predictions, contacts: Contacts, contact_id: FromPath[int]
) -> Prediction:
    """When a customer is likely to order again, for how much, and whether at all."""
    await contacts.get(by.account_id, contact_id)
    return await predictions.of_contact(by.account_id, contact_id)


HANDLERS: list[Any] = [
    get_rfm_settings,
    put_rfm_settings,
    recompute_rfm,
    get_rfm_grid,
    get_rfm_transitions,
    get_contact_rfm,
    get_predictions,
    renew_predictions,
    get_contact_prediction,
]
