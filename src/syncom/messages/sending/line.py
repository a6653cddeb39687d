"""One sender's line in a sending process: its carrier, what is ready for it, and what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from syncom.clock import Clock
from syncom.contacts.model import Channel, SubscriptionState
from syncom.content.model import content_in
from syncom.errors import Invalid
from syncom.messages.channels.carrier import Answer, Carrier, Composer, Outcome, Parcel, Refusal
from syncom.messages.destinations.model import Destination
from syncom.messages.model import Exclusion, Failure, Lane, LedgerState, OnUncertain, Sender
from syncom.messages.routes import ROUTES
from syncom.messages.sending.destinations import REST, Destinations
from syncom.messages.sending.journal import Journal
from syncom.messages.sending.work import Lease, Postponed, Settled, Work
from syncom.messages.store import ADDRESS_PLACE, LANGUAGE_PLACE
from syncom.messages.warming.model import WarmUp

_log = logging.getLogger(__name__)

#: The contact's state of the channel and its suppression inside ``Work.contact``, after the custom fields.
STATE_PLACE, SUPPRESSED_PLACE = -2, -1
#: A sender whose login or standing is refused rests for so long.
SENDER_PAUSE = timedelta(minutes=15)
#: A message in doubt is tried again after so many seconds, to let the server sort itself out.
UNCERTAIN_DELAY = 30.0
MAX_ATTEMPTS = 12
#: What a group's member could not send waits so long, until others have it.
_DEALT_AGAIN = timedelta(seconds=2)
#: Why somebody cannot be reached by one channel, and may be by another.
_OF_THE_CHANNEL = frozenset(
    one.value
    for one in (
        Exclusion.UNSUBSCRIBED,
        Exclusion.SUPPRESSED,
        Exclusion.PAUSED,
        *(route.lacking for route in ROUTES.values()),
    )
)
_UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED.value


class SenderLine:
    """Gives the carrier its parcels and turns its answers into settlements. Implements ``Source``."""

    def __init__(
        self,
        *,
        sender: Sender,
        journal: Journal,
        clock: Clock,
        settle: Callable[[int, Settled | Postponed], None],
        pause: Callable[[Sender, datetime, str], None],
        tell: Callable[[Destination], None],
        secret: bytes | None = None,
    ) -> None:
        """``tell`` writes down, for all processes, that a destination was slowed or rests."""
        self.sender = sender
        #: Its password as it is stored, sealed.
        self.secret = secret
        #: Recipients that may be sent now, in order.
        self.ready: deque[Work] = deque()
        self.leases: list[Lease] = []
        #: Rows of the single-message lanes that are this process's and not ready yet.
        self.leased: list[Work] = []
        #: Set when there may be new work for this sender.
        self.news = asyncio.Event()
        #: What was last written down about its server, and when, by the monotonic clock.
        self.trouble = ""
        self.trouble_noted_at = 0.0
        #: Composers that were used last, by content and campaign. What is ready keeps its own beside them.
        self.composers: dict[tuple[int, int], Composer] = {}
        #: It cannot send, and others of its groups can: what goes through these is theirs.
        self.is_stuck = False
        self._carrier: Carrier | None = None
        #: Permits of the rate limit that were taken and not used; None: no limit.
        self.permits: float | None = 0.0 if sender.config.rate_per_second else None
        #: The sender's warm-up, and what was taken of a day's allowance and not used; None: no limit.
        self.warm_up: WarmUp | None = None
        self.allowance: tuple[date, int] | None = None
        #: Why nothing is sent although there is work; empty: no such reason.
        self.rest_words = ""
        #: Messages the peer has answered, for the pace of reading ahead.
        self.answered = 0
        self.in_flight = 0
        self.paused_until: datetime | None = sender.paused_until
        #: Whether the process may still begin messages: False while its heartbeat fails.
        self.may_send = True
        self._journal = journal
        self._clock = clock
        self._settle = settle
        self._pause = pause
        self._tell = tell
        #: Of mail; other channels have one peer.
        self.destinations = Destinations(sender, clock) if sender.channel is Channel.EMAIL else None

    @property
    def carrier(self) -> Carrier:
        """What carries this line's messages; given once, since it pulls from the line."""
        assert self._carrier is not None
        return self._carrier

    @carrier.setter
    def carrier(self, carrier: Carrier) -> None:
        self._carrier = carrier

    # ------------------------------------------------------------ Source

    def next_parcel(self) -> Any:
        """The next recipient's parcel. Those that cannot be made are settled on the way."""
        if not self.may_send or self.paused_until is not None:
            return None
        while self.permits is None or self.permits >= 1:
            work = self._next_work()
            if work is None:
                return None
            parcel = self._parcel(work)
            if parcel is not None:
                self._count_permits(-1)
                self.in_flight += 1
                if self.destinations is not None:
                    self.destinations.began(work)
                return parcel
        return None

    def handing_over(self, parcel: Parcel, /) -> None:
        work: Work = parcel.key  # pyright: ignore[reportAssignmentType] - opaque to the carrier, ours
        self._journal.begun(work.message)

    def finished(self, parcel: Parcel, outcome: Outcome, answer: Answer, /) -> None:
        work: Work = parcel.key  # pyright: ignore[reportAssignmentType] - opaque to the carrier, ours
        self.in_flight -= 1
        if self.destinations is not None:
            self.destinations.ended(work, answered=outcome is not Outcome.NOT_SENT and not answer.local)
        if outcome is Outcome.ACCEPTED:
            self._journal.accepted(work.message)
            self.answered += 1
            work.attempt += 1
            self._done(work, LedgerState.SENT, answer.words, peer_ids=answer.peer_ids)
        elif outcome is Outcome.NOT_SENT:
            # Nothing of it left us: first in line again, and no attempt counted.
            self._journal.not_sent(work.message)
            self._count_permits(1)
            self.ready.appendleft(work)
        elif outcome is Outcome.UNCERTAIN:
            self._in_doubt(work, answer)
        else:
            if not answer.local:
                self._journal.refused(work.message)
            self._refused(work, outcome, answer)

    @property
    def is_of_groups(self) -> bool:
        """Whether something in this line's hands may be sent by others too."""
        return any(one.group_id for one in (*self.leases, *self.in_hand))

    @property
    def is_of_one_process(self) -> bool:
        """Whether no other process carries anything of this sender."""
        bind = self.sender.config.smpp
        return bind is not None and bind.one_process

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the queue is in this line's hands."""
        return not (self.leases or self.leased or self.waiting or self.in_flight)

    @property
    def waiting(self) -> int:
        """Recipients in hand that are not on the wire."""
        return len(self.ready) + (len(self.destinations) if self.destinations is not None else 0)

    # ------------------------------------------------------------ steps

    def _count_permits(self, change: int) -> None:
        """A message takes a permit of the rate and one of the day; one that was not sent brings them back."""
        if self.permits is not None:
            self.permits += change
        if self.allowance is not None:
            self.allowance = (self.allowance[0], self.allowance[1] + change)

    def _next_work(self) -> Work | None:
        """The next recipient whose destination may be sent to; the others wait, and keep nobody waiting."""
        destinations = self.destinations
        if destinations is None or not destinations.active:
            return self.ready.popleft() if self.ready else None
        held = destinations.next_held()
        if held is not None:
            return held
        while self.ready:
            work = self.ready.popleft()
            if destinations.may_go(work):
                return work
            later = destinations.hold(work)
            if later is None:
                continue
            problem = destinations.refusal(work)
            if problem:
                self._wait_for_rest(work, later, problem)
            else:
                self._put_off(work, later, "waits for its turn at the receiving domain")
        return None

    def _put_off(self, work: Work, due_at: datetime, words: str) -> None:
        """Not now, through no fault of the message: no attempt is counted, and its time does not run."""
        work.deadline += due_at - self._clock.now()
        self._settle(self.sender.sender_id, Postponed(work=work, reply=words, due_at=due_at, uncertain=work.uncertain))

    def _wait_for_rest(self, work: Work, due_at: datetime, words: str) -> None:
        """Its destination refuses the sender: no attempt is counted, but a server that never relents is given up on."""
        if due_at >= work.deadline:
            self._done(work, LedgerState.FAILED, f"{Failure.GIVEN_UP.value}: the receiving domain refused us: {words}")
            return
        self._settle(self.sender.sender_id, Postponed(work=work, reply=words, due_at=due_at, uncertain=work.uncertain))

    def _parcel(self, work: Work) -> Parcel | None:
        reason = self._exclusion(work)
        if reason:
            if reason not in _OF_THE_CHANNEL or not self._goes_another_way(work, reason):
                self._done(work, LedgerState.EXCLUDED, reason)
            return None
        if self._clock.now() > work.deadline:
            self._done(work, LedgerState.FAILED, f"{Failure.GIVEN_UP.value}: its time was over before a server took it")
            return None
        try:
            assert work.composer is not None, "what is ready was read with its composer"
            return work.composer.compose(work)
        except Invalid as error:
            self._done(work, LedgerState.FAILED, f"{Failure.NOT_MADE.value}: {error.message}")
            return None

    def _exclusion(self, work: Work) -> str:
        """Why this recipient must not get it, decided on what was read a moment ago; empty: may be sent."""
        contact = work.contact
        if contact is None:
            # The ledger must not keep the address of somebody who was erased meanwhile.
            work.address = ""
            return Exclusion.DELETED.value
        if contact[SUPPRESSED_PLACE] is not None:
            paused = contact[SUPPRESSED_PLACE] == Exclusion.PAUSED.value
            return (Exclusion.PAUSED if paused else Exclusion.SUPPRESSED).value
        if work.campaign_id and contact[STATE_PLACE] not in ROUTES[work.channel].agreed:
            return Exclusion.UNSUBSCRIBED.value
        # What is triggered, and what belongs to a category, is marketing.
        if (work.lane is Lane.WORKFLOW or work.categories) and contact[STATE_PLACE] == _UNSUBSCRIBED:
            return Exclusion.UNSUBSCRIBED.value
        if work.declined:
            return work.declined
        if not work.address:
            return ROUTES[work.channel].lacking.value
        return Exclusion.CAPPED.value if work.is_over_cap else ""

    def _goes_another_way(self, work: Work, reason: str) -> bool:
        """Whether the campaign has a channel left for somebody whom this one does not reach; then it goes there.

        What holds there is looked at when its turn comes.
        """
        assert work.contact is not None, "who is gone is reached by nothing"
        for place, way in enumerate(work.others, start=1):
            field = ADDRESS_PLACE.get(way.channel.consent)
            address = "" if field is None else work.contact[field] or ""
            if field is not None and not address:
                continue
            work.channel, work.address, work.endpoints = way.channel, address, ()
            work.content_id = content_in(way.content_languages, work.contact[LANGUAGE_PLACE] or "", way.content_id)
            work.group_id, work.others = way.group_id, work.others[place:]
            postponed = Postponed(
                work=work,
                reply=f"{reason}: it goes by {way.channel.name.lower()}",
                due_at=self._clock.now(),
                uncertain=work.uncertain,
                sender_id=way.sender_id,
            )
            self._settle(self.sender.sender_id, postponed)
            return True
        return False

    def _refused(self, work: Work, outcome: Outcome, answer: Answer) -> None:
        self.answered += 1
        refusal = self.carrier.judge(outcome, answer, work.attempt + 1)
        if refusal.of_sender:
            self._rest(work, answer, refusal)
            return
        if self.destinations is not None and refusal.of_destination:
            self._rest_destination(self.destinations, work, answer, refusal)
            return
        if self.destinations is not None and refusal.slows:
            slowed = self.destinations.slow(work, answer.words)
            if slowed is not None:
                self._tell(slowed)
        work.attempt += 1
        due_at = self._clock.now() + timedelta(seconds=refusal.delay)
        if refusal.try_again and work.attempt < MAX_ATTEMPTS and due_at < work.deadline:
            self._settle(
                self.sender.sender_id,
                Postponed(work=work, reply=answer.words, due_at=due_at, uncertain=work.uncertain),
            )
            return
        words = answer.words
        if refusal.try_again:
            words = f"{Failure.GIVEN_UP.value} after {work.attempt} attempts: {words}"
        self._settle(
            self.sender.sender_id,
            Settled(
                work=work,
                state=LedgerState.FAILED,
                reason=words,
                at=self._clock.now(),
                suppress=refusal.suppress_reason if refusal.suppress else "",
                no_such_number=refusal.no_such_number,
                refusal=refusal if refusal.bounce_class else None,
            ),
        )

    def _rest(self, work: Work, answer: Answer, refusal: Refusal) -> None:
        """The server refuses the sender, not this recipient: nobody else is burnt on it."""
        until = self._clock.now() + SENDER_PAUSE
        # Through a group it may go by another member long before this one comes back.
        due_at = self._clock.now() + _DEALT_AGAIN if work.group_id else until
        self._settle(
            self.sender.sender_id,
            Postponed(work=work, reply=answer.words, due_at=due_at, uncertain=work.uncertain),
        )
        if self.paused_until is None:
            self.paused_until = until
            self._pause(self.sender, until, f"{refusal.reason}: {answer.words}")

    def _rest_destination(self, destinations: Destinations, work: Work, answer: Answer, refusal: Refusal) -> None:
        """The server refuses the sender at this destination: it alone rests, unless that happens at too many."""
        resting = destinations.rest(work, answer.words)
        if resting is not None:
            self._tell(resting)
        self._wait_for_rest(work, self._clock.now() + REST, answer.words)
        if destinations.too_many_rest and self.paused_until is None:
            self.paused_until = self._clock.now() + SENDER_PAUSE
            self._pause(self.sender, self.paused_until, f"{refusal.reason}: {answer.words}")

    def _in_doubt(self, work: Work, answer: Answer) -> None:
        work.attempt += 1
        work.uncertain = True
        if self.sender.config.on_uncertain is OnUncertain.LEAVE or work.attempt >= MAX_ATTEMPTS:
            self._done(work, LedgerState.UNCERTAIN, answer.words)
            return
        due_at = self._clock.now() + timedelta(seconds=UNCERTAIN_DELAY * self._clock.jitter(0.5, 1.0))
        self._settle(
            self.sender.sender_id,
            Postponed(work=work, reply=answer.words, due_at=due_at, uncertain=True),
        )

    def _done(self, work: Work, state: LedgerState, reason: str, *, peer_ids: tuple[str, ...] = ()) -> None:
        self._settle(
            self.sender.sender_id,
            Settled(work=work, state=state, reason=reason, at=self._clock.now(), peer_ids=peer_ids),
        )

    # ------------------------------------------------------------ for the loop

    @property
    def in_hand(self) -> list[Work]:
        """Recipients that are not on the wire."""
        return [*self.ready, *(self.destinations.held if self.destinations is not None else ())]

    def let_go(self) -> None:
        """Begin nothing more of what is in hand: its rows and chunks are given back by the loop."""
        self.ready.clear()
        if self.destinations is not None:
            self.destinations.clear()

    def drop(self, is_stopped: Callable[[Work | Lease], bool]) -> list[Work]:
        """Stop these: what is ready goes back; what is on the wire is finished. Returns lane rows dropped."""
        dropped: list[Work] = []
        for work in self.in_hand:
            if not is_stopped(work):
                continue
            if work.lease is not None:
                work.lease.outstanding -= 1
            else:
                dropped.append(work)
        self.ready = deque(work for work in self.ready if not is_stopped(work))
        if self.destinations is not None:
            self.destinations.keep([work for work in self.destinations.held if not is_stopped(work)])
        for lease in self.leases:
            if is_stopped(lease):
                lease.stopped = True
        return dropped
