"""Lines of the timeline as they stand in a file. Cells of CSV that a spreadsheet would run as formulas are guarded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Final

import msgspec

from syncom.activity.model import TimelineEvent
from syncom.contacts.imports.export import csv_lines
from syncom.contacts.imports.guard import guard


class ExportForm(Enum):
    """How lines are written."""

    CSV = "csv"
    #: A JSON object a line.
    JSON_LINES = "jsonl"


class ExportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file, under the names of its columns; those of the timeline, with names in place of numbers."""

    occurred_at: datetime
    kind: str
    channel: str
    #: human, machine or unknown; None for what was sent.
    hit_class: str | None
    contact_id: int
    campaign_id: int
    message_id: str
    link: int | None
    address: str | None
    ip: str | None
    user_agent: str | None
    detail: str | None


_COLUMNS: Final = ExportLine.__struct_fields__
_encode_lines = msgspec.json.Encoder().encode_lines


def head(form: ExportForm, *, with_mark: bool) -> bytes:
    """What stands before the lines. ``with_mark``: a byte order mark, which CSV alone has."""
    return ("\ufeff" if with_mark else "").encode() + csv_lines([_COLUMNS]) if form is ExportForm.CSV else b""


def written(events: Iterable[TimelineEvent], form: ExportForm) -> bytes:
    """Lines of the file."""
    lines = [_line(event) for event in events]
    return _encode_lines(lines) if form is ExportForm.JSON_LINES else csv_lines(map(_cells, lines))


def _line(event: TimelineEvent) -> ExportLine:
    return ExportLine(
        occurred_at=event.occurred_at,
        kind=event.kind,
        channel=event.channel.name.lower(),
        hit_class=None if event.hit_class is None else event.hit_class.name.lower(),
        contact_id=event.contact_id,
        campaign_id=event.campaign_id,
        message_id=str(event.message_id),
        link=event.link,
        address=event.address,
        ip=event.ip,
        user_agent=event.user_agent,
        detail=event.detail,
    )


def _cells(line: ExportLine) -> list[str]:
    return [guard(_cell(getattr(line, name))) for name in _COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)
