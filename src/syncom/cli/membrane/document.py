"""JSON that somebody else wrote: members are there or not, and of any type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

Document = dict[str, Any]


def object_of(value: object) -> Document | None:
    """The value, if it is an object."""
    return cast(Document, value) if isinstance(value, dict) else None


def list_of(value: object) -> list[Any]:
    """The value, if it is an array; else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def inside(document: Mapping[str, Any], name: str) -> Document:
    """A member that is an object; else an empty one."""
    return object_of(document.get(name)) or {}


def text(document: Mapping[str, Any], name: str) -> str:
    """A member that is a text; else an empty one."""
    found = document.get(name)
    return found if isinstance(found, str) else ""
