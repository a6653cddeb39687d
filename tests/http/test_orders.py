"""Orders, refunds, carts and attribution of the native API."""

from __future__ import annotations

from typing import Any

from tests.http.running_site import Site

PATH = "/syncom/v1"


def order(number: str, **members: Any) -> dict[str, Any]:
    given = {"external_id": number, "status": "DELIVERED", "total": 30, "currency": "EUR"}
    return given | {"ordered_at": "2026-03-08T12:00:00Z", "customer": {"email": "anna@example.com"}} | members


async def test_refunds_are_taken_in_bulk_and_told_beside_the_order_and_the_contact(site: Site) -> None:
    async with site.client() as client:
        given = [{"order": "A-1", "external_id": "R-1", "amount": 12.5, "refunded_at": "2026-03-09T12:00:00Z"}]
        assert (await client.post(f"{PATH}/refunds", json={"refunds": given})).status_code == 204, "before the order"
        assert (await client.get(f"{PATH}/orders/A-1")).status_code == 404
        assert (await client.post(f"{PATH}/orders", json={"orders": [order("A-1")]})).status_code == 204
        stored = (await client.get(f"{PATH}/orders/A-1")).json()
        assert (stored["total"], stored["refunded"]) == ("30.00", "12.50")
        [refund] = (await client.get(f"{PATH}/orders/A-1/refunds")).json()["items"]
        assert (refund["external_id"], refund["amount"]) == ("R-1", "12.50")
        [revenue] = (await client.get(f"{PATH}/contacts/{stored['contact_id']}/revenue")).json()["items"]
        assert (revenue["currency"], revenue["orders"], revenue["net"]) == ("EUR", 1, "17.50")


async def test_orders_of_the_account_are_browsed_newest_first_by_status_sum_source_and_time(site: Site) -> None:
    async with site.client() as client:
        given = [
            order(
                f"B-{n}",
                total=n,
                status="delivered" if n % 2 else "CANCELLED",
                source="offline" if n < 3 else "site",
                ordered_at=f"2026-05-0{n}T12:00:00Z",
                customer={"email": "bea@example.com", "first_name": "Bea"},
            )
            for n in range(1, 7)
        ]
        assert (await client.post(f"{PATH}/orders", json={"orders": given})).status_code == 204

        async def browse(**query: Any) -> list[str]:
            query = {"since": "2026-05-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"} | query
            answer = await client.get(f"{PATH}/orders", params=query)
            assert answer.status_code == 200, answer.text
            return [one["external_id"] for one in answer.json()["items"]]

        assert await browse() == ["B-6", "B-5", "B-4", "B-3", "B-2", "B-1"]
        assert await browse(status="Delivered") == ["B-5", "B-3", "B-1"]
        assert await browse(least=2, most=4) == ["B-4", "B-3", "B-2"]
        assert await browse(source="offline") == ["B-2", "B-1"]
        assert await browse(until="2026-05-03T12:00:00Z") == ["B-2", "B-1"]
        first = (await client.get(f"{PATH}/orders", params={"limit": 4, "since": "2026-05-01T00:00:00Z"})).json()
        query = {"limit": 4, "since": "2026-05-01T00:00:00Z", "cursor": first["next_cursor"]}
        second = (await client.get(f"{PATH}/orders", params=query)).json()
        assert [one["external_id"] for one in second["items"]] == ["B-2", "B-1"]
        assert second["next_cursor"] is None
        assert (first["items"][0]["contact_name"], first["items"][0]["email"]) == ("Bea", "bea@example.com")
        wrong = await client.get(f"{PATH}/orders", params={"least": 5, "most": 1})
        assert [one["field"] for one in wrong.json()["errors"]] == ["most"]
        assert (await client.get(f"{PATH}/orders", params={"cursor": "x"})).status_code == 422


