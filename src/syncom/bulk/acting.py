"""What each deed does to a batch of contacts, and how it is taken back; in the transaction that moves the action on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from syncom.bulk.model import (
    CHANNELS,
    AddTag,
    Deed,
    Delete,
    JoinList,
    LeaveList,
    RemoveTag,
    SetFields,
    Subscribe,
    Suppress,
    Unsubscribe,
)
from syncom.contacts.consents import set_consents, suppress
from syncom.contacts.deletion import delete_contacts, restore_contacts
from syncom.contacts.lists import require_list
from syncom.contacts.model import (
    ConsentChange,
    ContactInput,
    CustomField,
    FieldType,
    SubscriptionState,
    Suppression,
)
from syncom.contacts.upsert import begin_batch, end_batch, lock_account
from syncom.contacts.values import COMMON, CommonValues, common_values
from syncom.errors import Invalid
from syncom.postgres.columns import buckets, numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.bulk", "bulk.sql")
_SOURCE = "bulk"
#: Contacts that were changed, each with what was there before.
Changes = Sequence[tuple[int, dict[str, Any]]]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch needs to know of its action."""

    account_id: int
    action_id: int
    deed: Deed
    actor: str
    #: Custom fields of the account by key.
    fields: Mapping[str, CustomField]
    now: datetime

    @property
    def source(self) -> str:
        """How suppressions know it."""
        return f"bulk {self.action_id}"


async def check(connection: Connection, account_id: int, deed: Deed, fields: Mapping[str, CustomField]) -> None:
    """Whether a deed can be done at all. Raises Invalid, NotFound."""
    match deed:
        case JoinList() | LeaveList():
            await require_list(connection, account_id, deed.list_id)
        case SetFields():
            if not deed.values:
                raise Invalid("deed.values", "is empty; name what to set")
            _values(deed, fields)
        case AddTag() | RemoveTag():
            _tag_key(deed, fields)
        case Subscribe() | Unsubscribe() | Suppress():
            allowed = ("email", "sms") if isinstance(deed, Suppress) else tuple(CHANNELS)
            if deed.channel not in allowed:
                raise Invalid("deed.channel", f"must be one of {', '.join(allowed)}")
            if isinstance(deed, Subscribe) and not deed.proof.strip():
                raise Invalid("deed.proof", "is empty; say where these people agreed")
        case Delete():
            pass


async def act(connection: Connection, action: Action, contact_ids: Sequence[int]) -> Changes:
    """Do it to contacts that exist; who was changed."""
    if not contact_ids:
        return ()
    match action.deed:
        case JoinList(list_id=list_id):
            await require_list(connection, action.account_id, list_id)
            formers: list[dict[str, Any]] = [{}] * len(contact_ids)
            return await _changed(connection, action, "join_list", contact_ids, {"list_id": list_id}, formers)
        case LeaveList(list_id=list_id):
            return await _changed(connection, action, "leave_list", contact_ids, {"list_id": list_id})
        case SetFields() as deed:
            return await _changed(connection, action, "set_fields", contact_ids, _bound(_values(deed, action.fields)))
        case AddTag(tag=tag) as deed:
            values = {"key": _tag_key(deed, action.fields), "tag": tag}
            return await _changed(connection, action, "add_tag", contact_ids, values)
        case RemoveTag(tag=tag) as deed:
            values = {"key": _tag_key(deed, action.fields), "tag": tag}
            return await _changed(connection, action, "remove_tag", contact_ids, values)
        case Subscribe() | Unsubscribe():
            return await _decide(connection, action, contact_ids)
        case Suppress():
            return await _suppress(connection, action, contact_ids)
        case Delete():
            await lock_account(connection, action.account_id)
            return [(one, {}) for one in await delete_contacts(connection, action.account_id, contact_ids)]


async def take_back(connection: Connection, action: Action, changes: Changes) -> int:
    """Undo it for these contacts, where nobody changed the same since; how many are as before."""
    if not changes:
        return 0
    ids = [contact_id for contact_id, _ in changes]
    formers = [former for _, former in changes]
    match action.deed:
        case JoinList(list_id=list_id):
            back = await _changed(connection, action, "leave_list", ids, {"list_id": list_id})
        case LeaveList(list_id=list_id):
            back = await _changed(connection, action, "join_list", ids, {"list_id": list_id}, formers)
        case SetFields() as deed:
            back = await _changed(
                connection, action, "unset_fields", ids, _bound(_values(deed, action.fields)), formers
            )
        case AddTag(tag=tag) as deed:
            values = {"key": _tag_key(deed, action.fields), "tag": tag}
            back = await _changed(connection, action, "remove_tag", ids, values)
        case RemoveTag(tag=tag) as deed:
            values = {"key": _tag_key(deed, action.fields), "tag": tag}
            back = await _changed(connection, action, "add_tag", ids, values)
        case Subscribe() | Unsubscribe():
            back = await _undecide(connection, action, ids, formers)
        case Suppress(channel=channel):
            values = {"channel": int(CHANNELS[channel]), "source": action.source}
            back = await _changed(connection, action, "unsuppress", ids, values, formers)
        case Delete():
            await lock_account(connection, action.account_id)
            back = await restore_contacts(connection, action.account_id, ids)
    return len(back)


