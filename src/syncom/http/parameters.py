"""Members of a query as a document describes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A member of the query, for the document."""

    name: str
    text: str
    type: str = "string"
    required: bool = False


def described(parameters: Iterable[Parameter]) -> list[dict[str, Any]]:
    """As OpenAPI writes them."""
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.text,
            "schema": {"type": parameter.type},
        }
        for parameter in parameters
    ]
