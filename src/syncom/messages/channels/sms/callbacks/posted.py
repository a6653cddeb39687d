"""A request of a provider, read within limits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from syncom.errors import Invalid

#: Bytes of a body; a long text and its fields are a fraction of it.
MAX_BODY: Final = 64 * 1024
_MAX_FIELDS: Final = 200
_MAX_QUERY: Final = 16 * 1024


class Posted(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What came in."""

    method: str
    #: The whole address as the provider knows it, with its query.
    url: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def form(self) -> list[tuple[str, str]]:
        """Fields of an urlencoded body. Raises Invalid."""
        if not self.body or self._kind != "application/x-www-form-urlencoded":
            return []
        return _pairs(self.body.decode("utf-8", "replace"))

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Fields of the address. Raises Invalid."""
        query = self.url.partition("?")[2]
        if len(query) > _MAX_QUERY:
            raise Invalid("query", "is too long")
        return _pairs(query)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None: it is none. Raises Invalid."""
        if not self.body or "json" not in self._kind:
            return None
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Invalid("body", "is not JSON") from None

    @cached_property
    def fields(self) -> Any:
        """What it says, wherever it stands: the JSON, or fields by name, of which the first of a name counts."""
        if self.json is not None:
            return self.json
        found: dict[str, str] = {}
        for name, value in [*self.form, *self.query]:
            found.setdefault(name, value)
        return found

    @property
    def _kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace")
    except ValueError:
        raise Invalid("body", f"has more than {_MAX_FIELDS} fields") from None
