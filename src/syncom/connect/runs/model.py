"""Values of runs."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from syncom.connect.model import ActionRun, Fault
from syncom.errors import Conflict, Upstream

#: Stands where a credential or a member that nobody may see was.
HIDDEN: Final = "•••"


class RunFailed(Upstream):
    """A run that began and failed. ``fault`` is what happened (membrane-api, 4.1 and 15: item 20): its type is
    ``action_run`` for a failure at the app, ``connection`` when a person has to connect again."""

    code = "run_failed"

    def __init__(self, run_id: str, fault: Fault) -> None:
        super().__init__(fault.message)
        self.run_id = run_id
        self.fault = fault
        #: When the app refused the credentials: the error of the connection behind it.
        self.cause: Fault | None = None
        if fault.type == "action_run" and fault.key == "access_token_expired":
            self.cause = Fault(type="connection", key=fault.key, message="the app refused the connection's credentials")


class DoneBefore(Conflict):
    """The call with this idempotency key was made before and went well; its output was too large to be kept."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"this call was made before (run {run_id}); its output was too large to be kept")
        self.run_id = run_id


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A request as an action wants it, before it is addressed and authorised."""

    method: str
    #: A path, or a full address to a host of the connector.
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    #: Content type of the body.
    media: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    #: JSON, text, ``{"content": base64, "contentType": …}`` of anything else, or None without a body.
    data: Any
    #: The address it came from. May hold credentials.
    url: str


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, newest first. ``before`` asks for those that follow; None: these were the last."""

    items: list[ActionRun]
    before: str | None
