"""The first page, and what campaigns tell beside their report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.http.running_site import Site


async def test_the_first_page_tells_what_runs_what_is_wrong_and_what_comes_next(site: Site) -> None:
    async with site.client() as client:
        fresh = (await client.get("/syncom/v1/home")).json()
        assert [one["days"] for one in fresh["periods"]] == [7, 30]
        assert fresh["running"] == fresh["concerns"] == []
        assert not any(one["is_done"] for one in fresh["steps"])
        for place in range(3):
            await client.put("/syncom/v1/contacts", json={"email": f"h{place}@example.com"})
        async with site.app.database.system() as connection:
            await connection.execute(
                "UPDATE contacts SET created_at = now() - interval '9 days' WHERE email LIKE 'h0@%'"
            )
            await connection.execute(
                "INSERT INTO senders (account_id, name, kind, from_email, problem)"
                " VALUES (%s, 'Main', 'smtp', 'a@example.com', 'password refused')",
                (site.owner.account_id,),
            )
            await connection.execute(
                "INSERT INTO activity_rollups (account_id, dimension, campaign_id, hour, value, kind, shard, count)"
                " VALUES (%(account)s, 0, -1, date_trunc('hour', now()), '1', 1, 0, 1000),"
                " (%(account)s, 0, -1, date_trunc('hour', now()), '1', 16, 0, 30),"
                " (%(account)s, 0, -1, date_trunc('hour', now()) - interval '10 days', '1', 1, 0, 400)",
                {"account": site.owner.account_id},
            )
        page = (await client.get("/syncom/v1/home")).json()
    week, month = page["periods"]
    assert week["new_contacts"] == {"now": 2, "before": 1}
    assert month["new_contacts"] == {"now": 3, "before": 0}
    assert (week["sent"], month["sent"]) == ({"now": 1000, "before": 400}, {"now": 1400, "before": 0})
    assert [one["kind"] for one in page["concerns"]] == ["complaints", "sender"]
    assert page["concerns"][1]["problem"] == "password refused"
    assert {one["key"] for one in page["steps"] if one["is_done"]} == {"sender", "contacts"}
    async with site.client(site.other_key) as other:
        assert (await other.get("/syncom/v1/home")).json()["concerns"] == []


async def test_campaigns_stand_in_a_calendar_and_side_by_side_with_whom_each_figure_means(site: Site) -> None:
    async with site.client() as client:
        made = (
            await client.post(
                "/syncom/v1/templates",
                json={"name": "T", "subject": "S", "source": '<p><a href="https://shop.example/a">A</a></p>'},
            )
        ).json()
        given = {"name": "Spring", "template_id": made["template_id"], "audience": {"everyone": True}}
        one = (await client.post("/syncom/v1/campaigns", json=given)).json()["campaign_id"]
        two = (await client.post("/syncom/v1/campaigns", json={**given, "name": "Summer"})).json()["campaign_id"]
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        scheduled = await client.post(f"/syncom/v1/campaigns/{one}/schedule", json={"at": at.isoformat()})
        assert scheduled.status_code == 200, scheduled.text
        path = "/syncom/v1/campaigns"
        found = (await client.get(f"{path}/calendar")).json()["items"]
        assert [entry["campaign_id"] for entry in found] == [one]
        late = {"since": (at + timedelta(days=1)).isoformat()}
        assert (await client.get(f"{path}/calendar", params=late)).json()["items"] == []
        backwards = {"since": at.isoformat(), "until": at.isoformat()}
        assert (await client.get(f"{path}/calendar", params=backwards)).status_code == 422
        compared = (await client.get(f"{path}/comparison", params={"id": [two, one]})).json()["items"]
        assert [(entry["name"], entry["sent"], entry["open_rate"]) for entry in compared] == [
            ("Summer", 0, 0.0),
            ("Spring", 0, 0.0),
        ]
        assert (await client.get(f"{path}/comparison", params={"id": [one, 999999]})).status_code == 404
        figures = (await client.get(f"{path}/{one}/figures")).json()["items"]
        for figure in figures:
            counted = await client.post("/syncom/v1/segments/count", json={"condition": figure["condition"]})
            assert counted.json()["contacts"] == figure["count"] == 0, figure
        assert (await client.get(f"{path}/{one}/reasons")).json()["items"] == []
        assert (await client.get(f"{path}/{one}/links")).json()["items"] == []
        assert (await client.get(f"{path}/{one}/recipients", params={"reason": "full"})).json()["items"] == []
        file = await client.get(f"{path}/{one}/recipients.csv")
        assert file.headers["content-type"].startswith("text/csv")
        assert file.text == "contact_id,address,state,reason,attempts,uncertain,settled_at,message_id\r\n"
        assert (await client.get(f"{path}/999999/recipients.csv")).status_code == 404
        assert (await client.get(f"{path}/{one}/recipients.csv", params={"state": "lost"})).status_code == 422
        own = await client.get("/syncom/v1/reports/series", params={"campaign_id": one})
        assert own.json() == {"points": [], "total": {}}
        both = await client.get("/syncom/v1/reports/series", params={"campaign_id": one, "channel": "sms"})
        assert [wrong["field"] for wrong in both.json()["errors"]] == ["campaign_id"]
