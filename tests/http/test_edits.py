"""Two people edit the same thing: the second is told by whom it was saved since, and loses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2 as httpx
import pytest

from syncom.accounts.model import Role
from tests.http.running_site import PASSWORD, Site

V1 = "/syncom/v1"
_CONDITION = {"field": "first_name", "op": "equals", "value": "x"}
_STEPS = {"trigger": {"type": "api"}, "steps": [{"type": "stop"}]}
_SERVER = {"from_email": "edits@example.com", "config": {"host": "127.0.0.1", "port": 9}}

#: Path, what a thing is made and saved with but for its name, the name of its id.
THINGS: dict[str, tuple[dict[str, Any], str]] = {
    "templates": ({"subject": "s", "source": "<p>x</p>"}, "template_id"),
    "segments": ({"condition": _CONDITION}, "segment_id"),
    "forms": ({"title": "t"}, "form_id"),
    "senders": (_SERVER, "sender_id"),
    "workflows": ({"definition": _STEPS}, "workflow_id"),
    "campaigns": ({"audience": {"everyone": True}}, "campaign_id"),
}


async def make(owner: httpx.AsyncClient, kind: str, name: str) -> tuple[str, dict[str, Any], str]:
    """Path, body without the name, and ETag of a fresh thing."""
    body, ident = THINGS[kind]
    if kind == "campaigns":
        template = await owner.post(f"{V1}/templates", json={"name": name, "subject": "s", "source": "<p>x</p>"})
        body = {**body, "template_id": template.json()["template_id"]}
    made = await owner.post(f"{V1}/{kind}", json={**body, "name": name})
    assert made.status_code == 201, made.text
    return f"{V1}/{kind}/{made.json()[ident]}", body, made.headers["etag"]


def name_of(answer: httpx.Response) -> str:
    found = answer.json()
    return found["name"] if "name" in found else found["definition"]["name"]


@pytest.fixture
async def anna(site: Site) -> httpx.AsyncClient:
    email = "anna.edits@example.com"
    if not any(user.email == email for user in await site.app.accounts.list_users(site.owner)):
        await site.app.accounts.create_user(site.owner, email=email, name="Anna", role=Role.ADMIN, password=PASSWORD)
    session = await site.app.accounts.sign_in(email=email, password=PASSWORD, address="::1")
    return site.client(None, Cookie=f"syncom_session={session.token}", Origin=site.url)


@pytest.mark.parametrize("kind", sorted(THINGS))
async def test_the_second_who_saves_is_told_who_was_first_and_nothing_is_lost(
    site: Site, anna: httpx.AsyncClient, kind: str
) -> None:
    async with site.client() as owner, anna:
        path, body, made = await make(owner, kind, f"edits {kind}")
        opened = await owner.get(path)
        assert opened.headers["etag"] == made
        first = await anna.put(path, json={**body, "name": "hers"}, headers={"If-Match": opened.headers["etag"]})
        assert first.status_code == 200, first.text
        assert first.headers["etag"] != made
        late = await owner.put(path, json={**body, "name": "mine"}, headers={"If-Match": opened.headers["etag"]})
        problem = late.json()
        assert (late.status_code, problem["type"]) == (409, "/docs#problem-edited_since"), problem
        assert problem["newer"]["name"] == "Anna"
        assert problem["newer"]["by"].startswith("user:")
        assert problem["newer"]["at"]
        assert f'"{problem["newer"]["version"]}"' == first.headers["etag"]
        stored = await owner.get(path)
        assert (name_of(stored), stored.headers["etag"]) == ("hers", first.headers["etag"])
        again = await owner.put(path, json={**body, "name": "mine"}, headers={"If-Match": stored.headers["etag"]})
        assert again.status_code == 200, again.text
        without = await anna.put(path, json={**body, "name": "whichever"})
        assert without.status_code == 200, "without If-Match nothing is compared"
        assert name_of(await owner.get(path)) == "whichever"


async def test_of_two_saves_at_the_same_moment_one_is_kept(site: Site) -> None:
    async with site.client() as owner:
        path, body, tag = await make(owner, "segments", "edits race")
        answers = await asyncio.gather(
            *(owner.put(path, json={**body, "name": f"race {n}"}, headers={"If-Match": tag}) for n in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        [kept] = [answer for answer in answers if answer.status_code == 200]
        assert (await owner.get(path)).json()["name"] == kept.json()["name"]


async def test_a_draft_of_a_workflow_shares_its_version(site: Site, anna: httpx.AsyncClient) -> None:
    async with site.client() as owner, anna:
        path, _, tag = await make(owner, "workflows", "edits draft")
        draft = {"definition": {"trigger": {"type": "api"}, "steps": [{"type": "stop"}, {"type": "stop"}]}}
        saved = await anna.put(f"{path}/draft", json=draft, headers={"If-Match": tag})
        assert saved.status_code == 200, saved.text
        late = await owner.put(f"{path}/draft", json={"definition": _STEPS}, headers={"If-Match": tag})
        assert (late.status_code, late.json()["newer"]["name"]) == (409, "Anna")
        read = await owner.get(f"{path}/draft")
        assert read.headers["etag"] == saved.headers["etag"]
        dropped = await owner.delete(f"{path}/draft", headers={"If-Match": tag})
        assert dropped.status_code == 409
        assert (await owner.delete(f"{path}/draft", headers={"If-Match": read.headers["etag"]})).status_code == 204


async def test_a_save_from_elsewhere_counts_and_a_change_of_state_does_not(site: Site) -> None:
    async with site.client() as owner:
        path, body, tag = await make(owner, "senders", "edits elsewhere")
        sender_id = int(path.rpartition("/")[2])
        async with site.app.database.system() as connection:
            await connection.execute(
                "UPDATE senders SET rate_tokens = 3, problem = 'p' WHERE sender_id = %s", (sender_id,)
            )
        assert (await owner.get(path)).headers["etag"] == tag
        async with site.app.database.system() as connection:
            await connection.execute("UPDATE senders SET name = 'by hand' WHERE sender_id = %s", (sender_id,))
        late = await owner.put(path, json={**body, "name": "mine"}, headers={"If-Match": tag})
        assert (late.status_code, late.json()["newer"]["by"], late.json()["newer"]["name"]) == (409, "", None)
        assert late.json()["detail"].startswith("somebody saved this")


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"x"', '"1", "2"'], ids=["bare", "weak", "word", "several"])
async def test_another_tag_is_refused_by_its_name(site: Site, tag: str) -> None:
    async with site.client() as owner:
        path, body, _ = await make(owner, "segments", f"edits tag {tag}")
        refused = await owner.put(path, json={**body, "name": "x"}, headers={"If-Match": tag})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["If-Match"]


async def test_a_refused_save_leaves_the_version_as_it_was(site: Site) -> None:
    async with site.client() as owner:
        path, body, tag = await make(owner, "segments", "edits refused")
        refused = await owner.put(path, json={**body, "name": ""}, headers={"If-Match": tag})
        assert refused.status_code == 422
        assert "etag" not in refused.headers
        assert (await owner.put(path, json={**body, "name": "y"}, headers={"If-Match": tag})).status_code == 200
