"""The product catalogue over HTTP."""

from __future__ import annotations

from tests.http.running_site import Site
from tests.products.shop import offer, shop, yml


async def test_a_feed_is_added_read_and_found_in_the_catalogue(site: Site) -> None:
    async with shop() as server, site.client() as client:
        server.file = yml([offer("http-1", "Boots"), offer("http-2", price="?")])
        given = {"name": "Over HTTP", "url": server.url, "username": "shop", "password": "secret", "every": 0}
        added = await client.post("/syncom/v1/product-feeds", json=given)
        assert added.status_code == 201, added.text
        assert "secret" not in added.text
        place = f"/syncom/v1/product-feeds/{added.json()['feed_id']}"
        done = await client.post(f"{place}/run")
        assert done.status_code == 200, done.text
        result = done.json()["last_result"]
        assert (result["outcome"], result["created"], result["refused"]) == ("applied", 1, 1)
        assert result["problems"][0]["product_id"] == "http-2"
        uploaded = await client.post(f"{place}/file", content=yml([offer("http-1", "Boots"), offer("http-3")]))
        assert uploaded.json()["last_result"]["created"] == 1
        assert (await client.post(f"{place}/pause")).json()["enabled"] is False
        renamed = await client.put(place, json=given | {"name": "Renamed"})
        assert renamed.json()["name"] == "Renamed"
        listed = await client.get("/syncom/v1/product-feeds")
        assert [one["name"] for one in listed.json()["items"]] == ["Renamed"]
        found = await client.get("/syncom/v1/products", params={"search": "boot"})
        assert [one["product_id"] for one in found.json()["items"]] == ["http-1"]
        assert (await client.delete(place)).status_code == 204
        assert (await client.get("/syncom/v1/products/http-1")).status_code == 404


async def test_products_are_put_paged_and_deleted(site: Site) -> None:
    async with site.client() as client:
        batch = [{"product_id": f"p-{number}", "name": f"Product {number}", "price": "2.5"} for number in range(5)]
        put = await client.post("/syncom/v1/products", json={"products": [*batch, {"product_id": "x"}]})
        assert put.status_code == 200, put.text
        assert (put.json()["created"], put.json()["problems"][0]["index"]) == (5, 5)
        seen: list[str] = []
        cursor = ""
        while cursor is not None:
            page = await client.get("/syncom/v1/products", params={"limit": 2, "cursor": cursor, "search": "product"})
            seen += [one["product_id"] for one in page.json()["items"]]
            cursor = page.json()["next_cursor"]
        assert seen == [f"p-{number}" for number in range(5)]
        assert (await client.get("/syncom/v1/products/p-1")).json()["price"] == "2.50"
        assert (await client.delete("/syncom/v1/products/p-1")).status_code == 204
        assert (await client.delete("/syncom/v1/products/p-1")).status_code == 404
        gone = await client.post("/syncom/v1/products/delete", json={"product_ids": ["p-0", "p-2", "p-3", "p-4"]})
        assert gone.json() == {"deleted": 4}
        assert (await client.get("/syncom/v1/product-categories")).status_code == 200
