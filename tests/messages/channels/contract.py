"""What every carrier owes the sending loop, and the peers that it is tried against.

:class:`Held` is a source that holds a carrier to the rules of ``channels/carrier.py``. A :class:`Kit` knows how one
channel is plugged in and how its peer is told to behave; ``kits.py`` has one for each channel.
"""

from __future__ import annotations

import asyncio
import enum
import socket
from abc import ABC, abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.content.model import TemplateInput
from syncom.ids import single_message_id
from syncom.messages.channels.carrier import Answer, Carrier, Outcome, Parcel
from syncom.messages.model import Lane, Sender
from syncom.messages.sending.work import Work
from syncom.messages.store import RECIPIENT_FIELDS
from tests.messages.house import SendingHouse


class Act(enum.Enum):
    """What a peer does with a message that arrived."""

    TAKE = "take"
    LATER = "later"
    NEVER = "never"
    #: The connection ends before the answer.
    CUT = "cut"


#: What the carrier must tell after each.
TOLD = {
    Act.TAKE: Outcome.ACCEPTED,
    Act.LATER: Outcome.TRANSIENT,
    Act.NEVER: Outcome.PERMANENT,
    Act.CUT: Outcome.UNCERTAIN,
}


def number_of(parcel: Parcel) -> int:
    """Which of the test's messages it is."""
    work: Any = parcel.key
    return int(work.external_request_id)


class Held:
    """A source of parcels that fails the test when a carrier breaks a rule."""

    def __init__(self, parcels: Iterable[Parcel], *, again: bool = True) -> None:
        """``again``: what was not sent is given out again, as the line does."""
        self.waiting = deque(parcels)
        self._again = again
        #: Pulled and not told yet: whether it was handed over.
        self.out: dict[int, bool] = {}
        self.pulled = 0
        self.outcomes: defaultdict[int, list[Outcome]] = defaultdict(list)
        self.answers: dict[int, Answer] = {}
        self.not_sent = 0
        self.broken: list[str] = []
        self.told = asyncio.Event()

    def next_parcel(self) -> Any:
        if not self.waiting:
            return None
        parcel = self.waiting.popleft()
        self._require(number_of(parcel) not in self.out, "pulled while it is out")
        self.out[number_of(parcel)] = False
        self.pulled += 1
        return parcel

    def handing_over(self, parcel: Parcel, /) -> None:
        self._require(self.out.get(number_of(parcel)) is False, "handed over twice, or after its end")
        self.out[number_of(parcel)] = True

    def finished(self, parcel: Parcel, outcome: Outcome, answer: Answer, /) -> None:
        number = number_of(parcel)
        self._require(number in self.out, "told of twice, or never pulled")
        handed_over = self.out.pop(number, False)
        if outcome in (Outcome.ACCEPTED, Outcome.UNCERTAIN):
            self._require(handed_over, f"{outcome} without a hand-over: a crash would send it twice")
        if handed_over and outcome in (Outcome.TRANSIENT, Outcome.PERMANENT):
            self._require(not answer.local, "refused by our own words after it was handed over")
        words = answer.words
        self._require(bool(words) and len(words) <= 500 and words.isprintable(), f"words are not a line: {words!r}")
        self.answers[number] = answer
        if outcome is Outcome.NOT_SENT:
            self.not_sent += 1
            if self._again:
                self.waiting.appendleft(parcel)
        else:
            self.outcomes[number].append(outcome)
        self.told.set()

    async def until(self, count: int) -> None:
        """Until so many messages have an outcome."""
        async with asyncio.timeout(20):
            while len(self.outcomes) < count:
                self.told.clear()
                await self.told.wait()

    def check(self) -> None:
        assert not self.broken
        assert not self.out, "pulled and never told of"
        assert all(len(told) == 1 for told in self.outcomes.values())

    def _require(self, true: bool, rule: str) -> None:
        # Noted, not raised: an exception inside a carrier might be swallowed there.
        if not true:
            self.broken.append(rule)


@dataclass(kw_only=True)
class Peer:
    """The other side, the same for every channel."""

    #: What it does by the number of the message; the others are taken.
    acts: Mapping[int, Act] = field(default_factory=dict[int, Act])
    #: Seconds before each answer.
    slowly: float = 0.0
    #: Messages that came whole, and those that it took responsibility for.
    came: Counter[int] = field(default_factory=Counter[int])
    took: Counter[int] = field(default_factory=Counter[int])
    source: Held | None = None

    def arrived(self, number: int) -> Act:
        """A message came: what is done with it."""
        if self.source is not None and self.source.out.get(number) is not True:
            self.source.broken.append("reached the peer before it was handed over: a crash would send it twice")
        self.came[number] += 1
        act = self.acts.get(number, Act.TAKE)
        if act is Act.TAKE:
            self.took[number] += 1
        return act


class Kit(ABC):
    """One channel, as the contract sees it."""

    name: str
    channel: Channel = Channel.EMAIL
    template: TemplateInput
    #: What its peer can be told to do.
    acts: frozenset[Act] = frozenset(Act)

    def __init__(self, house: SendingHouse, clock: Clock) -> None:
        self.house = house
        self.clock = clock
        self.port = free_port()
        self.peer = Peer()

    @abstractmethod
    async def sender(self) -> Sender:
        """A sender into the peer."""

    @abstractmethod
    def listening(self) -> AbstractAsyncContextManager[object]:
        """The peer, where it can be reached."""

    def carrier(self, sender: Sender, source: Held) -> Carrier:
        return self.house.carriers(clock=self.clock).open(sender, "", source)

    def address(self, number: int) -> str:
        return f"p{number}@example.com"

    async def contact(self, number: int) -> int:
        """The contact of a message; made when the channel looks at it."""
        return number + 1

    async def works(self, count: int) -> list[Work]:
        """Recipients whose number is their caller's id."""
        content_id = (await self.house.content.create(self.house.account_id, self.template)).content_id
        return [await self._work(number, content_id) for number in range(count)]

    async def _work(self, number: int, content_id: int) -> Work:
        contact_id = await self.contact(number)
        message_id = single_message_id(contact_id)
        now = self.house.clock.now()
        return Work(
            account_id=self.house.account_id,
            contact_id=contact_id,
            channel=self.channel,
            campaign_id=0,
            content_id=content_id,
            message_id=message_id,
            message=message_id.bytes,
            address=self.address(number),
            contact=(*("" for _ in RECIPIENT_FIELDS), {}, 2, None),
            launched_at=now,
            deadline=now,
            lane=Lane.TRANSACTIONAL,
            lease=None,
            external_request_id=str(number),
        )


@asynccontextmanager
async def carrying(kit: Kit, count: int, *, again: bool = True) -> AsyncGenerator[tuple[Carrier, Held]]:
    """A carrier of the kit at work on so many messages; afterwards it has kept its promises."""
    works = await kit.works(count)
    held = Held((), again=again)
    kit.peer.source = held
    carrier = kit.carrier(await kit.sender(), held)
    carrier.start()
    try:
        held.waiting.extend(await _parcels(kit, carrier, works))
        carrier.wake()
        yield carrier, held
    finally:
        async with asyncio.timeout(20):
            await carrier.drain()
    held.check()


async def _parcels(kit: Kit, carrier: Carrier, works: Sequence[Work]) -> list[Parcel]:
    if not works:
        return []
    content_id = works[0].content_id
    compiled = await kit.house.content.compiled(kit.house.account_id, content_id)
    composer = carrier.composer(compiled, content_id=content_id, campaign_id=0, custom_fields={}, attachments=())
    return [composer.compose(work) for work in works]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
