"""Settings: people, keys, one's own sign-in, where messages leave, who gets none, forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import MARKS
from tests.browser.ui.looking import Watch, faults, settle
from tests.installation import Installation

pytestmark = MARKS

_SECRET = "a long password of somebody"


@pytest.fixture
def somebody(api: httpx2.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a member who has just been added, with the password ``_SECRET``; gone after the test."""
    email = f"{re.sub(r'[^a-z]', '', request.node.name)[:40]}@example.com"
    made = api.post("/users", json={"email": email, "role": "owner", "password": _SECRET}).raise_for_status().json()
    yield email
    api.delete(f"/users/{made['user']['user_id']}").raise_for_status()


@contextmanager
def stranger(browser: Browser, installation: Installation) -> Iterator[Page]:
    """A page of one who has not signed in."""
    context = browser.new_context(base_url=installation.url, locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    watch = Watch(page)
    yield page
    context.close()
    assert watch.complaints == []


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def set_up_two_factor(page: Page) -> tuple[str, list[str]]:
    """On the page of one's security. Answers with the secret and the recovery codes."""
    page.get_by_role("button", name="Set up two-factor").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill(_SECRET)
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_alt_text("QR code")).to_be_visible()
    assert faults(page) == []
    secret = dialog.locator(".mantine-Code-root").inner_text()
    dialog.get_by_label("Code", exact=False).fill("000000")
    dialog.get_by_role("button", name="Turn on").click()
    expect(dialog.locator("[aria-invalid=true]")).to_be_visible()
    dialog.locator("[aria-invalid=true]").fill(pyotp.TOTP(secret).now())
    dialog.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Save your recovery codes")).to_be_visible()
    codes = dialog.locator(".mantine-Code-root").inner_text().split()
    assert len(codes) == 10
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text("10 recovery codes are left")).to_be_visible()
    return secret, codes


def test_a_second_factor_is_set_up_and_asked_for_and_a_recovery_code_opens_too(
    browser: Browser, installation: Installation, somebody: str
) -> None:
    with stranger(browser, installation) as page:
        page.goto("/settings/security")
        sign_in(page, somebody, _SECRET)
        _, codes = set_up_two_factor(page)
    with stranger(browser, installation) as page:
        page.goto("/settings/security")
        sign_in(page, somebody, _SECRET)
        code = page.get_by_role("textbox", name="Code")
        expect(code).to_be_focused()
        expect(page.get_by_role("textbox", name="Email")).to_have_value(somebody)
        assert faults(page) == []
        code.fill("123456")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("[aria-invalid=true]")).to_have_value("123456")
        code.fill(codes[0])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("9 recovery codes are left")).to_be_visible()


def test_one_who_must_set_up_a_second_factor_is_led_there_and_then_let_on(
    browser: Browser, installation: Installation, somebody: str, api: httpx2.Client
) -> None:
    with httpx2.Client(
        base_url=f"{installation.url}/syncom/v1", headers={"Origin": installation.url}, timeout=30
    ) as owner:
        # The one who asks for it must have it.
        login = {"email": "strict@example.com", "password": _SECRET}
        made = api.post("/users", json={**login, "role": "owner"}).raise_for_status().json()
        owner.post("/session", json=login).raise_for_status()
        secret = owner.post("/session/two-factor", json={"password": _SECRET}).raise_for_status().json()["secret"]
        code = pyotp.TOTP(secret).now()
        owner.post("/session/two-factor/confirm", json={"code": code}).raise_for_status()
        change = {"require_two_factor": True, "two_factor_grace_days": 0}
        owner.patch("/account", json=change).raise_for_status()
        try:
            with stranger(browser, installation) as page:
                page.goto("/settings/users")
                sign_in(page, somebody, _SECRET)
                expect(page.get_by_text("Set up two-factor sign-in to go on")).to_be_visible()
                assert page.url.endswith("/settings/security")
                assert faults(page) == []
                set_up_two_factor(page)
                page.get_by_role("navigation").get_by_role("link", name="Settings").click()
                page.get_by_role("link", name="People").click()
                expect(page.get_by_text("strict@example.com")).to_be_visible()
        finally:
            owner.patch("/account", json={"require_two_factor": False}).raise_for_status()
        api.delete(f"/users/{made['user']['user_id']}").raise_for_status()


