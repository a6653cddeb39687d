"""Steps that change the contact."""

from __future__ import annotations

from psycopg import sql

from syncom.contacts import lists
from syncom.contacts.values import common_values, set_common
from syncom.errors import Invalid, NotFound
from syncom.workflows.language import AddToList, RemoveFromList, UpdateContact
from syncom.workflows.passing import Failed, Place
from syncom.workflows.steps.tools import Tools

_THOSE = sql.SQL(
    "SELECT DISTINCT who_bucket, who FROM workflow_pass p WHERE (p.workflow_id, p.version, p.step, p.resting, p.part,"
    " p.state) = (%(workflow_id)s, %(version)s, %(step)s, %(resting)s, %(part)s, 0)"
)


async def update_contact(place: Place, step: UpdateContact, tools: Tools) -> None:
    fields = await tools.contacts.fields.by_key(place.where.account_id, wanted=set(step.fields))
    try:
        given = common_values(fields, step.set, step.fields)
    except Invalid as error:
        raise Failed(f"step '{step.id}': {error.fields[0].field}: {error.fields[0].reason}") from None
    await set_common(place.connection, place.where.account_id, given, source=_THOSE, values=place.values)
    await place.go()


async def add_to_list(place: Place, step: AddToList, _: Tools) -> None:
    account_id, connection = place.where.account_id, place.connection
    if step.tag:
        await lists.join_named(connection, account_id, await place.contact_ids(), [step.tag])
    elif step.list_id is not None:
        await _require(place, step.id, step.list_id)
        await lists.join(connection, account_id, await place.contact_ids(), step.list_id)
    await place.go()


async def remove_from_list(place: Place, step: RemoveFromList, _: Tools) -> None:
    account_id, connection = place.where.account_id, place.connection
    if step.tag:
        await lists.leave_named(connection, account_id, await place.contact_ids(), [step.tag])
    elif step.list_id is not None:
        await _require(place, step.id, step.list_id)
        await lists.leave(connection, account_id, await place.contact_ids(), step.list_id)
    await place.go()


async def _require(place: Place, step_id: str, list_id: int) -> None:
    try:
        await lists.require_list(place.connection, place.where.account_id, list_id)
    except NotFound as error:
        raise Failed(f"step '{step_id}': {error.message}") from None
