"""/segments of the native API: kept members."""

from __future__ import annotations

from tests.http.running_site import Site

PATH = "/syncom/v1/segments"


async def test_a_segment_shows_its_size_its_moves_and_its_growth(site: Site) -> None:
    keeper = site.app.membership_keeper()
    async with site.client() as client:
        condition = {"field": "city", "op": "equals", "value": "Kyiv"}
        made = (await client.post(PATH, json={"name": "Kyiv", "condition": condition})).json()
        one = f"{PATH}/{made['segment_id']}"
        assert (await client.get(one)).json()["membership"] is None
        await keeper.settle()
        await client.put("/syncom/v1/contacts", json={"email": "a@example.com", "city": "Kyiv"})
        await client.put("/syncom/v1/contacts", json={"email": "b@example.com", "city": "Kyiv"})
        await keeper.settle()
        (listed,) = (await client.get(PATH)).json()["items"]
        assert (listed["membership"]["members"], listed["membership"]["is_complete"]) == (2, True)
        first = (await client.get(f"{one}/moves", params={"limit": 1})).json()
        second = (await client.get(f"{one}/moves", params={"limit": 1, "cursor": first["next_cursor"]})).json()
        found = first["items"] + second["items"]
        assert [(move["entered"], move["cause"]) for move in found] == [(True, "change")] * 2
        assert second["next_cursor"] is None
        contact_id = found[0]["contact_id"]
        groups = (await client.get(f"/syncom/v1/contacts/{contact_id}/segments")).json()["items"]
        assert groups == [{"segment_id": made["segment_id"], "name": "Kyiv"}]
        days = (await client.get(f"{one}/growth", params={"days": 2})).json()["items"]
        assert [(day["entered"], day["members"]) for day in days] == [(0, 0), (2, 2)]
        again = await client.post(f"{one}/rebuild")
        assert (again.status_code, again.json()["is_complete"]) == (202, False)
        assert (await client.get(f"{one}/growth", params={"days": 0})).status_code == 422
