"""/reports of the native API."""

from __future__ import annotations

from tests.http.running_site import Site

PATH = "/syncom/v1/reports"


async def test_reports_of_an_account_without_history_are_whole_and_empty(site: Site) -> None:
    async with site.client() as client:
        assert (await client.get(f"{PATH}/series", params={"zone": "Europe/Kyiv", "span": "hour"})).json() == {
            "points": [],
            "total": {},
        }
        heat = (await client.get(f"{PATH}/heat", params={"counter": "clicked"})).json()
        assert [len(hours) for hours in heat["hours"]] == [24] * 7
        for name in ("audience", "domains"):
            assert (await client.get(f"{PATH}/{name}")).json() == []
        cohorts = (await client.get(f"{PATH}/cohorts", params={"begun": "first_order", "months": 3})).json()
        assert [(cohort["contacts"], cohort["active"]) for cohort in cohorts] == [(0, [0] * n) for n in (3, 2, 1)]
        assert (await client.get(f"{PATH}/coverage")).json() == {"next_day": None, "last_day": None}
        span = {"since": "2026-01-01", "until": "2026-01-02"}
        assert (await client.get(f"{PATH}/check", params=span)).json() == {**span, "compared": 0, "differences": []}
        assert (await client.post(f"{PATH}/rebuild", json={"day": "2026-01-01"})).status_code == 204


async def test_wrong_questions_are_refused_by_the_parameter(site: Site) -> None:
    wrong = {
        "series": {"channel": "pigeon"},
        "heat": {"zone": "Mars/Olympus"},
        "audience": {"by": "shoes"},
        "cohorts": {"begun": "created", "active": "asleep"},
        "check": {"since": "2026-01-01", "until": "2026-12-31"},
    }
    async with site.client() as client:
        for name, given in wrong.items():
            answer = await client.get(f"{PATH}/{name}", params=given)
            assert answer.status_code == 422, name
            assert [found["field"] for found in answer.json()["errors"]] == [list(given)[-1]]
        assert (await client.get(f"{PATH}/heat", params={"campaign_id": 77})).status_code == 404
