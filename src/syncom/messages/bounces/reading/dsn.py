"""Delivery status notifications (RFC 3464): what became of a mail, recipient by recipient."""

from __future__ import annotations

import re
from email.message import Message
from typing import Final

from syncom.messages.bounces.model import ReportKind
from syncom.messages.bounces.reading.fields import Block, Found, address, blocks, line, text_blocks, text_of, untyped

#: A mail of ours has one recipient; a report about more is about somebody else's.
MOST_RECIPIENTS: Final = 10
_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
#: RFC 3464, 2.3.3. `relayed` and `expanded` say that nobody will tell.
_ACTIONS: Final = {
    "failed": ReportKind.BOUNCED,
    "delayed": ReportKind.DELAYED,
    "delivered": ReportKind.DELIVERED,
}
#: A report without an action, which is mandatory: what the first digit of its status says at the least.
_CLASSES: Final = {"5": ReportKind.BOUNCED, "4": ReportKind.DELAYED, "2": ReportKind.DELIVERED}


def recipients(part: Message[str, str]) -> list[Found]:
    """What a part of type message/delivery-status says."""
    return _read(blocks(part))


def recipients_in_text(part: Message[str, str]) -> list[Found]:
    """The same of a part of plain text."""
    return _read(text_blocks(text_of(part)))


def _read(groups: list[Block]) -> list[Found]:
    reporter = ""
    found: list[Found] = []
    for block in groups:
        reporter = reporter or untyped(block.get("reporting-mta", ""))
        if "final-recipient" not in block and "original-recipient" not in block:
            continue
        one = _recipient(block, reporter)
        if one is not None:
            found.append(one)
    return found[:MOST_RECIPIENTS]


def _recipient(block: Block, reporter: str) -> Found | None:
    match = _STATUS.search(block.get("status", ""))
    status = match[0] if match else ""
    action = block.get("action", "").split(" ")[0].lower()
    kind = _ACTIONS.get(action) if action else _CLASSES.get(status[:1])
    if kind is None:
        return None
    return Found(
        kind=kind,
        # The one that we wrote to, where a forwarder kept it.
        recipient=address(block.get("original-recipient", "")) or address(block.get("final-recipient", "")),
        status=status,
        words=line(untyped(block.get("diagnostic-code", ""))),
        host=untyped(block.get("remote-mta", "")) or reporter,
        at=block.get("last-attempt-date", ""),
    )
