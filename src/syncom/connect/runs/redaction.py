"""What of a run may be kept where people read it: without credentials, without hidden members, cut to size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec

from syncom.connect.connections.redaction import SHORTEST, spellings
from syncom.connect.model import Authorisation, Schema
from syncom.connect.runs.model import HIDDEN

#: Bytes of JSON that a record keeps of an input and of an output.
MAX_RECORDED: Final = 64 * 1024
#: Words of headers may be ``Bearer`` or a version.
_SHORTEST_MADE: Final = 16
_MAX_DEPTH: Final = 100
#: Members with these names are hidden wherever they are.
_NAMES: Final = re.compile(
    r"(?:.*[_-])?(?:pass(?:word|wd|phrase)|secret|client_?secret|api_?key|access_?token|refresh_?token|id_?token|"
    r"auth_?token|private_?key|authorization|proxy-authorization|set-cookie|cookie|x-api-key)",
    re.IGNORECASE,
)


class Redaction:
    """Strikes out the secrets of a connection, in every spelling in which a request says them."""

    def __init__(self, *authorisations: Authorisation) -> None:
        self._authorisations = authorisations
        found: set[str] = set()
        for authorisation in authorisations:
            for secret in authorisation.secrets:
                found.update(spellings(secret))
            # What is made of secrets: the word of Basic, a signed token.
            placed = (authorisation.headers, authorisation.query, authorisation.cookies)
            said = [part for values in placed for value in values.values() for part in value.split()]
            for part in said:
                if len(part) >= _SHORTEST_MADE:
                    found.update(spellings(part))
        texts = sorted((text for text in found if len(text) >= SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(text) for text in texts)) if texts else None

    def also(self, authorisation: Authorisation) -> Redaction:
        """The same, and the secrets of renewed credentials too."""
        return Redaction(*self._authorisations, authorisation)

    def text(self, text: str) -> str:
        """Without secrets, and without what PostgreSQL cannot store."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        if "\0" in text:
            text = text.replace("\0", "\ufffd")
        return text if text.isascii() else text.encode("utf-8", "replace").decode()

    def value(self, value: Any, schema: Schema | None = None) -> Any:
        """The same for a JSON value; members that its schema hides, or whose name says so, are hidden."""
        root = schema or {}
        return self._value(value, [root], root, 0)

    def record(self, value: Any, schema: Schema | None = None, *, limit: int = MAX_RECORDED) -> Any:
        """What a record keeps of a value."""
        return cut(self.value(value, schema), limit)

    def _value(self, value: Any, schemas: list[Schema], root: Schema, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth > _MAX_DEPTH:
            return HIDDEN
        if isinstance(value, Mapping):
            found: dict[str, Any] = {}
            for name, item in cast("Mapping[Any, Any]", value).items():
                inner = [part for schema in schemas for part in _member(schema, str(name), root)]
                hidden = item not in (None, "", False, True) and (
                    _NAMES.fullmatch(str(name)) is not None or any(_hides(part) for part in inner)
                )
                found[self.text(str(name))] = HIDDEN if hidden else self._value(item, inner, root, depth + 1)
            return found
        if isinstance(value, (list, tuple)):
            inner = [part for schema in schemas for part in _items(schema, root)]
            if any(_hides(part) for part in inner):
                return HIDDEN
            return [self._value(item, inner, root, depth + 1) for item in cast("Iterable[Any]", value)]
        return value


def cut(value: Any, limit: int) -> Any:
    """The value, or how it begins when its JSON is longer than ``limit`` bytes."""
    encoded = msgspec.json.encode(value)
    if len(encoded) <= limit:
        return value
    beginning = encoded[: limit - 1024].decode("utf-8", "ignore")
    # Quotes and the like take more room inside of a text.
    while len(msgspec.json.encode(beginning)) > limit - 100:
        beginning = beginning[: int(len(beginning) * 0.9)]
    return {"$cut": {"bytes": len(encoded), "beginning": beginning}}


def _resolved(schema: Any, root: Schema, depth: int = 0) -> list[Schema]:
    """A schema with those it refers to and is made of."""
    if not isinstance(schema, dict) or depth > 8:
        return []
    members = cast("dict[str, Any]", schema)
    found: list[Schema] = [members]
    reference = members.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = root
        for piece in reference[2:].split("/"):
            piece = piece.replace("~1", "/").replace("~0", "~")
            target = cast("dict[str, Any]", target).get(piece) if isinstance(target, dict) else None
        found += _resolved(target, root, depth + 1)
    for word in ("allOf", "anyOf", "oneOf"):
        parts: Any = members.get(word)
        if isinstance(parts, list):
            for part in cast("list[Any]", parts):
                found += _resolved(part, root, depth + 1)
    return found


def _member(schema: Schema, name: str, root: Schema) -> list[Schema]:
    found: list[Schema] = []
    for part in _resolved(schema, root):
        properties: Any = part.get("properties")
        if isinstance(properties, dict) and name in properties:
            found += _resolved(cast("dict[str, Any]", properties)[name], root)
        else:
            found += _resolved(part.get("additionalProperties"), root)
    return found[:50]


def _items(schema: Schema, root: Schema) -> list[Schema]:
    return [inner for part in _resolved(schema, root) for inner in _resolved(part.get("items"), root)][:50]


def _hides(schema: Schema) -> bool:
    return schema.get("writeOnly") is True or schema.get("isSensitive") is True or schema.get("format") == "password"
