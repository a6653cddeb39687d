"""Places in the JSON that apps answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from syncom.connect.model import Failure


def at_pointer(value: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to, and ``-1`` to the last item; None when it leads nowhere."""
    for piece in pointer.split("/")[1:] if pointer else ():
        name = piece.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(name)
        elif isinstance(value, list) and (name.isdecimal() or name == "-1"):
            items = cast("list[Any]", value)
            value = items[int(name)] if int(name) < len(items) and items else None
        else:
            return None
    return value


def is_failure(failure: Failure | None, answer: Any) -> bool:
    """Whether an answer with a status of success says that it failed, as its connector tells."""
    if failure is None:
        return False
    found = at_pointer(answer, failure.at)
    # As JSON: 1 is not true.
    return isinstance(found, bool) is isinstance(failure.equals, bool) and found == failure.equals
