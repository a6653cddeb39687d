"""When a campaign pauses itself: too many bounces or complaints. Pure."""

from __future__ import annotations

import msgspec

from syncom.messages.policy.model import Limits


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign's messages so far."""

    sent: int = 0
    #: Refused for good by the server at once: the mailbox does not exist.
    refused: int = 0
    #: Taken, and reported as undeliverable later.
    bounced: int = 0
    complained: int = 0


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


def _words(what: str, count: int, whole: int, share: float, limit: float) -> str:
    return (
        f"paused by itself: {count:,} of {whole:,} messages {what} ({share:.2g} %, the limit is {limit:g} %); look at "
        "the list's origin, then cancel it, or resume it with a note"
    )
