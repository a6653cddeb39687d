"""What answers always have: a member with a default is sent like any other, and the document says so.

Derived schemas leave members with defaults out of ``required``, which is right for what is sent to us only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, cast

import msgspec

Document = dict[str, Any]
_PREFIX = "#/components/schemas/"


def require_what_is_always_sent(document: Document) -> None:
    """Complete ``required`` in schemas that occur in answers and in no request."""
    schemas: Document = document["components"]["schemas"]
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    asked = _reached((operation.get("requestBody", {}) for operation in operations), schemas)
    answered = _reached((operation["responses"] for operation in operations), schemas)
    structs = _structs()
    for name in answered - asked:
        schema = schemas[name]
        struct = structs.get(name)
        if "properties" in schema and struct is not None:
            schema["required"] = [one for one in schema["properties"] if one in _always(struct)]


def _reached(values: Iterator[Any] | Any, schemas: Document) -> set[str]:
    found: set[str] = set()
    waiting = [name for value in values for name in _references(value)]
    while waiting:
        name = waiting.pop()
        if name not in found and name in schemas:
            found.add(name)
            waiting.extend(_references(schemas[name]))
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in cast("Document", value).items():
            if key == "$ref":
                yield str(inner).removeprefix(_PREFIX)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _references(inner)


def _structs() -> dict[str, type[msgspec.Struct]]:
    """Structs by the name of their schema; names that several have are left out."""
    found: defaultdict[str, set[type[msgspec.Struct]]] = defaultdict(set)
    waiting: list[type[msgspec.Struct]] = list(msgspec.Struct.__subclasses__())
    while waiting:
        struct = waiting.pop()
        found[struct.__name__].add(struct)
        found[f"{struct.__module__}.{struct.__qualname__}"].add(struct)
        waiting.extend(struct.__subclasses__())
    return {name: next(iter(structs)) for name, structs in found.items() if len(structs) == 1}


def _always(struct: type[msgspec.Struct]) -> set[str]:
    """The members of a struct, as they are sent, that are never left out."""
    if struct.__struct_config__.omit_defaults:
        return {field.encode_name for field in msgspec.structs.fields(struct) if field.required}
    # Not msgspec.inspect.type_info: it refuses types that Litestar describes by itself.
    return {field.encode_name for field in msgspec.structs.fields(struct) if not _may_be_unset(field.type)}


def _may_be_unset(annotation: Any) -> bool:
    return annotation is msgspec.UnsetType or any(_may_be_unset(one) for one in getattr(annotation, "__args__", ()))
