"""The stream of changes: what is told, to whom, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from syncom.accounts.model import KeyScope, Role
from syncom.accounts.service import machine_principal
from syncom.app import open_app
from syncom.http.native import live
from syncom.http.server import serve
from syncom.messages.model import SenderConfig
from syncom.messages.senders import SenderInput
from syncom.settings import Settings
from tests.http.running_site import PASSWORD, Site

LIVE = "/syncom/v1/live"


class Heard:
    """An open stream, read event by event."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, str]:
        """The next event or comment, by field. Raises StopAsyncIteration when the stream has ended."""
        found: dict[str, str] = {}
        async for line in self._lines:
            if not line and found:
                return found
            if line:
                name, _, value = line.partition(":")
                found[name or "comment"] = value.strip()
        raise StopAsyncIteration

    async def end(self) -> None:
        """Wait until the stream ends."""
        async for _ in self._lines:
            pass

    async def change(self, kind: str) -> Any:
        """The id of the next change of a kind; other changes are skipped."""
        async with asyncio.timeout(20):
            while True:
                event = await self.next()
                if event.get("event") == "changed":
                    data = json.loads(event["data"])
                    assert set(data) == {"kind", "id"}, "a stream never says more"
                    if data["kind"] == kind:
                        return data["id"]


@asynccontextmanager
async def listening(client: httpx.AsyncClient, **headers: str) -> AsyncGenerator[Heard]:
    async with client.stream("GET", LIVE, headers=headers) as answer:
        assert answer.status_code == 200
        heard = Heard(answer)
        assert (await heard.next())["comment"] == "open"
        yield heard


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    session = await site.app.accounts.sign_in(email="admin@example.com", password=PASSWORD, address="::1")
    async with site.client(None, Cookie=f"syncom_session={session.token}", Origin=site.url) as client:
        yield client


async def test_a_stream_says_what_was_made_changed_and_removed(site: Site, browser: httpx.AsyncClient) -> None:
    async with site.client() as owner, listening(browser) as heard:
        assert heard.answer.headers["content-type"].startswith("text/event-stream")
        assert heard.answer.headers["x-accel-buffering"] == "no"
        assert "no-transform" in heard.answer.headers["cache-control"]
        assert "content-encoding" not in heard.answer.headers
        condition = {"field": "first_name", "op": "equals", "value": "x"}
        made = (await owner.post("/syncom/v1/segments", json={"name": "live", "condition": condition})).json()
        segment_id = str(made["segment_id"])
        assert await heard.change("segment") == segment_id
        await owner.put(f"/syncom/v1/segments/{segment_id}", json={"name": "other", "condition": condition})
        assert await heard.change("segment") == segment_id
        await owner.delete(f"/syncom/v1/segments/{segment_id}")
        assert await heard.change("segment") == segment_id
        template = {"name": "live", "subject": "s", "source": "<p>x</p>"}
        made = (await owner.post("/syncom/v1/templates", json=template)).json()
        assert await heard.change("template") == str(made["template_id"])
        audience = {"everyone": True}
        campaign = {"name": "live", "template_id": made["template_id"], "audience": audience}
        made = (await owner.post("/syncom/v1/campaigns", json=campaign)).json()
        assert await heard.change("campaign") == str(made["campaign_id"])
        await owner.patch("/syncom/v1/account", json={"name": "Renamed"})
        assert await heard.change("account") == str(site.owner.account_id)


async def test_what_another_process_writes_is_told_as_well(site: Site, browser: httpx.AsyncClient) -> None:
    config = SenderConfig(host="127.0.0.1", port=9)
    sender = await site.app.senders.add(
        site.owner.account_id, SenderInput(name="live", from_email="live@example.com", config=config)
    )
    async with listening(browser) as heard:
        # What was done before is told when the first mail is.
        await _mail_comes(site)
        await _told_until_mail(heard)
        async with site.app.database.system() as connection:
            await connection.execute(
                "UPDATE senders SET rate_tokens = 7 WHERE sender_id = %s", (sender.sender_id,)
            )  # its pace is no news
        await _mail_comes(site)
        assert "sender" not in await _told_until_mail(heard)
        async with site.app.database.system() as connection:
            await connection.execute("UPDATE senders SET problem = 'x' WHERE sender_id = %s", (sender.sender_id,))
        assert await heard.change("sender") == str(sender.sender_id)


