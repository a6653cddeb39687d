"""/pulls: contacts and orders pulled out of connected apps, on a schedule (docs/agents.md)."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Pulls
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.pulls.model import Pull, PullInput, PullProblem

_TAGS = ["Pulls"]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What the first rows of a pull would become."""

    rows: list[dict[str, Any]]
    problems: list[PullProblem]


@get("/pulls", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def list_pulls(by: By, pulls: Pulls) -> Page[Pull]:
    """All pulls and how they go."""
    return Page(items=await pulls.list(by.account_id), next_cursor=None)


@post("/pulls", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def create_pull(by: By, pulls: Pulls, data: JSONBody[PullInput]) -> Pull:
    """Pull rows of an action out of a connection, now and again and again."""
    return await pulls.add(by.account_id, data)


@post("/pulls/preview", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def preview_pull(by: By, pulls: Pulls, data: JSONBody[PullInput]) -> Preview:
    """Run the action and show what the first rows would become; nothing is written."""
    rows, problems = await pulls.preview(by.account_id, data)
    return Preview(rows=[msgspec.to_builtins(row) for row in rows], problems=problems)


@get("/pulls/{pull_id:int}", tags=_TAGS, opt=needs(Permission.READ_SETTINGS))
async def get_pull(by: By, pulls: Pulls, pull_id: FromPath[int]) -> Pull:
    """One pull and how it goes."""
    return await pulls.get(by.account_id, pull_id)


@delete("/pulls/{pull_id:int}", tags=_TAGS, opt=needs(Permission.MANAGE_SETTINGS))
async def delete_pull(by: By, pulls: Pulls, pull_id: FromPath[int]) -> None:
    """Remove it. What it brought stays."""
    await pulls.remove(by.account_id, pull_id)


@post("/pulls/{pull_id:int}/run", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS, replay=False))
async def run_pull(by: By, pulls: Pulls, pull_id: FromPath[int]) -> Pull:
    """Pull now, and wait for it."""
    return await pulls.run_now(by.account_id, pull_id)


@post("/pulls/{pull_id:int}/pause", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def pause_pull(by: By, pulls: Pulls, pull_id: FromPath[int]) -> Pull:
    """Pull no more until it is resumed."""
    return await pulls.set_enabled(by.account_id, pull_id, enabled=False)


@post("/pulls/{pull_id:int}/resume", tags=_TAGS, status_code=200, opt=needs(Permission.MANAGE_SETTINGS))
async def resume_pull(by: By, pulls: Pulls, pull_id: FromPath[int]) -> Pull:
    """Go on pulling."""
    return await pulls.set_enabled(by.account_id, pull_id, enabled=True)


HANDLERS: list[Any] = [
    list_pulls,
    create_pull,
    preview_pull,
    get_pull,
    delete_pull,
    run_pull,
    pause_pull,
    resume_pull,
]
