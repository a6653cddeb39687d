"""When a campaign pauses itself: too many bounces, complaints, or refusals of what is in it. Pure."""

from __future__ import annotations

import msgspec

from syncom.messages.bounces.model import Objection
from syncom.messages.policy.model import Limits


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign's messages so far."""

    sent: int = 0
    #: Refused for good by the server at once: the mailbox does not exist.
    refused: int = 0
    #: Taken, and reported as undeliverable later.
    bounced: int = 0
    complained: int = 0
    #: Refused by the server for what is in them.
    blocked: int = 0


def reason_to_pause(counts: Counts, limits: Limits) -> str | None:
    """Why a campaign must pause, in words for people; None: it may go on."""
    tried, bounced = counts.sent + counts.refused, counts.bounced + counts.refused
    if limits.bounces_percent is not None and tried >= limits.bounces_after:
        share = 100 * bounced / tried
        if share >= limits.bounces_percent:
            return _words("bounced", bounced, tried, share, limits.bounces_percent)
    if limits.complaints_percent is not None and counts.sent >= limits.complaints_after:
        share = 100 * counts.complained / counts.sent
        if share >= limits.complaints_percent:
            return _words("were complained about", counts.complained, counts.sent, share, limits.complaints_percent)
    return None


def is_blocked(counts: Counts, limits: Limits) -> bool:
    """Whether a campaign must pause because servers refuse what is in it."""
    answered = _answered(counts)
    if limits.content_percent is None or answered < limits.content_after:
        return False
    return bool(counts.blocked) and 100 * counts.blocked / answered >= limits.content_percent


def why_blocked(counts: Counts, limits: Limits, objection: Objection | None) -> str:
    """Why it does, in words for people; ``objection`` is what most of the refusals say."""
    answered = _answered(counts)
    said = ""
    if objection is not None:
        where = f" of mails to {objection.domain}" if objection.domain else ""
        said = f"; {objection.server or 'the server'} says{where}: “{objection.words}”"
    share = f"{100 * counts.blocked / answered:.3g} %, the limit is {limits.content_percent:g} %"
    return (
        f"paused by itself: {counts.blocked:,} of {answered:,} messages were refused for what is in them ({share})"
        f"{said}; look at its links, attachments and wording, and check the sending domain, then cancel it and send a "
        "corrected one to those who did not get it, or resume it with a note"
    )


def _answered(counts: Counts) -> int:
    return counts.sent + counts.refused + counts.blocked


def _words(what: str, count: int, whole: int, share: float, limit: float) -> str:
    return (
        f"paused by itself: {count:,} of {whole:,} messages {what} ({share:.3g} %, the limit is {limit:g} %); look at "
        "the list's origin, then cancel it, or resume it with a note"
    )
