"""/sending-policy of the native API, and campaigns at a local time."""

from __future__ import annotations

from tests.http.running_site import Site

PATH = "/syncom/v1/sending-policy"


async def test_a_policy_is_replaced_and_read_back(site: Site) -> None:
    async with site.client() as client:
        plain = (await client.get(PATH)).json()
        assert (plain["quiet_hours"], plain["caps"], plain["limits"]["bounces_percent"]) == ([], [], 5.0)
        given = {
            "quiet_hours": [{"begin": "20:00", "end": "10:00", "weekdays": ["sat"], "channels": ["sms"]}],
            "caps": [{"messages": 3, "days": 7, "channel": None}],
            "limits": {"complaints_percent": None},
        }
        saved = await client.put(PATH, json=given)
        assert saved.status_code == 200, saved.text
        assert (await client.get(PATH)).json() == saved.json()
        assert saved.json()["quiet_hours"] == given["quiet_hours"]
        assert saved.json()["limits"]["complaints_percent"] is None


async def test_a_wrong_policy_is_refused_by_the_field(site: Site) -> None:
    async with site.client() as client:
        answer = await client.put(PATH, json={"caps": [{"messages": 3, "days": 0}]})
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json()["errors"]] == ["caps.0.days"]
        for wrong in (
            {"quiet_hours": [{"begin": "25:00"}]},
            {"caps": [{"messages": 1, "channel": "fax"}]},
            {"other": 1},
        ):
            assert (await client.put(PATH, json=wrong)).status_code in (400, 422)


async def test_a_schedule_is_one_moment_or_a_local_time(site: Site) -> None:
    async with site.client() as client:
        path = "/syncom/v1/campaigns/1/schedule"
        for wrong in ({}, {"at": "2030-01-01T09:00:00Z", "local_at": "2030-01-01T09:00:00"}):
            answer = await client.post(path, json=wrong)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "at")
        answer = await client.post(path, json={"local_at": "2030-01-01T09:00:00Z"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "local_at")
        assert (await client.post(path, json={"local_at": "2030-01-01T09:00:00"})).status_code == 404


async def test_a_sender_is_warmed_up_and_shows_receiving_domains(site: Site) -> None:
    async with site.client() as client:
        given = {"name": "S", "from_email": "a@example.com", "config": {"host": "127.0.0.1"}}
        sender_id = (await client.post("/syncom/v1/senders", json=given)).json()["sender_id"]
        path = f"/syncom/v1/senders/{sender_id}"
        assert (await client.get(f"{path}/warm-up")).status_code == 404
        put = await client.put(f"{path}/warm-up", json={"first": 10})
        assert (put.status_code, put.json()["allowed_today"], put.json()["sent_today"]) == (200, 10, 0)
        wrong = await client.put(f"{path}/warm-up", json={"first": 10, "target": 1})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "target")
        assert (await client.get(f"{path}/destinations")).json()["items"] == []
        assert (await client.delete(f"{path}/warm-up")).status_code == 204
