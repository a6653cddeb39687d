"""Takes reports in: finds the message, keeps the report, and does what follows from it, in one transaction.

Reports come twice, late, out of order, and from people who made them up. So each has an id made of what it says, and
only one that was not there before has consequences; each consequence is such that the order does not matter. The
address that is suppressed is the one in the ledger, never the one in the report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind, Hit
from syncom.activity.service import ActivityService
from syncom.clock import Clock
from syncom.contacts.model import Channel, ConsentChange, SubscriptionState, Suppression
from syncom.contacts.normalise import normalise_email
from syncom.contacts.service import set_consents, suppress
from syncom.ids import bucket_of_message
from syncom.messages.bounces import store
from syncom.messages.bounces.judging import judge
from syncom.messages.bounces.model import (
    HARD_BOUNCE,
    PASSES,
    PASSING,
    Named,
    Received,
    Report,
    ReportAction,
    ReportKind,
)
from syncom.messages.bounces.store import Kept, Sent
from syncom.messages.bounces.strikes import Strike, Strikes
from syncom.messages.channels.email.replies import Verdict
from syncom.postgres.pool import Connection
from syncom.security import Keyring

COMPLAINT: Final = "complaint"
_WORDS: Final = 500
_LONGEST_ADDRESS: Final = 254
#: A provider's clock may be ahead of ours by so much, and its report come before the message is settled here.
_SKEW: Final = timedelta(minutes=5)
_FACTS: Final = {
    ReportKind.BOUNCED: ActivityKind.BOUNCED,
    ReportKind.DELIVERED: ActivityKind.DELIVERED,
    ReportKind.COMPLAINT: ActivityKind.COMPLAINED,
}
_JUDGED: Final = (ReportKind.BOUNCED, ReportKind.DELAYED)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch of reports."""

    #: That were not there before.
    fresh: int
    #: Of those, about something we sent.
    matched: int
    suppressed: int


class _Case(msgspec.Struct, kw_only=True):
    """A report on its way through a batch."""

    account_id: int
    report: Report
    sent: Sent | None
    verdict: Verdict | None
    at: datetime
    action: ReportAction
    row: Kept


class Intake:
    """Takes reports of any account in. Made once a process; any number may work side by side."""

    def __init__(self, activity: ActivityService, keyring: Keyring, clock: Clock) -> None:
        self._activity = activity
        self._strikes = Strikes(keyring)
        self._clock = clock

    async def take(self, connection: Connection, received: Sequence[Received]) -> Taken:
        """Keep these reports and do what follows, inside the caller's (system) transaction.

        Safe to repeat: a report that is there already changes nothing.
        """
        if not received:
            return Taken(fresh=0, matched=0, suppressed=0)
        now = self._clock.now()
        known = await self._messages(connection, received, now)
        cases: dict[tuple[int, int, UUID], _Case] = {}
        for one, sent in zip(received, known, strict=True):
            case = _case(one, sent, now)
            cases.setdefault((case.row.account_id, case.row.bucket, case.row.report_id), case)
        ordered = [cases[key] for key in sorted(cases)]
        fresh_places = await store.insert(connection, [case.row for case in ordered])
        fresh = [case for place, case in enumerate(ordered) if place in fresh_places]
        matched = [case for case in fresh if case.sent is not None]
        gone = await self._suppressions(connection, matched)
        # In the order in which everybody takes these rows: addresses, then contacts.
        await suppress(connection, gone)
        await set_consents(connection, [_withdrawal(case) for case in matched if _is_complaint(case)])
        hits = [hit for case in matched if (hit := _hit(case)) is not None]
        await self._activity.record(connection, hits)
        return Taken(fresh=len(fresh), matched=len(matched), suppressed=len(gone))

    # ------------------------------------------------------------ which message

    async def _messages(self, connection: Connection, received: Sequence[Received], now: datetime) -> list[Sent | None]:
        """The message that each report is about, as the ledger has it."""
        wanted = {(one.account_id, name.message_id) for one in received for name in _candidates(one)}
        by_id = await store.sent(connection, sorted(wanted))
        found = [_named(one, by_id) for one in received]
        asked: dict[int, tuple[int, str, datetime]] = {}
        for place, one in enumerate(received):
            address = _normalised(one.report.recipient)
            if found[place] is None and one.report.is_trusted and address:
                asked[place] = (one.account_id, address, min(one.report.occurred_at or now, now) + _SKEW)
        by_address = await store.last_sent(connection, list(dict.fromkeys(asked.values())))
        for place, key in asked.items():
            found[place] = by_address.get(key)
        return found

    # ------------------------------------------------------------ what follows

    async def _suppressions(self, connection: Connection, cases: Sequence[_Case]) -> list[Suppression]:
        """Addresses that get nothing more from now on."""
        gone: list[Suppression] = []
        repeated: list[_Case] = []
        for case in cases:
            if _is_complaint(case):
                gone.append(_suppression(case, COMPLAINT, None))
            elif case.action is ReportAction.SUPPRESSED:
                gone.append(_suppression(case, HARD_BOUNCE, _until(case)))
            elif case.action is ReportAction.COUNTED:
                repeated.append(case)
        struck = await self._strikes.add(connection, [_strike(case) for case in repeated])
        gone += [_suppression(repeated[place], HARD_BOUNCE, until) for place, until in struck.items()]
        await store.note_actions(connection, [repeated[place].row for place in struck], ReportAction.SUPPRESSED)
        return [one for one in gone if one.address]


