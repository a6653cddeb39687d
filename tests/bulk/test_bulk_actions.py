"""Bulk actions: what each does, how it goes on after a crash, and how it is taken back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncom.app import App, open_app
from syncom.bulk.model import (
    ActionState,
    AddTag,
    BulkAction,
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
from syncom.bulk.service import BulkService
from syncom.contacts.model import Channel, ContactInput, FieldType, SubscriptionState, UpsertOptions
from syncom.errors import Conflict, Invalid, NotFound
from syncom.settings import Settings
from tests.clocks import ShiftedClock

EVERYBODY: dict[str, Any] = {"all": []}
LVIV = {"field": "city", "op": "equals", "value": "Lviv"}


@pytest.fixture
async def app(dsn: str, tmp_path: Path) -> AsyncIterator[App]:
    async with open_app(Settings(data_dir=tmp_path), dsn=dsn, pool_size=4) as opened:
        yield opened


@pytest.fixture
async def people(app: App, account_id: int) -> list[int]:
    """Ten contacts, the even ones of Lviv; nothing is known about their consent."""
    rows = [
        ContactInput(email=f"p{place}@example.com", first_name=f"P{place}", city="Lviv" if place % 2 == 0 else "Kyiv")
        for place in range(10)
    ]
    options = UpsertOptions(consent=SubscriptionState.NONE)
    return [one for one in (await app.contacts.upsert(account_id, rows, options)).contact_ids if one]


async def do(
    app: App, account_id: int, deed: Deed, condition: Any = None, ids: Sequence[int] | None = None
) -> BulkAction:
    action = await app.bulk.start(account_id, deed, actor="user 1", condition=condition, contact_ids=ids)
    while await app.bulk.work():
        pass
    return await app.bulk.get(account_id, action.action_id)


async def undo(app: App, account_id: int, action: BulkAction) -> BulkAction:
    await app.bulk.undo(account_id, action.action_id)
    while await app.bulk.work():
        pass
    return await app.bulk.get(account_id, action.action_id)


async def members(app: App, account_id: int, list_id: int) -> set[int]:
    async with app.database.tenant(account_id) as connection:
        rows = await connection.execute("SELECT contact_id FROM list_members WHERE list_id = %s", (list_id,))
        return {row[0] for row in await rows.fetchall()}


async def test_those_who_match_join_a_list_and_only_they_leave_it_again(
    app: App, account_id: int, people: list[int]
) -> None:
    listed = await app.contacts.lists.create(account_id, "Chosen")
    await app.contacts.lists.add(account_id, listed.list_id, [people[0], people[1]])
    action = await do(app, account_id, JoinList(list_id=listed.list_id), LVIV)
    assert (action.state, action.total, action.looked_at, action.changed) == (ActionState.FINISHED, 5, 5, 4)
    assert await members(app, account_id, listed.list_id) == {*people[::2], people[1]}
    undone = await undo(app, account_id, action)
    assert (undone.state, undone.undone) == (ActionState.UNDONE, 4)
    assert await members(app, account_id, listed.list_id) == {people[0], people[1]}
    with pytest.raises(Conflict, match="undone"):
        await app.bulk.undo(account_id, action.action_id)


async def test_chosen_contacts_leave_a_list_and_come_back_since_the_time_before(
    app: App, account_id: int, people: list[int]
) -> None:
    listed = await app.contacts.lists.create(account_id, "Chosen")
    await app.contacts.lists.add(account_id, listed.list_id, people)
    async with app.database.tenant(account_id) as connection:
        await connection.execute("UPDATE list_members SET added_at = '2020-01-01Z'")
    action = await do(app, account_id, LeaveList(list_id=listed.list_id), ids=[*people[:3], 999_999_999])
    assert (action.looked_at, action.changed) == (4, 3)
    assert await members(app, account_id, listed.list_id) == set(people[3:])
    await undo(app, account_id, action)
    async with app.database.tenant(account_id) as connection:
        rows = await (await connection.execute("SELECT DISTINCT added_at::date::text FROM list_members")).fetchall()
    assert await members(app, account_id, listed.list_id) == set(people)
    assert rows == [("2020-01-01",)]


async def test_fields_are_set_and_put_back_but_where_somebody_changed_them_since(
    app: App, account_id: int, people: list[int]
) -> None:
    points = await app.contacts.fields.create(account_id, key="points", name="Points", type=FieldType.NUMBER)
    await app.contacts.fields.create(account_id, key="data", name="Data", type=FieldType.JSON)
    await app.contacts.patch(account_id, people[0], ContactInput(fields={"points": 7, "data": {"a": None}}))
    action = await do(app, account_id, SetFields(values={"city": "Odesa", "points": 5}), EVERYBODY)
    assert action.changed == 10
    found = await app.contacts.get_many(account_id, people)
    assert {(one.city, str(one.fields["points"])) for one in found} == {("Odesa", "5")}
    await app.contacts.patch(account_id, people[2], ContactInput(city="Poltava", fields={"points": 9}))
    undone = await undo(app, account_id, action)
    assert undone.undone == 9
    found = await app.contacts.get_many(account_id, people)
    assert [one.city for one in found[:4]] == ["Lviv", "Kyiv", "Poltava", "Kyiv"]
    assert [str(one.fields.get("points")) for one in found[:3]] == ["7", "None", "9"]
    assert found[0].fields["data"] == {"a": None}
    cleared = await do(app, account_id, SetFields(values={"points": None, "first_name": ""}), ids=[people[0]])
    assert (await app.contacts.get(account_id, people[0])).first_name == ""
    assert "points" not in (await app.contacts.get(account_id, people[0])).fields
    await undo(app, account_id, cleared)
    assert (await app.contacts.get(account_id, people[0])).first_name == "P0"
    assert points.field_id


async def test_tags_are_added_and_removed_one_by_one(app: App, account_id: int, people: list[int]) -> None:
    choices = ["vip", "new"]
    await app.contacts.fields.create(account_id, key="tags", name="Tags", type=FieldType.MULTICHOICE, choices=choices)
    await app.contacts.patch(account_id, people[0], ContactInput(fields={"tags": ["vip"]}))

    async def tags() -> list[Any]:
        return [one.fields.get("tags") for one in await app.contacts.get_many(account_id, people[:3])]

    added = await do(app, account_id, AddTag(field="tags", tag="new"), ids=people[:2])
    assert await tags() == [["vip", "new"], ["new"], None]
    removed = await do(app, account_id, RemoveTag(field="tags", tag="vip"), EVERYBODY)
    assert (removed.looked_at, removed.changed) == (10, 1)
    assert await tags() == [["new"], ["new"], None]
    await undo(app, account_id, added)
    assert await tags() == [None, None, None]
    await undo(app, account_id, removed)
    assert await tags() == [["vip"], None, None]


async def test_who_unsubscribed_is_not_subscribed_by_others_and_every_change_has_its_proof(
    app: App, account_id: int, people: list[int]
) -> None:
    await app.contacts.consents.unsubscribe(account_id, [people[0]], Channel.EMAIL, source="page")
    action = await do(app, account_id, Subscribe(channel="email", proof="Fair of 5 May"), EVERYBODY)
    assert (action.looked_at, action.changed) == (10, 9)
    states = [one.email_state for one in await app.contacts.get_many(account_id, people)]
    assert states == [SubscriptionState.UNSUBSCRIBED, *[SubscriptionState.SUBSCRIBED] * 9]
    [last, *_] = await app.contacts.proofs.history(account_id, people[1], limit=5)
    assert "Fair of 5 May" in str(last)
    await app.contacts.consents.unsubscribe(account_id, [people[1]], Channel.EMAIL, source="page")
    undone = await undo(app, account_id, action)
    assert undone.undone == 8
    states = [one.email_state for one in await app.contacts.get_many(account_id, people)]
    assert states[:2] == [SubscriptionState.UNSUBSCRIBED] * 2
    assert set(states[2:]) == {SubscriptionState.NONE}


async def test_an_unsubscription_by_mistake_is_taken_back(app: App, account_id: int, people: list[int]) -> None:
    await app.contacts.consents.subscribe(account_id, people[:4], Channel.EMAIL, source="page")
    action = await do(app, account_id, Unsubscribe(channel="email"), LVIV)
    assert action.changed == 5
    await undo(app, account_id, action)
    states = [one.email_state for one in await app.contacts.get_many(account_id, people[:5])]
    assert states == [*[SubscriptionState.SUBSCRIBED] * 4, SubscriptionState.NONE]


async def test_addresses_are_suppressed_and_only_those_are_let_go_again(
    app: App, account_id: int, people: list[int]
) -> None:
    await app.contacts.consents.suppress(account_id, Channel.EMAIL, ["p0@example.com"], reason="hard bounce")
    action = await do(app, account_id, Suppress(channel="email"), ids=people[:3])
    assert action.changed == 2

    async def suppressed() -> list[str]:
        async with app.database.tenant(account_id) as connection:
            rows = await connection.execute("SELECT address FROM suppressions ORDER BY 1")
            return [row[0] for row in await rows.fetchall()]

    assert await suppressed() == ["p0@example.com", "p1@example.com", "p2@example.com"]
    await undo(app, account_id, action)
    assert await suppressed() == ["p0@example.com"]


async def test_the_deleted_are_restored(app: App, account_id: int, people: list[int]) -> None:
    action = await do(app, account_id, Delete(), LVIV)
    assert action.changed == 5
    assert [one.contact_id for one in await app.contacts.get_many(account_id, people)] == people[1::2]
    await undo(app, account_id, action)
    assert [one.email for one in await app.contacts.get_many(account_id, people)] == [
        f"p{place}@example.com" for place in range(10)
    ]


async def test_what_is_cancelled_goes_no_further_and_can_be_undone(
    app: App, account_id: int, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncom.bulk.service.BATCH", 3)
    action = await app.bulk.start(account_id, Delete(), actor="user 1", condition=EVERYBODY)
    assert await app.bulk.work()
    cancelled = await app.bulk.cancel(account_id, action.action_id)
    assert (cancelled.state, cancelled.changed) == (ActionState.CANCELLED, 3)
    assert not await app.bulk.work()
    assert len(await app.contacts.get_many(account_id, people)) == 7
    with pytest.raises(Conflict, match="cancelled"):
        await app.bulk.cancel(account_id, action.action_id)
    await undo(app, account_id, cancelled)
    assert len(await app.contacts.get_many(account_id, people)) == 10


async def test_what_was_changed_is_forgotten_after_a_week(app: App, account_id: int, people: list[int]) -> None:
    clock = ShiftedClock()
    bulk = BulkService(app.database, app.contacts, app.segments, clock)
    action = await do(app, account_id, Delete(), ids=people[:2])
    clock.ahead = timedelta(days=6)
    await bulk.forget()
    assert (await app.bulk.get(account_id, action.action_id)).undo_until is not None
    clock.ahead = timedelta(days=8)
    with pytest.raises(Conflict, match="week"):
        await bulk.undo(account_id, action.action_id)
    await bulk.forget()
    async with app.database.system() as connection:
        assert await (await connection.execute("SELECT count(*) FROM bulk_changes")).fetchone() == (0,)


@pytest.mark.parametrize(
    ("deed", "field"),
    [
        (SetFields(values={"email": "x@example.com"}), "deed.values.email"),
        (SetFields(values={"shoe": 1}), "deed.values.shoe"),
        (SetFields(values={"language": "not a language"}), "language"),
        (SetFields(values={}), "deed.values"),
        (AddTag(field="city", tag="x"), "deed.field"),
        (Subscribe(channel="email", proof=" "), "deed.proof"),
        (Suppress(channel="webpush"), "deed.channel"),
    ],
    ids=["identity", "no-field", "bad-value", "nothing", "no-tags", "no-proof", "no-address"],
)
async def test_what_cannot_be_done_is_told_at_once(app: App, account_id: int, deed: Deed, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await app.bulk.start(account_id, deed, actor="user 1", condition=EVERYBODY)
    assert refused.value.fields[0].field == field


async def test_whom_it_is_about_is_said_once(app: App, account_id: int) -> None:
    for choice in ({}, {"condition": EVERYBODY, "contact_ids": [1]}, {"contact_ids": []}):
        with pytest.raises(Invalid):
            await app.bulk.start(account_id, Delete(), actor="user 1", **choice)
    with pytest.raises(NotFound):
        await app.bulk.start(account_id, JoinList(list_id=77), actor="user 1", condition=EVERYBODY)


async def test_an_action_that_cannot_go_on_says_why_and_what_it_did_can_be_undone(
    app: App, account_id: int, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncom.bulk.service.BATCH", 4)
    clock = ShiftedClock()
    bulk = BulkService(app.database, app.contacts, app.segments, clock)
    field = await app.contacts.fields.create(
        account_id, key="tags", name="Tags", type=FieldType.MULTICHOICE, choices=["vip"]
    )
    action = await bulk.start(account_id, AddTag(field="tags", tag="vip"), actor="user 1", condition=EVERYBODY)
    await bulk.work()
    await app.contacts.fields.delete(account_id, field.field_id)
    for _ in range(5):
        await bulk.work()
        clock.ahead += timedelta(minutes=1)
    failed = await bulk.get(account_id, action.action_id)
    assert (failed.state, failed.changed) == (ActionState.FAILED, 4)
    assert "multichoice" in failed.problem
    assert failed.undo_until is not None
    assert people


class _SlowClock(ShiftedClock):
    """A second goes by at every look."""

    def monotonic(self) -> float:
        self.ahead += timedelta(seconds=1)
        return super().monotonic()


async def test_those_who_are_rare_among_many_are_looked_for_in_parts_and_all_found(
    app: App, account_id: int, people: list[int]
) -> None:
    bulk = BulkService(app.database, app.contacts, app.segments, _SlowClock())
    listed = await app.contacts.lists.create(account_id, "Lviv")
    action = await bulk.start(account_id, JoinList(list_id=listed.list_id), actor="user 1", condition=LVIV)
    assert await bulk.work()
    assert (await bulk.get(account_id, action.action_id)).state is ActionState.RUNNING
    while await bulk.work():
        pass
    done = await bulk.get(account_id, action.action_id)
    assert (done.state, done.changed) == (ActionState.FINISHED, 5)
    assert await members(app, account_id, listed.list_id) == set(people[::2])


async def test_an_action_that_the_database_refuses_keeps_no_other_waiting_and_goes_on_when_it_can(
    app: App, account_id: int, people: list[int]
) -> None:
    clock = ShiftedClock()
    bulk = BulkService(app.database, app.contacts, app.segments, clock)
    refused = await app.contacts.lists.create(account_id, "Refused")
    taken = await app.contacts.lists.create(account_id, "Taken")
    async with app.database.system() as connection:
        await connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END$$"
        )
        await connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON list_members FOR EACH ROW WHEN (NEW.list_id = {refused.list_id})"
            " EXECUTE FUNCTION refuse()"
        )
    first = await bulk.start(account_id, JoinList(list_id=refused.list_id), actor="user 1", condition=EVERYBODY)
    second = await bulk.start(account_id, JoinList(list_id=taken.list_id), actor="user 1", condition=EVERYBODY)
    await bulk.work()
    assert (await bulk.get(account_id, second.action_id)).state is ActionState.FINISHED
    waiting = await bulk.get(account_id, first.action_id)
    assert (waiting.state, bool(waiting.problem)) == (ActionState.WAITING, True)
    async with app.database.system() as connection:
        await connection.execute("DROP TRIGGER refuse ON list_members")
    clock.ahead = timedelta(minutes=1)
    await bulk.work()
    done = await bulk.get(account_id, first.action_id)
    assert (done.state, done.changed, done.problem) == (ActionState.FINISHED, len(people), "")


async def test_a_list_that_is_deleted_meanwhile_gets_nobody_and_the_action_says_so(
    app: App, account_id: int, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncom.bulk.service.BATCH", 4)
    clock = ShiftedClock()
    bulk = BulkService(app.database, app.contacts, app.segments, clock)
    listed = await app.contacts.lists.create(account_id, "Short-lived")
    action = await bulk.start(account_id, JoinList(list_id=listed.list_id), actor="user 1", condition=EVERYBODY)
    await bulk.work()
    await app.contacts.lists.delete(account_id, listed.list_id)
    for _ in range(5):
        clock.ahead += timedelta(minutes=1)
        await bulk.work()
    failed = await bulk.get(account_id, action.action_id)
    assert (failed.state, failed.changed) == (ActionState.FAILED, 4)
    assert "list" in failed.problem
    assert await members(app, account_id, listed.list_id) == set()
    assert people


_CHILD = """
import asyncio, sys
from pathlib import Path
from syncom.app import open_app
from syncom.settings import Settings
async def main():
    async with open_app(Settings(data_dir=Path(sys.argv[2])), dsn=sys.argv[1], pool_size=2) as app:
        while await app.bulk.work():
            pass