async def _mail_comes(site: Site) -> None:
    async with site.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO inbox_messages (channel, mail_from, recipient, subject, message_id, raw)"
            " VALUES ('email', 'a@example.com', 'b@example.com', 's', 'm', 'x')"
        )


async def _told_until_mail(heard: Heard) -> list[str]:
    told: list[str] = []
    async with asyncio.timeout(20):
        while "inbox" not in told:
            event = await heard.next()
            if event.get("event") == "changed":
                told.append(json.loads(event["data"])["kind"])
    return told


async def test_nobody_hears_of_another_account_or_of_what_they_may_not_read(
    site: Site, browser: httpx.AsyncClient
) -> None:
    events_only = await site.app.accounts.create_api_key(
        site.owner, name="events", role=Role.OWNER, scope=KeyScope.EVENTS
    )
    async with (
        site.client(site.other_key) as other,
        site.client(events_only.key) as narrow,
        site.client() as owner,
        listening(other) as theirs,
        listening(narrow) as narrowed,
    ):
        listing = {"name": "mine only", "condition": {"field": "first_name", "op": "equals", "value": "x"}}
        await owner.post("/syncom/v1/segments", json=listing)
        await owner.patch("/syncom/v1/account", json={"name": "Mine again"})
        # What each hears first is what was done last for them: nothing came before it.
        first = await narrowed.next()
        assert json.loads(first["data"]) == {"kind": "account", "id": str(site.owner.account_id)}
        await other.patch("/syncom/v1/account", json={"name": "Theirs"})
        first = await theirs.next()
        assert json.loads(first["data"]) == {"kind": "account", "id": str(site.other.account_id)}


async def test_a_browser_that_comes_again_is_told_to_fetch_everything(site: Site, browser: httpx.AsyncClient) -> None:
    async with listening(browser, **{"Last-Event-ID": "17"}) as heard:
        event = await heard.next()
        assert (event["event"], event["data"]) == ("reset", "{}")


async def test_a_stream_says_that_it_is_alive_and_ends_with_its_session(
    site: Site, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)
    async with listening(browser) as heard, asyncio.timeout(20):
        assert (await heard.next())["comment"] == "alive"
        await browser.delete("/syncom/v1/session")
        await heard.end()


async def test_a_stream_ends_with_its_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)
    made = await site.app.accounts.create_api_key(site.owner, name="ends")
    async with site.client(made.key) as client, listening(client) as heard, asyncio.timeout(20):
        await site.app.accounts.revoke_api_key(site.owner, made.api_key.api_key_id)
        await heard.end()


async def test_a_stream_needs_credentials(site: Site) -> None:
    async with site.client(None) as nobody, site.client("sk_" + "x" * 43) as forger:
        assert (await nobody.get(LIVE)).status_code == 401
        assert (await forger.get(LIVE)).status_code == 401


async def test_stopping_the_server_ends_streams_and_does_not_wait_for_them(
    dsn: str, free_port: int, tmp_path: Path
) -> None:
    settings = Settings(port=free_port, data_dir=tmp_path, log_level="warning")
    async with open_app(settings, dsn=dsn, pool_size=2) as app:
        await app.accounts.first_run("admin@example.com", PASSWORD)
        owner = machine_principal((await app.accounts.default_account()).account_id)
        made = await app.accounts.create_api_key(owner, name="streams")
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop=stop, dsn=dsn))
    headers = {"Authorization": f"Bearer {made.key}"}
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=settings.base_url, headers=headers) as client:
        await _answering(client)
        async with listening(client) as heard:
            stop.set()
            await heard.end()
        await serving


async def _answering(client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get("/healthz")).status_code == 200:
                return
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