def test_a_person_is_added_with_a_made_password_given_another_role_and_locked_out(
    page: Page, api: httpx2.Client, browser: Browser, installation: Installation
) -> None:
    page.goto("/settings/users")
    page.get_by_role("button", name="Add person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("no address")
    dialog.get_by_label("Name").fill("Олена شركة")
    dialog.get_by_role("button", name="Add person").click()
    expect(dialog.locator("[aria-invalid=true]")).to_have_value("no address")
    expect(dialog.get_by_label("Name")).to_have_value("Олена شركة")
    dialog.get_by_label("Email").fill("olena@example.com")
    dialog.get_by_role("button", name="Add person").click()
    expect(page.get_by_text("It is shown this once")).to_be_visible()
    password = page.get_by_role("dialog").locator(".mantine-Code-root").inner_text()
    assert faults(page) == []
    page.get_by_role("button", name="I have saved it").click()
    with stranger(browser, installation) as hers:
        hers.goto("/settings")
        sign_in(hers, "olena@example.com", password)
        settle(hers)
        # A marketer sees no people and no keys.
        expect(hers.get_by_role("link", name="Your security")).to_be_visible()
        expect(hers.get_by_role("link", name="People")).to_have_count(0)
    page.get_by_role("combobox", name="Role of olena@example.com").click()
    page.get_by_role("option", name="Viewer").click()
    expect(page.get_by_text("Role changed")).to_be_visible()
    page.get_by_role("button", name="Actions for olena@example.com").click()
    page.get_by_role("menuitem", name="Lock out").click()
    page.get_by_role("dialog").get_by_role("button", name="Lock out").click()
    expect(page.get_by_text("Locked out", exact=True).first).to_be_visible()
    found = next(one for one in api.get("/users").json()["items"] if one["email"] == "olena@example.com")
    assert (found["role"], found["name"], found["disabled_at"] is not None) == ("viewer", "Олена شركة", True)
    api.delete(f"/users/{found['user_id']}").raise_for_status()


def test_a_key_is_shown_once_works_by_the_example_and_ends_when_it_is_revoked(
    page: Page, installation: Installation
) -> None:
    page.goto("/settings/keys")
    page.get_by_role("button", name="Make key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Shop")
    dialog.get_by_role("button", name="Make key").click()
    expect(page.get_by_text("It is shown this once")).to_be_visible()
    key, example = page.get_by_role("dialog").locator(".mantine-Code-root").all_inner_texts()
    assert example == (f'curl -H "Authorization: Bearer {key}" "{installation.url}/syncom/v1/contacts?limit=1"')
    assert faults(page) == []
    page.get_by_role("button", name="I have saved it").click()
    asked = {"headers": {"Authorization": f"Bearer {key}"}}
    with httpx2.Client(base_url=f"{installation.url}/syncom/v1", timeout=30) as shop:
        assert len(shop.get("/contacts?limit=1", **asked).raise_for_status().json()["items"]) == 1
        page.get_by_role("button", name="Revoke Shop").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
        expect(page.get_by_text("The key was revoked")).to_be_visible()
        assert shop.get("/contacts?limit=1", **asked).status_code == 401


def test_a_sender_is_added_tried_and_warmed_up(page: Page, api: httpx2.Client, installation: Installation) -> None:
    page.goto("/settings/senders")
    page.get_by_role("button", name="Add sender").click()
    page.get_by_role("menuitem", name="SMTP server").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=False).first.fill("Own server")
    dialog.get_by_label("From address").fill("hello@acme.example")
    dialog.get_by_role("button", name="Add sender").click()
    # Nothing is lost, and the field that is missing is named.
    expect(dialog.locator("[aria-invalid=true]")).to_have_count(1)
    expect(dialog.get_by_label("From address")).to_have_value("hello@acme.example")
    dialog.get_by_label("Server").fill("127.0.0.1")
    dialog.get_by_label("Port").fill("1")
    dialog.get_by_role("combobox", name="Encryption").click()
    page.get_by_role("option", name="None").click()
    assert faults(page) == []
    dialog.get_by_role("button", name="Add sender").click()
    expect(page.get_by_role("heading", level=1, name="Own server")).to_be_visible()
    page.get_by_label("To this address").fill("ann@example.com")
    page.get_by_role("button", name="Send now").click()
    # Nobody listens there, and the page says so.
    expect(page.get_by_role("alert").first).to_be_visible(timeout=60_000)
    page.get_by_label("On the first day").fill("100")
    page.get_by_role("button", name="Warm it up from today").click()
    expect(page.get_by_text("Today 0 of 100 were sent")).to_be_visible()
    sender = next(one for one in api.get("/senders").json()["items"] if one["name"] == "Own server")
    assert api.get(f"/senders/{sender['sender_id']}/warm-up").json()["plan"]["first"] == 100
    assert faults(page) == []
    api.delete(f"/senders/{sender['sender_id']}").raise_for_status()


