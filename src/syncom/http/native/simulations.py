"""/workflows/…/simulate: what a workflow would do, without doing any of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission, Principal
from syncom.errors import Invalid
from syncom.http.native.given import By, Simulations
from syncom.http.native.routing import needs
from syncom.workflows.simulation.past import Simulation
from syncom.workflows.simulation.service import SimulationsService
from syncom.workflows.simulation.tracing import Trace

_TAGS = ["Workflows"]
#: Of one contact, and of a time.
_OF_CONTACT = ("params", "branches", "happens")
_OF_PAST = ("since", "until")


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One contact, or a time that is over."""

    #: Follow this contact from now on; left out: take the events of a time.
    contact_id: int | None = None
    #: Of the event that lets it in.
    params: dict[str, Any] = {}
    #: By step: where a split leads. Left out, chance decides.
    branches: dict[str, str] = {}
    #: By step: how many seconds after it is waited for an event happens; null: it does not.
    happens: dict[str, float | None] = {}
    #: 30 days before `until`, if left out.
    since: datetime | None = None
    #: Now, if left out.
    until: datetime | None = None


class SimulationInput(_Asked, frozen=True, kw_only=True):
    """What is simulated of a workflow."""

    #: Instead of what is saved.
    definition: dict[str, Any] | None = None


class UnsavedInput(_Asked, frozen=True, kw_only=True):
    """What is simulated of a definition that is not saved."""

    definition: dict[str, Any]


@post(
    "/workflows/{workflow_id:int}/simulate",
    tags=_TAGS,
    status_code=200,
    opt=needs(Permission.READ_CAMPAIGNS, replay=False),
)
async def simulate_workflow(
    by: By, simulations: Simulations, workflow_id: FromPath[int], data: JSONBody[SimulationInput]
) -> Trace | Simulation:
    """What a workflow of any status would do: step by step for one contact, or counted for the events of a time.

    Nothing is sent, changed or begun.
    """
    return await _simulated(by, simulations, workflow_id, data.definition, data)


@post("/workflows/simulate", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CAMPAIGNS, replay=False))
async def simulate_definition(by: By, simulations: Simulations, data: JSONBody[UnsavedInput]) -> Trace | Simulation:
    """The same of a definition that is not saved."""
    return await _simulated(by, simulations, None, data.definition, data)


async def _simulated(
    by: Principal,
    simulations: SimulationsService,
    workflow_id: int | None,
    definition: dict[str, Any] | None,
    data: _Asked,
) -> Trace | Simulation:
    if data.contact_id is None:
        _refuse(data, _OF_CONTACT, "is for one contact: name it in contact_id")
        return await simulations.of_past(
            by.account_id, workflow_id=workflow_id, definition=definition, since=data.since, until=data.until
        )
    by.require(Permission.READ_CONTACTS)
    _refuse(data, _OF_PAST, "is for the events of a time: leave contact_id out")
    return await simulations.of_contact(
        by.account_id,
        data.contact_id,
        workflow_id=workflow_id,
        definition=definition,
        params=data.params,
        branches=data.branches,
        happens=_delays(data.happens),
    )


def _refuse(data: _Asked, fields: tuple[str, ...], reason: str) -> None:
    for field in fields:
        if getattr(data, field):
            raise Invalid(field, reason)


def _delays(seconds: Mapping[str, float | None]) -> dict[str, timedelta | None]:
    found: dict[str, timedelta | None] = {}
    for step, one in seconds.items():
        try:
            found[step] = None if one is None else timedelta(seconds=one)
        except OverflowError:
            raise Invalid(f"happens.{step}", "is too long") from None
    return found


HANDLERS: list[Any] = [simulate_workflow, simulate_definition]
