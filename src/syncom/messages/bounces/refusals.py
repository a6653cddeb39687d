"""Refusals that a server says while we speak to it: they are kept and count as reports do that come back later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from syncom.contacts.model import Channel, Suppression
from syncom.contacts.service import suppress
from syncom.ids import bucket_of_message
from syncom.messages.bounces import store
from syncom.messages.bounces.model import HARD_BOUNCE, PASSES, PASSING, ReportAction, ReportKind
from syncom.messages.bounces.store import Kept
from syncom.messages.bounces.strikes import Strike, Strikes
from syncom.messages.channels.email.replies import BounceClass
from syncom.postgres.pool import Connection
from syncom.security import Keyring

#: By what an address is suppressed that a server refused while we spoke to it; the server's name follows.
SOURCE: Final = "smtp"
_WORDS: Final = 500


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A message that ended with a server's refusal."""

    account_id: int
    contact_id: int
    message_id: UUID
    campaign_id: int
    address: str
    bounce_class: BounceClass
    #: Whether the address gets no more mail, from this refusal alone.
    suppress: bool
    #: Suppress after that many such messages within the window; 0 is never.
    strikes: int
    #: Enhanced status code, RFC 3463; may be empty.
    status: str
    words: str
    #: The host that said it.
    server: str
    launched_at: datetime
    at: datetime


class Refusals:
    """Takes refusals in, in the transaction that settles their messages. Any number of processes may, side by side."""

    def __init__(self, keyring: Keyring) -> None:
        self._strikes = Strikes(keyring)

    async def take(self, connection: Connection, refused: Sequence[Refused]) -> None:
        """Keep these and do what follows. A few statements, however many they are; safe to repeat."""
        if not refused:
            return
        until = await self._suppressed_until(connection, refused)
        kept = [_kept(one, suppressed=place in until) for place, one in enumerate(refused)]
        # In the order of the key, so that writers never wait in a circle.
        await store.insert(connection, sorted(kept, key=lambda row: (row.account_id, row.bucket, row.report_id)))
        await suppress(connection, [_suppression(refused[place], end) for place, end in until.items()])

    async def _suppressed_until(self, connection: Connection, refused: Sequence[Refused]) -> dict[int, datetime | None]:
        """By the place of the refusal that led to it; None: for ever."""
        until: dict[int, datetime | None] = {
            place: one.at + PASSING if one.bounce_class in PASSES else None
            for place, one in enumerate(refused)
            if one.suppress
        }
        places = [place for place, one in enumerate(refused) if one.strikes > 1 and not one.suppress]
        struck = await self._strikes.add(connection, [_strike(refused[place]) for place in places])
        return until | {places[place]: end for place, end in struck.items()}


def _strike(one: Refused) -> Strike:
    return Strike(
        account_id=one.account_id,
        address=one.address,
        bounce_class=one.bounce_class.value,
        launched_at=one.launched_at,
        most=one.strikes,
    )


def _kept(one: Refused, *, suppressed: bool) -> Kept:
    """A message that is sent once more and refused in another way is told of again; in the same way it is not."""
    key = b"%d refused %s %s" % (one.account_id, one.message_id.bytes, one.bounce_class.value.encode())
    action = ReportAction.COUNTED if one.strikes > 1 else ReportAction.NONE
    return Kept(
        account_id=one.account_id,
        bucket=bucket_of_message(one.message_id),
        contact_id=one.contact_id,
        report_id=UUID(bytes=hashlib.blake2b(key, digest_size=16).digest()),
        kind=ReportKind.REFUSED.value,
        bounce_class=one.bounce_class.value,
        action=(ReportAction.SUPPRESSED if suppressed else action).value,
        message_id=one.message_id,
        campaign_id=one.campaign_id,
        recipient=one.address,
        status=one.status,
        words=one.words[:_WORDS],
        source=_source(one),
        occurred_at=one.at,
    )


def _suppression(one: Refused, until: datetime | None) -> Suppression:
    return Suppression(
        account_id=one.account_id,
        channel=Channel.EMAIL,
        address=one.address,
        reason=HARD_BOUNCE,
        detail=one.words,
        source=_source(one),
        expires_at=until,
    )


def _source(one: Refused) -> str:
    return f"{SOURCE} {one.server}".rstrip()
