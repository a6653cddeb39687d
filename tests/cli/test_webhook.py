"""``syncom webhook``: from the first test GET to removal."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.command import Command
from tests.webhooks.receiver import receiver


async def test_a_webhook_is_added_tested_paused_and_removed(syncom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = await syncom("webhook", "list")
    assert "syncom webhook add" in empty.out
    monkeypatch.setenv("SYNCOM_OUTBOUND_ALLOW", "127.0.0.1/32")
    monkeypatch.setenv("SYNCOM_WEBHOOK_PASSWORD", "secret")
    async with receiver() as server:
        saved = await syncom.json(
            "webhook", "add", server.url, "--name", "CRM", "--username", "crm", "--header", "X-Token: abc",
            "--status", "CLICKED",
        )  # fmt: skip
        assert saved["test"] == {"status": 200, "problem": ""}
        webhook = saved["webhook"]["webhook_id"]
        assert server.gets[0]["x-token"] == "abc"
        assert server.gets[0]["authorization"].startswith("Basic ")
        listed = await syncom.json("webhook", "list")
        assert [(one["name"], one["statuses"], one["header_names"]) for one in listed] == [
            ("CRM", ["CLICKED"], ["X-Token"])
        ]
        shown = await syncom("webhook", "show", webhook)
        assert "abc" not in shown.out
        assert (await syncom("webhook", "test", webhook)).code == 0
        server.statuses = [500]
        failed = await syncom("webhook", "test", webhook)
        assert (failed.code, "answered 500" in failed.out) == (1, True)
        assert not (await syncom.json("webhook", "pause", webhook))["is_active"]
        assert (await syncom.json("webhook", "resume", webhook))["is_active"]
        assert (await syncom.json("webhook", "remove", webhook)) == {"removed": webhook}
    assert (await syncom("webhook", "show", webhook)).code == 3
    assert (await syncom("webhook", "add", "http://127.0.0.1:9/")).code == 4
    assert (await syncom("webhook", "add", "http://127.0.0.1:9/", "--header", "nonsense")).code == 4
    await asyncio.sleep(0)
