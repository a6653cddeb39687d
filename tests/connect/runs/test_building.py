"""Requests out of the arguments that the catalogue makes of a document."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.connect.model import Operation
from syncom.connect.runs.building import operation_request
from syncom.errors import Invalid
from tests.connect.catalogue.made import operation

HELLO = "SGVsbG8="
FILE = {"type": "string", "format": "binary"}


def uploading(media: str, schema: dict[str, Any]) -> Operation:
    made = operation({"requestBody": {"content": {media: {"schema": schema}}}}).operation
    assert made is not None
    return made


@pytest.mark.parametrize("given", [HELLO, {"content": HELLO}, {"content": HELLO, "filename": "a.png"}])
def test_a_file_is_base64_or_an_object_around_it(given: Any) -> None:
    whole = operation_request(uploading("image/png", FILE), {"body": given}, {})
    assert (whole.body, whole.media) == (b"Hello", "image/png")
    form = uploading(
        "multipart/form-data", {"type": "object", "properties": {"file": FILE, "note": {"type": "string"}}}
    )
    sent = operation_request(form, {"file": given, "note": HELLO}, {})
    assert sent.body is not None
    assert b"\r\n\r\nHello\r\n" in sent.body
    assert HELLO.encode() in sent.body, "what is no file stays text"


def test_several_files_are_several_parts() -> None:
    form = uploading(
        "multipart/form-data", {"type": "object", "properties": {"files": {"type": "array", "items": FILE}}}
    )
    sent = operation_request(form, {"files": [HELLO, {"content": HELLO, "filename": "b"}]}, {})
    assert sent.body is not None
    assert sent.body.count(b'name="files"') == 2


def test_a_file_that_is_not_base64_is_refused() -> None:
    with pytest.raises(Invalid, match="base64"):
        operation_request(uploading("image/png", FILE), {"body": "Hello!"}, {})


def test_a_body_of_json_with_a_member_named_content_is_what_it_says() -> None:
    made = uploading("application/json", {"type": "object", "properties": {"content": {"type": "string"}}})
    assert operation_request(made, {"content": "Hello!"}, {}).body == b'{"content":"Hello!"}'


def test_a_parameter_with_content_is_json() -> None:
    made = operation(
        {
            "parameters": [
                {"name": "where", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}}
            ]
        }
    ).operation
    assert made is not None
    assert operation_request(made, {"where": {"a": 1}}, {}).query == (("where", '{"a":1}'),)
