"""Where a connection stands, and how a command ends because of it."""

from __future__ import annotations

from typing import Any

from syncom.cli.membrane.document import inside, list_of, object_of, text
from syncom.cli.membrane.errors import DONE, FAILED, PENDING
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.output import one_line, remark


def ended(given: Given, connection: dict[str, Any]) -> int:
    """How a command ends that waited for a connection (membrane-api, 15 item 3)."""
    state = connection.get("state")
    if state == "READY" or (state is None and connection.get("connected")):
        return DONE
    if state in ("CLIENT_ACTION_REQUIRED", "BUILDING"):
        url = page_of(connection)
        remark(f"{given.program}: a person must connect it{f' at {url}' if url else ' first'}")
        return PENDING
    remark(f"{given.program}: it is not connected: {_trouble(connection)}")
    return FAILED


def page_of(connection: dict[str, Any]) -> str:
    """The page of the connection's next step: an address of the web, and nothing else that a browser would run."""
    url = text(inside(connection, "clientAction"), "uiUrl")
    return url if url.startswith(("https://", "http://")) else ""


def _trouble(connection: dict[str, Any]) -> str:
    errors = [*list_of(connection.get("errors")), connection.get("error")]
    words = [text(found, "message") for error in errors if (found := object_of(error))]
    return one_line(next(filter(None, words), "") or text(connection, "state") or "it has no state")
