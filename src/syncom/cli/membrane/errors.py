"""How a command may end other than well. Each says what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncom.errors import SyncomError

#: membrane-api, 15 item 3.
DONE, FAILED, MISUSED, PENDING, INTERRUPTED = 0, 1, 2, 3, 130


class Misuse(SyncomError):
    """The command line is wrong."""

    code = "usage"


class Failed(SyncomError):
    """The request failed: here, on the way, or at the server. ``error`` is the server's object, or one like it."""

    code = "failed"

    def __init__(
        self, message: str, *, key: str, kind: str = "bad_request", more: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"type": kind, "key": key, "message": message}
        #: Members of the answer beside the error, such as ``actionRunId``.
        self.beside: dict[str, Any] = dict(more or {})

    @classmethod
    def answered(cls, document: Mapping[str, Any], status: int) -> Failed:
        """What a server's error object says (membrane-api, 4.1)."""
        message = str(document.get("message") or f"the server answered {status}")
        failed = cls(message, key=str(document.get("key") or ""), kind=str(document.get("type") or "bad_request"))
        apart = ("actionRunId",)
        failed.error = {name: value for name, value in document.items() if name not in apart} | {"message": message}
        failed.beside = {name: document[name] for name in apart if name in document}
        return failed

    @property
    def key(self) -> str:
        return str(self.error.get("key", ""))