asyncio.run(main())
"""


async def test_an_action_goes_on_behind_what_a_killed_process_had_done(
    app: App, dsn: str, account_id: int, tmp_path: Path
) -> None:
    many = 30_000
    async with app.database.system() as connection:
        await connection.execute(
            "INSERT INTO contacts (account_id, bucket, contact_id, first_name)"
            " SELECT %s, (n & 255)::smallint, n, 'N' FROM generate_series(1, %s) AS n",
            (account_id, many),
        )
    listed = await app.contacts.lists.create(account_id, "All")
    action = await app.bulk.start(account_id, JoinList(list_id=listed.list_id), actor="user 1", condition=EVERYBODY)
    kills = 0
    while (await app.bulk.get(account_id, action.action_id)).state is not ActionState.FINISHED:
        before = (await app.bulk.get(account_id, action.action_id)).looked_at
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CHILD, dsn, str(tmp_path), env=dict(os.environ)
        )
        while child.returncode is None:
            done = await app.bulk.get(account_id, action.action_id)
            if done.looked_at > before and kills < 3:
                os.kill(child.pid, signal.SIGKILL)
                kills += 1
                break
            await asyncio.sleep(0.02)
        assert await child.wait() in (0, -signal.SIGKILL)
    done = await app.bulk.get(account_id, action.action_id)
    assert kills
    assert (done.looked_at, done.changed) == (many, many)
    assert len(await members(app, account_id, listed.list_id)) == many
    async with app.database.system() as connection:
        assert await (await connection.execute("SELECT count(*) FROM bulk_changes")).fetchone() == (many,)
