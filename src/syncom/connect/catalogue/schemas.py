"""Schemas of OpenAPI documents as JSON Schema 2020-12 that anybody can use.

What a reference points at becomes a definition (``$defs``) of each schema that reaches it and is never put in its
place, so that schemas may be circular. Whatever is not a keyword of JSON Schema, or has a wrong value, is left out: the
worst that a broken document gets is a schema that allows too much.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import jsonschema_rs
import msgspec

from syncom.connect.catalogue.tree import Document, items, members, text
from syncom.connect.catalogue.words import plain_text
from syncom.connect.model import Schema

#: Bytes of an action's schema, definitions included; what lies beyond is left open, the farthest first. In the graphs
#: of large APIs everything reaches everything: a megabyte an action, which nobody reads.
INPUT_BUDGET: Final = 128 * 1024
OUTPUT_BUDGET: Final = 32 * 1024
_DESCRIPTION: Final = 300
_EXAMPLE: Final = 120
_DEFAULT: Final = 1000

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_OTHER_TYPES: Final = {
    "int": "integer", "int32": "integer", "int64": "integer", "long": "integer", "float": "number",
    "double": "number", "decimal": "number", "bool": "boolean", "file": "string", "date": "string",
    "datetime": "string", "date-time": "string", "uuid": "string", "str": "string", "map": "object",
    "dict": "object", "list": "array",
}  # fmt: skip
#: One schema that applies to the value itself, and lists of them.
_IN_PLACE: Final = frozenset({"not", "if", "then", "else"})
_IN_PLACE_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf"})
#: Schemas for parts of the value.
_PARTS: Final = frozenset(
    {"additionalProperties", "propertyNames", "contains", "unevaluatedItems", "unevaluatedProperties", "contentSchema"}
)
_MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_COUNTS: Final = frozenset(
    {"maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties", "maxContains", "minContains"}
)
_NUMBERS: Final = frozenset({"maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"})
_BOOLEANS: Final = frozenset({"deprecated", "readOnly", "writeOnly", "uniqueItems"})
_TEXTS: Final = frozenset({"format", "contentEncoding", "contentMediaType"})


class Use(Enum):
    """What a schema is for: members that the app alone sets are no input, and those it never shows no output."""

    __hash__ = object.__hash__

    INPUT = "readOnly"
    OUTPUT = "writeOnly"


class _Definition(NamedTuple):
    schema: Any
    #: References in it; True: to the value itself, not to a part of it.
    references: dict[str, bool]
    size: int


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._references: dict[str, str] = {}
        self._definitions: dict[tuple[str, Use], _Definition] = {}

    def bundle(self, converted: Any, use: Use) -> Schema:
        """A schema made by :meth:`convert`, with the definitions that it reaches and no others."""
        root = {"not": Schema()} if converted is False else members(converted)
        references = self._referred(root)
        reached = self._reached(root, references, use)
        for only_choices in (True, False):
            endless = _endless({reference: one.references for reference, one in reached.items()})
            if endless:
                self._cut(endless, use, only_choices=only_choices)
                reached = self._reached(root, references, use)
        if set(root) == {"$ref"}:
            # The definition itself on top: readers look for "type" there. It stays a definition when it is circular.
            own = next(iter(references))
            root = dict(members(reached[own].schema))
            if not any(own in one.references for one in reached.values()):
                del reached[own]
        if reached:
            root = {**root, "$defs": {self._name(reference): one.schema for reference, one in reached.items()}}
        return root

    def _reached(self, root: Schema, references: dict[str, bool], use: Use) -> dict[str, _Definition]:
        """Definitions by reference, the nearest first, until the budget is spent."""
        left = (INPUT_BUDGET if use is Use.INPUT else OUTPUT_BUDGET) - _size(root)
        reached: dict[str, _Definition] = {}
        waiting = deque(references)
        while waiting:
            reference = waiting.popleft()
            if reference in reached:
                continue
            found = self._definition(reference, use)
            # The first is always whole: without it there would be nothing.
            if found.size > left and reached:
                reached[reference] = _Definition({}, {}, 2)
                continue
            left -= found.size
            reached[reference] = found
            waiting.extend(found.references)
        return reached

    def _cut(self, endless: set[str], use: Use, *, only_choices: bool) -> None:
        """Open circles of definitions that mean each other: they say nothing, and a validator would never end.

        As a rule a base lists its kinds (oneOf) and each kind includes the base (allOf): without the list all of them
        are right, so choices are cut first. What still goes round allows anything.
        """
        names = {f"#/$defs/{self._name(reference)}" for reference in endless}
        for reference in endless:
            if only_choices:
                schema = _without_choices(members(self._definitions[reference, use].schema), names)
            else:
                self._document.note(f"{reference} is defined by itself: anything is allowed there")
                schema = {}
            self._definitions[reference, use] = _Definition(schema, self._referred(schema), _size(schema))

    def _referred(self, schema: Any) -> dict[str, bool]:
        found: dict[str, bool] = {}
        self._gather(schema, found, in_place=True)
        return found

    def _gather(self, schema: Any, found: dict[str, bool], *, in_place: bool) -> None:
        """References of a converted schema."""
        for keyword, value in members(schema).items():
            if keyword == "$ref":
                reference = self._references[value]
                found[reference] = found.get(reference, False) or in_place
            elif keyword in _MAPS:
                for one in members(value).values():
                    self._gather(one, found, in_place=in_place and keyword == "dependentSchemas")
            elif keyword in _IN_PLACE_LISTS or keyword == "prefixItems":
                for one in items(value):
                    self._gather(one, found, in_place=in_place and keyword != "prefixItems")
            elif keyword in _IN_PLACE | _PARTS or keyword == "items":
                self._gather(value, found, in_place=in_place and keyword in _IN_PLACE)

    def _definition(self, reference: str, use: Use) -> _Definition:
        found = self._definitions.get((reference, use))
        if found is None:
            target = self._document.at(reference)
            if target is None:
                self._document.note(f"{reference} is not in the document: anything is allowed there")
            converted: Any = {} if target is None else self.convert(target, use)
            found = _Definition(converted, self._referred(converted), _size(converted))
            self._definitions[reference, use] = found
        return found

    def _name(self, reference: str) -> str:
        name = self._names.get(reference)
        if name is None:
            stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", reference.rpartition("/")[2])[:80].strip("_") or "Root"
            name, number = stem, 2
            while name in self._taken:
                name, number = f"{stem}_{number}", number + 1
            self._names[reference] = name
            self._references[f"#/$defs/{name}"] = reference
            self._taken.add(name)
        return name

    def convert(self, schema: Any, use: Use) -> Any:
        """One schema; what it refers to is still to be defined."""
        if isinstance(schema, bool):
            return schema
        given = members(schema)
        found: dict[str, Any] = {}
        reference = given.get("$ref")
        if isinstance(reference, str):
            # Resolved here, so that a reference out of the document is refused wherever it is.
            self._document.at(reference)
            found["$ref"] = f"#/$defs/{self._name(reference)}"
        for keyword, value in given.items():
            if keyword in _IN_PLACE or (keyword in _PARTS and isinstance(value, (dict, bool))):
                found[keyword] = self.convert(value, use)
            elif keyword in _IN_PLACE_LISTS and items(value):
                found[keyword] = [self.convert(one, use) for one in items(value)]
            elif keyword in _MAPS and isinstance(value, dict):
                found[keyword] = {
                    name: self.convert(one, use)
                    for name, one in members(value).items()
                    if (keyword != "patternProperties" or is_pattern(name))
                    and not (keyword == "properties" and members(one).get(use.value) is True)
                }
            elif keyword in ("items", "prefixItems"):
                found |= self._elements(keyword, value, use)
            else:
                found |= self._plain(keyword, value)
        return _finished(given, found, use)

    def _elements(self, keyword: str, value: Any, use: Use) -> dict[str, Any]:
        if isinstance(value, list):
            made = [self.convert(one, use) for one in items(value)]
            return {"prefixItems": made} if made else {}
        if keyword == "items" and isinstance(value, (dict, bool)):
            return {"items": self.convert(value, use)}
        return {}

    def _plain(self, keyword: str, value: Any) -> dict[str, Any]:
        """A keyword without schemas in it; nothing when it is none, or wrong."""
        if keyword == "description" and text(value):
            return {"description": plain_text(value, _DESCRIPTION)}
        if keyword == "pattern" and isinstance(value, str):
            if is_pattern(value):
                return {"pattern": value}
            self._document.note(f"the pattern {value[:80]} is not of a kind that can be checked, and is left out")
        return _plain(keyword, value)


def _without_choices(schema: Schema, names: set[str]) -> Schema:
    """Without the choices among which one of these is."""
    kept: Schema = {}
    for keyword, value in schema.items():
        if keyword in ("oneOf", "anyOf") and any(members(one).get("$ref") in names for one in items(value)):
            continue
        kept[keyword] = [_without_choices(members(one), names) for one in items(value)] if keyword == "allOf" else value
    return kept


def _plain(keyword: str, value: Any) -> dict[str, Any]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if keyword in _COUNTS:
        return {keyword: int(value)} if number and value >= 0 and value == int(value) else {}
    if keyword in _NUMBERS:
        return {keyword: value} if number else {}
    if keyword == "multipleOf":
        return {keyword: value} if number and value > 0 else {}
    if keyword in _BOOLEANS:
        return {keyword: True} if value is True else {}
    if keyword in _TEXTS or keyword == "title":
        return {keyword: value} if text(value) else {}
    if keyword == "required":
        return {keyword: list(dict.fromkeys(one for one in items(value) if isinstance(one, str)))}
    if keyword == "dependentRequired" and isinstance(value, dict):
        return {keyword: {name: _plain("required", one).get("required", []) for name, one in members(value).items()}}
    if keyword == "enum":
        chosen = list({msgspec.json.encode(one): one for one in items(value)}.values())
        return {"enum": chosen} if chosen else {}
    if keyword == "const":
        return {"const": value}
    if keyword == "default":
        return {"default": value} if _size(value) <= _DEFAULT else {}
    if keyword == "example" and value is not None:
        return {"examples": [value]} if _size(value) <= _EXAMPLE else {}
    if keyword == "examples":
        # A map of them is OpenAPI's, not JSON Schema's.
        short = [one for one in items(value) if _size(one) <= _EXAMPLE]
        return {"examples": short[:3]} if short else {}
    return {}


def _finished(given: dict[str, Any], found: dict[str, Any], use: Use) -> dict[str, Any]:
    """What follows from several keywords together."""
    _set_type(given, found)
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if given.get(exclusive) is True and limit in found:  # OpenAPI 3.0
            found[exclusive] = found.pop(limit)
    if "required" in found:
        hidden = {name for name, one in members(given.get("properties")).items() if members(one).get(use.value) is True}
        found["required"] = [name for name in found["required"] if name not in hidden]
        if not found["required"]:
            del found["required"]
    if "title" in found and "description" in found:
        del found["title"]
    chosen_by = text(members(given.get("discriminator")).get("propertyName"))
    if chosen_by:
        found["description"] = f"{found.get('description', '')} `{chosen_by}` says which kind it is.".strip()
    return _nullable(found) if given.get("nullable") is True or given.get("x-nullable") is True else found


def _set_type(given: dict[str, Any], found: dict[str, Any]) -> None:
    value = given.get("type")
    names = [value] if isinstance(value, str) else [one for one in items(value) if isinstance(one, str)]
    kinds = [_OTHER_TYPES.get(name.lower(), name.lower()) for name in names]
    kinds = list(dict.fromkeys(kind for kind in kinds if kind in _TYPES))
    if not kinds:
        return
    if value == "file":
        found["format"] = "binary"
    found["type"] = kinds[0] if len(kinds) == 1 else kinds
    if kinds == ["string"] and "enum" in found:
        # YAML makes numbers of '1' and booleans of 'true' where the author meant words.
        found["enum"] = [one if isinstance(one, str) or one is None else _word(one) for one in found["enum"]]
        found["enum"] = list(dict.fromkeys(found["enum"]))


def _word(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _nullable(found: dict[str, Any]) -> dict[str, Any]:
    kind = found.get("type")
    if "$ref" not in found and not _IN_PLACE_LISTS & set(found):
        if isinstance(kind, str) and kind != "null":
            found["type"] = [kind, "null"]
        elif isinstance(kind, list) and "null" not in kind:
            found["type"] = [*items(found["type"]), "null"]
        if "enum" in found and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
        return found
    notes = {name: found.pop(name) for name in ("description", "default", "deprecated") if name in found}
    return {**notes, "anyOf": [found, {"type": "null"}]}


@lru_cache(maxsize=4096)
def is_pattern(pattern: str) -> bool:
    """Whether the validator can use a regular expression."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def problem_of(schema: Schema) -> str:
    """What is wrong with a JSON Schema 2020-12; empty when nothing is. A reference must resolve inside it."""
    try:
        jsonschema_rs.Draft202012Validator(schema, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, RecursionError) as error:
        return str(error).partition("\n")[0][:300]
    return ""


