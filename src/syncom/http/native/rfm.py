"""/rfm: customers by recency, frequency and monetary value."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Contacts, Jobs, Rfm
from syncom.http.native.routing import needs
from syncom.rfm.jobs import start
from syncom.rfm.model import RfmGrid, RfmScore, RfmSettings, RfmState, Transitions

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


HANDLERS: list[Any] = [
    get_rfm_settings,
    put_rfm_settings,
    recompute_rfm,
    get_rfm_grid,
    get_rfm_transitions,
    get_contact_rfm,
]
