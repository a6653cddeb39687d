"""/segments: saved conditions on contacts."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.contacts import Person, person
from syncom.http.native.given import By, Contacts, Segments
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, read_cursor
from syncom.http.native.routing import needs
from syncom.segments.model import Explanation, Segment
from syncom.segments.schema import CONDITION_SCHEMA

_TAGS = ["Segments"]


class SegmentInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, and the condition tree that says who belongs to it."""

    name: str
    condition: dict[str, Any]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition tree of the segment language."""

    condition: dict[str, Any]


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in words."""

    sentence: str


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many contacts match."""

    contacts: int


@get("/segments", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_segments(by: By, segments: Segments) -> Page[Segment]:
    """All segments."""
    return Page(items=await segments.list(by.account_id), next_cursor=None)


@post("/segments", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def create_segment(by: By, segments: Segments, data: JSONBody[SegmentInput]) -> Segment:
    """Save a condition under a name."""
    return await segments.create(by.account_id, data.name, data.condition)


@post("/segments/count", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTACTS, replay=False))
async def count_matching(by: By, segments: Segments, data: JSONBody[Condition]) -> Count:
    """How many contacts match a condition. Changes nothing."""
    return Count(contacts=await segments.count(by.account_id, data.condition))


@post("/segments/sentence", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTACTS, replay=False))
async def say_condition(by: By, segments: Segments, data: JSONBody[Condition]) -> Sentence:
    """A condition in words. Changes nothing."""
    return Sentence(sentence=await segments.sentence(by.account_id, data.condition))


@post("/segments/explain", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTACTS, replay=False))
async def explain_condition(by: By, segments: Segments, data: JSONBody[Condition]) -> Explanation:
    """How a condition is understood and answered: words, indexes, the statement and its plan. Changes nothing."""
    return await segments.explain(by.account_id, data.condition)


@get("/segments/schema", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def condition_schema(by: By) -> dict[str, Any]:
    """The JSON Schema of the condition language."""
    return CONDITION_SCHEMA


@get("/segments/{segment_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_segment(by: By, segments: Segments, segment_id: FromPath[int]) -> Segment:
    """One segment."""
    return await segments.get(by.account_id, segment_id)


@put("/segments/{segment_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def update_segment(
    by: By, segments: Segments, segment_id: FromPath[int], data: JSONBody[SegmentInput]
) -> Segment:
    """Replace a segment."""
    return await segments.update(by.account_id, segment_id, data.name, data.condition)


@delete("/segments/{segment_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def delete_segment(by: By, segments: Segments, segment_id: FromPath[int]) -> None:
    """Remove a segment that no other one uses."""
    await segments.delete(by.account_id, segment_id)


@get("/segments/{segment_id:int}/contacts", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_segment_contacts(
    by: By,
    segments: Segments,
    contacts: Contacts,
    segment_id: FromPath[int],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Person]:
    """Who matches now."""
    segment = await segments.get(by.account_id, segment_id)
    return await _matching(by, segments, contacts, segment.condition, limit, cursor)


@post("/segments/contacts", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTACTS, replay=False))
async def search_contacts(
    by: By,
    segments: Segments,
    contacts: Contacts,
    data: JSONBody[Condition],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Person]:
    """Who matches a condition now. Changes nothing."""
    return await _matching(by, segments, contacts, data.condition, limit, cursor)


async def _matching(
    by: By, segments: Segments, contacts: Contacts, condition: dict[str, Any], limit: int, cursor: str | None
) -> Page[Person]:
    after = read_cursor(cursor, int) or 0
    ids = await segments.page(by.account_id, condition, after=after, limit=limit)
    found = await contacts.get_many(by.account_id, ids)
    return Page(
        items=[person(contact) for contact in found],
        next_cursor=cursor_for(ids[-1]) if len(ids) == limit else None,
    )


HANDLERS: list[Any] = [
    list_segments,
    create_segment,
    count_matching,
    say_condition,
    explain_condition,
    condition_schema,
    get_segment,
    update_segment,
    delete_segment,
    list_segment_contacts,
    search_contacts,
]
