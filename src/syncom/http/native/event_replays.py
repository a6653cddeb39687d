"""/event-replays: what events would have started is started now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.events.replays import Replay
from syncom.http.native.given import By, Events, Workflows
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.workflows.model import Rehearsal

_TAGS = ["Events"]


class Span(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}
):
    """Events of a type that happened from a moment on, before another."""

    type_key: str
    since: datetime
    until: datetime


class ReplayInput(Span, frozen=True, kw_only=True):
    """What is replayed, and how."""

    #: Starts also what these events started before.
    anew: bool = False
    #: Events a second, 1,000 at most.
    rate: int = 100


@post("/event-replays/rehearse", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CAMPAIGNS))
async def rehearse_replay(by: By, workflows: Workflows, data: JSONBody[Span]) -> Page[Rehearsal]:
    """What a replay would do, by workflow. Changes nothing."""
    found = await workflows.rehearse(by.account_id, data.type_key, data.since, data.until)
    return Page(items=found, next_cursor=None)


@post("/event-replays", tags=_TAGS, opt=needs(Permission.SEND))
async def start_replay(by: By, events: Events, data: JSONBody[ReplayInput]) -> Replay:
    """Start what events would have started, in the background; what they did start is left, unless `anew`."""
    return await events.replays.start(
        by.account_id, data.type_key, since=data.since, until=data.until, anew=data.anew, rate=data.rate
    )


@get("/event-replays", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_replays(by: By, events: Events) -> Page[Replay]:
    """The newest replays, newest first."""
    return Page(items=await events.replays.all(by.account_id), next_cursor=None)


@get("/event-replays/{replay_id:int}", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def get_replay(by: By, events: Events, replay_id: FromPath[int]) -> Replay:
    """Where a replay is."""
    return await events.replays.get(by.account_id, replay_id)


@post("/event-replays/{replay_id:int}/cancel", tags=_TAGS, status_code=200, opt=needs(Permission.SEND))
async def cancel_replay(by: By, events: Events, replay_id: FromPath[int]) -> Replay:
    """Replay no more. What was started goes on."""
    return await events.replays.cancel(by.account_id, replay_id)


HANDLERS: list[Any] = [rehearse_replay, start_replay, list_replays, get_replay, cancel_replay]
