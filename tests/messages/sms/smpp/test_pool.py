"""The binds of a sender against an SMSC that breaks rules, octet by octet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpp34 import SubmitSm

from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.model import TextParcel
from syncom.messages.channels.sms.smpp import pdu as pdus
from syncom.messages.channels.sms.smpp import pool as pools
from syncom.messages.channels.sms.smpp import session as sessions
from syncom.messages.channels.sms.smpp.model import SmppAnswer, SmppBind
from syncom.messages.channels.sms.smpp.pool import SmppPool
from tests.messages.sms.smpp.byte_peer import (
    SUBMIT,
    BytePeer,
    Connection,
    pdu,
    refused,
    running_bytes,
    taken,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "RECONNECT", (0.02, 0.05))
    monkeypatch.setattr(sessions, "_TICK", 0.05)


class Source:
    """Texts to carry, and what was told of each. What was not sent is given out again."""

    def __init__(self, *texts: str) -> None:
        self.waiting = deque(parcel(number, text) for number, text in enumerate(texts))
        self.told: dict[int, list[tuple[Outcome, SmppAnswer]]] = {number: [] for number in range(len(texts))}
        self.not_sent = 0
        self.handed_over: set[int] = set()
        self.news = asyncio.Event()

    def next_parcel(self) -> TextParcel | None:
        return self.waiting.popleft() if self.waiting else None

    def handing_over(self, one: TextParcel, /) -> None:
        self.handed_over.add(_number(one))

    def finished(self, one: TextParcel, outcome: Outcome, answer: SmppAnswer, /) -> None:
        if outcome is Outcome.NOT_SENT:
            self.not_sent += 1
            self.waiting.appendleft(one)
        else:
            self.told[_number(one)].append((outcome, answer))
        self.news.set()

    async def until_told(self) -> list[Outcome]:
        """What was told of each, once all have an end: one each."""
        async with asyncio.timeout(20):
            while not all(self.told.values()):
                self.news.clear()
                await self.news.wait()
        assert all(len(one) == 1 for one in self.told.values())
        return [one[0][0] for one in self.told.values()]


def _number(one: TextParcel) -> int:
    key: Any = one.key
    return int(key)


def parcel(number: int, text: str) -> TextParcel:
    return TextParcel(
        key=number,
        channel=Channel.SMS,
        message_id=UUID(int=number),
        sender="Acme",
        to=f"+38067{number:07d}",
        text=text,
        parts=1,
    )


class Nothing:
    """Takes deliveries and forgets them."""

    def __init__(self, status: int = 0) -> None:
        self.taken: list[bytes] = []
        self._status = status

    async def take(self, octets: bytes) -> int:
        await asyncio.sleep(0)
        self.taken.append(octets)
        return self._status


@asynccontextmanager
async def carrying(
    source: Source, peer: BytePeer, *, takes: Nothing | None = None, timeout: float = 5.0, **bind: Any
) -> AsyncGenerator[SmppPool]:
    settings: dict[str, Any] = {"host": "127.0.0.1", "system_id": "acme", "names": ("Acme",), **bind}
    pool = SmppPool(
        SmppBind(port=peer.port, **settings),
        "secret",
        source,
        deliveries=takes or Nothing(),
        short_links=None,
        allowed=[ip_network("127.0.0.0/8")],
        listening=True,
        timeout=timeout,
        clock=SystemClock(),
    )
    pool.start()
    pool.wake()
    try:
        yield pool
    finally:
        async with asyncio.timeout(20):
            await pool.drain()


def answering(*answers: Callable[[int], bytes | None]) -> Callable[[Connection, int, SubmitSm], bytes | None]:
    """Answers by turns; the last one stays."""
    left = deque(answers)

    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> bytes | None:
        del connection, text
        return (left.popleft() if len(left) > 1 else left[0])(sequence)

    return submitted


async def test_no_more_is_unanswered_than_the_window_allows() -> None:
    held: list[int] = []
    most = 0

    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> None:
        nonlocal most
        del text
        held.append(sequence)
        most = max(most, len(held))
        if len(held) == 7:
            for one in reversed(held):
                connection.write(taken(one, f"id-{one}"))
            held.clear()

    source = Source(*["Hello"] * 70)
    async with running_bytes(BytePeer(submitted)) as peer, carrying(source, peer, window=7):
        assert set(await source.until_told()) == {Outcome.ACCEPTED}
    assert most == 7


async def test_answers_out_of_order_and_octet_by_octet_find_their_texts() -> None:
    answers: list[bytes] = []

    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> None:
        answers.append(taken(sequence, text.destination_addr))
        if len(answers) == 20:
            for octet in b"".join(reversed(answers)):
                connection.write(bytes((octet,)))

    source = Source(*["Hello"] * 20)
    async with running_bytes(BytePeer(submitted)) as peer, carrying(source, peer):
        assert set(await source.until_told()) == {Outcome.ACCEPTED}
    for number, [(_, answer)] in source.told.items():
        assert answer.peer_ids == (f"38067{number:07d}",)


async def test_sequence_numbers_begin_anew_behind_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdus, "LAST_SEQUENCE", 5)
    source = Source(*["Hello"] * 9)
    async with running_bytes(BytePeer()) as peer, carrying(source, peer, window=2):
        assert set(await source.until_told()) == {Outcome.ACCEPTED}
        sequences = [sequence for command, sequence, _ in peer.connections[0].got if command == SUBMIT]
    assert sequences == [2, 3, 4, 5, 1, 2, 3, 4, 5]


async def test_an_answer_without_an_id_is_taken_and_said_so() -> None:
    source = Source("Hello")
    async with running_bytes(BytePeer(answering(lambda one: pdu(0x80000004, one)))) as peer, carrying(source, peer):
        assert await source.until_told() == [Outcome.ACCEPTED]
    [(_, answer)] = source.told[0]
    assert (answer.peer_ids, answer.words) == ((), "taken, without an id")


async def test_a_generic_nack_to_a_submit_is_a_refusal() -> None:
    nack = answering(lambda one: pdu(0x80000000, one, status=0x02), lambda one: pdu(0x80000000, one))
    source = Source("Hello", "World")
    async with running_bytes(BytePeer(nack)) as peer, carrying(source, peer):
        outcomes = await source.until_told()
    assert outcomes == [Outcome.PERMANENT, Outcome.TRANSIENT]


async def test_answers_to_nothing_and_twice_are_let_go_by() -> None:
    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> bytes:
        del text
        connection.write(taken(sequence + 500, "other") + pdu(0x80000015, 77) + pdu(0x80000103, 5))
        return taken(sequence, "one") + taken(sequence, "two")

    source = Source("Hello", "World")
    async with running_bytes(BytePeer(submitted)) as peer, carrying(source, peer):
        assert await source.until_told() == [Outcome.ACCEPTED] * 2
    assert source.told[0][0][1].peer_ids == ("one",)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff" * 16,
        b"\0\0\0\x04" + b"\0" * 12,
        (70_001).to_bytes(4) + b"\0" * 12,
    ],
)
async def test_what_is_no_smpp_ends_the_bind_and_leaves_only_what_was_under_way_in_doubt(garbage: bytes) -> None:
    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> bytes:
        del text
        return garbage if connection is peer.connections[0] else taken(sequence, "id")

    peer = BytePeer(submitted)
    source = Source("Hello", "World")
    async with running_bytes(peer), carrying(source, peer, window=1):
        assert await source.until_told() == [Outcome.UNCERTAIN, Outcome.ACCEPTED]
    assert "no SMPP" in source.told[0][0][1].words


async def test_an_smsc_that_never_answers_the_bind_is_left_and_shown() -> None:
    peer = BytePeer()
    peer.answers_binds = False
    source = Source("Hello")
    async with running_bytes(peer), carrying(source, peer, timeout=0.1) as pool:
        await peer.until(lambda: len(peer.connections) >= 2)
        assert pool.trouble == "the SMSC does not answer the bind"
        peer.answers_binds = True
        assert await source.until_told() == [Outcome.ACCEPTED]
        assert pool.trouble == ""
    assert source.not_sent == 0


async def test_an_smsc_that_falls_silent_is_asked_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ENQUIRE_AFTER", 0.05)
    peer = BytePeer()
    monkeypatch.setattr("tests.messages.sms.smpp.byte_peer.ENQUIRE", 0)
    async with running_bytes(peer), carrying(Source(), peer, timeout=0.1) as pool:
        await peer.until(lambda: len(peer.connections) >= 2)
        assert pool.trouble in ("the SMSC does not answer any more", "")
    assert 0x15 in peer.commands()


async def test_deliveries_are_answered_with_what_became_of_them() -> None:
    takes = Nothing(status=pdus.RX_T_APPN)
    peer = BytePeer()
    async with running_bytes(peer), carrying(Source(), peer, takes=takes):
        await peer.until(lambda: bool(peer.connections and peer.connections[0].got))
        peer.connections[0].write(pdu(0x05, 9, body=b"whatever"))
        await peer.until(lambda: 0x80000005 in peer.commands())
    [answer] = [octets for command, _, octets in peer.connections[0].got if command == 0x80000005]
    assert answer == pdu(0x80000005, 9, status=0x64, body=b"\0")
    assert len(takes.taken) == 1


async def test_a_flood_of_deliveries_is_read_no_faster_than_it_is_kept() -> None:
    free = asyncio.Event()

    class Slow(Nothing):
        most = 0
        at_once = 0

        async def take(self, octets: bytes) -> int:
            Slow.at_once += 1
            Slow.most = max(Slow.most, Slow.at_once)
            await free.wait()
            Slow.at_once -= 1
            return await super().take(octets)

    peer = BytePeer()
    takes = Slow()
    async with running_bytes(peer), carrying(Source(), peer, takes=takes):
        await peer.until(lambda: bool(peer.connections and peer.connections[0].got))
        peer.connections[0].write(b"".join(pdu(0x05, one, body=b"x" * 200) for one in range(20_000)))
        await asyncio.sleep(0.3)
        assert 500 <= Slow.most < 5_000
        free.set()
        await peer.until(lambda: peer.commands().count(0x80000005) == 20_000)
    assert len(takes.taken) == 20_000


async def test_draining_answers_what_is_under_way_and_gives_back_the_rest() -> None:
    held: list[Callable[[], None]] = []

    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> None:
        del text
        held.append(lambda: connection.write(taken(sequence, "id")))

    peer = BytePeer(submitted)
    source = Source("Hello", "ж" * 200, "World")
    async with running_bytes(peer), carrying(source, peer, window=2) as pool:
        await peer.until(lambda: len(held) == 2)
        draining = asyncio.create_task(pool.drain())
        await asyncio.sleep(0.05)
        for answer in held:
            answer()
        async with asyncio.timeout(10):
            await draining
    # The first was taken; of the second one part of three was; the third was not begun.
    assert [one[0][0] for one in source.told.values() if one] == [Outcome.ACCEPTED, Outcome.UNCERTAIN]
    assert len(source.waiting) == 1
    assert 0x06 in peer.commands()


_STATUSES = st.sampled_from([0, 0, 0, 0x58, 0x14, 0x08, 0x0B, 0x45, 0x410, -1, -2])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    texts=st.lists(st.sampled_from(["Hello", "ж" * 100, "a" * 400]), min_size=1, max_size=5),
    answers=st.lists(_STATUSES, max_size=12),
    window=st.integers(1, 4),
)
async def test_whatever_the_smsc_answers_each_text_is_told_of_once_and_truly(
    texts: list[str], answers: list[int], window: int
) -> None:
    """-1 cuts the connection, -2 takes the part and cuts. Rests after throttling are not waited for."""
    left = deque(answers)
    took: dict[str, set[bytes]] = {}

    def submitted(connection: Connection, sequence: int, text: SubmitSm) -> bytes | None:
        answer = left.popleft() if left else 0
        if answer in (0, -2):
            took.setdefault(text.destination_addr, set()).add(text.short_message[4:] or b"")
        if answer < 0:
            connection.cut()
            return None
        return refused(sequence, answer) if answer else taken(sequence, f"id-{id(connection)}-{sequence}")

    source = Source(*texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncom.messages.channels.sms.smpp.pace._FIRST_REST", 0.01)
        patch.setattr("syncom.messages.channels.sms.smpp.pace._LONGEST_REST", 0.01)
        patch.setattr("syncom.messages.channels.sms.smpp.pace._LEAST_RATE", 1000.0)
        patch.setattr(pools, "REPEAT_AFTER", 0.01)
        async with running_bytes(BytePeer(submitted)) as peer, carrying(source, peer, window=window):
            outcomes = await source.until_told()
    assert source.handed_over >= {number for number, _ in enumerate(texts)}
    for number, outcome in enumerate(outcomes):
        parts = {1: 1, 100: 2, 400: 3}[1 if texts[number] == "Hello" else len(texts[number])]
        there = len(took.get(f"38067{number:07d}", ()))
        if outcome is Outcome.ACCEPTED:
            assert there == parts
            assert len(source.told[number][0][1].peer_ids) == parts
        elif outcome is Outcome.TRANSIENT:
            assert there == 0
