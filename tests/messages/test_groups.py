"""Groups of senders: dealt by weight, taken over by others when one cannot send, and never sent by two."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.campaigns.model import Audience, Campaign, CampaignInput, CampaignState
from syncom.contacts.model import Channel
from syncom.errors import Conflict, Invalid
from syncom.ids import campaign_message_id
from syncom.messages import store
from syncom.messages.dealing import Hand, deal_again, must_give_back
from syncom.messages.groups import GroupMember, SenderGroupInput, SenderGroupsService
from syncom.messages.model import LedgerState, MessageState, SenderKind, SenderRole
from syncom.messages.senders import SenderInput
from syncom.messages.sending.work import Settled
from syncom.messages.service import MessageRecipient, SendRequest
from syncom.postgres.pool import Connection, Database
from tests.messages.email.smtp_peer import running_peer
from tests.messages.house import LETTER, SendingHouse, sending, states

_CHUNK = 10
_REST = "UPDATE senders SET paused_until = now() + interval '1 hour' WHERE sender_id = %s"


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncom.campaigns.store.CHUNK", _CHUNK)


async def grouped(house: SendingHouse, *members: GroupMember, failover_after: float = 1.0) -> int:
    """A group of these, the default for mails."""
    given = SenderGroupInput(name="Group", members=members, failover_after=failover_after, is_default=True)
    return (await SenderGroupsService(house.database).add(house.account_id, given)).sender_id


async def rows(database: Database, query: str, *values: object) -> list[tuple[object, ...]]:
    async with database.system() as connection:
        return await (await connection.execute(query.encode(), values)).fetchall()


async def make(database: Database, query: str, *values: object) -> None:
    async with database.system() as connection:
        await connection.execute(query.encode(), values)


# ------------------------------------------------------------------ dealing


@given(
    weights=st.lists(st.integers(1, 1000), min_size=1, max_size=6),
    sizes=st.lists(st.integers(1, 1000), max_size=60),
)
def test_no_member_is_ever_ahead_of_its_share_by_a_chunk(weights: list[int], sizes: list[int]) -> None:
    hand = Hand(group_id=1, members=tuple(enumerate(weights, start=1)))
    chosen = hand.of_chunks(sizes, {})
    assert chosen == hand.of_chunks(sizes, {}), "the same every time"
    counts: Counter[int] = Counter()
    for place, (member, size) in enumerate(zip(chosen, sizes, strict=True), start=1):
        counts[member] += size
        share = sum(sizes[:place]) * weights[member - 1] / sum(weights)
        assert counts[member] - share < max(sizes[:place])


def test_single_messages_fall_to_members_by_weight_and_the_same_one_to_the_same() -> None:
    hand = Hand(group_id=1, members=((7, 3), (9, 1)))
    ids = [campaign_message_id(1, number) for number in range(8000)]
    counts = Counter(hand.of_message(one) for one in ids)
    assert counts == Counter(hand.of_message(one) for one in ids)
    assert 5800 < counts[7] < 6200
    assert counts.total() == 8000


async def test_a_campaign_is_dealt_by_weight_and_each_member_sends_under_its_own_name(house: SendingHouse) -> None:
    async with running_peer() as one, running_peer() as other:
        first, second = await house.sender(one.port), await house.sender(other.port)
        await grouped(house, GroupMember(sender_id=first, weight=3), GroupMember(sender_id=second))
        await house.people(160)
        campaign = await house.campaign()
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    assert abs(len(one.accepted) - 120) < _CHUNK
    assert abs(len(other.accepted) - 40) < _CHUNK
    by_sender = await rows(house.database, "SELECT sender_id, count(*) FROM ledger GROUP BY 1 ORDER BY 1")
    assert by_sender == [(first, len(one.accepted)), (second, len(other.accepted))]


async def test_single_sends_and_templates_may_name_a_group(house: SendingHouse) -> None:
    async with running_peer() as one, running_peer() as other:
        first, second = await house.sender(one.port), await house.sender(other.port)
        group = await grouped(house, GroupMember(sender_id=first), GroupMember(sender_id=second))
        people = await house.people(40)
        letter = await house.content.create(house.account_id, LETTER)
        ids: list[UUID] = []
        for sender_id in (group, None):
            recipients = tuple(MessageRecipient(contact_id=contact_id) for contact_id in people)
            request = SendRequest(template_id=letter.template_id, recipients=recipients, sender_id=sender_id)
            ids += await house.messages.send(house.account_id, request)
        async with sending(house.loop(SenderRole.EXPRESS)), asyncio.timeout(30):
            while any(one.state is MessageState.QUEUED for one in await house.messages.status(house.account_id, ids)):
                await asyncio.sleep(0.05)
    assert len(one.accepted) + len(other.accepted) == 80
    assert min(len(one.accepted), len(other.accepted)) > 10


# ------------------------------------------------------------------ when one cannot send


async def test_others_take_over_from_a_member_that_cannot_be_reached(house: SendingHouse, free_port: int) -> None:
    async with running_peer() as peer:
        away, well = await house.sender(free_port), await house.sender(peer.port)
        await grouped(house, GroupMember(sender_id=away), GroupMember(sender_id=well))
        await house.people(60)
        campaign = await house.campaign()
        assert await rows(house.database, "SELECT count(*) FROM campaign_chunks WHERE sender_id = %s", away) != [(0,)]
        async with sending(house.loop()):
            await house.until(campaign.campaign_id, CampaignState.FINISHED)
    ledger = await house.ledger(campaign.campaign_id)
    assert states(ledger) == {"sent": 60}
    assert {row.attempts for row in ledger} == {1}, "nobody was burnt on it"
    assert len(peer.accepted) == 60


async def test_the_next_priority_is_for_when_nobody_of_the_first_can_send(house: SendingHouse) -> None:
    first, second, spare = await house.sender(9), await house.sender(9), await house.sender(9)
    await grouped(
        house,
        GroupMember(sender_id=first),
        GroupMember(sender_id=second),
        GroupMember(sender_id=spare, priority=2),
    )
    await house.people(40)
    await house.campaign()

    async def lies_with() -> set[object]:
        async with house.database.system() as connection:
            await deal_again(connection)
        return {row[0] for row in await rows(house.database, "SELECT DISTINCT sender_id FROM campaign_chunks")}

    assert await lies_with() == {first, second}
    await make(
        house.database, "UPDATE senders SET paused_until = now() + interval '1 hour' WHERE sender_id = %s", first
    )
    assert await lies_with() == {second}
    await make(
        house.database, "UPDATE senders SET paused_until = now() + interval '1 hour' WHERE sender_id = %s", second
    )
    assert await lies_with() == {spare}
    await make(house.database, "UPDATE senders SET paused_until = NULL WHERE sender_id = %s", first)
    assert await lies_with() == {spare}, "what was moved stays"
    await make(
        house.database, "UPDATE senders SET paused_until = now() + interval '1 hour' WHERE sender_id = %s", spare
    )
    assert await lies_with() == {first}
    await make(
        house.database, "UPDATE senders SET paused_until = now() + interval '1 hour' WHERE sender_id = %s", first
    )
    assert await lies_with() == {first}, "nobody can send: it waits where it is"


async def test_trouble_counts_after_the_groups_patience_and_while_somebody_sees_it(house: SendingHouse) -> None:
    service = SenderGroupsService(house.database)
    troubled, well = await house.sender(9), await house.sender(9)
    group = await grouped(house, GroupMember(sender_id=troubled), GroupMember(sender_id=well), failover_after=30)

    async def able() -> list[bool]:
        return [member.is_able for member in (await service.get(house.account_id, group)).members]

    async def seen(since: int, last: int) -> None:
        query = (
            "UPDATE senders SET problem = 'x', trouble_since = now() - make_interval(secs => %s),"
            " trouble_at = now() - make_interval(secs => %s) WHERE sender_id = %s"
        )
        await make(house.database, query, since, last, troubled)

    await seen(20, 1)
    assert await able() == [True, True]
    await seen(40, 1)
    assert await able() == [False, True]
    async with house.database.system() as connection:
        assert await must_give_back(connection, [troubled, well]) == {troubled}
    await seen(400, 130)
    assert await able() == [True, True], "nobody saw it lately: it is tried again"
    async with house.database.system() as connection:
        await store.note_trouble(connection, troubled, "")
    assert await rows(
        house.database, "SELECT trouble_since, trouble_at FROM senders WHERE sender_id = %s", troubled
    ) == [(None, None)]


async def test_what_waits_for_a_deleted_member_or_one_that_left_goes_to_the_others(house: SendingHouse) -> None:
    service = SenderGroupsService(house.database)
    first, second, third = await house.sender(9), await house.sender(9), await house.sender(9)
    group = await grouped(house, *(GroupMember(sender_id=one) for one in (first, second, third)))
    people = await house.people(30)
    await house.campaign()
    letter = await house.content.create(house.account_id, LETTER)
    recipients = tuple(MessageRecipient(contact_id=contact_id) for contact_id in people)
    await house.messages.send(house.account_id, SendRequest(template_id=letter.template_id, recipients=recipients))
    await house.senders.delete(house.account_id, first)
    left = SenderGroupInput(name="Group", members=(GroupMember(sender_id=third),), failover_after=1)
    await service.update(house.account_id, group, left)
    async with house.database.system() as connection:
        await deal_again(connection)
    lies_with = "SELECT DISTINCT sender_id FROM campaign_chunks UNION SELECT DISTINCT sender_id FROM messages"
    assert await rows(house.database, lies_with) == [(third,)]
    assert await rows(house.database, "SELECT sender_id FROM sender_group_members") == [(third,)]
    with pytest.raises(Conflict, match="only sender of the group 'Group'"):
        await house.senders.delete(house.account_id, third)


async def test_failed_recipients_that_are_tried_again_are_dealt_as_well(house: SendingHouse) -> None:
    first, second = await house.sender(9), await house.sender(9)
    await grouped(house, GroupMember(sender_id=first), GroupMember(sender_id=second))
    await house.people(30)
    campaign = await house.campaign()
    await make(house.database, "DELETE FROM campaign_chunks")
    query = (
        "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state,"
        " uncertain, attempts, launched_at, settled_at, address) SELECT account_id, bucket,"
        " (lpad(to_hex(%s::bigint), 12, '0') || '8000' || to_hex(contact_id | (-9223372036854775808)))::uuid,"
        " contact_id, %s, %s, 1, 2, false, 1, %s, now(), email FROM contacts"
    )
    number = campaign.campaign_id
    await make(house.database, query, number, number, first, campaign.launched_at)
    await house.campaigns.retry_failed(house.account_id, number)
    async with house.database.system() as connection:
        assert await deal_again(connection) == 30
    lies_with = await rows(house.database, "SELECT sender_id, group_id <> 0 FROM messages GROUP BY 1, 2 ORDER BY 1")
    assert lies_with == [(first, True), (second, True)]


# ------------------------------------------------------------------ whatever happens when


class _Process:
    """A sending process that hands nothing over: it notes which sender would have sent what."""

    def __init__(self, house: SendingHouse, sender_id: int, sent: defaultdict[int, list[int]]) -> None:
        self._house = house
        self.sender_id = sender_id
        self._sent = sent
        self._worker_id = uuid4()
        self._leases: list[store.Lease] = []

    async def begin(self, connection: Connection) -> None:
        await store.register_worker(connection, self._worker_id, "here", 1, "bulk")

    async def take(self, connection: Connection) -> None:
        stuck = await must_give_back(connection, [self.sender_id])
        self._leases += await store.lease_chunks(
            connection, self.sender_id, self._worker_id, 1, is_stuck=self.sender_id in stuck
        )

    async def send(self, connection: Connection, count: int) -> None:
        """So many of what it has, to their end."""
        for lease in list(self._leases):
            some = [lease.pending.popleft() for _ in range(min(count, len(lease.pending)))]
            if not some:
                continue
            works = [store.work_of_chunk(lease, contact_id, None) for contact_id in some]
            now = self._house.clock.now()
            mine = await store.settle_chunks(
                connection, self._worker_id, Counter({(*lease.key, lease.fence): len(some)})
            )
            assert mine, "a lease that nobody took away"
            done = [Settled(work=work, state=LedgerState.SENT, reason="", at=now) for work in works]
            await store.copy_ledger(connection, self.sender_id, done)
            await store.delete_chunks(connection, [key for key, complete in mine.items() if complete])
            for contact_id in some:
                self._sent[contact_id].append(self.sender_id)
            if not lease.pending:
                self._leases.remove(lease)

    async def give_back(self, connection: Connection) -> None:
        for lease in self._leases:
            await store.release_chunk(connection, lease, self._worker_id)
        self._leases.clear()

    async def die(self, connection: Connection) -> None:
        await store.release_worker(connection, self._worker_id)
        self._leases.clear()
        self._worker_id = uuid4()
        await self.begin(connection)


_STEPS = st.tuples(
    st.sampled_from(["take", "send", "give back", "die", "rest", "trouble", "well", "deal", "leave"]),
    st.integers(0, 2),
    st.integers(1, _CHUNK),
)


@given(steps=st.lists(_STEPS, max_size=40))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_fails_when_each_is_sent_by_one_sender_and_none_is_lost(
    house: SendingHouse, steps: Sequence[tuple[str, int, int]]
) -> None:
    people = await house.people(45)
    members = [await house.sender(9) for _ in range(3)]
    spare = await house.sender(9)
    group = await grouped(
        house, *(GroupMember(sender_id=one) for one in members), GroupMember(sender_id=spare, priority=2)
    )
    campaign = await _started(house, group)
    sent: defaultdict[int, list[int]] = defaultdict(list)
    processes = [_Process(house, one, sent) for one in (*members, spare)]
    async with house.database.system() as connection:
        for process in processes:
            await process.begin(connection)
    for step, number, count in steps:
        await _do(house, processes[number], step, count)
    await make(house.database, "UPDATE senders SET paused_until = NULL, trouble_since = NULL, trouble_at = NULL")
    for _ in range(30):
        async with house.database.system() as connection:
            await deal_again(connection)
            for process in processes:
                await process.send(connection, _CHUNK)
                await process.take(connection)
                await process.send(connection, _CHUNK)
    assert {contact_id: len(by) for contact_id, by in sent.items()} == dict.fromkeys(people, 1)
    assert states(await house.ledger(campaign.campaign_id)) == {"sent": 45}
    assert (await house.until(campaign.campaign_id, CampaignState.FINISHED)).audience_size == 45


async def _started(house: SendingHouse, group: int) -> Campaign:
    template = await house.content.create(house.account_id, LETTER)
    given = CampaignInput(
        name="News", template_id=template.template_id, audience=Audience(everyone=True), sender_id=group
    )
    made = await house.campaigns.create(house.account_id, given)
    await house.campaigns.start(house.account_id, made.campaign_id)
    await house.keeper_rests()
    return made


async def _do(house: SendingHouse, process: _Process, step: str, count: int) -> None:
    async with house.database.system() as connection:
        values = {"sender_id": process.sender_id, "until": house.clock.now() + timedelta(hours=1)}
        match step:
            case "take":
                await process.take(connection)
            case "send":
                await process.send(connection, count)
            case "give back":
                await process.give_back(connection)
            case "die":
                await process.die(connection)
            case "rest":
                await connection.execute(
                    "UPDATE senders SET paused_until = %(until)s WHERE sender_id = %(sender_id)s", values
                )
            case "trouble":
                await connection.execute(
                    "UPDATE senders SET trouble_since = now() - interval '1 hour', trouble_at = now()"
                    " WHERE sender_id = %(sender_id)s",
                    values,
                )
            case "well":
                await connection.execute(
                    "UPDATE senders SET paused_until = NULL, trouble_since = NULL WHERE sender_id = %(sender_id)s",
                    values,
                )
            case "leave":
                await connection.execute("DELETE FROM senders WHERE sender_id = %(sender_id)s", values)
            case _:
                await deal_again(connection)


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ((), "members"),
        ((GroupMember(sender_id=999_999),), "members.0.sender_id"),
        ((GroupMember(sender_id=1, weight=0),), "members.0.weight"),
        ((GroupMember(sender_id=1, priority=0),), "members.0.priority"),
        ((GroupMember(sender_id=1), GroupMember(sender_id=1)), "members.0.sender_id"),
        ((GroupMember(sender_id=1), GroupMember(sender_id=2)), "members"),
        ((GroupMember(sender_id=3),), "members.0.sender_id"),
    ],
)
async def test_a_wrong_member_is_named(house: SendingHouse, members: tuple[GroupMember, ...], field: str) -> None:
    mail = await house.sender(9)
    text = await house.senders.add(
        house.account_id, SenderInput(name="T", from_name="T", kind=SenderKind.INBOX, channel=Channel.SMS)
    )
    group = await grouped(house, GroupMember(sender_id=mail))
    real = {1: mail, 2: text.sender_id, 3: group}
    named = tuple(
        GroupMember(sender_id=real.get(one.sender_id, one.sender_id), weight=one.weight, priority=one.priority)
        for one in members
    )
    with pytest.raises(Invalid) as refused:
        await SenderGroupsService(house.database).add(house.account_id, SenderGroupInput(name="G", members=named))
    assert refused.value.fields[0].field == field


async def test_a_group_is_no_sender_that_can_be_made_changed_or_tried_as_one(house: SendingHouse) -> None:
    group = await grouped(house, GroupMember(sender_id=await house.sender(9)))
    wrong = SenderInput(name="G", kind=SenderKind.GROUP)
    for attempt in (
        house.senders.add(house.account_id, wrong),
        house.senders.update(house.account_id, group, wrong),
    ):
        with pytest.raises(Invalid, match="sender groups"):
            await attempt
