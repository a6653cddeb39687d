"""Bodies as eSputnik's clients send them (eSputnik reference, 2.3 and 2.4): into one struct, or a clear refusal.

A body that is right as it stands costs one decoding. Anything else is put right by the struct's own types: members
that are null are left out, one element stands for a list of one, numbers and truth values may be texts and the other
way round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
from msgspec import inspect

from syncom.http.esputnik.method import Refused
from syncom.http.problems import wrong_field

_NOT_JSON = "Request body is not valid JSON"
_Mend = Callable[[Any], Any]


class BodyReader:
    """Reads bodies of one type."""

    def __init__(self, type_: Any, *, keep_nulls: bool = False) -> None:
        self._type = type_
        self._decode = msgspec.json.Decoder(type_).decode
        self._mend = _mender(inspect.type_info(type_), keep_nulls, {})

    def read(self, raw: bytes, charset: str = "") -> Any:
        """The body. Raises Refused (400) naming the field."""
        if charset and charset not in ("utf-8", "utf8", "us-ascii"):
            try:
                raw = raw.decode(charset).encode()
            except (LookupError, UnicodeError):
                raise Refused(400, f"Request body is not valid {charset} text") from None
        try:
            if b"\\u0000" not in raw:
                return self._decode(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        try:
            value = msgspec.json.decode(raw)
            if b"\\u0000" in raw and _has_nul(value):
                raise Refused(400, "Texts must not contain NUL characters")
            return msgspec.convert(self._mend(value), self._type, strict=False)
        except msgspec.ValidationError as error:
            raise _refusal(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused(400, _NOT_JSON) from None


def _refusal(error: msgspec.ValidationError) -> Refused:
    wrong = wrong_field(error)
    if wrong.reason == "is required":
        return Refused(400, f"Required field '{wrong.field}' is missing")
    if wrong.field == "body":
        return Refused(400, f"Request body is wrong: {wrong.reason}")
    return Refused(400, f"Field '{wrong.field}' is wrong: {wrong.reason}")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(inner) for key, inner in cast("dict[str, Any]", value).items())
    if isinstance(value, list):
        return any(_has_nul(inner) for inner in cast("list[Any]", value))
    return False


def _mender(info: inspect.Type, keep_nulls: bool, known: dict[type[Any], _Mend]) -> _Mend:
    """What puts a decoded value right before it is converted to this type."""
    if isinstance(info, inspect.UnionType):
        return _union(info, keep_nulls, known)
    if isinstance(info, inspect.StructType):
        return _struct(info, keep_nulls, known)
    if isinstance(info, (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)):
        return _list(_mender(info.item_type, keep_nulls, known))
    if isinstance(info, inspect.DictType):
        return _dict(_mender(info.value_type, keep_nulls, known))
    if isinstance(info, inspect.StrType):
        return _text
    return _as_it_is


def _union(info: inspect.UnionType, keep_nulls: bool, known: dict[type[Any], _Mend]) -> _Mend:
    menders = [_mender(one, keep_nulls, known) for one in info.types if not isinstance(one, inspect.NoneType)]
    if len(menders) == 1:
        return lambda value: value if value is None else menders[0](value)
    if (
        len(menders) == 2
        and isinstance(info.types[0], inspect.StructType)
        and isinstance(info.types[1], inspect.ListType)
    ):
        of_object, of_list = menders
        return lambda value: of_list(value) if isinstance(value, list) else of_object(value)
    # Of other possible types only msgspec can tell which one is meant.
    return _as_it_is


def _struct(info: inspect.StructType, keep_nulls: bool, known: dict[type[Any], _Mend]) -> _Mend:
    if info.cls in known:
        return known[info.cls]
    members: dict[str, _Mend] = {}
    objects: set[str] = set()

    def mend(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, Any]", value)
        return {
            name: members[name](inner)
            for name, inner in given.items()
            if name in members and (inner is not None or keep_nulls) and not (inner == [] and name in objects)
        }

    known[info.cls] = mend
    for member in info.fields:
        members[member.encode_name] = _mender(member.type, keep_nulls, known)
        if _is_object(member.type):
            objects.add(member.encode_name)
    return mend


def _is_object(info: inspect.Type) -> bool:
    """Whether only an object fits. PHP writes an empty one as ``[]``; it then counts as missing."""
    if isinstance(info, inspect.UnionType):
        rest = [one for one in info.types if not isinstance(one, inspect.NoneType)]
        return bool(rest) and all(_is_object(one) for one in rest)
    return isinstance(info, (inspect.StructType, inspect.DictType))


def _list(item: _Mend) -> _Mend:
    def mend(value: Any) -> Any:
        items = cast("list[Any]", value) if isinstance(value, list) else [value]
        return [item(inner) for inner in items]

    return mend


def _dict(item: _Mend) -> _Mend:
    def mend(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: item(inner) for name, inner in cast("dict[str, Any]", value).items()}

    return mend


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return msgspec.json.encode(value).decode()
    return value


def _as_it_is(value: Any) -> Any:
    return value
