"""The contract that every carrier keeps (docs/channels.md): tried on all of them, against real peers on loopback."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.clock import SystemClock
from syncom.messages.channels.carrier import Outcome
from syncom.postgres.pool import Database
from tests.messages.channels.contract import TOLD, Act, Kit, Peer, carrying
from tests.messages.channels.kits import KITS
from tests.messages.house import SendingHouse

_ACTS = [(kind, act) for kind in KITS for act in Act if act in kind.acts]


class _QuickToReturn(SystemClock):
    """Waits that may vary are as short as they may be."""

    def jitter(self, low: float, high: float) -> float:
        del high
        return low


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@pytest.fixture(params=KITS, ids=lambda kind: kind.name)
def kit(request: pytest.FixtureRequest, house: SendingHouse) -> Kit:
    kind: type[Kit] = request.param
    return kind(house, _QuickToReturn())


async def test_everything_that_is_pulled_arrives_once_and_is_told_of_once(kit: Kit) -> None:
    async with kit.listening(), carrying(kit, 30) as (carrier, held):
        await held.until(30)
        assert carrier.trouble() == ""
    assert [held.outcomes[number] for number in range(30)] == [[Outcome.ACCEPTED]] * 30
    assert kit.peer.took == dict.fromkeys(range(30), 1)


@pytest.mark.parametrize(("kind", "act"), _ACTS, ids=lambda one: one.value if isinstance(one, Act) else one.name)
async def test_what_the_peer_did_is_what_is_told(kind: type[Kit], act: Act, house: SendingHouse) -> None:
    kit = kind(house, _QuickToReturn())
    kit.peer = Peer(acts={0: act})
    async with kit.listening(), carrying(kit, 1) as (carrier, held):
        await held.until(1)
        assert held.outcomes[0] == [TOLD[act]]
        if act is Act.LATER:
            refusal = carrier.judge(Outcome.TRANSIENT, held.answers[0], 1)
            assert refusal.try_again
            assert refusal.delay > 0
            assert not refusal.suppress
        if act is Act.NEVER:
            assert not carrier.judge(Outcome.PERMANENT, held.answers[0], 1).try_again
    assert kit.peer.came == {0: 1}


async def test_a_peer_that_cannot_be_reached_got_nothing_and_is_told_of_until_it_is_back(kit: Kit) -> None:
    async with carrying(kit, 2) as (carrier, held):
        async with asyncio.timeout(20):
            while not carrier.trouble():
                await asyncio.sleep(0.01)
        assert not kit.peer.came
        told = {outcome for outcomes in held.outcomes.values() for outcome in outcomes}
        assert told <= {Outcome.TRANSIENT}, "nothing left us, so nothing is in doubt and nothing has failed for good"
        async with kit.listening():
            if told:
                # It rests by itself and gives back what it has: the loop comes again later.
                return
            await held.until(2)
            assert not carrier.trouble()
    assert kit.peer.took == {0: 1, 1: 1}


async def test_draining_finishes_what_is_in_hand_and_begins_nothing(kit: Kit) -> None:
    kit.peer.slowly = 0.1
    async with kit.listening(), carrying(kit, 300) as (carrier, held):
        async with asyncio.timeout(20):
            while not kit.peer.came:
                await asyncio.sleep(0.005)
            await carrier.drain()
        assert not held.out
        assert 0 < held.pulled < 300
        pulled = held.pulled
        carrier.wake()
        await asyncio.sleep(0)
        assert held.pulled == pulled, "begun after the drain"
    assert set(kit.peer.took) <= set(held.outcomes)


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_the_peer_does_each_is_told_of_once_and_truly(kit: Kit, data: st.DataObject) -> None:
    acts = data.draw(st.lists(st.sampled_from(sorted(kit.acts, key=str)), min_size=1, max_size=8))
    stops = data.draw(st.booleans(), label="drained in the middle")
    kit.peer = Peer(acts=dict(enumerate(acts)))
    async with kit.listening(), carrying(kit, len(acts)) as (carrier, held):
        if stops:
            await held.until(1)
            await carrier.drain()
        else:
            await held.until(len(acts))
    for number, act in enumerate(acts):
        told = held.outcomes.get(number, [])
        came, took = kit.peer.came[number], kit.peer.took[number]
        assert came <= 1 + held.not_sent
        if told == [Outcome.ACCEPTED]:
            assert took == 1
        elif told != [Outcome.UNCERTAIN]:
            assert took == 0, f"{act} was taken and {told} told"
