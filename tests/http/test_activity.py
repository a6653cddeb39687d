"""/activity of the native API, and its files."""

from __future__ import annotations

import csv
import io

from tests.http.running_site import Site

PATH = "/syncom/v1"


async def test_activity_is_listed_and_exported_by_the_same_filters(site: Site) -> None:
    params = {"channel": ["email", "sms"], "kind": "clicked", "campaign_id": 0, "machines": False}
    async with site.client() as client:
        answer = await client.get(f"{PATH}/activity", params=params)
        assert answer.json() == {"items": [], "next_cursor": None}, answer.text
        file = await client.get(f"{PATH}/exports/activity.csv", params={**params, "mark": True})
        assert file.headers["content-type"] == "text/csv; charset=utf-8"
        assert next(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))[:2] == ["occurred_at", "kind"]
        lines = await client.get(f"{PATH}/exports/activity.jsonl", params=params)
        assert (lines.status_code, lines.content) == (200, b"")
        bands = (await client.get(f"{PATH}/activity/engagement-bands")).json()["items"]
        assert [band["band"] for band in bands] == ["active", "warm", "cooling", "inactive"]


async def test_wrong_filters_are_refused_by_their_field_before_a_file_begins(site: Site) -> None:
    async with site.client() as client:
        for params, field in (({"channel": "fax"}, "channel"), ({"kind": "read"}, "kind")):
            for path in ("activity", "exports/activity.csv", "exports/activity.jsonl"):
                answer = await client.get(f"{PATH}/{path}", params=params)
                assert answer.status_code == 422, answer.text
                assert [wrong["field"] for wrong in answer.json()["errors"]] == [field]
        assert (await client.get(f"{PATH}/contacts/999/engagement")).status_code == 404
