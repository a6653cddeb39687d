"""Events, orders, revenue and products in the application."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults

pytestmark = MARKS


def test_an_event_is_tried_and_then_found_by_what_it_brought(page: Page, api: httpx2.Client) -> None:
    page.goto("/events/send?type=teaTasted")
    expect(page.get_by_text(f"{page.url.split('/events')[0]}/syncom/v1/events").first).to_be_visible()
    for cups in (3, 5):
        page.get_by_role("textbox", name="Parameters").fill(f'{{"cups": {cups}, "tea": "oolong"}}')
        with page.expect_response("**/syncom/v1/events"):
            page.get_by_role("button", name="Record the event").click()
        expect(page.get_by_text("Recorded; nobody known is named in it.")).to_be_visible()
    [kind] = [one for one in api.get("/event-types").json()["items"] if one["key"] == "teaTasted"]
    page.goto("/events")
    page.get_by_role("link", name="teaTasted").click()
    page.wait_for_url(re.compile(rf"/events/{kind['event_type_id']}"))
    expect(page.get_by_role("row")).to_have_count(3)
    page.goto(f"{page.url}?parameter=cups&value=5")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Details").click()
    expect(page.get_by_role("dialog").get_by_text("oolong")).to_be_visible()
    recorded = api.get(f"/event-types/{kind['event_type_id']}/events").json()["items"]
    assert sorted(one["params"]["cups"] for one in recorded) == [3, 5]


def test_a_parameter_is_promised_and_an_event_that_breaks_the_promise_refused(page: Page, api: httpx2.Client) -> None:
    api.post("/events", json={"type_key": "teaWeighed", "params": {"grams": 7}}).raise_for_status()
    [kind] = [one for one in api.get("/event-types").json()["items"] if one["key"] == "teaWeighed"]
    # What was seen is written down within half a second.
    parameters = f"/event-types/{kind['event_type_id']}/parameters"
    page.goto(f"/events/{kind['event_type_id']}?tab=parameters")
    page.get_by_role("tab", name="Parameters").wait_for()
    for _ in range(300):
        if api.get(parameters).json()["items"]:
            break
        time.sleep(0.1)
    page.reload()
    page.get_by_role("combobox", name="Accept only in grams").click()
    page.get_by_role("option", name="number").click()
    expect(page.get_by_text("Saved: it holds for events from now on")).to_be_visible()
    refused = api.post("/events", json={"type_key": "teaWeighed", "params": {"grams": "much"}})
    assert refused.json()["errors"][0]["field"] == "params.grams"


def test_an_order_is_found_by_its_number_and_its_page_adds_up(page: Page, api: httpx2.Client) -> None:
    order(api, "F-17", total=50, items=[{"name": "Teapot", "quantity": 2, "price": 25, "external_id": "teapot"}])
    refund = {"order": "F-17", "external_id": "R-1", "amount": 20, "refunded_at": now(), "reason": "Broken lid"}
    api.post("/refunds", json={"refunds": [refund]}).raise_for_status()
    page.goto("/orders")
    page.get_by_role("textbox", name="Number").fill("F-17")
    page.wait_for_url(re.compile("number=F-17"))
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_text("€30.00", exact=True).first).to_be_visible()
    page.get_by_role("link", name="F-17").click()
    expect(page.get_by_role("heading", name="Order F-17")).to_be_visible()
    expect(page.get_by_text("Broken lid")).to_be_visible()
    expect(page.get_by_text("No message was opened or clicked shortly before it.")).to_be_visible()
    page.get_by_role("link", name="All orders of this contact").click()
    contact = api.get("/orders/F-17").json()["contact_id"]
    page.wait_for_url(re.compile(f"contact={contact}"))
    expect(page.get_by_role("link", name="F-17")).to_be_visible()


def test_when_a_cart_counts_as_abandoned_is_changed(page: Page, api: httpx2.Client) -> None:
    page.goto("/orders?tab=carts")
    field = page.get_by_role("textbox", name="Minutes without a change")
    field.fill("0")
    page.get_by_role("button", name="Save").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("45")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert api.get("/carts/settings").json()["idle_minutes"] == 45


def test_revenue_is_shown_by_the_chosen_rule_and_the_rules_are_changed(page: Page, api: httpx2.Client) -> None:
    page.goto("/revenue?days=0&model=last_open")
    report = api.get("/attribution", params={"all_models": True}).json()["items"]
    orders = sum(one["orders"] for one in report if one["model"] == "last_open" and one["currency"] == "EUR")
    table = page.get_by_role("region", name="By campaign and workflow")
    expect(table).to_be_visible()
    shown = [int(text.replace(",", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert sum(shown) == orders > 0
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
    assert saved.value.suggested_filename == "revenue.csv"
    page.get_by_role("button", name="Rules").click()
    page.get_by_role("textbox", name="Days from an open to the order").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert api.get("/attribution/settings").json()["settings"]["open_days"] == 3


def test_a_product_is_found_and_deleted_and_a_feed_is_filled_from_a_file(page: Page, api: httpx2.Client) -> None:
    wanted = {"product_id": "chawan", "name": "Chawan bowl", "price": "40", "currency": "EUR", "categories": ["Bowls"]}
    api.post("/products", json={"products": [wanted]}).raise_for_status()
    page.goto("/products")
    page.get_by_role("searchbox", name="Name or id").fill("chaw")
    page.get_by_role("link", name="Chawan bowl").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the product").click()
    page.wait_for_url(re.compile("/products$"))
    assert api.get("/products/chawan").status_code == 404
    page.goto("/products?tab=feeds")
    page.get_by_role("button", name="Add a feed").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Name", exact=True).fill("Bowls")
    page.get_by_role("dialog").get_by_role("button", name="Add a feed").click()
    expect(page.get_by_role("heading", name="Bowls")).to_be_visible()
    table = "id\ttitle\tprice\tlink\tavailability\nbowl-9\tBowl nine\t9.00 EUR\thttps://shop.example/9\tin_stock\n"
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Upload a file").click()
    asked.value.set_files({"name": "feed.tsv", "mimeType": "text/plain", "buffer": table.encode()})
    expect(page.get_by_text("The file is applied")).to_be_visible()
    assert api.get("/products/bowl-9").json()["name"] == "Bowl nine"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_facts_have_no_fault(page: Page, api: httpx2.Client, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    types = api.get("/event-types").json()["items"]
    kind = next(one["event_type_id"] for one in types if one["key"] == "orderDELIVERED")
    number = api.get("/orders").json()["items"][0]["external_id"]
    for path, seen in (
        ("/events", "orderDELIVERED"),
        (f"/events/{kind}", "Details"),
        (f"/events/{kind}?tab=parameters", "Accept only"),
        (f"/events/{kind}?tab=replay", "See what would happen"),
        ("/orders", "Net"),
        (f"/orders/{number}", "What led to it"),
        ("/orders?tab=carts", "Minutes without a change"),
        ("/revenue?days=0&model=last_open", "Net revenue by day"),
        ("/products", "Teapot"),
        ("/products/teapot", "Sale price"),
        ("/products?tab=feeds", "Add a feed"),
    ):
        page.goto(path)
        expect(page.get_by_text(seen).first).to_be_visible()
        assert faults(page) == [], path


def order(api: httpx2.Client, number: str, **members: Any) -> None:
    given = {"external_id": number, "status": "DELIVERED", "currency": "EUR", "ordered_at": now()}
    customer = {"email": "facts@example.com", "first_name": "Faye"}
    api.post("/orders", json={"orders": [given | {"customer": customer} | members]}).raise_for_status()


def now() -> str:
    return (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
