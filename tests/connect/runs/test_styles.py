"""Arguments in the places and styles of OpenAPI (3.1, 4.8.12.4: the table of examples), and bodies."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest

from syncom.connect.model import Argument, Operation, Place
from syncom.connect.runs.building import operation_request, path_value, query_pairs
from syncom.errors import Invalid

_LIST = ["blue", "black", "brown"]
_OBJECT = {"R": 100, "G": 200, "B": 150}


@pytest.mark.parametrize(
    ("style", "explode", "value", "made"),
    [
        ("", None, "blue", "blue"),
        ("simple", False, _LIST, "blue,black,brown"),
        ("simple", False, _OBJECT, "R,100,G,200,B,150"),
        ("simple", True, _OBJECT, "R=100,G=200,B=150"),
        ("label", False, "blue", ".blue"),
        ("label", True, _LIST, ".blue.black.brown"),
        ("label", True, _OBJECT, ".R=100.G=200.B=150"),
        ("matrix", False, "blue", ";color=blue"),
        ("matrix", False, _LIST, ";color=blue,black,brown"),
        ("matrix", True, _LIST, ";color=blue;color=black;color=brown"),
        ("matrix", True, _OBJECT, ";R=100;G=200;B=150"),
        ("", None, "a/b c?", "a%2Fb%20c%3F"),
        ("", None, True, "true"),
    ],
)
def test_a_path_parameter_in_its_style(style: str, explode: bool | None, value: Any, made: str) -> None:
    argument = Argument(input="color", place=Place.PATH, name="color", style=style, explode=explode)
    assert path_value(argument, "color", value) == made


@pytest.mark.parametrize(
    ("style", "explode", "value", "made"),
    [
        ("", None, "blue", [("color", "blue")]),
        ("form", None, _LIST, [("color", "blue"), ("color", "black"), ("color", "brown")]),
        ("form", False, _LIST, [("color", "blue,black,brown")]),
        ("form", False, _OBJECT, [("color", "R,100,G,200,B,150")]),
        ("form", True, _OBJECT, [("R", "100"), ("G", "200"), ("B", "150")]),
        ("spaceDelimited", False, _LIST, [("color", "blue black brown")]),
        ("pipeDelimited", False, _LIST, [("color", "blue|black|brown")]),
        ("deepObject", True, _OBJECT, [("color[R]", "100"), ("color[G]", "200"), ("color[B]", "150")]),
        ("deepObject", True, {"a": {"b": [1]}}, [("color[a][b][0]", "1")]),
        ("json", None, {"a": 1}, [("color", '{"a":1}')]),
        ("", None, False, [("color", "false")]),
    ],
)
def test_a_query_parameter_in_its_style(
    style: str, explode: bool | None, value: Any, made: list[tuple[str, str]]
) -> None:
    argument = Argument(input="color", place=Place.QUERY, name="color", style=style, explode=explode)
    assert query_pairs(argument, "color", value) == made


def _request(media: str, given: dict[str, Any], *arguments: Argument) -> Any:
    operation = Operation(method="POST", path="/x", arguments=arguments, media=media)
    return operation_request(operation, given, {})


def _body(name: str) -> Argument:
    return Argument(input=name, place=Place.BODY, name=name)


def test_bodies_in_their_media_types() -> None:
    given = {"a": 1, "tags": ["x", "y"], "meta": {"k": "v"}, "none": None}
    arguments = [_body(name) for name in given]
    made = _request("application/json", given, *arguments)
    assert made.body == b'{"a":1,"tags":["x","y"],"meta":{"k":"v"},"none":null}'
    form = _request("application/x-www-form-urlencoded", given, *arguments)
    assert parse_qsl(form.body.decode()) == [("a", "1"), ("tags", "x"), ("tags", "y"), ("meta[k]", "v")]
    whole = Argument(input="body", place=Place.WHOLE_BODY)
    assert _request("text/plain", {"body": "plain"}, whole).body == b"plain"
    assert _request("application/octet-stream", {"body": {"content": "AAE="}}, whole).body == b"\0\1"
    assert _request("application/json", {}, whole).body is None


def test_a_file_is_sent_as_a_part() -> None:
    given = {"file": {"content": "aGk=", "filename": 'a"\r\nX: 1.txt', "contentType": "text/plain"}, "note": "é"}
    made = _request("multipart/form-data", given, _body("file"), _body("note"))
    boundary = made.media.partition("boundary=")[2].encode()
    parts = made.body.split(b"--" + boundary)
    assert b'name="file"; filename="a%22%0D%0AX: 1.txt"\r\nContent-Type: text/plain\r\n\r\nhi\r\n' in parts[1]
    assert 'name="note"\r\n\r\né\r\n'.encode() in parts[2]
    assert parts[3] == b"--\r\n"


def test_what_cannot_stand_in_a_path_is_named() -> None:
    argument = Argument(input="id", place=Place.PATH, name="id", required=True)
    operation = Operation(method="GET", path="/x/{id}", arguments=(argument,))
    for value in ("", "..", "."):
        with pytest.raises(Invalid) as caught:
            operation_request(operation, {"id": value}, {})
        assert caught.value.fields[0].field == "$.id"
    with pytest.raises(Invalid, match="is required"):
        operation_request(operation, {}, {})


def test_another_server_of_an_operation_has_the_connection_s_parameters() -> None:
    operation = Operation(method="GET", path="/x", base_url="https://{shop}.uploads.example/v1/")
    assert operation_request(operation, {}, {"shop": "a/b"}).path == "https://a%2Fb.uploads.example/v1/x"
    with pytest.raises(Invalid, match=r"parameters\.shop"):
        operation_request(operation, {}, {})
