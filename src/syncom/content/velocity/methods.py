"""Everything a template can call or read of a value. What is not written here does not exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from syncom.content.velocity.containers import COLLECTION, ENTRY, LIST, MAP, at_place, put_key
from syncom.content.velocity.math_tool import MATH
from syncom.content.velocity.model import ContactText, Entry, KeySet, Loop, MathTool, VelocityError
from syncom.content.velocity.numbers import BOOLEAN, DOUBLE, WHOLE
from syncom.content.velocity.run import Run
from syncom.content.velocity.signatures import Methods, fits, is_empty, member
from syncom.content.velocity.texts import TEXT


def call(run: Run, receiver: object, name: str, arguments: list[Any]) -> Any:
    """The result of a method, or None when there is none for this receiver and these arguments."""
    run.pay(0)
    methods = METHODS.get(type(receiver))
    if methods is None:
        return None
    for signature, function in methods.get(name, ()):
        if not fits(signature, arguments):
            continue
        if None in arguments and any(
            argument is None and letter == "s" for argument, letter in zip(arguments, signature, strict=False)
        ):
            raise VelocityError(f"{name} needs a text, and its argument is missing")
        result = function(run, receiver, *arguments)
        if isinstance(receiver, ContactText) or any(isinstance(argument, ContactText) for argument in arguments):
            return _marked(result)
        return result
    return None


def _marked(result: object) -> Any:
    """What was made of the recipient's words is the recipient's."""
    if type(result) is str:
        return ContactText(result)
    if type(result) is list:
        return [ContactText(member) if type(member) is str else member for member in cast("list[Any]", result)]
    return result


def read(run: Run, receiver: object, name: str) -> Any:
    """A property: the member of a map by key, else one of the few listed here."""
    kind = type(receiver)
    if kind is dict:
        found = cast("dict[str, Any]", receiver).get(name)
        if found is not None:
            return found
    readers = PROPERTIES.get(kind)
    reader = readers.get(name) if readers else None
    return reader(run, receiver) if reader else None


def index(run: Run, receiver: object, key: Any) -> Any:
    """``$list[0]``, ``$map["key"]``; a place before 0 counts from the end."""
    if type(receiver) is list and type(key) is int:
        members = cast("list[Any]", receiver)
        return at_place(run, members, key + len(members) if key < 0 else key)
    return call(run, cast("object", receiver), "get", [key])


def put(run: Run, receiver: object, key: Any, value: Any) -> None:
    """``#set($map.key = …)``: maps only."""
    if not isinstance(receiver, dict):
        raise VelocityError("#set changes variables and maps, nothing else")
    put_key(run, cast("dict[Any, Any]", receiver), key, value)


_EMPTY = {"empty": is_empty}
_LOOP = {
    "count": member("count"),
    "first": member("first"),
    "hasNext": member("has_next"),
    "index": member("index"),
    "last": member("last"),
    "parent": member("parent"),
    "topmost": member("topmost"),
}
_LOOP_METHODS: Methods = {
    **{f"get{name[0].upper()}{name[1:]}": (("", reader),) for name, reader in _LOOP.items()},
    "hasNext": (("", _LOOP["hasNext"]),),
    "isFirst": (("", _LOOP["first"]),),
    "isLast": (("", _LOOP["last"]),),
}
METHODS: Mapping[type, Methods] = {
    str: TEXT,
    ContactText: TEXT,
    int: WHOLE,
    float: DOUBLE,
    bool: BOOLEAN,
    list: LIST,
    KeySet: COLLECTION,
    dict: MAP,
    Entry: ENTRY,
    Loop: _LOOP_METHODS,
    MathTool: MATH,
}
PROPERTIES: Mapping[type, Mapping[str, Callable[[Run, Any], Any]]] = {
    str: _EMPTY,
    ContactText: _EMPTY,
    list: _EMPTY,
    KeySet: _EMPTY,
    dict: _EMPTY,
    Entry: {"key": member("key"), "value": member("value")},
    Loop: _LOOP,
}
