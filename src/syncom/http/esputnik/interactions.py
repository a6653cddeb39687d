"""What became of a push, told by the app that got it (eSputnik reference, 5.10)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from syncom.activity.model import ActivityKind
from syncom.http.esputnik.method import EMPTY, Call, Method, Refused, Scope
from syncom.http.esputnik.moments import account_zone, required_moment

_STATUSES: Final = {
    "DELIVERED": ActivityKind.DELIVERED,
    "OPENED": ActivityKind.OPENED,
    "CLICKED": ActivityKind.CLICKED,
}


class InteractionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, and when; now, unless ``time`` says."""

    status: str
    time: str = ""
    token: str = ""


async def set_status(call: Call[InteractionStatus]) -> object:
    given = call.body
    kind = _STATUSES.get(given.status.strip().upper())
    if kind is None:
        raise Refused(400, f"'status' must be one of {', '.join(_STATUSES)}")
    moment = required_moment("time", given.time, await account_zone(call)) if given.time.strip() else None
    ident = call.path["id:text"]
    try:
        message_id = UUID(ident)
    except ValueError:
        raise Refused(404, f"Interaction with id='{ident}' not found") from None
    if not await call.app.activity.report(call.account_id, message_id, kind, occurred_at=moment):
        raise Refused(404, f"Interaction with id='{ident}' not found")
    return EMPTY


METHODS: Final = [
    Method(
        "PUT",
        "/v1/interactions/{id:text}/status",
        set_status,
        scope=Scope.GENERAL,
        body=InteractionStatus,
        summary="Report that a push was delivered, opened or clicked",
    ),
]
