"""/rfm of the native API."""

from __future__ import annotations

from tests.http.running_site import Site

PATH = "/syncom/v1/rfm"


async def test_settings_are_changed_and_the_reports_are_whole_without_customers(site: Site) -> None:
    async with site.client() as client:
        changed = await client.put(f"{PATH}/settings", json={"statuses": ["paid"], "currency": "EUR"})
        assert changed.status_code == 200, changed.text
        assert changed.json()["settings"]["statuses"] == ["PAID"]
        grid = (await client.get(f"{PATH}/grid")).json()
        assert (len(grid["cells"]), len(grid["classes"])) == (25, 11)
        moves = await client.get(f"{PATH}/transitions", params={"since": "2026-01-01", "until": "2026-02-01"})
        assert moves.json() == {"since": "2026-01-01", "until": "2026-02-01", "moves": []}
        assert (await client.post(f"{PATH}/recompute")).status_code == 202


async def test_wrong_settings_are_refused_by_the_field(site: Site) -> None:
    async with site.client() as client:
        answer = await client.put(f"{PATH}/settings", json={"currency": "euro"})
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json()["errors"]] == ["currency"]


async def test_without_customers_nothing_is_foreseen(site: Site) -> None:
    async with site.client() as client:
        assert (await client.get("/syncom/v1/predictions")).json()["model"] is None
        assert (await client.post("/syncom/v1/predictions/renew")).status_code == 202
        made = (await client.put("/syncom/v1/contacts", json={"email": "new@example.com"})).json()
        answer = await client.get(f"/syncom/v1/contacts/{made['contact_id']}/prediction")
        assert answer.status_code == 404
