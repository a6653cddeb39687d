"""Contacts over HTTP: upsert, lists, consent, search."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncom.http.native.paging import cursor_for
from tests.http.running_site import Site

V1 = "/syncom/v1"


async def test_a_contact_is_created_then_updated_then_unchanged(site: Site) -> None:
    async with site.client() as client:
        row = {"email": "Anna@Example.com", "first_name": "Anna"}
        made = await client.put(f"{V1}/contacts", json=row)
        assert (made.status_code, made.json()["change"]) == (201, "created")
        same = await client.put(f"{V1}/contacts", json=row)
        assert (same.status_code, same.json()["change"]) == (200, "unchanged")
        changed = await client.put(f"{V1}/contacts", json={**row, "last_name": "Шевченко"})
        assert changed.json() == {"contact_id": made.json()["contact_id"], "change": "updated"}
        shown = (await client.get(f"{V1}/contacts/{made.json()['contact_id']}")).json()
        assert (shown["email"], shown["last_name"], shown["email_state"]) == (
            "anna@example.com",
            "Шевченко",
            "subscribed",
        )


async def test_the_quick_way_and_the_described_way_answer_alike(site: Site) -> None:
    server, slow = site.server, site.server.api
    cases: list[tuple[bytes, bytes, dict[bytes, bytes]]] = [
        (b'{"email":"both@example.com"}', b"", {}),
        (b'{"email":"both@example.com","first_name":"B"}', b"mode=fill_blanks", {}),
        (b'{"email":"no address"}', b"", {}),
        (b'{"email":"a@example.com","x":1}', b"", {}),
        (b'{"email":5}', b"", {}),
        (b"{", b"", {}),
        (b"[1]", b"", {}),
        (b'{"email":"a@example.com"}', b"key=nonsense", {}),
        (b'{"email":"a@example.com"}', b"list=999999", {}),
        (b'{"email":"a@example.com"}', b"", {b"content-type": b"text/plain"}),
        (b'{"email":"a@example.com"}', b"", {b"authorization": b"Bearer nothing"}),
        (b'{"email":"a@example.com"}', b"", {b"authorization": f"Bearer {site.viewer_key}".encode()}),
    ]
    for body, query, headers in cases:
        first = await _call(server, site, body, query, headers)
        second = await _call(slow, site, body, query, headers)
        if first[1].get("change") == "created":
            first[1]["change"], first = "unchanged", (200, first[1])
        for answer in (first, second):
            answer[1].pop("request_id", None)
            answer[1].pop("detail", None)
        if first[0] == 422:  # the words for a wrong type may differ, the field may not
            assert [e["field"] for e in first[1]["errors"]] == [e["field"] for e in second[1]["errors"]], body
            continue
        if first[1].get("change") == "updated":
            second[1]["change"] = "updated"
        assert first == second, (body, query)


async def _call(
    app: Any, site: Site, body: bytes, query: bytes, headers: dict[bytes, bytes]
) -> tuple[int, dict[str, Any]]:
    import msgspec

    given = {b"authorization": f"Bearer {site.key}".encode(), b"content-type": b"application/json", **headers}
    given[b"content-length"] = str(len(body)).encode()
    scope = {
        "type": "http",
        "method": "PUT",
        "path": f"{V1}/contacts",
        "raw_path": f"{V1}/contacts".encode(),
        "root_path": "",
        "query_string": query,
        "headers": list(given.items()),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
        "extensions": {},
        "state": {},
    }
    sent: list[Any] = []

    parts = [{"type": "http.disconnect"}, {"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return parts.pop() if len(parts) > 1 else parts[0]

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], msgspec.json.decode(b"".join(message.get("body", b"") for message in sent[1:]))


async def test_wrong_contacts_are_refused_with_the_field(site: Site) -> None:
    async with site.client() as client:
        for body, field in (
            ({"email": "no address"}, "email"),
            ({"email": "a@example.com", "fields": {"nothing": 1}}, "fields.nothing"),
            ({"email": "a@example.com", "nickname": "x"}, "nickname"),
            ({"email": 5}, "email"),
            ({"email": "a@example.com", "fields": []}, "fields"),
        ):
            answer = await client.put(f"{V1}/contacts", json=body)
            assert answer.status_code == 422, answer.text
            assert answer.json()["errors"][0]["field"] == field


async def test_many_clients_upsert_at_once_and_every_answer_is_stored(site: Site) -> None:
    async with site.client() as client:
        answers = await asyncio.gather(
            *(client.put(f"{V1}/contacts", json={"email": f"crowd{n % 40}@example.com"}) for n in range(200))
        )
        assert {answer.status_code for answer in answers} <= {200, 201}
        ids = {answer.json()["contact_id"] for answer in answers}
        assert len(ids) == 40
        page = (await client.get(f"{V1}/contacts", params={"email_prefix": "crowd", "limit": 1000})).json()
        assert {person["contact_id"] for person in page["items"]} == ids


async def test_a_batch_reports_the_bad_and_writes_the_rest(site: Site) -> None:
    async with site.client() as client:
        made = (await client.post(f"{V1}/lists", json={"name": "Batch"})).json()
        batch = {
            "contacts": [{"email": "b1@example.com"}, {"email": "bad"}, {"email": "b2@example.com"}],
            "lists": [made["list_id"]],
        }
        result = (await client.post(f"{V1}/contacts/batch", json=batch)).json()
        assert (result["created"], result["contact_ids"][1]) == (2, None)
        assert [(p["index"], p["field"]) for p in result["problems"]] == [(1, "email")]
        members = (await client.get(f"{V1}/lists/{made['list_id']}/members")).json()["items"]
        assert {person["email"] for person in members} == {"b1@example.com", "b2@example.com"}


async def test_an_unsubscribe_is_kept_with_its_proof_and_no_upsert_undoes_it(site: Site) -> None:
    async with site.client() as client:
        contact_id = (await client.put(f"{V1}/contacts", json={"email": "u@example.com"})).json()["contact_id"]
        decision = {"channel": "email", "state": "unsubscribed", "detail": {"phone_call": "2026-01-05"}}
        shown = await client.post(f"{V1}/contacts/{contact_id}/subscriptions", json=decision)
        assert shown.json()["email_state"] == "unsubscribed"
        await client.put(f"{V1}/contacts", json={"email": "u@example.com", "first_name": "U"})
        assert (await client.get(f"{V1}/contacts/{contact_id}")).json()["email_state"] == "unsubscribed"
        history = (await client.get(f"{V1}/contacts/{contact_id}/consents")).json()["items"]
        assert [event["state"] for event in history] == ["unsubscribed", "subscribed"]
        assert history[0]["detail"]["phone_call"] == "2026-01-05"
        first = (await client.get(f"{V1}/contacts/{contact_id}/consents", params={"limit": 1})).json()
        second = await client.get(
            f"{V1}/contacts/{contact_id}/consents", params={"limit": 1, "cursor": first["next_cursor"]}
        )
        assert first["items"] + second.json()["items"] == history
        verdict = (await client.get(f"{V1}/contacts/{contact_id}/consents/verdict")).json()
        assert (verdict["entries"], verdict["faults"]) == (2, [])


async def test_contacts_are_found_changed_merged_and_deleted(site: Site) -> None:
    async with site.client() as client:
        one = (await client.put(f"{V1}/contacts", json={"email": "m1@example.com", "external_id": "m-1"})).json()
        two = (await client.put(f"{V1}/contacts", json={"email": "m2@example.com", "city": "Львів"})).json()
        found = (await client.get(f"{V1}/contacts", params={"external_id": "m-1"})).json()["items"]
        assert [person["contact_id"] for person in found] == [one["contact_id"]]
        taken = await client.patch(f"{V1}/contacts/{two['contact_id']}", json={"external_id": "m-1"})
        assert taken.status_code == 409
        merged = await client.post(f"{V1}/contacts/{one['contact_id']}/merge", json={"drop_id": two["contact_id"]})
        assert merged.json()["city"] == "Львів"
        values = (await client.get(f"{V1}/contacts/{one['contact_id']}/addresses")).json()["items"]
        assert {value["value"] for value in values} == {"m1@example.com", "m2@example.com", "m-1"}
        assert (await client.delete(f"{V1}/contacts/{one['contact_id']}")).status_code == 204
        assert (await client.get(f"{V1}/contacts/{one['contact_id']}")).status_code == 404


async def test_duplicates_are_suggested_and_merged_with_the_values_one_chose(site: Site) -> None:
    async with site.client() as client:
        rows = [
            {"email": "olha.koval@example.com", "first_name": "Olha"},
            {"email": "olhakoval@example.com", "first_name": "Olya", "city": "Kyiv"},
        ]
        await client.post(f"{V1}/contacts/batch", json={"contacts": rows})
        page = (await client.get(f"{V1}/contacts/duplicates")).json()
        assert page["next_cursor"] is None
        (pair,) = page["items"]
        assert pair["agree"] == ["email"]
        one, other = pair["one"], pair["other"]
        assert {one["first_name"], other["first_name"]} == {"Olha", "Olya"}
        address = f"{V1}/contacts/{one['contact_id']}/merge"
        body = {"drop_id": other["contact_id"], "take": ["first_name"]}
        refused = await client.post(address, json={**body, "take": ["colour"]})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "take.0")
        merged = (await client.post(address, json=body)).json()
        assert (merged["first_name"], merged["email"]) == (other["first_name"], one["email"])
        assert (await client.get(f"{V1}/contacts/duplicates")).json()["items"] == []
        for wrong in (
            "x",
            cursor_for(("names", "a\0", 1)),
            cursor_for(("names", "a", 2**63)),
            cursor_for(("people", "", 1)),
        ):
            answer = await client.get(f"{V1}/contacts/duplicates", params={"cursor": wrong})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_pages_of_contacts_show_each_once(site: Site) -> None:
    async with site.client() as client:
        rows = [{"email": f"page{n}@example.com"} for n in range(25)]
        await client.post(f"{V1}/contacts/batch", json={"contacts": rows})
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await client.get(f"{V1}/contacts", params={"limit": 10, "cursor": cursor})).json()
            seen += [person["contact_id"] for person in page["items"]]
            cursor = page["next_cursor"]
        assert len(seen) == len(set(seen)) >= 25
        assert (await client.get(f"{V1}/contacts", params={"cursor": "nonsense"})).status_code == 422


async def test_suppressions_come_and_go(site: Site) -> None:
    async with site.client() as client:
        assert (await client.post(f"{V1}/suppressions", json={"addresses": ["S@example.com"]})).status_code == 204
        listed = (await client.get(f"{V1}/suppressions")).json()["items"]
        assert [(entry["channel"], entry["address"]) for entry in listed] == [("email", "s@example.com")]
        assert (await client.post(f"{V1}/suppressions/remove", json={"address": "s@example.com"})).status_code == 204
        again = await client.post(f"{V1}/suppressions/remove", json={"address": "s@example.com"})
        assert again.status_code == 404
        wrong = await client.post(f"{V1}/suppressions", json={"addresses": ["x"], "channel": "pigeon"})
        assert wrong.json()["errors"][0]["field"] == "channel"


async def test_segments_count_and_list_who_matches(site: Site) -> None:
    async with site.client() as client:
        await client.put(f"{V1}/contacts", json={"email": "seg@example.com", "city": "Gdańsk"})
        condition = {"field": "city", "op": "equals", "value": "Gdańsk"}
        counted = await client.post(f"{V1}/segments/count", json={"condition": condition})
        assert counted.json() == {"contacts": 1, "is_exact": True, "error": 0}, counted.text
        made = (await client.post(f"{V1}/segments", json={"name": "Sea", "condition": condition})).json()
        found = (await client.get(f"{V1}/segments/{made['segment_id']}/contacts")).json()["items"]
        assert [person["email"] for person in found] == ["seg@example.com"]
        searched = (await client.post(f"{V1}/segments/contacts", json={"condition": condition})).json()["items"]
        assert searched == found
        wrong = await client.post(f"{V1}/segments/contacts", json={"condition": {"list": "x"}})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "condition.list")
        said = await client.post(f"{V1}/segments/sentence", json={"condition": condition})
        assert said.json() == {"sentence": 'city is "Gdańsk"'}
        explained = (await client.post(f"{V1}/segments/explain", json={"condition": condition})).json()
        assert explained["leaves"] == [
            {"at": "condition", "facet": "fields", "index": "the contact's row", "moves": False}
        ]
        assert explained["plan"]
        assert (await client.get(f"{V1}/segments/schema")).json()["version"] == 1
        wrong = await client.post(f"{V1}/segments/count", json={"condition": {"field": "nothing"}})
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"].startswith("condition")


@pytest.mark.parametrize("total", ["12.50", 12.5])
async def test_orders_are_taken_and_shown(site: Site, total: object) -> None:
    async with site.client() as client:
        contact_id = (await client.put(f"{V1}/contacts", json={"email": "buyer@example.com"})).json()["contact_id"]
        order = {
            "contact_id": contact_id,
            "external_id": "o-1",
            "status": "paid",
            "total": total,
            "ordered_at": "2026-01-05T10:00:00+02:00",
        }
        assert (await client.post(f"{V1}/orders", json={"orders": [order]})).status_code == 204
        shown = (await client.get(f"{V1}/contacts/{contact_id}/orders")).json()["items"]
        assert [entry["external_id"] for entry in shown] == ["o-1"]
        assert float(shown[0]["total"]) == 12.5
        assert (await client.get(f"{V1}/orders/o-1")).json() == shown[0]
        number = f"o-{total!r}"
        assert (await client.get(f"{V1}/orders/{number}")).status_code == 404
        del order["contact_id"]
        named = order | {"external_id": number, "customer": {"email": "new@example.com"}}
        assert (await client.post(f"{V1}/orders", json={"orders": [named]})).status_code == 204
        assert (await client.get(f"{V1}/orders/{number}")).json()["contact_id"] != contact_id
