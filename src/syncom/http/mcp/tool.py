"""What a tool is made of: a row of a table, and the one call it gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from syncom.app import App
from syncom.connect.model import Caller, Schema

Input = TypeVar("Input", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class ToolCall(Generic[Input]):
    """One call of a tool, checked."""

    app: App
    caller: Caller
    input: Input


Handler = Callable[[ToolCall[Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. The handler's answer is anything msgspec encodes to a JSON object."""

    name: str
    title: str
    #: What it does, and when an agent should use it.
    description: str
    #: Type of its input.
    input: type[msgspec.Struct]
    handler: Handler
    reads: bool = field(kw_only=True, default=False)
    destructive: bool = field(kw_only=True, default=False)

    @property
    def input_schema(self) -> Schema:
        """Its input as JSON Schema, without references: some clients do not follow them."""
        schema = msgspec.json.schema(self.input)
        found: Schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
        found.pop("title", None)
        found.pop("description", None)
        return found
