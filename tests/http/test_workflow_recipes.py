"""/workflow-recipes of the native API."""

from __future__ import annotations

from syncom.workflows.recipes.service import recipes
from tests.http.running_site import Site

PATH = "/syncom/v1/workflow-recipes"


async def test_recipes_are_listed_with_what_they_bring(site: Site) -> None:
    async with site.client() as client:
        found = {one["key"]: one for one in (await client.get(PATH)).json()["items"]}
    assert set(found) == set(recipes())
    birthday = found["birthday"]
    assert birthday["fields"] == ["birthday"]
    assert birthday["definition"]["trigger"]["type"] == "date"
    assert {letter["key"] for letter in found["welcome"]["templates"]} == {"hello", "best", "offer"}


async def test_a_recipe_is_installed_as_a_draft_with_its_templates_under_the_name_given(site: Site) -> None:
    async with site.client() as client:
        made = await client.post(f"{PATH}/welcome/install", json={"name": "Hello there"})
        assert made.status_code == 201, made.text
        workflow = made.json()
        assert (workflow["name"], workflow["status"], workflow["version"]) == ("Hello there", "draft", 1)
        letters = [step["template_id"] for step in workflow["definition"]["steps"] if step["type"] == "send_email"]
        names = [(await client.get(f"/syncom/v1/templates/{one}")).json()["name"] for one in letters]
        assert names == ["Welcome: hello", "Welcome: the best", "Welcome: an offer"]
        birthday = await client.post(f"{PATH}/birthday/install", json={})
        assert birthday.status_code == 201, birthday.text
        assert "birthday" in {one["key"] for one in (await client.get("/syncom/v1/fields")).json()["items"]}


async def test_a_recipe_that_is_not_there_and_a_key_that_may_not_write_are_refused(site: Site) -> None:
    async with site.client() as client:
        assert (await client.post(f"{PATH}/teleport/install", json={})).status_code == 404
        wrong = await client.post(f"{PATH}/welcome/install", json={"title": "x"})
        assert wrong.status_code == 422
