"""/segments: saved conditions on contacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.http.native.contacts import Person, person
from syncom.http.native.given import By, Contacts, Members, Segments
from syncom.http.native.paging import Cursor, Limit, Page, cursor_for, page_of, read_cursor
from syncom.http.native.routing import Edited, needs
from syncom.segments.model import Count, Explanation, GrowthDay, Membership, Move, Overlap, Segment
from syncom.segments.schema import CONDITION_SCHEMA
from syncom.segments.why import Why

_TAGS = ["Segments"]


class SegmentInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, and the condition tree that says who belongs to it."""

    name: str
    condition: dict[str, Any]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition tree of the segment language."""

    condition: dict[str, Any]


class Counted(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition tree, and whether an estimate will do where counting takes longer than a moment."""

    estimate: bool = False


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in words."""

    sentence: str


class SegmentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A segment and its kept members; `membership` is null until they are first looked at, within a second."""

    segment_id: int
    name: str
    condition: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    membership: Membership | None


class GroupName(msgspec.Struct, frozen=True, kw_only=True):
    """A segment by its name."""

    segment_id: int
    name: str


@get("/segments", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_segments(by: By, segments: Segments, membership: Members) -> Page[SegmentAnswer]:
    """All segments, with their sizes."""
    kept = await membership.many(by.account_id)
    found = await segments.list(by.account_id)
    return Page(items=[_answer(one, kept.get(one.segment_id)) for one in found], next_cursor=None)


@post("/segments", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.SEGMENT))
async def create_segment(by: By, segments: Segments, data: JSONBody[SegmentInput]) -> Segment:
    """Save a condition under a name."""
    return await segments.create(by.account_id, data.name, data.condition)


@post("/segments/count", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTACTS, replay=False))
async def count_matching(by: By, segments: Segments, data: JSONBody[Counted]) -> Count:
    """How many contacts match a condition. Changes nothing.

    With `estimate`, an answer comes within a third of a second: exact where that is enough, else `is_exact` is false
    and `error` says how far it may be off (95 %).
    """
    if data.estimate:
        return await segments.estimate(by.account_id, data.condition)
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


@get("/segments/{segment_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS, edits=Edited.SEGMENT))
async def get_segment(by: By, segments: Segments, membership: Members, segment_id: FromPath[int]) -> SegmentAnswer:
    """One segment, with its size."""
    found = await segments.get(by.account_id, segment_id)
    kept = await membership.many(by.account_id, [segment_id])
    return _answer(found, kept.get(segment_id))


@put("/segments/{segment_id:int}", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS, edits=Edited.SEGMENT))
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


@get("/segments/{segment_id:int}/moves", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_moves(
    by: By, membership: Members, segment_id: FromPath[int], limit: Limit = 100, cursor: Cursor = None
) -> Page[Move]:
    """Who entered and left, and why; the newest first."""
    before = read_cursor(cursor, tuple[datetime, int])
    found = await membership.moves(by.account_id, segment_id, before=before, limit=limit + 1)
    return page_of(found, limit, lambda move: (move.moved_at, move.contact_id))


@get("/segments/{segment_id:int}/growth", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def show_growth(
    by: By,
    membership: Members,
    segment_id: FromPath[int],
    days: Annotated[int, QueryParameter(ge=1, le=731, description="How many days, today included.")] = 30,
) -> Page[GrowthDay]:
    """Size, entries and exits of each day (UTC)."""
    return Page(items=await membership.growth(by.account_id, segment_id, days=days), next_cursor=None)


@get("/segments/{segment_id:int}/overlap/{other_id:int}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def overlap_segments(by: By, segments: Segments, segment_id: FromPath[int], other_id: FromPath[int]) -> Overlap:
    """How many contacts are in each of two segments, and in both; estimates where counting takes longer than a moment.

    Who is in both: the condition `{"all": [{"segment": 1}, {"segment": 2}]}`.
    """
    return await segments.overlap(by.account_id, segment_id, other_id)


@get("/segments/{segment_id:int}/contacts/{contact_id:int}/why", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def explain_membership(
    by: By, segments: Segments, contacts: Contacts, segment_id: FromPath[int], contact_id: FromPath[int]
) -> Why:
    """Why a contact is in a segment or not: each part of the condition with its answer, and what the contact has."""
    return await segments.why(by.account_id, segment_id, await contacts.get(by.account_id, contact_id))


@post("/segments/{segment_id:int}/rebuild", tags=_TAGS, status_code=202, opt=needs(Permission.WRITE_CAMPAIGNS))
async def rebuild_segment(by: By, membership: Members, segment_id: FromPath[int]) -> Membership:
    """Work the members out from the start, in the background; nobody who writes is kept waiting."""
    await membership.rebuild(by.account_id, segment_id)
    return await membership.get(by.account_id, segment_id)


@get("/contacts/{contact_id:int}/segments", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_segments_of(
    by: By, segments: Segments, contacts: Contacts, membership: Members, contact_id: FromPath[int]
) -> Page[GroupName]:
    """The segments that a contact is in."""
    await contacts.get(by.account_id, contact_id)
    names = {one.segment_id: one.name for one in await segments.list(by.account_id)}
    found = await membership.segments_of(by.account_id, contact_id)
    items = [GroupName(segment_id=one, name=names[one]) for one in found if one in names]
    return Page(items=items, next_cursor=None)


def _answer(segment: Segment, membership: Membership | None) -> SegmentAnswer:
    return SegmentAnswer(
        segment_id=segment.segment_id,
        name=segment.name,
        condition=segment.condition,
        created_at=segment.created_at,
        updated_at=segment.updated_at,
        membership=membership,
    )


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
    list_moves,
    show_growth,
    overlap_segments,
    explain_membership,
    rebuild_segment,
    list_segments_of,
    search_contacts,
]
