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


async def test_why_a_contact_is_in_a_segment_is_told_part_by_part(site: Site) -> None:
    async with site.client() as client:
        listed = (await client.post("/syncom/v1/lists", json={"name": "Guests"})).json()
        person = (await client.put("/syncom/v1/contacts", json={"email": "why@example.com", "city": "Dnipro"})).json()
        contact_id = person["contact_id"]
        await client.put("/syncom/v1/contacts", json={"email": "other@example.com", "city": "Dnipro"})
        inner = {"field": "city", "op": "equals", "value": "Dnipro"}
        dnipro = (await client.post(PATH, json={"name": "Dnipro", "condition": inner})).json()["segment_id"]
        condition = {
            "all": [
                {"segment": dnipro},
                {"any": [{"list": listed["list_id"]}, {"not": {"activity": "opened"}}]},
                {"field": "first_name", "op": "is_set"},
            ]
        }
        made = (await client.post(PATH, json={"name": "Whole", "condition": condition})).json()["segment_id"]
        why = (await client.get(f"{PATH}/{made}/contacts/{contact_id}/why")).json()
        assert (why["is_in"], why["reason"]["kind"]) == (False, "all")
        segment, either, named = why["reason"]["parts"]
        assert (segment["kind"], segment["holds"]) == ("segment", True)
        assert [(one["at"], one["value"], one["holds"]) for one in segment["parts"]] == [
            ("condition.all.0.segment", "Dnipro", True)
        ]
        on_list, not_opened = either["parts"]
        assert (on_list["value"], on_list["holds"], on_list["sentence"]) == (
            "not on the list",
            False,
            'is in the list "Guests"',
        )
        assert (not_opened["holds"], not_opened["parts"][0]["value"], not_opened["parts"][0]["holds"]) == (
            True,
            "never",
            False,
        )
        assert (named["value"], named["holds"]) == ("empty", False)
        await client.post(f"/syncom/v1/lists/{listed['list_id']}/members", json={"contact_ids": [contact_id]})
        await client.patch(f"/syncom/v1/contacts/{contact_id}", json={"first_name": "Olha"})
        why = (await client.get(f"{PATH}/{made}/contacts/{contact_id}/why")).json()
        assert why["is_in"]
        assert why["reason"]["parts"][1]["parts"][0]["value"].startswith("on the list since 20")
        assert why["reason"]["parts"][2]["value"] == "Olha"
        shared = (await client.get(f"{PATH}/{dnipro}/overlap/{made}")).json()
        assert [shared[name]["contacts"] for name in ("first", "second", "both")] == [2, 1, 1]
        assert shared["both"]["is_exact"]
        assert (await client.get(f"{PATH}/{made}/contacts/999999/why")).status_code == 404
        assert (await client.get(f"{PATH}/{made}/overlap/999999")).status_code == 404
