"""Workflows (eSputnik reference, 5.9): listed, and started by a call as well as by events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID, uuid5

import msgspec

from syncom.contacts.model import IdentityKind
from syncom.errors import Conflict
from syncom.events.identity import KINDS, VALUE_LIMIT, named_contacts
from syncom.http.esputnik.method import PAGING, Answer, Call, Method, Refused, Scope
from syncom.ids import uuid7
from syncom.workflows.model import WorkflowStatus
from syncom.workflows.service import PAGE_LIMIT, RUN_LIMIT

#: In its words; all others let nobody in.
_STATUSES: Final = {WorkflowStatus.ACTIVE: "ACTIVE", WorkflowStatus.DRAFT: "DRAFT"}

#: Makes ids of calls from their own names.
_RUNS: Final = UUID("5b0ad9d5-63a9-5a1d-9a53-6a2c2f0a4d11")


class ListedWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow of the account. ``status``: ACTIVE, STOPPED or DRAFT."""

    id: int
    name: str
    status: str


async def list_workflows(call: Call[None]) -> Answer:
    first = call.query.number("startindex", default=1, least=1, clamp=2**31)
    rows = call.query.number("maxrows", default=PAGE_LIMIT, least=1, clamp=PAGE_LIMIT)
    found, total = await call.app.workflows.page(call.account_id, offset=first - 1, limit=rows)
    listed = [
        ListedWorkflow(id=workflow.workflow_id, name=workflow.name, status=_STATUSES.get(workflow.status, "STOPPED"))
        for workflow in found
    ]
    return Answer(listed, headers={"TotalCount": str(total)})


# ------------------------------------------------------------------ run


class RunRecipient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact to let in, with data of its own. Of the three names one is needed."""

    locator: str = ""
    contact_id: int | None = None
    external_customer_id: str = ""
    #: JSON in a text, or the object itself.
    json_param: Any = None


class WorkflowRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Contacts to let in, up to 1,000. With the same ``externalRequestId`` nobody comes in twice."""

    recipients: list[RunRecipient]
    external_request_id: str = ""


class RunRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one recipient. ``message`` is there when it is nobody."""

    locator: str
    status: str
    workflow_instance_id: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


class RunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One row a recipient, in the order of the request."""

    results: list[RunRow]


async def run_workflow(call: Call[WorkflowRun]) -> RunAnswer:
    """The vendor documents none: the shape is that of a prepared message (docs/esputnik.md)."""
    body, workflow_id = call.body, call.path["id"]
    if not body.recipients:
        raise Refused(400, "At least one recipient is needed")
    if len(body.recipients) > RUN_LIMIT:
        raise Refused(400, f"Maximum {RUN_LIMIT} recipients per request")
    named = f"{call.account_id}:{workflow_id}:{body.external_request_id}"
    run_id = uuid5(_RUNS, named) if body.external_request_id else uuid7()
    params = [_params(one, place) for place, one in enumerate(body.recipients)]
    contact_ids = await _found(call, body.recipients)
    known = {contact_id: data for contact_id, data in zip(contact_ids, params, strict=True) if contact_id is not None}
    try:
        if known:
            await call.app.workflows.run_each(call.account_id, workflow_id, known, run_id=run_id)
        else:
            await call.app.workflows.get(call.account_id, workflow_id)
    except Conflict as error:
        raise Refused(400, error.message) from None
    rows = [_row(one, contact_id, run_id) for one, contact_id in zip(body.recipients, contact_ids, strict=True)]
    return RunAnswer(results=rows)


def _row(given: RunRecipient, contact_id: int | None, run_id: UUID) -> RunRow:
    locator = given.locator or given.external_customer_id or str(given.contact_id or "")
    if contact_id is None:
        return RunRow(locator=locator, status="ERROR", message="Contact is not found")
    return RunRow(locator=locator, status="OK", workflow_instance_id=str(run_id))


def _params(given: RunRecipient, place: int) -> dict[str, Any]:
    data = given.json_param
    if isinstance(data, str):
        try:
            data = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            data = ()
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Refused(400, f"Field 'recipients.{place}.jsonParam' is wrong: must be a JSON object")
    return cast("dict[str, Any]", data)


async def _found(call: Call[Any], recipients: Sequence[RunRecipient]) -> list[int | None]:
    """The contact of each recipient; None: there is none."""
    try:
        named = [named_contacts(_names(one)) for one in recipients]
    except ValueError as error:
        raise Refused(400, f"Field '{error}' of a recipient is longer than {VALUE_LIMIT} characters") from None
    found: list[int | None] = [None] * len(recipients)
    for kind in (IdentityKind.EMAIL, IdentityKind.PHONE, IdentityKind.EXTERNAL_ID):
        values = {place: one[0].value for place, one in enumerate(named) if one and KINDS.get(one[0].naming) is kind}
        looked_up = await call.app.contacts.find_ids(call.account_id, kind, list(values.values()))
        for place, contact_id in zip(values, looked_up, strict=True):
            found[place] = contact_id
    by_id = {place: one.contact_id for place, one in enumerate(recipients) if one.contact_id is not None}
    there = {one.contact_id for one in await call.app.contacts.get_many(call.account_id, sorted(set(by_id.values())))}
    for place, contact_id in by_id.items():
        found[place] = contact_id if contact_id in there else None
    return found


def _names(given: RunRecipient) -> dict[str, str]:
    if given.contact_id is not None:
        return {}
    if given.external_customer_id:
        return {"externalCustomerId": given.external_customer_id}
    return {"email" if "@" in given.locator else "phone": given.locator}


METHODS = [
    Method(
        "POST",
        "/v1/workflow/{id}/run",
        run_workflow,
        scope=Scope.SENDING,
        body=WorkflowRun,
        summary="Let contacts into a workflow",
        answer=RunAnswer,
    ),
    *(
        Method(
            "GET",
            f"/{version}/workflows",
            list_workflows,
            scope=Scope.READ_CAMPAIGNS,
            summary="The workflows of the account",
            query=PAGING,
            answer=list[ListedWorkflow],
        )
        for version in ("v1", "v2")
    ),
]
