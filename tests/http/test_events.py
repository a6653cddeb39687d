"""/events and /event-types of the native API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.http.running_site import Site

EVENTS = "/syncom/v1/events"
TYPES = "/syncom/v1/event-types"


async def test_events_are_recorded_once_and_read_by_contact_and_type(site: Site) -> None:
    async with site.client() as client:
        made = await client.put("/syncom/v1/contacts", json={"email": "olena@example.org"})
        contact_id = made.json()["contact_id"]
        events = [
            {"type_key": "paid", "key": f"inv-{number}", "params": {"Email": "olena@example.org", "sum": number}}
            for number in range(5)
        ]
        recorded = [(await client.post(EVENTS, json=event)).json() for event in events]
        assert [one["contact_id"] for one in recorded] == [contact_id] * 5
        again = [(await client.post(EVENTS, json=event)).json() for event in events]
        assert [one["event_id"] for one in again] == [None] * 5
        types = {one["key"]: one for one in (await client.get(TYPES)).json()["items"]}
        of_type = f"{TYPES}/{types['paid']['event_type_id']}/events"
        for path in (f"/syncom/v1/contacts/{contact_id}/events", of_type):
            first = (await client.get(path, params={"limit": 3})).json()
            rest = (await client.get(path, params={"limit": 3, "cursor": first["next_cursor"]})).json()
            found = [one["event_id"] for one in (*first["items"], *rest["items"])]
            assert sorted(found) == sorted(one["event_id"] for one in recorded)
            assert (await client.get(path, params={"cursor": "x"})).status_code == 422


async def test_the_straight_way_and_the_described_one_answer_alike(site: Site) -> None:
    """A request with an Idempotency-Key takes the described one."""
    async with site.client() as client:
        for number, body in enumerate(
            ({"type_key": "alike", "dedupe_key": "d"}, {"type_key": "a<b"}, {"type": "alike"}, {"type_key": 5}, [], "x")
        ):
            straight = await client.post(EVENTS, json=body)
            described = await client.post(EVENTS, json=body, headers={"Idempotency-Key": f"alike-{number}"})
            told = [{**answer.json(), "request_id": "", "event_id": ""} for answer in (straight, described)]
            assert (straight.status_code, told[0]) == (described.status_code, told[1])
        assert (await client.post(EVENTS, content=b"{}")).status_code == 415
        broken = await client.post(EVENTS, content=b"{", headers={"Content-Type": "application/json"})
        assert broken.status_code == 400
    async with site.client(key=None) as nobody:
        assert (await nobody.post(EVENTS, json={"type_key": "alike"})).status_code == 401
    async with site.client(key=site.viewer_key) as viewer:
        assert (await viewer.post(EVENTS, json={"type_key": "alike"})).status_code == 403
    assert "post" in site.document["paths"][EVENTS]
    batch = site.document["paths"][f"{EVENTS}/batch"]["post"]["requestBody"]["content"]
    assert set(batch) == {"application/json", "application/x-ndjson"}


async def test_bad_events_of_a_batch_are_reported_by_place_and_the_rest_is_recorded(site: Site) -> None:
    entries: list[bytes] = [
        b'{"type_key": "loaded", "dedupe_key": "1", "occurred_at": "2026-09-14T12:00:00Z"}',
        b'{"type_key": "loaded", "params": []}',
        b'{"type_key": "new<type"}',
        b'{"type_key": "loaded", "dedupe_key": "1"}',
        b'{"type_key": "loaded", "contact_id": 99999999}',
        b'{"type_key": "loaded", "what": 1}',
        b'{"type_key": "loaded", "dedupe_key": "2"}',
        b'{"type_key": "neverMade", "key": "' + b"x" * 301 + b'"}',
    ]
    wrong = [(1, "params"), (2, "type_key"), (4, "contact_id"), (5, "what"), (7, "key")]
    lines = {"Content-Type": "application/x-ndjson; charset=utf-8"}
    async with site.client() as client:
        answer = await client.post(
            f"{EVENTS}/batch", content=b"[" + b",".join(entries) + b"]", headers={"Content-Type": "application/json"}
        )
        told = answer.json()
        assert (told["recorded"], told["repeated"], told["failed"]) == (2, 1, 5), told
        assert [(error["index"], error["field"]) for error in told["errors"]] == wrong
        again = await client.post(f"{EVENTS}/batch", content=b"\n".join(entries) + b"\n\nno JSON\n", headers=lines)
        told = again.json()
        assert (told["recorded"], told["repeated"], told["failed"]) == (0, 3, 6), told
        assert [(error["index"], error["field"]) for error in told["errors"]] == [*wrong, (9, "")]
        types = [one["key"] for one in (await client.get(TYPES)).json()["items"]]
        assert "loaded" in types
        assert "neverMade" not in types, "an event that is refused leaves no type behind"
        too_many = await client.post(f"{EVENTS}/batch", content=b"{}\n" * 10_001, headers=lines)
        assert too_many.status_code == 422
        assert (await client.post(f"{EVENTS}/batch", json={"events": []})).json()["recorded"] == 0
        for content, media, status in ((b"[", "application/json", 400), (b"[]", "text/csv", 415)):
            answer = await client.post(f"{EVENTS}/batch", content=content, headers={"Content-Type": media})
            assert answer.status_code == status, answer.text


async def test_a_type_is_set_and_asked_for(site: Site) -> None:
    async with site.client() as client:
        wanted = {"key": "registration", "creates_contacts": True, "parameters": [{"name": "city"}]}
        answer = await client.post(TYPES, json=wanted)
        assert answer.status_code == 200, answer.text
        assert answer.json()["parameters"] == [{"name": "city", "required": True}]
        answer = await client.post(EVENTS, json={"type_key": "registration"})
        assert (answer.status_code, "city" in answer.text) == (422, True)
        event = {"type_key": "registration", "params": {"city": "Lviv", "Email": "newcomer@example.org"}}
        answer = await client.post(EVENTS, json=event)
        assert answer.json()["contact_id"] is not None
        answer = await client.post(TYPES, json={"key": "registration", "parameters": None})
        assert (answer.json()["creates_contacts"], answer.json()["parameters"]) == (True, None)


async def test_parameters_of_a_type_are_told_and_declared(site: Site) -> None:
    async with site.client() as client:
        for value in ("5", 6, "seven"):
            await client.post(EVENTS, json={"type_key": "measured", "params": {"value": value}})
        answer = await client.post(TYPES, json={"key": "measured", "declared": {"value": "number"}})
        assert answer.json()["declared"] == {"value": "number"}
        listed = f"{TYPES}/{answer.json()['event_type_id']}/parameters"
        [found] = (await client.get(listed)).json()["items"]
        assert (found["type"], found["declared"], found["conflicts"]) == ("number", True, 1)
        assert found["seen"] == {"number": 2, "string": 1}
        refused = await client.post(EVENTS, json={"type_key": "measured", "params": {"value": "eight"}})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "params.value")
        assert (await client.post(TYPES, json={"key": "measured", "declared": {"value": "text"}})).status_code == 422


async def test_wrong_events_are_refused_by_name(site: Site) -> None:
    async with site.client() as client:
        for event, field in (
            ({"type_key": "a<b"}, "type_key"),
            ({"type_key": "paid", "key": "x" * 301}, "key"),
            ({"type_key": "paid", "contact_id": 99_999_999}, "contact 99999999"),
            ({"type_key": "paid", "occurred_at": "2026-01-01T10:00:00"}, "occurred_at"),
        ):
            answer = await client.post(EVENTS, json=event)
            assert answer.status_code in (404, 422), answer.text
            assert field in answer.text
        answer = await client.post(TYPES, json={"key": "paid", "parameters": [{"name": ""}]})
        assert (answer.status_code, "parameters.0.name" in answer.text) == (422, True)
        assert (await client.get(f"{TYPES}/99999999/events")).status_code == 404


async def test_events_of_a_type_are_browsed_by_a_parameter_and_time_and_counted(site: Site) -> None:
    async with site.client() as client:
        for n in range(4):
            body = {
                "type_key": "browsed",
                "key": str(n),
                "occurred_at": f"2026-05-0{n + 1}T12:00:00Z",
                "params": {"size": "big" if n % 2 else "small", "basket": {"total": n}},
            }
            assert (await client.post(EVENTS, json=body)).status_code == 200
        figures = (await client.get(f"{TYPES}/figures", params={"days": 366})).json()["items"]
        [browsed] = [one for one in figures if one["key"] == "browsed"]
        assert browsed["is_exact"] is True
        assert browsed["last_at"] == "2026-05-04T12:00:00Z"

        async def browse(**query: Any) -> list[str]:
            answer = await client.get(f"{TYPES}/{browsed['event_type_id']}/events", params=query)
            assert answer.status_code == 200, answer.text
            return [event["key"] for event in answer.json()["items"]]

        assert await browse() == ["3", "2", "1", "0"]
        assert await browse(parameter="size", value="big") == ["3", "1"]
        assert await browse(parameter="basket.total", value="2") == ["2"]
        assert await browse(parameter="size", value="huge") == []
        assert await browse(since="2026-05-02T00:00:00Z", until="2026-05-04T12:00:00Z") == ["2", "1"]


async def test_events_of_a_type_are_browsed_by_contact_and_counted_by_day(site: Site) -> None:
    async with site.client() as client:
        now = datetime.now(UTC)
        for n, name in enumerate(("nora", "otto", "nora", "")):
            params = {"EmailAddress": f"{name}@example.org"} if name else {}
            event = {"type_key": "visited", "key": str(n), "params": params, "occurred_at": _ago(now, days=n + 0.5)}
            assert (await client.post(TYPES, json={"key": "visited", "creates_contacts": True})).status_code == 200
            assert (await client.post(EVENTS, json=event)).status_code == 200
        figures = (await client.get(f"{TYPES}/figures", params={"days": 3})).json()["items"]
        [visited] = [one for one in figures if one["key"] == "visited"]
        assert (visited["events"], visited["by_day"]) == (3, [1, 1, 1])
        path = f"{TYPES}/{visited['event_type_id']}/events"
        found = (await client.get(path)).json()["items"]
        assert [(one["key"], one["email"]) for one in found] == [
            ("0", "nora@example.org"),
            ("1", "otto@example.org"),
            ("2", "nora@example.org"),
            ("3", ""),
        ]
        nora = found[0]["contact_id"]
        first = (await client.get(path, params={"contact": nora, "limit": 1})).json()
        assert [one["key"] for one in first["items"]] == ["0"]
        rest = (await client.get(path, params={"contact": nora, "cursor": first["next_cursor"]})).json()
        assert ([one["key"] for one in rest["items"]], rest["next_cursor"]) == (["2"], None)
        since = {"contact": nora, "since": _ago(now, days=1)}
        assert [one["key"] for one in (await client.get(path, params=since)).json()["items"]] == ["0"]
        otto = found[1]["contact_id"]
        merged = await client.post(f"/syncom/v1/contacts/{nora}/merge", json={"drop_id": otto})
        assert merged.is_success, merged.text
        found = (await client.get(path, params={"contact": nora})).json()["items"]
        assert [(one["key"], one["contact_id"]) for one in found] == [("0", nora), ("1", nora), ("2", nora)]


def _ago(now: datetime, *, days: float) -> str:
    return (now - timedelta(days=days)).isoformat()
