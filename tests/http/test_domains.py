"""/domains of the native API."""

from __future__ import annotations

from tests.http.running_site import Site

PATH = "/syncom/v1/domains"


async def test_domains_are_added_listed_by_pages_changed_and_removed(site: Site) -> None:
    async with site.client() as client:
        for name in ("b.example", "a.example", "c.example"):
            made = await client.post(PATH, json={"domain": name, "return_path": f"bounce.{name}"})
            assert made.status_code == 201, made.text
            assert (made.json()["verified"], made.json()["signs"]) == (False, False)
        assert "private" not in made.text
        first = (await client.get(PATH, params={"limit": 2})).json()
        assert [one["domain"] for one in first["items"]] == ["a.example", "b.example"]
        rest = (await client.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert ([one["domain"] for one in rest["items"]], rest["next_cursor"]) == (["c.example"], None)
        one = f"{PATH}/{rest['items'][0]['domain_id']}"
        changed = (await client.patch(one, json={"tracking_host": "go.c.example"})).json()
        assert (changed["return_path"], changed["tracking_host"]) == ("bounce.c.example", "go.c.example")
        rotated = (await client.post(f"{one}/rotate")).json()
        assert {key["selector"] for key in rotated["keys"]}.isdisjoint({key["selector"] for key in changed["keys"]})
        assert (await client.delete(one)).status_code == 204
        assert (await client.get(one)).status_code == 404


async def test_wrong_input_is_refused_by_the_field(site: Site) -> None:
    async with site.client() as client:
        for given, field in (
            ({"domain": "brand"}, "domain"),
            ({"domain": "brand.example", "return_path": "bounce.other.example"}, "return_path"),
            ({"domain": "brand.example", "sending_ips": ["here"]}, "sending_ips.0"),
        ):
            answer = await client.post(PATH, json=given)
            assert answer.status_code == 422
            assert [wrong["field"] for wrong in answer.json()["errors"]] == [field]
        assert (await client.post(PATH, json={"domain": "brand.example"})).status_code == 201
        assert (await client.post(PATH, json={"domain": "BRAND.example"})).status_code == 409
