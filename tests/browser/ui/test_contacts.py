"""Contacts: finding, choosing, changing many of them, one person's page, lists, fields, and bringing a file."""

from __future__ import annotations

import re

import httpx2
from playwright.sync_api import Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import faults

pytestmark = MARKS


def test_many_are_chosen_put_on_a_new_list_and_taken_back(page: Page, api: httpx2.Client) -> None:
    page.goto("/contacts?subscription=email:subscribed")
    page.get_by_role("checkbox", name="Choose all shown").check()
    page.get_by_role("button", name=re.compile("Choose all .* who match")).click()
    page.get_by_role("button", name="Add to a list").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="List").click()
    page.get_by_role("option", name="A new list…").click()
    dialog.get_by_role("textbox", name="Name of the list").fill("Everybody who agreed")
    dialog.get_by_role("button", name=re.compile("Do it for")).click()
    expect(page.get_by_text("Add to a list: done")).to_be_visible(timeout=30_000)
    made = next(one for one in api.get("/lists").json()["items"] if one["name"] == "Everybody who agreed")
    assert made["size"] > 900
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Add to a list: undone")).to_be_visible(timeout=30_000)
    assert api.get(f"/lists/{made['list_id']}").json()["size"] == 0


def test_a_person_is_found_by_a_few_letters_edited_and_deleted_and_brought_back(page: Page, api: httpx2.Client) -> None:
    made = api.put("/contacts", json={"email": "vira.search@example.com", "first_name": "Vira"}).json()["contact_id"]
    page.goto("/contacts")
    page.get_by_role("searchbox").fill("vira.search")
    page.get_by_role("link", name="Vira", exact=True).click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="City").fill("Lviv")
    page.get_by_role("textbox", name="Email").fill("no address")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("textbox", name="Email")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("textbox", name="City")).to_have_value("Lviv")
    page.get_by_role("textbox", name="Email").fill("vira@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Lviv")).to_be_visible()
    person = api.get(f"/contacts/{made}").json()
    assert (person["email"], person["city"]) == ("vira@example.com", "Lviv")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1, name="Vira")).to_be_visible()
    assert api.get(f"/contacts/{made}").status_code == 200


def test_a_subscription_needs_a_proof_that_is_shown_later(page: Page, api: httpx2.Client) -> None:
    made = api.put("/contacts", params={"consent": "none"}, json={"email": "oleh.proof@example.com"}).json()
    page.goto(f"/contacts/{made['contact_id']}")
    page.get_by_role("button", name="Subscribe", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Subscribe").click()
    expect(dialog.get_by_text("it is the proof")).to_be_visible()
    dialog.get_by_role("textbox").fill("Signed at the fair, 3 May")
    dialog.get_by_role("button", name="Subscribe").click()
    page.get_by_role("tab", name="Consent").click()
    expect(page.get_by_text("Signed at the fair, 3 May")).to_be_visible()
    expect(page.get_by_text("The record of consent is untouched")).to_be_visible()
    assert api.get(f"/contacts/{made['contact_id']}").json()["email_state"] == "subscribed"


def test_two_contacts_become_one(page: Page, api: httpx2.Client) -> None:
    kept = api.put("/contacts", json={"email": "iryna.kept@example.com", "first_name": "Iryna"}).json()["contact_id"]
    api.put("/contacts", json={"email": "iryna.other@example.com", "phone": "+380991112233"})
    page.goto(f"/contacts/{kept}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Merge with another contact").click()
    page.get_by_role("textbox", name="Who is the same person?").fill("iryna.other")
    page.get_by_role("button", name="iryna.other@example.com").click()
    page.get_by_role("button", name="Merge them").click()
    expect(page.get_by_text("Two contacts are one now")).to_be_visible()
    assert api.get(f"/contacts/{kept}").json()["phone"] == "+380991112233"
    assert len(api.get("/contacts", params={"email": "iryna.other@example.com"}).json()["items"]) == 1


def test_duplicates_are_found_compared_and_merged_with_the_value_one_chose(page: Page, api: httpx2.Client) -> None:
    rows = [
        {"email": "sofiia.dvoina@example.com", "first_name": "Sofiia", "city": "Lviv"},
        {"email": "sofiiadvoina@example.com", "first_name": "Sofiya", "phone": "+380991112244"},
    ]
    one, other = (api.put("/contacts", json=row).json()["contact_id"] for row in rows)
    page.goto("/contacts")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name="Find duplicates").click()
    pair = page.get_by_role("article", name="Sofiia, Sofiya")
    expect(pair.get_by_text("Same address but for dots")).to_be_visible()
    assert faults(page) == []
    pair.get_by_role("button", name="Compare and merge").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="First name: Sofiya").check()
    expect(dialog.get_by_text("This cannot be undone")).to_be_visible()
    assert faults(page) == []
    dialog.get_by_role("button", name="Merge them").click()
    expect(page.get_by_text("Two contacts are one now")).to_be_visible()
    expect(pair).to_have_count(0)
    merged = api.get(f"/contacts/{one}").json()
    assert (merged["first_name"], merged["city"], merged["phone"]) == ("Sofiya", "Lviv", "+380991112244")
    assert merged["email"] == "sofiia.dvoina@example.com"
    assert api.get(f"/contacts/{other}").status_code == 404


def test_pasted_rows_become_contacts_with_a_new_field_and_the_bad_row_is_told(page: Page, api: httpx2.Client) -> None:
    page.goto("/imports/new")
    rows = "Email;Name;Shoe size\nboots1@example.com;Nina;38\nnot an address;Petro;41"
    page.get_by_role("textbox", name="Paste rows").fill(rows)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("combobox", name="Where Shoe size goes").click()
    page.get_by_role("option", name="A new field").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Start the import")).to_be_disabled()
    page.get_by_role("radio", name="Yes, they agreed").check()
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("1 row was refused")).to_be_visible(timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Refused rows").click()
    assert "not an address" in download.value.path().read_text("utf-8")
    found = api.get("/contacts", params={"email": "boots1@example.com"}).json()["items"][0]
    assert found["fields"]["shoe_size"] == 38
    assert found["email_state"] == "subscribed"


def test_a_list_and_a_field_are_made_and_a_taken_name_is_told_at_its_field(page: Page, api: httpx2.Client) -> None:
    page.goto("/lists")
    page.get_by_role("button", name="New list").click()
    page.get_by_role("textbox", name="Name").fill("customers")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("there is a list customers already")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("Guests of the fair")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name="Guests of the fair")).to_be_visible()
    page.goto("/fields")
    page.get_by_role("button", name="New field").click()
    page.get_by_role("textbox", name="Name").fill("Дата візиту")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Дата візиту")).to_be_visible()
    assert "data_vizytu" in [one["key"] for one in api.get("/fields").json()["items"]]
