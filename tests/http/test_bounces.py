"""Incoming webhooks of mail providers over HTTP, and what the native API tells of bounces."""

from __future__ import annotations

from syncom.contacts.model import ContactInput, UpsertOptions
from syncom.ids import bucket_of, single_message_id
from tests.http.running_site import Site

PATH = "/syncom/v1"


async def _mailed(site: Site, email: str) -> None:
    contact_id = (
        await site.app.contacts.upsert_one(site.owner.account_id, ContactInput(email=email), UpsertOptions())
    ).contact_id
    async with site.app.database.system() as connection:
        await connection.execute(
            "INSERT INTO ledger (account_id, bucket, message_id, contact_id, campaign_id, sender_id, channel, state,"
            " uncertain, attempts, launched_at, settled_at, address)"
            " VALUES (%s, %s, %s, %s, 0, 1, 1, 1, false, 1, now(), now(), %s)",
            (site.owner.account_id, bucket_of(contact_id), single_message_id(contact_id), contact_id, email),
        )


async def test_a_webhook_goes_all_the_way(site: Site) -> None:
    await _mailed(site, "gone@example.com")
    async with site.client() as client:
        made = await client.post(
            f"{PATH}/bounce-webhooks", json={"provider": "postmark", "username": "u", "password": "p"}
        )
        assert made.status_code == 201, made.text
        url = made.json()["url"]
        body = {"RecordType": "Bounce", "ID": 1, "Type": "HardBounce", "Email": "gone@example.com", "Details": "no"}
        assert (await client.post(url, json=body)).status_code == 403
        assert (await client.post(url, json=body, auth=("u", "p"))).status_code == 200
        assert (await client.post(url, json=body, auth=("u", "p"))).status_code == 200
        listed = (await client.get(f"{PATH}/bounces", params={"kind": "bounced"})).json()
        [bounce] = listed["items"]
        assert (bounce["recipient"], bounce["action"], bounce["words"]) == ("gone@example.com", "suppressed", "no")
        assert (await client.get(f"{PATH}/bounces/counts")).json()["kinds"] == {"bounced": 1}
        found = (await client.get(f"{PATH}/suppressions", params={"reason": "hard bounce", "prefix": "GONE"})).json()
        [entry] = found["items"]
        assert entry["source"] == f"postmark webhook {made.json()['hook']['hook_id']}"
        assert not (await client.get(f"{PATH}/suppressions", params={"prefix": "other"})).json()["items"]


async def test_the_suppression_list_is_a_file_too(site: Site) -> None:
    async with site.client() as client:
        given = {"addresses": ["b@file.example", "a@file.example"], "detail": "=1+1, said they"}
        assert (await client.post(f"{PATH}/suppressions", json=given)).status_code == 204
        answer = await client.get(f"{PATH}/exports/suppressions.csv", params={"prefix": "a@file"})
    assert answer.headers["content-type"].startswith("text/csv")
    head, row = answer.text.splitlines()
    assert head == "address,reason,detail,source,created_at,expires_at"
    assert row.startswith('a@file.example,manual,"\'=1+1, said they",key:')


async def test_what_is_no_webhook_gets_one_answer(site: Site) -> None:
    async with site.client() as client:
        made = await client.post(f"{PATH}/bounce-webhooks", json={"provider": "postmark"})
        url = made.json()["url"]
        for wrong in (url + "x", url.rpartition("/")[0] + "/", url + "/x", f"{site.url}/bounces"):
            answer = await client.post(wrong, json={})
            assert answer.status_code == 404, wrong
        assert (await client.get(url)).status_code == 405
        assert (await client.post(url, content=b"{")).status_code == 400
        assert (await client.post(url, content=b"x" * 3_000_000)).status_code == 413


async def test_a_webhook_without_what_checks_it_is_refused_by_the_field(site: Site) -> None:
    async with site.client() as client:
        answer = await client.post(f"{PATH}/bounce-webhooks", json={"provider": "sendgrid"})
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json()["errors"]] == ["signing_key"]
        answer = await client.get(f"{PATH}/bounces", params={"kind": "hard"})
        assert answer.status_code == 422
