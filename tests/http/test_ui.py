"""How the web application is served: policies, compressed files that never change, nothing outside its folder."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from syncom.errors import NotFound
from syncom.http.ui.app import UiApp

_DOCUMENT = '<meta property="csp-nonce" nonce="__CSP_NONCE__"><script nonce="__CSP_NONCE__" src="/ui/a.js"></script>'


@pytest.fixture
def ui(tmp_path: Path) -> UiApp:
    (tmp_path / "secret").write_text("secret")
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(_DOCUMENT)
    (dist / "editor.html").write_text("<p>editor</p>")
    (dist / "assets" / "a-1.js").write_text("long " * 100)
    (dist / "assets" / "a-1.js.gz").write_bytes(gzip.compress(b"long " * 100))
    (dist / "assets" / "a-1.js.br").write_bytes(b"as brotli")
    (dist / "icon.svg").write_text("<svg/>")
    return UiApp(dist)


async def _get(ui: UiApp, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "method": "GET", "path": path, "headers": raw}
    await (ui.file if path.startswith("/ui/") else ui.application)(scope, receive, send)
    got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], got, sent[1]["body"]


async def test_the_document_has_a_nonce_of_its_own_each_time_and_no_unsafe_source(ui: UiApp) -> None:
    nonces: set[str] = set()
    for _ in range(2):
        status, headers, body = await _get(ui, "/campaigns/7")
        policy = headers["content-security-policy"]
        nonce = re.findall(r"'nonce-([\w-]+)'", policy)
        assert status == 200
        assert headers["cache-control"] == "no-store"
        assert "unsafe" not in policy
        assert body.decode().count(f'nonce="{nonce[0]}"') == 2
        nonces.update(nonce)
    assert len(nonces) == 2


async def test_assets_are_kept_for_ever_and_compressed_for_those_who_read_it(ui: UiApp) -> None:
    _, plain, body = await _get(ui, "/ui/assets/a-1.js")
    assert "immutable" in plain["cache-control"]
    assert plain["content-type"].startswith("text/javascript")
    assert "content-encoding" not in plain
    _, zipped, squeezed = await _get(ui, "/ui/assets/a-1.js", accept_encoding="deflate, gzip;q=0.5")
    assert zipped["content-encoding"] == "gzip"
    assert zipped["vary"] == "accept-encoding"
    assert gzip.decompress(squeezed) == body
    for accepted, wanted in (("gzip, deflate, br, zstd", "br"), ("br;q=0, gzip", "gzip"), ("bro, identity", None)):
        _, headers, content = await _get(ui, "/ui/assets/a-1.js", accept_encoding=accepted)
        assert headers.get("content-encoding") == wanted
        assert (content == b"as brotli") is (wanted == "br")


async def test_files_whose_names_stay_are_asked_for_again(ui: UiApp) -> None:
    _, headers, _ = await _get(ui, "/ui/icon.svg")
    assert headers["cache-control"] == "no-cache"


async def test_the_designer_has_a_policy_of_its_own_and_may_be_framed_by_us_only(ui: UiApp) -> None:
    _, headers, _ = await _get(ui, "/ui/editor.html")
    assert "script-src 'self';" in headers["content-security-policy"]
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "assets/../../secret",
        "assets",
        "",
        "assets/a-1.js.gz",
        "assets/a-1.js.br",
        "index.html",
        "..\\secret",
        "none.js",
    ],
)
async def test_nothing_else_is_to_be_had(ui: UiApp, path: str) -> None:
    with pytest.raises(NotFound):
        await _get(ui, f"/ui/{path}")


async def test_a_source_tree_without_a_build_says_how_to_build(tmp_path: Path) -> None:
    status, _, body = await _get(UiApp(tmp_path), "/")
    assert status == 503
    assert b"make ui" in body
