"""Compiling a large template keeps nobody else waiting."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from syncom.content import compiling
from syncom.content.model import TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Invalid, Unavailable
from tests.http.running_site import Site

_PARAGRAPH = '<p style="color:#222">Hello {{ first_name }} <a href="https://shop.example/a">look</a></p>\n'
_LARGE = _PARAGRAPH * 900 + "<!-- " + "x" * 800_000 + " -->"


def _template(source: str = _LARGE) -> dict[str, str]:
    return {"name": "Large", "subject": "Hi", "source": source}


def _compilers() -> list[psutil.Process]:
    """Processes that compile at the moment."""
    found: list[psutil.Process] = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "syncom.content.compiling" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


async def _one_compiler() -> psutil.Process:
    while not (found := _compilers()):
        await asyncio.sleep(0.01)
    return found[0]


async def test_others_are_answered_while_a_large_template_is_compiled(site: Site) -> None:
    async with site.client() as client:
        saving = asyncio.create_task(client.post("/syncom/v1/templates", json=_template()))
        compiler = await _one_compiler()
        compiler.suspend()
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/syncom/v1/templates")).json()["items"] == []
        assert not saving.done()
        compiler.resume()
        answer = await saving
    assert answer.status_code == 201
    assert (await site.app.content.compiled(site.owner.account_id, answer.json()["content_id"])).links


async def test_what_is_wrong_with_a_large_template_is_told_with_its_line(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post("/syncom/v1/templates", json=_template(_LARGE + "\n{% if %}"))
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["field"] == "html"
    assert problem["reason"].startswith(f"line {_LARGE.count(chr(10)) + 2}: ")


async def test_a_compiler_that_dies_or_takes_too_long_is_an_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    content, account_id = site.app.content, site.owner.account_id
    large = TemplateInput(name="L", subject="S", source=_LARGE)
    saving = asyncio.create_task(content.create(account_id, large))
    (await _one_compiler()).kill()
    with pytest.raises(Invalid, match="cannot be compiled"):
        await saving
    monkeypatch.setattr(compiling, "_SECONDS", 0.001)
    with pytest.raises(Invalid, match="too long"):
        await content.create(account_id, large)
    assert not _compilers()


async def test_of_many_large_templates_at_once_some_are_asked_to_come_again(site: Site) -> None:
    content = ContentService(site.app.database, site.app.clock)
    large = TemplateInput(name="L", subject="S", source=_LARGE)
    # No more than the pool has connections: each of them holds one.
    saving = [asyncio.create_task(content.create(site.owner.account_id, large)) for _ in range(8)]
    results = await asyncio.gather(*saving, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 2
    assert all(isinstance(error, Unavailable) for error in refused)
