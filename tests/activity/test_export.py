"""The timeline as a file: everything once, newest first, safe to open in a spreadsheet, a page at a time."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from syncom.activity.export import ExportForm
from syncom.activity.model import ActivityFilter, ActivityKind, Hit, HitClass
from syncom.activity.service import MAX_PAGE, ActivityService
from syncom.clock import SystemClock
from syncom.errors import Invalid
from syncom.ids import campaign_message_id
from syncom.postgres.pool import Database
from tests.settling import settle

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


async def _service(database: Database, account_id: int, count: int) -> ActivityService:
    service = ActivityService(database, SystemClock())
    hits = [
        Hit(
            account_id=account_id,
            contact_id=n,
            campaign_id=7,
            message_id=campaign_message_id(7, n),
            kind=ActivityKind.CLICKED,
            link=0,
            hit_class=HitClass(n % 2),
            occurred_at=NOW - timedelta(seconds=n),
            user_agent='=HYPERLINK("http://evil.example")',
            detail="two\nlines, and a comma",
        )
        for n in range(count)
    ]
    async with database.system() as connection:
        await service.record(connection, hits)
    await settle(database)
    return service


async def test_csv_has_a_line_for_each_fact_and_no_formula(database: Database, account_id: int) -> None:
    service = await _service(database, account_id, 3)
    pieces = [piece async for piece in await service.export(account_id, with_mark=True)]
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))
    assert [row["contact_id"] for row in rows] == ["0", "1", "2"]
    assert rows[1] == {
        "occurred_at": "2026-11-20T09:59:59Z",
        "kind": "clicked",
        "channel": "email",
        "hit_class": "machine",
        "contact_id": "1",
        "campaign_id": "7",
        "message_id": str(campaign_message_id(7, 1)),
        "link": "0",
        "address": "",
        "ip": "",
        "user_agent": '\'=HYPERLINK("http://evil.example")',
        "detail": "two\nlines, and a comma",
    }


async def test_json_lines_say_the_same_and_filters_choose(database: Database, account_id: int) -> None:
    service = await _service(database, account_id, 6)
    chosen = ActivityFilter(machines=False, since=NOW - timedelta(seconds=4))
    pieces = [piece async for piece in await service.export(account_id, chosen, ExportForm.JSON_LINES)]
    lines = [json.loads(line) for line in b"".join(pieces).splitlines()]
    assert [line["contact_id"] for line in lines] == [0, 2, 4]
    assert lines[0]["user_agent"] == '=HYPERLINK("http://evil.example")'
    assert (lines[0]["hit_class"], lines[0]["address"], lines[0]["link"]) == ("human", None, 0)


async def test_a_long_file_comes_in_pages_and_is_whole(database: Database, account_id: int) -> None:
    service = await _service(database, account_id, 2 * MAX_PAGE + 5)
    pieces = [piece async for piece in await service.export(account_id)]
    assert [piece.count(b'"two\n') for piece in pieces] == [MAX_PAGE, MAX_PAGE, 5]
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
    assert [int(row["contact_id"]) for row in rows] == list(range(2 * MAX_PAGE + 5))


async def test_an_empty_file_has_its_head_and_a_wrong_filter_no_file(database: Database, account_id: int) -> None:
    service = await _service(database, account_id, 0)
    pieces = [piece async for piece in await service.export(account_id)]
    assert b"".join(pieces).startswith(b"occurred_at,kind,channel,")
    assert b"".join(pieces).count(b"\r\n") == 1
    assert [piece async for piece in await service.export(account_id, form=ExportForm.JSON_LINES)] == [b""]
    with pytest.raises(Invalid, match="kind"):
        await service.export(account_id, ActivityFilter(kinds=frozenset({"read"})))
