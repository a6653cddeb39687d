"""The document of this API where the vendor's tools look for it."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from syncom.http.membrane.method import Call, Method, Raw, Who


async def describe(call: Call[None]) -> Raw:
    return Raw(_document(call.app.settings.base_url))


@cache
def _document(base_url: str) -> bytes:
    # The table of methods names this module too.
    from syncom.http.membrane.app import METHODS, PREFIX
    from syncom.http.membrane.document import add_membrane

    whole: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Syncom's integration layer, as Membrane's clients call it", "version": "1"},
        "servers": [{"url": base_url + PREFIX}],
        "paths": {},
    }
    add_membrane(whole, METHODS)
    whole["paths"] = {path.removeprefix(PREFIX): item for path, item in whole["paths"].items()}
    return msgspec.json.encode(whole)


METHODS: Final[tuple[Method, ...]] = (
    Method("GET", "/docs-json", describe, who=Who.PUBLIC, summary="The document of this API (OpenAPI 3.1)"),
)
