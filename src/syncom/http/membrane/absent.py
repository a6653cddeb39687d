"""Concepts of the vendor's platform that are not here (membrane-api, 12.1): flows, data sources, builder agents.

A list of what nobody has is empty, and that is the truth. Making one is refused, so that no client waits for it.
"""

from __future__ import annotations

from typing import Any, Final

from syncom.errors import NotFound
from syncom.http.membrane.method import Call, Handler, Listed, Method, Who
from syncom.http.membrane.unable import Unable

#: Path, and what one of them is called.
_CONCEPTS: Final = (
    ("flows", "flow", "write a workflow, or run actions one by one"),
    ("flow-instances", "flow instance", "write a workflow, or run actions one by one"),
    ("flow-runs", "flow run", "write a workflow, or run actions one by one"),
    ("data-sources", "data source", "run an action that lists what is wanted"),
    ("data-source-instances", "data source instance", "run an action that lists what is wanted"),
    ("field-mappings", "field mapping", "map fields in an action's config"),
    ("field-mapping-instances", "field mapping instance", "map fields in an action's config"),
    ("external-event-subscriptions", "external event subscription", "run an action on a schedule"),
)


async def _nothing(call: Call[None]) -> Listed[Any]:
    return Listed([])


def _missing(what: str) -> Handler:
    async def refuse(call: Call[Any]) -> object:
        raise NotFound(what, call.path["selector"])

    return refuse


def _refused(what: str, instead: str) -> Handler:
    async def refuse(call: Call[Any]) -> object:
        raise Unable(f"this server has no {what}s: {instead}", key="not_supported")

    return refuse


async def _no_agent(call: Call[None]) -> object:
    raise Unable(
        "this server has no building agent: find an action by intent, or make one of a request", key="no_building_agent"
    )


def _rows() -> list[Method]:
    rows: list[Method] = []
    for path, what, instead in _CONCEPTS:
        none, refused, missing = f"{what.capitalize()}s: none", _refused(what, instead), _missing(what)
        absent = "Not found: there are none here"
        rows += [
            Method("GET", f"/{path}", _nothing, who=Who.WORKSPACE, summary=none, answer=Listed[Any]),
            Method("POST", f"/{path}", refused, who=Who.WORKSPACE, summary="Refused: there are none here"),
            Method("GET", f"/{path}/{{selector}}", missing, who=Who.WORKSPACE, summary=absent),
        ]
    return rows


METHODS: Final[tuple[Method, ...]] = (
    *_rows(),
    Method(
        "GET",
        "/agent/sessions",
        _nothing,
        who=Who.WORKSPACE,
        summary="Sessions of the building agent: none",
        answer=Listed[Any],
    ),
    Method("POST", "/agent/sessions", _no_agent, who=Who.WORKSPACE, summary="Refused: there is no building agent"),
    Method(
        "GET",
        "/agent/sessions/{selector}",
        _missing("agent session"),
        who=Who.WORKSPACE,
        summary="Not found: there is no building agent",
    ),
)
