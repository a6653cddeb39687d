"""The query of a request, as pages read it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from litestar.types import Scope

from syncom.errors import Invalid

_MAX_FIELDS: Final = 50


def read_query(scope: Scope) -> list[tuple[str, str]]:
    """Names and values in their order. Raises Invalid for more than anybody sends, or what is no text."""
    try:
        text = scope.get("query_string", b"").decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Invalid("query", "cannot be read") from None