async def test_orders_are_found_by_number_and_contact_and_added_up_by_status_and_currency(site: Site) -> None:
    async with site.client() as client:
        refund = {"order": "C-1", "external_id": "R", "amount": 4, "refunded_at": "2026-06-09T12:00:00Z"}
        cora, dora = {"email": "cora@example.com"}, {"email": "dora@example.com"}
        span = {"since": "2026-06-01T00:00:00Z", "until": "2026-07-01T00:00:00Z"}
        given = [
            order(
                f"C-{n}",
                status=status,
                total=total,
                currency=currency,
                ordered_at=f"2026-06-0{n}T12:00:00Z",
                customer=who,
            )
            for n, status, total, currency, who in (
                (1, "DELIVERED", 10, "EUR", cora),
                (2, "delivered", 20, "EUR", dora),
                (3, "CANCELLED", 40, "EUR", cora),
                (4, "PACKED", 80, "UAH", cora),
            )
        ]
        assert (await client.post(f"{PATH}/orders", json={"orders": given})).status_code == 204
        assert (await client.post(f"{PATH}/refunds", json={"refunds": [refund]})).status_code == 204

        async def browse(**query: Any) -> list[str]:
            found = (await client.get(f"{PATH}/orders", params=span | query)).json()
            return [one["external_id"] for one in found["items"]]

        async def totals(**query: Any) -> list[tuple[str, bool, str, int, str]]:
            found = (await client.get(f"{PATH}/order-totals", params=span | query)).json()
            assert found["is_exact"] is True
            return [
                (one["status"], one["is_sale"], one["currency"], one["orders"], one["net"]) for one in found["items"]
            ]

        contact = (await client.get(f"{PATH}/orders/C-1")).json()["contact_id"]
        assert await browse(contact=contact) == ["C-4", "C-3", "C-1"]
        assert await browse(contact=contact, status="cancelled") == ["C-3"]
        assert await browse(number="C-2") == ["C-2"]
        assert await browse(number="C-2", contact=contact) == []
        assert await browse(number="nobody's") == []
        delivered = ("DELIVERED", True, "EUR", 2, "26.00")
        cancelled = ("CANCELLED", False, "EUR", 1, "40.00")
        packed = ("PACKED", True, "UAH", 1, "80.00")
        assert await totals() == [delivered, cancelled, packed]
        assert await totals(least=40) == [cancelled, packed]
        assert await totals(contact=contact) == [cancelled, ("DELIVERED", True, "EUR", 1, "6.00"), packed]
        assert await totals(number="C-4") == [packed]
        assert await totals(number="nobody's") == []
        came = await client.get(f"{PATH}/orders/C-1/attribution")
        assert came.json() == {"items": [], "next_cursor": None}
        assert (await client.get(f"{PATH}/orders/nobody's/attribution")).status_code == 404
        assert (await client.get(f"{PATH}/attribution/days", params={"model": "last_open"})).json()["items"] == []


async def test_a_wrong_refund_is_refused_by_its_field(site: Site) -> None:
    async with site.client() as client:
        given = [{"order": "A-1", "external_id": "R-1", "amount": -1, "refunded_at": "2026-03-09T12:00:00Z"}]
        answer = await client.post(f"{PATH}/refunds", json={"refunds": given})
        assert answer.status_code == 422
        assert [wrong["field"] for wrong in answer.json()["errors"]] == ["refunds.0.amount"]


async def test_settings_of_attribution_and_carts_are_changed_and_their_reports_are_whole(site: Site) -> None:
    async with site.client() as client:
        wanted = {"model": "last_click_then_open", "click_days": 7, "open_days": 1}
        changed = await client.put(f"{PATH}/attribution/settings", json=wanted)
        assert changed.json()["settings"] == wanted
        assert (await client.get(f"{PATH}/attribution/settings")).json()["settings"] == wanted
        report = await client.get(f"{PATH}/attribution", params={"since": "2026-03-01", "all_models": "true"})
        assert report.json() == {"items": [], "next_cursor": None}
        wrong = await client.put(f"{PATH}/attribution/settings", json=wanted | {"click_days": 91})
        assert [one["field"] for one in wrong.json()["errors"]] == ["click_days"]
        changed = await client.put(f"{PATH}/carts/settings", json={"idle_minutes": 30})
        assert changed.json() == {"idle_minutes": 30, "recovery_days": 7}
        figures = await client.get(f"{PATH}/carts/figures", params={"since": "2026-03-01", "until": "2026-03-31"})
        assert figures.json() == {"items": [], "next_cursor": None}
        assert (await client.get(f"{PATH}/carts/figures", params={"since": "2020-03-01"})).status_code == 422
