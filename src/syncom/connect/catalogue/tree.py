"""Walking a document that nobody promised anything about."""

from __future__ import annotations

from typing import Any, Final, cast
from urllib.parse import unquote

from syncom.errors import Invalid

#: Remarks that are kept; a document that is wrong everywhere says so by them.
_NOTES: Final = 100
#: References that lead to references.
_HOPS: Final = 50


def members(value: Any) -> dict[str, Any]:
    """The value when it is an object, otherwise an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value when it is a list, otherwise an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value when it is text, otherwise an empty one."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(one for one in items(value) if isinstance(one, str))


class Document:
    """An OpenAPI or Swagger document, and what was noticed while reading it."""

    def __init__(self, name: str, root: dict[str, Any]) -> None:
        self.name = name
        self.root = root
        self.notes: list[str] = []

    def note(self, remark: str) -> None:
        """Keep a remark for the person who adds the document."""
        if len(self.notes) < _NOTES and remark not in self.notes:
            self.notes.append(remark)

    @property
    def is_swagger(self) -> bool:
        """Whether it is version 2.0."""
        return "swagger" in self.root

    def at(self, reference: str) -> Any:
        """What a local reference points at (RFC 6901); None when there is nothing.

        Raises Invalid for a reference out of the document: nothing is fetched while reading one.
        """
        if not reference.startswith("#"):
            raise Invalid(
                self.name, f"refers to another document ({reference[:200]}): bundle them into one file and add that"
            )
        found: Any = self.root
        for piece in reference[1:].split("/")[1:]:
            name = unquote(piece).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = members(found).get(name)
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(items(found)):
                found = items(found)[int(name)]
            else:
                return None
        # '#Name' is an anchor of JSON Schema; OpenAPI documents have practically none.
        return found if reference == "#" or reference.startswith("#/") else None

    def followed(self, value: Any) -> dict[str, Any]:
        """An object, with a reference in its place followed; empty when that leads nowhere or in a circle."""
        for _ in range(_HOPS):
            found = members(value)
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            value = self.at(reference)
            if value is None:
                self.note(f"{reference} is not in the document")
        return {}
