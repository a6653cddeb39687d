"""All that is wrong with a body at once. msgspec stops at the first wrong member; when it did, this looks at each.

Only bodies that were refused come here, so good ones cost nothing more.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

import msgspec

from syncom.http.problems import WrongField, wrong_field

#: Faults of one answer: a file of ten thousand wrong rows is told by its first ones.
MOST: Final = 100
_LISTS: Final = (list, tuple, set, frozenset)


def faults(value: Any, kind: Any) -> list[WrongField]:
    """What is wrong with JSON values that should be of this type, the first :data:`MOST`; nothing for good ones."""
    found: list[WrongField] = []
    for fault in _faults(value, kind, ""):
        found.append(fault)
        if len(found) == MOST:
            break
    return found


def _faults(value: Any, kind: Any, path: str) -> Iterator[WrongField]:
    told = False
    for fault in _inside(value, kind, path):
        told = True
        yield fault
    if told:
        return
    # Nothing inside is wrong, or it is no container: what is wrong with the whole.
    try:
        msgspec.convert(value, kind, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        fault = wrong_field(error)
        yield WrongField(
            field=_below(path, "" if fault.field == "body" else fault.field) or "body", reason=fault.reason
        )


def _inside(value: Any, kind: Any, path: str) -> Iterator[WrongField]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _inside(value, arguments[0], path)
    elif origin in (Union, types.UnionType):
        others = [one for one in arguments if one is not type(None) and one is not msgspec.UnsetType]
        if value is not None and len(others) == 1:
            yield from _inside(value, others[0], path)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if isinstance(value, dict) and kind.__struct_config__.tag is None:
            yield from _members(cast("dict[str, Any]", value), kind, path)
    elif (
        isinstance(value, list) and origin in _LISTS and arguments and (origin is not tuple or arguments[1:] == (...,))
    ):
        for place, item in enumerate(cast("list[Any]", value)):
            yield from _faults(item, arguments[0], _below(path, str(place)))
    elif isinstance(value, dict) and origin is dict:
        for name, item in cast("dict[str, Any]", value).items():
            yield from _faults(item, arguments[1], _below(path, name))


def _members(value: dict[str, Any], kind: type[msgspec.Struct], path: str) -> Iterator[WrongField]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, _below(path, name))
        elif field.required:
            yield WrongField(field=_below(path, name), reason="is required")
    if kind.__struct_config__.forbid_unknown_fields:
        for name in value:
            if name not in fields:
                yield WrongField(field=_below(path, name), reason="there is no such field")


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
