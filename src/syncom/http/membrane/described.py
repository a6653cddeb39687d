"""The document of this API where the vendor's tools look for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from syncom.http.membrane.document import add_membrane
from syncom.http.membrane.method import PREFIX, Call, Method, Raw, Who


def description_of(methods: Sequence[Method]) -> Method:
    """The method that describes these."""

    @cache
    def document(base_url: str) -> bytes:
        whole: dict[str, Any] = {
            "openapi": "3.1.0",
            "info": {"title": "Syncom's integration layer, as Membrane's clients call it", "version": "1"},
            "servers": [{"url": base_url + PREFIX}],
            "paths": {},
        }
        add_membrane(whole, methods)
        whole["paths"] = {path.removeprefix(PREFIX): item for path, item in whole["paths"].items()}
        return msgspec.json.encode(whole)

    async def describe(call: Call[None]) -> Raw:
        return Raw(document(call.app.settings.base_url))

    return Method("GET", "/docs-json", describe, who=Who.PUBLIC, summary="The document of this API (OpenAPI 3.1)")
