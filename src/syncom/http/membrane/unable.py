"""What is asked for and not to be had here."""

from __future__ import annotations

from typing import Any

from syncom.connect.model import Fault
from syncom.errors import SyncomError


class Unable(SyncomError):
    """The request is well formed, and nothing here can do it: answered as an error of type ``configuration``.

    Nothing is faked: a client that gets this knows that its work was not done (membrane-api, 15: items 24 and 25).
    """

    code = "configuration"

    def __init__(self, message: str, *, key: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(type="configuration", key=key, message=message, data=data)
