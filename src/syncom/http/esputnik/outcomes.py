"""Answers of sends and of questions about them (eSputnik reference, 3.7 and 5.5): the same for every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

import msgspec

from syncom.accounts.model import Compat
from syncom.campaigns.model import Campaign, CampaignState
from syncom.errors import NotFound
from syncom.http.esputnik.method import Call, Refused
from syncom.messages.batch import MAX_RECIPIENTS, BatchResult, BatchSend
from syncom.messages.model import Exclusion, Failure, MessageState, MessageStatus
from syncom.messages.receipts.model import ReceiptState


class SendRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one recipient. ``requestId`` is there when it was queued, ``message`` when it was not."""

    id: int = 0
    locator: str
    status: str
    request_id: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


class SendAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One row a recipient, in the order of the request."""

    id: int = 0
    results: list[SendRow] | SendRow


async def queue(call: Call[Any], request: BatchSend) -> SendAnswer:
    """Send and answer row by row. Raises Refused (400) for a wrong number of recipients, NotFound for the message."""
    if not request.recipients:
        raise Refused(400, "At least one recipient is needed")
    if len(request.recipients) > MAX_RECIPIENTS:
        raise Refused(400, f"Maximum {MAX_RECIPIENTS} recipients per request")
    try:
        results = await call.app.messages.send_each(call.account_id, request)
    except NotFound as error:
        raise NotFound("message", error.ident) from None
    return collapsed(call, [_row(result) for result in results])


def collapsed(call: Call[Any], rows: Sequence[SendRow]) -> SendAnswer:
    """The answer of a send: a list of rows, or the only row for callers that want it so."""
    collapse = len(rows) == 1 and Compat.COLLAPSE_SINGLE in call.by.compat
    return SendAnswer(results=rows[0] if collapse else list(rows))


def _row(result: BatchResult) -> SendRow:
    if result.message_id is None:
        return SendRow(locator=result.locator, status="ERROR", message=result.problem)
    return SendRow(locator=result.locator, status="OK", request_id=str(result.message_id))


class StatusWord(Enum):
    """Where a message is, in the words of the vendor."""

    IN_QUEUE = "IN_QUEUE"
    #: Handed over at least once, no final answer yet.
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    READ = "READ"
    #: The receiving side refused it.
    UNDELIVERED = "UNDELIVERED"
    #: Given up: its time or its attempts were over, here or in the network of the phone.
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    #: It could not be made.
    ERROR = "ERROR"
    BLACKLISTED = "BLACKLISTED"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    CANNOT_FIND_CHANNEL = "CANNOT_FIND_CHANNEL"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    MESSAGE_NOT_FOUND = "MESSAGE_NOT_FOUND"


_OPEN: Final = (StatusWord.IN_QUEUE, StatusWord.PENDING)
_ARRIVED: Final = (StatusWord.DELIVERED, StatusWord.READ)
_EXCLUSIONS: Final[Mapping[str, StatusWord]] = {
    Exclusion.SUPPRESSED.value: StatusWord.BLACKLISTED,
    Exclusion.NOT_CONFIRMED.value: StatusWord.NOT_CONFIRMED,
    Exclusion.UNSUBSCRIBED.value: StatusWord.UNSUBSCRIBED,
    Exclusion.DELETED.value: StatusWord.CANNOT_FIND_CHANNEL,
    Exclusion.NO_ADDRESS.value: StatusWord.CANNOT_FIND_CHANNEL,
    Exclusion.NO_PHONE.value: StatusWord.CANNOT_FIND_CHANNEL,
}

#: How the bounce of a text begins whose phone could not be reached in time.
_EXPIRED: Final = ReceiptState.EXPIRED.name.lower()
_FAILURES: Final = {
    Failure.NOT_MADE: StatusWord.ERROR,
    Failure.GIVEN_UP: StatusWord.EXPIRED,
    Failure.REFUSED: StatusWord.UNDELIVERED,
}


class StatusRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where one message is. ``failed``: for good; ``delivered``: it arrived."""

    id: int = 0
    request_id: str
    status: str
    failed: bool
    delivered: bool


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One row an id, in the order asked."""

    results: list[StatusRow] | StatusRow


def status_row(request_id: str, found: MessageStatus | None) -> StatusRow:
    """The row of one id; ``found`` is None for an id that nobody gave out here."""
    word = StatusWord.MESSAGE_NOT_FOUND if found is None else _word(found)
    return StatusRow(
        request_id=request_id,
        status=word.value,
        failed=word not in _OPEN and word not in _ARRIVED,
        delivered=word in _ARRIVED,
    )


def group_status_row(request_id: str, campaign: Campaign) -> StatusRow:
    """The row of a send to a group, which is a campaign: delivered once everybody has a result."""
    word = StatusWord.PENDING
    if campaign.state is CampaignState.FINISHED:
        word = StatusWord.DELIVERED
    elif campaign.state in (CampaignState.CANCELLED, CampaignState.FAILED):
        word = StatusWord.FAILED
    return StatusRow(
        request_id=request_id,
        status=word.value,
        failed=word is StatusWord.FAILED,
        delivered=word is StatusWord.DELIVERED,
    )


def _word(found: MessageStatus) -> StatusWord:
    state = found.state
    if state is MessageState.QUEUED:
        return StatusWord.PENDING if found.leased or found.attempts else StatusWord.IN_QUEUE
    if state is MessageState.SENT:
        if found.bounced_at is not None:
            return StatusWord.EXPIRED if found.bounce.startswith(_EXPIRED) else StatusWord.UNDELIVERED
        return StatusWord.READ if found.opened_at or found.clicked_at else StatusWord.DELIVERED
    if state is MessageState.EXCLUDED:
        return _EXCLUSIONS.get(found.reason, StatusWord.FAILED)
    if state is MessageState.FAILED:
        return _FAILURES[found.failure]
    return StatusWord.FAILED


def answer_statuses(rows: Sequence[StatusRow], call: Call[Any]) -> StatusAnswer:
    collapse = len(rows) == 1 and Compat.COLLAPSE_SINGLE in call.by.compat
    return StatusAnswer(results=rows[0] if collapse else list(rows))