async def _changed(
    connection: Connection,
    action: Action,
    statement: LiteralString,
    contact_ids: Sequence[int],
    values: Mapping[str, Any],
    formers: Sequence[dict[str, Any]] | None = None,
) -> Changes:
    await begin_batch(connection, action.account_id)
    these = _these(action.account_id, contact_ids)
    more = {} if formers is None else {"formers": [Jsonb(former) for former in formers]}
    rows = await (await connection.execute(_SQL[statement], {**these, **values, **more})).fetchall()
    await end_batch(connection)
    return [(row[0], row[1]) for row in rows]


async def _decide(connection: Connection, action: Action, contact_ids: Sequence[int]) -> Changes:
    deed = action.deed
    assert isinstance(deed, (Subscribe, Unsubscribe))
    state = SubscriptionState.SUBSCRIBED if isinstance(deed, Subscribe) else SubscriptionState.UNSUBSCRIBED
    channel = CHANNELS[deed.channel]
    values = {**_these(action.account_id, contact_ids), "channel": int(channel), "state": int(state)}
    rows = await (await connection.execute(_SQL["consent_states"], values)).fetchall()
    detail: dict[str, Any] = {"action_id": action.action_id, "actor": action.actor}
    if isinstance(deed, Subscribe):
        detail["proof"] = deed.proof
    wishes = [_wish(action, contact_id, state, detail) for contact_id, _ in rows]
    flags = await set_consents(connection, wishes)
    return [(row[0], {"state": row[1]}) for row, flag in zip(rows, flags, strict=True) if flag]


async def _undecide(
    connection: Connection, action: Action, contact_ids: Sequence[int], formers: Sequence[dict[str, Any]]
) -> Changes:
    """The states before, as decisions of their own: a history is not rewritten."""
    deed = action.deed
    assert isinstance(deed, (Subscribe, Unsubscribe))
    values = {
        **_these(action.account_id, contact_ids),
        "formers": [Jsonb(former) for former in formers],
        "channel": int(CHANNELS[deed.channel]),
        "action_id": action.action_id,
    }
    rows = await (await connection.execute(_SQL["still_ours"], values)).fetchall()
    detail = {"undoes_action_id": action.action_id, "actor": action.actor}
    wishes = [_wish(action, contact_id, SubscriptionState(state), detail) for contact_id, state in rows]
    flags = await set_consents(connection, wishes)
    return [(row[0], {}) for row, flag in zip(rows, flags, strict=True) if flag]


def _wish(action: Action, contact_id: int, state: SubscriptionState, detail: dict[str, Any]) -> ConsentChange:
    assert isinstance(action.deed, (Subscribe, Unsubscribe))
    return ConsentChange(
        account_id=action.account_id,
        contact_id=contact_id,
        channel=CHANNELS[action.deed.channel],
        state=state,
        source=_SOURCE,
        detail=detail,
        occurred_at=action.now,
    )


async def _suppress(connection: Connection, action: Action, contact_ids: Sequence[int]) -> Changes:
    assert isinstance(action.deed, Suppress)
    channel = CHANNELS[action.deed.channel]
    values = {**_these(action.account_id, contact_ids), "channel": int(channel)}
    rows = await (await connection.execute(_SQL["unsuppressed"], values)).fetchall()
    wanted = [
        Suppression(
            account_id=action.account_id, channel=channel, address=address, reason="manual", source=action.source
        )
        for _, address in rows
    ]
    await suppress(connection, wanted)
    return [(contact_id, {"address": address}) for contact_id, address in rows]


def _these(account_id: int, contact_ids: Sequence[int]) -> dict[str, Any]:
    return {"account_id": account_id, "buckets": buckets(contact_ids), "contact_ids": numbers(contact_ids)}


def _values(deed: SetFields, fields: Mapping[str, CustomField]) -> CommonValues:
    """Checked and normalised. Raises Invalid naming the member."""
    members = {name: value for name, value in deed.values.items() if name in COMMON}
    own = {name: value for name, value in deed.values.items() if name not in COMMON}
    for name in own:
        if name in ContactInput.__struct_fields__:
            raise Invalid(f"deed.values.{name}", f"cannot be the same for several contacts; there are {_list(COMMON)}")
        if name not in fields:
            raise Invalid(f"deed.values.{name}", f"is no field of contacts; there are {_list((*COMMON, *fields))}")
    members = {name: "" if value is None else value for name, value in members.items()}
    return common_values(fields, members, own)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def _bound(values: CommonValues) -> dict[str, Any]:
    return {
        "members": Jsonb(values.members),
        "own": Jsonb(values.fields),
        "cleared": values.cleared,
        "keys": [*values.fields, *values.cleared],
    }


def _tag_key(deed: AddTag | RemoveTag, fields: Mapping[str, CustomField]) -> str:
    """The number that a multichoice field is stored under. Raises Invalid."""
    field = fields.get(deed.field)
    if field is None or field.type is not FieldType.MULTICHOICE:
        raise Invalid("deed.field", "is no multichoice field of contacts; tags are kept in one")
    if deed.tag not in field.choices:
        raise Invalid("deed.tag", f"is no choice of this field; there are {_list(field.choices)}")
    return str(field.field_id)