def _strike(case: _Case) -> Strike:
    sent, verdict = case.sent, case.verdict
    assert sent is not None, "what we did not send is not counted"
    assert verdict is not None, "what was not judged is not counted"
    return Strike(
        account_id=case.account_id,
        address=sent.address,
        bounce_class=verdict.kind.value,
        launched_at=sent.launched_at,
        most=verdict.strikes,
    )


def _candidates(one: Received) -> list[Named]:
    return [name for name in one.report.named if name.account_id in (0, one.account_id)]


def _named(one: Received, known: dict[tuple[int, UUID], Sent]) -> Sent | None:
    """The message of the best evidence that holds."""
    recipient = _normalised(one.report.recipient)
    for name in _candidates(one):
        sent = known.get((one.account_id, name.message_id))
        if sent is None:
            continue
        if name.is_signed and name.contact_id in (0, sent.contact_id):
            return sent
        if recipient and recipient == sent.address:
            return sent
        # A provider's own signature stands for the message that it names; it may hide whom it went to.
        if one.report.is_trusted and not recipient:
            return sent
    return None


def _case(one: Received, sent: Sent | None, now: datetime) -> _Case:
    report = one.report
    verdict = judge(report) if report.kind in _JUDGED else None
    at = min(report.occurred_at or now, now)
    if sent is not None:
        at = min(max(at, sent.settled_at), now)
    action = _action(report, sent, verdict)
    return _Case(
        account_id=one.account_id,
        report=report,
        sent=sent,
        verdict=verdict,
        at=at,
        action=action,
        row=Kept(
            account_id=one.account_id,
            bucket=0 if sent is None else bucket_of_message(sent.message_id),
            contact_id=0 if sent is None else sent.contact_id,
            report_id=UUID(bytes=hashlib.blake2b(b"%d " % one.account_id + report.key, digest_size=16).digest()),
            kind=report.kind.value,
            bounce_class="" if verdict is None else verdict.kind.value,
            action=action.value,
            message_id=None if sent is None else sent.message_id,
            campaign_id=0 if sent is None else sent.campaign_id,
            recipient=(report.recipient if sent is None else sent.address)[:_LONGEST_ADDRESS],
            status=report.status,
            words=_words(report, sent),
            source=report.source,
            occurred_at=at,
        ),
    )


def _action(report: Report, sent: Sent | None, verdict: Verdict | None) -> ReportAction:
    """What follows, as far as this report alone can tell."""
    if sent is None or not sent.address:
        return ReportAction.NONE
    if report.kind is ReportKind.COMPLAINT:
        return ReportAction.UNSUBSCRIBED
    if report.kind is not ReportKind.BOUNCED or verdict is None:
        return ReportAction.NONE
    if verdict.suppress:
        return ReportAction.SUPPRESSED
    return ReportAction.COUNTED if verdict.strikes > 1 else ReportAction.NONE


def _words(report: Report, sent: Sent | None) -> str:
    """Of a contact that was erased nothing may be kept that quotes its address."""
    words = report.words[:_WORDS]
    return "" if sent is not None and not sent.address and "@" in words else words


def _is_complaint(case: _Case) -> bool:
    return case.action is ReportAction.UNSUBSCRIBED


def _until(case: _Case) -> datetime | None:
    kind = None if case.verdict is None else case.verdict.kind
    return case.at + PASSING if kind in PASSES else None


def _suppression(case: _Case, reason: str, until: datetime | None) -> Suppression:
    sent = case.sent
    why = case.report.words or ("" if case.verdict is None else case.verdict.reason)
    return Suppression(
        account_id=case.account_id,
        channel=Channel.EMAIL,
        address="" if sent is None else sent.address,
        reason=reason,
        detail=why,
        source=case.report.source,
        expires_at=until,
    )


def _withdrawal(case: _Case) -> ConsentChange:
    """A complaint takes consent back, and says by what."""
    return ConsentChange(
        account_id=case.account_id,
        contact_id=case.row.contact_id,
        channel=Channel.EMAIL,
        state=SubscriptionState.UNSUBSCRIBED,
        source=COMPLAINT,
        detail={
            **case.report.proof,
            "report_id": str(case.row.report_id),
            "reported_by": case.report.source,
            "message_id": str(case.row.message_id),
        },
        occurred_at=case.at,
    )


def _hit(case: _Case) -> Hit | None:
    kind = _FACTS.get(case.report.kind)
    sent = case.sent
    if kind is None or sent is None:
        return None
    return Hit(
        account_id=case.account_id,
        contact_id=sent.contact_id,
        message_id=sent.message_id,
        campaign_id=sent.campaign_id,
        kind=kind,
        occurred_at=case.at,
        content_id=sent.content_id,
        detail=case.row.words or None,
    )


def _normalised(address: str) -> str:
    try:
        return normalise_email(address) if address else ""
    except ValueError:
        return ""
