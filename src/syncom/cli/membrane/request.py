"""``request``: a call of a connected app's API, with the address and the credentials added by the server.

What the app answers goes to standard output and nothing else does: JSON indented, everything else byte for byte
(membrane-api, 15 items 4 to 7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncom.cli.membrane.client import Answer, part
from syncom.cli.membrane.errors import DONE, FAILED, Misuse
from syncom.cli.membrane.grammar import Given, read_json
from syncom.cli.membrane.output import remark, write, write_json
from syncom.cli.membrane.session import Session

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Bytes of JSON that are indented; more goes through as it comes.
_INDENTED = 8 << 20
_PIECE = 1 << 16


def request(given: Given) -> int:
    """Ask, print, and end with 1 where the app's answer is an error."""
    wish = _wish(given)
    client = Session(given).tenant()
    with client.open("POST", f"connections/{part(given.words[0])}/request", body=wish) as answer:
        if "x-membrane-upstream" not in answer.headers and answer.status >= 300:
            raise client.failure(answer)
        if given.on("verbose"):
            remark(f"{answer.status} {answer.reason}")
        _print(answer, as_json=given.json)
    if answer.status < 400:
        return DONE
    remark(f"{given.program}: the app answered {answer.status} {answer.reason}".rstrip())
    return FAILED


def _wish(given: Given) -> dict[str, Any]:
    """The envelope (membrane-api, 6.8)."""
    method = (given.text("method") or "GET").upper()
    if method not in _METHODS:
        raise Misuse(f"--method must be one of {', '.join(_METHODS)}, not {method!r}")
    headers = _gathered(_header(written) for written in given.many("header"))
    wish: dict[str, Any] = {"path": given.words[1], "method": method}
    if query := _gathered(given.pairs("query")):
        wish["query"] = query
    if parameters := dict(given.pairs("pathParam")):
        wish["pathParameters"] = parameters
    _add_body(given, wish, headers)
    if headers:
        wish["headers"] = headers
    if "data" in wish and method == "GET":
        remark("A body goes with GET unless -X says otherwise: did you mean -X POST?")
    return wish


def _add_body(given: Given, wish: dict[str, Any], headers: dict[str, Any]) -> None:
    """The body of ``-d``, or of ``--json``: always the text as it was written, so that numbers stay what they are.

    With ``--json`` it must be JSON, and says so to the app. Without it the server says so where the text is JSON.
    """
    written, json_text = given.text("data"), _json_value(given)
    if written is not None and json_text is not None:
        raise Misuse("the body is given twice: by --data and by the value of --json")
    body = written if json_text is None else json_text
    if body is None:
        return
    wish["data"] = body
    if given.json and not given.on("rawData"):
        read_json("--data" if json_text is None else "--json", body)
        if not any(name.casefold() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"


def _json_value(given: Given) -> str | None:
    """The value of ``--json``, where it was given one (membrane-api, 15 item 5)."""
    found = given.text("json")
    return None if found is None or found.casefold() in ("true", "false", "1", "0") else found


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """By name; the values of a repeated one as a list."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value
    return found


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise Misuse(f'--header must be written "Name: value", not {text!r}')
    return name.strip(), value.strip()


def _print(answer: Answer, *, as_json: bool) -> None:
    """The body. Whole and indented while it is JSON of a usual size; else piece by piece, as it comes."""
    held = bytearray()
    json_like = answer.content_type == "application/json" or answer.content_type.endswith("+json")
    while (json_like or as_json) and len(held) <= _INDENTED:
        piece = answer.read(_PIECE)
        if not piece:
            _print_whole(bytes(held), json_like=json_like, as_json=as_json)
            return
        held += piece
    write(bytes(held))
    while piece := answer.read(_PIECE):
        write(piece)


def _print_whole(content: bytes, *, json_like: bool, as_json: bool) -> None:
    import msgspec

    if content and (json_like or as_json):
        try:
            # A re-indentation of the text: numbers stay as the app wrote them.
            write(msgspec.json.format(content, indent=2) + b"\n")
            return
        except msgspec.DecodeError:
            pass  # it only says that it is JSON
    if not as_json:
        write(content)
        return
    # The caller reads JSON: a text becomes a string, and no body is null. Other bytes have no form in JSON.
    try:
        write_json(content.decode() if content else None)
    except UnicodeDecodeError:
        write(content)
