"""What values print, and when they are equal. Both are paid for, so that no web of lists can hang a rendering."""

from __future__ import annotations

from typing import Any, cast

from syncom.content.velocity import java
from syncom.content.velocity.model import ContactText, Entry, Loop, MathTool, VelocityError, joined
from syncom.content.velocity.run import Fragment, Run

#: Containers inside one another that are printed or compared.
_MAX_DEPTH = 30


def text_of(run: Run, value: Any) -> str:
    """toString, paid for. Nothing is "null"."""
    if isinstance(value, str):
        run.left -= len(value)
        return value
    if type(value) is float:
        return java.double(value)
    pieces: list[str] = []
    _print(run, value, pieces, 0)
    return joined(pieces)


def _print(run: Run, value: Any, pieces: list[str], depth: int) -> None:
    run.pay(0)
    if isinstance(value, str):
        run.left -= len(value)
        pieces.append(value)
    elif value is None:
        pieces.append("null")
    elif isinstance(value, bool):
        pieces.append("true" if value else "false")
    elif isinstance(value, int):
        pieces.append(str(java.checked(value)))
    elif isinstance(value, float):
        pieces.append(java.double(value))
    elif depth > _MAX_DEPTH:
        raise VelocityError(f"lists and maps hold one another deeper than {_MAX_DEPTH}")
    elif isinstance(value, list):
        _print_all(run, cast("list[Any]", value), pieces, depth)
    elif isinstance(value, dict):
        pieces.append("{")
        for number, (key, member) in enumerate(cast("dict[str, Any]", value).items()):
            pieces.append(", " if number else "")
            _print_pair(run, key, member, pieces, depth)
        pieces.append("}")
    elif isinstance(value, Entry):
        _print_pair(run, value.key, value.value, pieces, depth)
    elif isinstance(value, Fragment):
        pieces.append(run.captured(value.render))
    elif not isinstance(value, Loop | MathTool):
        # Dates and the like, of custom fields.
        pieces.append(ContactText(str(value)))


def _print_all(run: Run, members: list[Any], pieces: list[str], depth: int) -> None:
    pieces.append("[")
    for number, member in enumerate(members):
        pieces.append(", " if number else "")
        _print(run, member, pieces, depth + 1)
    pieces.append("]")


def _print_pair(run: Run, key: Any, member: Any, pieces: list[str], depth: int) -> None:
    _print(run, key, pieces, depth + 1)
    pieces.append("=")
    _print(run, member, pieces, depth + 1)


def equal(run: Run, left: Any, right: Any) -> bool:
    """``==``: numbers by value, the same kinds by value, anything else by what it prints."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if is_number(left) and is_number(right):
        return left == right
    if type(left) is type(right):
        return same(run, left, right, 0)
    return text_of(run, left) == text_of(run, right)


def same(run: Run, left: Any, right: Any, depth: int = 0) -> bool:
    """equals: kind and value."""
    run.pay(0)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if type(left) is not type(right):
        return False
    if depth > _MAX_DEPTH:
        raise VelocityError(f"lists and maps hold one another deeper than {_MAX_DEPTH}")
    if isinstance(left, list):
        pairs = list(zip(cast("list[Any]", left), right, strict=False))
        return len(pairs) == len(right) == len(cast("list[Any]", left)) and all(
            same(run, one, other, depth + 1) for one, other in pairs
        )
    if isinstance(left, dict):
        members = cast("dict[str, Any]", left)
        return members.keys() == right.keys() and all(
            same(run, member, right[key], depth + 1) for key, member in members.items()
        )
    if isinstance(left, Entry):
        return same(run, left.key, right.key, depth + 1) and same(run, left.value, right.value, depth + 1)
    return bool(left == right)


def is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float
