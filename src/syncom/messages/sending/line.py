"""One sender's line in a sending process: its connections, what is ready for them, and what their answers mean."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from syncom.clock import Clock
from syncom.errors import Invalid
from syncom.messages.channels.email.model import Mail, Outcome, Reply, SmtpServer
from syncom.messages.channels.email.pool import SmtpPool
from syncom.messages.channels.email.replies import Action, Verdict, classify, retry_delay
from syncom.messages.model import Exclusion, LedgerState, OnUncertain, Sender
from syncom.messages.sending.compose import Composer
from syncom.messages.sending.journal import Journal
from syncom.messages.sending.work import Lease, Postponed, Settled, Work

_log = logging.getLogger(__name__)

#: Text of the contact's email state and suppression inside ``Work.contact``, after the custom fields.
STATE_PLACE, SUPPRESSED_PLACE = -2, -1
#: A sender whose login or standing is refused rests for so long.
SENDER_PAUSE = timedelta(minutes=15)
#: A message in doubt is tried again after so many seconds, to let the server sort itself out.
UNCERTAIN_DELAY = 30.0
MAX_ATTEMPTS = 12


class SenderLine:
    """Gives the SMTP pool its mails and turns its answers into settlements. Implements ``Source``."""

    def __init__(
        self,
        *,
        sender: Sender,
        server: SmtpServer,
        journal: Journal,
        clock: Clock,
        settle: Callable[[int, Settled | Postponed], None],
        pause: Callable[[Sender, datetime, str], None],
    ) -> None:
        self.sender = sender
        self.pool = SmtpPool(server, self, clock=clock)
        #: Recipients that may be sent now, in order.
        self.ready: deque[Work] = deque()
        self.leases: list[Lease] = []
        #: Set when there may be new work for this sender.
        self.news = asyncio.Event()
        #: What was last written down about its server.
        self.trouble = ""
        #: Composers by content and campaign.
        self.composers: dict[tuple[int, int], Composer] = {}
        #: Permits of the rate limit that were taken and not used; None: no limit.
        self.permits: float | None = 0.0 if sender.config.rate_per_second else None
        #: Mails the server has answered, for the pace of reading ahead.
        self.answered = 0
        self.in_flight = 0
        self.paused_until: datetime | None = sender.paused_until
        #: Whether the process may still begin mails: False while its heartbeat fails.
        self.may_send = True
        self._journal = journal
        self._clock = clock
        self._settle = settle
        self._pause = pause

    # ------------------------------------------------------------ Source

    def next_mail(self) -> Mail | None:
        """The next recipient's mail. Those that cannot be made are settled on the way."""
        if not self.may_send or self.paused_until is not None:
            return None
        while self.ready:
            if self.permits is not None and self.permits < 1:
                return None
            work = self.ready.popleft()
            mail = self._mail(work)
            if mail is not None:
                if self.permits is not None:
                    self.permits -= 1
                self.in_flight += 1
                return mail
        return None

    def handing_over(self, mail: Mail, /) -> None:
        work: Work = mail.key  # pyright: ignore[reportAssignmentType] - opaque to the pool, ours
        self._journal.begun(work.message)

    def finished(self, mail: Mail, outcome: Outcome, reply: Reply, /) -> None:
        work: Work = mail.key  # pyright: ignore[reportAssignmentType] - opaque to the pool, ours
        self.in_flight -= 1
        if outcome is Outcome.ACCEPTED:
            self._journal.accepted(work.message)
            self.answered += 1
            work.attempt += 1
            self._done(work, LedgerState.SENT, _words(reply))
        elif outcome is Outcome.NOT_SENT:
            # No byte of the body left us: first in line again, and no attempt counted.
            self.ready.appendleft(work)
        elif outcome is Outcome.UNCERTAIN:
            self._in_doubt(work, reply)
        else:
            if not reply.local:
                self._journal.refused(work.message)
            self._refused(work, outcome, reply)

    # ------------------------------------------------------------ steps

    def _mail(self, work: Work) -> Mail | None:
        reason = self._exclusion(work)
        if reason:
            self._done(work, LedgerState.EXCLUDED, reason)
            return None
        if self._clock.now() > work.deadline:
            self._done(work, LedgerState.FAILED, "given up: its time was over before a server took it")
            return None
        try:
            return self.composers[work.content_id, work.campaign_id].mail(work)
        except Invalid as error:
            self._done(work, LedgerState.FAILED, f"cannot be made: {error.message}")
            return None

    def _exclusion(self, work: Work) -> str:
        """Why this recipient must not get it, decided on what was read a moment ago; empty: may be sent."""
        contact = work.contact
        if contact is None:
            return Exclusion.DELETED.value
        if contact[SUPPRESSED_PLACE] is not None:
            return Exclusion.SUPPRESSED.value
        if work.campaign_id and contact[STATE_PLACE] != 2:
            return Exclusion.UNSUBSCRIBED.value
        if not work.address:
            return Exclusion.NO_ADDRESS.value
        return ""

    def _refused(self, work: Work, outcome: Outcome, reply: Reply) -> None:
        self.answered += 1
        verdict = classify(reply)
        if verdict.action in (Action.PAUSE_SENDER, Action.PAUSE_DESTINATION) and not reply.local:
            self._rest(work, reply, verdict)
            return
        work.attempt += 1
        temporary = outcome is Outcome.TRANSIENT or (verdict.try_again and not reply.local)
        due_at = self._clock.now() + timedelta(seconds=retry_delay(work.attempt, verdict, self._clock))
        if temporary and work.attempt < MAX_ATTEMPTS and due_at < work.deadline:
            self._settle(
                self.sender.sender_id,
                Postponed(work=work, reply=_words(reply), due_at=due_at, uncertain=work.uncertain),
            )
            return
        words = f"given up after {work.attempt} attempts: {_words(reply)}" if temporary else _words(reply)
        suppress = "hard bounce" if verdict.suppress and not temporary else ""
        self._done(work, LedgerState.FAILED, words, suppress=suppress)

    def _rest(self, work: Work, reply: Reply, verdict: Verdict) -> None:
        """The server refuses the sender, not this recipient: nobody else is burnt on it."""
        until = self._clock.now() + SENDER_PAUSE
        self._settle(
            self.sender.sender_id,
            Postponed(work=work, reply=_words(reply), due_at=until, uncertain=work.uncertain),
        )
        if self.paused_until is None:
            self.paused_until = until
            self._pause(self.sender, until, f"{verdict.reason}: {_words(reply)}")

    def _in_doubt(self, work: Work, reply: Reply) -> None:
        work.attempt += 1
        work.uncertain = True
        if self.sender.config.on_uncertain is OnUncertain.LEAVE or work.attempt >= MAX_ATTEMPTS:
            self._done(work, LedgerState.UNCERTAIN, _words(reply))
            return
        due_at = self._clock.now() + timedelta(seconds=UNCERTAIN_DELAY * self._clock.jitter(0.5, 1.0))
        self._settle(
            self.sender.sender_id,
            Postponed(work=work, reply=_words(reply), due_at=due_at, uncertain=True),
        )

    def _done(self, work: Work, state: LedgerState, reason: str, *, suppress: str = "") -> None:
        self._settle(
            self.sender.sender_id,
            Settled(work=work, state=state, reason=reason, at=self._clock.now(), suppress=suppress),
        )

    # ------------------------------------------------------------ for the loop

    def drop(self, campaign_ids: Sequence[int]) -> list[Work]:
        """Stop these campaigns: what is ready goes back; what is on the wire is finished. Returns lane rows dropped."""
        stopped = set(campaign_ids)
        kept: deque[Work] = deque()
        dropped: list[Work] = []
        for work in self.ready:
            if work.campaign_id not in stopped:
                kept.append(work)
            elif work.lease is not None:
                work.lease.outstanding -= 1
            else:
                dropped.append(work)
        self.ready = kept
        for lease in self.leases:
            if lease.campaign_id in stopped:
                lease.stopped = True
        return dropped


def _words(reply: Reply) -> str:
    """The server's answer as people and the ledger want it."""
    code = f"{reply.code} " if reply.code else ""
    enhanced = f"{reply.enhanced} " if reply.enhanced else ""
    return f"{code}{enhanced}{reply.text}"[:500]