def test_addresses_are_suppressed_found_by_their_reason_and_allowed_again(page: Page, api: httpx2.Client) -> None:
    page.goto("/settings/suppressions")
    page.get_by_role("button", name="Add addresses").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Addresses").fill("first@stop.example, second@stop.example")
    dialog.get_by_label("Why, for you").fill("asked by phone")
    dialog.get_by_role("button", name="Never send to them").click()
    expect(page.get_by_text("Nothing is sent to them any more")).to_be_visible()
    page.goto("/settings/suppressions?reason=manual&prefix=first")
    expect(page.get_by_text("asked by phone")).to_be_visible()
    expect(page.get_by_text("second@stop.example")).to_have_count(0)
    page.get_by_role("button", name="Remove first@stop.example").click()
    page.get_by_role("dialog").get_by_role("button", name="Allow again").click()
    expect(page.get_by_text("first@stop.example may get mail again")).to_be_visible()
    left = api.get("/suppressions", params={"reason": "manual"}).json()["items"]
    assert [one["address"] for one in left if one["address"].endswith("stop.example")] == ["second@stop.example"]


def test_a_form_is_made_changed_and_shown_as_visitors_see_it(page: Page, api: httpx2.Client) -> None:
    page.goto("/forms")
    page.get_by_role("button", name="Add form").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("Tea club")
    page.get_by_role("dialog").get_by_role("button", name="Add form").click()
    page.get_by_label("Title").fill("Join the tea club")
    page.get_by_role("button", name="Add field").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved")).to_be_visible()
    # By its own address, under its own policy.
    expect(page.frame_locator("iframe").get_by_text("Join the tea club")).to_be_visible()
    form = next(one for one in api.get("/forms").json()["items"] if one["definition"]["name"] == "Tea club")
    assert [field["key"] for field in form["definition"]["fields"]] == ["email", "phone"]
    expect(page.get_by_text(form["popup_snippet"])).to_be_visible()
    api.delete(f"/forms/{form['form_id']}").raise_for_status()


def test_a_mail_of_the_dev_inbox_is_shown_in_a_frame_of_its_own(page: Page, api: httpx2.Client) -> None:
    mail = api.get("/inbox", params={"limit": 1}).json()["items"][0]
    page.goto(f"/settings/inbox?to={mail['to']}")
    page.get_by_role("link", name=mail["subject"]).first.click()
    frame = page.locator("iframe")
    expect(frame).to_be_visible()
    assert frame.get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    expect(page.frame_locator("iframe").locator("body")).not_to_be_empty()
    page.get_by_text("Headers", exact=True).click()
    expect(page.get_by_text(mail["message_id"])).to_be_visible()