def problem_of_converted(schema: Schema) -> str:
    """The same for a schema made here: its patterns and references were looked at one by one, and to compile them all
    again for each action took nine tenths of the time (measured)."""
    try:
        jsonschema_rs.meta.validate({"$schema": _DIALECT, **schema})
    except (jsonschema_rs.ValidationError, ValueError, RecursionError) as error:
        return str(error).partition("\n")[0][:300]
    return ""


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))


def _endless(references: dict[str, dict[str, bool]]) -> set[str]:
    """Definitions on circles of references to the value itself (or between two circles)."""
    onward = {
        one: {to for to, place in found.items() if place and to in references} for one, found in references.items()
    }
    backward: dict[str, set[str]] = {one: set() for one in references}
    for one, found in onward.items():
        for to in found:
            backward[to].add(one)
    left = set(references)
    for edges, against in ((onward, backward), (backward, onward)):
        # Ends are taken away until there are none: what remains goes round. No recursion: chains may be long.
        degree = {one: len(found & left) for one, found in edges.items() if one in left}
        ends = [one for one, count in degree.items() if count == 0]
        while ends:
            end = ends.pop()
            left.discard(end)
            for one in against[end] & left:
                degree[one] -= 1
                if degree[one] == 0:
                    ends.append(one)
    return left
