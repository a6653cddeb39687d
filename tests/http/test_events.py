"""/events and /event-types of the native API."""

from __future__ import annotations

from tests.http.running_site import Site

EVENTS = "/syncom/v1/events"
TYPES = "/syncom/v1/event-types"


async def test_events_are_recorded_once_and_read_by_contact_and_type(site: Site) -> None:
    async with site.client() as client:
        made = await client.put("/syncom/v1/contacts", json={"email": "olena@example.org"})
        contact_id = made.json()["contact_id"]
        batch = {
            "events": [
                {"type_key": "paid", "key": f"inv-{number}", "params": {"Email": "olena@example.org", "sum": number}}
                for number in range(5)
            ]
        }
        answer = await client.post(EVENTS, json=batch)
        assert answer.status_code == 200, answer.text
        recorded = answer.json()["events"]
        assert [one["contact_id"] for one in recorded] == [contact_id] * 5
        again = (await client.post(EVENTS, json=batch)).json()["events"]
        assert [one["event_id"] for one in again] == [None] * 5
        types = {one["key"]: one for one in (await client.get(TYPES)).json()["items"]}
        of_type = f"{TYPES}/{types['paid']['event_type_id']}/events"
        for path in (f"/syncom/v1/contacts/{contact_id}/events", of_type):
            first = (await client.get(path, params={"limit": 3})).json()
            rest = (await client.get(path, params={"limit": 3, "cursor": first["next_cursor"]})).json()
            found = [one["event_id"] for one in (*first["items"], *rest["items"])]
            assert sorted(found) == sorted(one["event_id"] for one in recorded)
            assert (await client.get(path, params={"cursor": "x"})).status_code == 422


async def test_a_type_is_set_and_asked_for(site: Site) -> None:
    async with site.client() as client:
        wanted = {"key": "registration", "creates_contacts": True, "parameters": [{"name": "city"}]}
        answer = await client.post(TYPES, json=wanted)
        assert answer.status_code == 200, answer.text
        assert answer.json()["parameters"] == [{"name": "city", "required": True}]
        answer = await client.post(EVENTS, json={"events": [{"type_key": "registration"}]})
        assert (answer.status_code, "city" in answer.text) == (422, True)
        event = {"type_key": "registration", "params": {"city": "Lviv", "Email": "newcomer@example.org"}}
        answer = await client.post(EVENTS, json={"events": [event]})
        assert answer.json()["events"][0]["contact_id"] is not None
        answer = await client.post(TYPES, json={"key": "registration", "parameters": None})
        assert (answer.json()["creates_contacts"], answer.json()["parameters"]) == (True, None)


async def test_wrong_events_are_refused_by_name(site: Site) -> None:
    async with site.client() as client:
        for event, field in (
            ({"type_key": "a<b"}, "type_key"),
            ({"type_key": "paid", "key": "x" * 301}, "key"),
            ({"type_key": "paid", "contact_id": 99_999_999}, "contact 99999999"),
            ({"type_key": "paid", "occurred_at": "2026-01-01T10:00:00"}, "occurred_at"),
        ):
            answer = await client.post(EVENTS, json={"events": [event]})
            assert answer.status_code in (404, 422), answer.text
            assert field in answer.text
        answer = await client.post(TYPES, json={"key": "paid", "parameters": [{"name": ""}]})
        assert (answer.status_code, "parameters.0.name" in answer.text) == (422, True)
        assert (await client.get(f"{TYPES}/99999999/events")).status_code == 404
