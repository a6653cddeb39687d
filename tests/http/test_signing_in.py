"""Signing in with a second factor over HTTP: the API, the page, and what an account that asks for it allows."""

from __future__ import annotations

import re

import pytest
from pyotp.totp import TOTP

from syncom.accounts.model import Role
from tests.http.running_site import PASSWORD, Site

V1 = "/syncom/v1"


@pytest.fixture
async def person(site: Site, request: pytest.FixtureRequest) -> str:
    """The email of a fresh admin."""
    email = f"{request.node.name.replace('[', '-').replace(']', '')}@example.com"[-60:]
    await site.app.accounts.create_user(site.owner, email=email, role=Role.ADMIN, password=PASSWORD)
    return email


async def test_a_browser_enrols_signs_in_with_a_code_and_looks_at_its_sessions(site: Site, person: str) -> None:
    login = {"email": person, "password": PASSWORD}
    async with site.client(None, Origin=site.url, **{"User-Agent": "Browser/7"}) as browser:
        assert (await browser.post(f"{V1}/session", json=login)).status_code == 201
        assert (await browser.get(f"{V1}/session")).json()["must_enrol_two_factor"] is False
        wrong = await browser.post(f"{V1}/session/two-factor", json={"password": "wrong"})
        assert [error["field"] for error in wrong.json()["errors"]] == ["password"]
        begun = (await browser.post(f"{V1}/session/two-factor", json={"password": PASSWORD})).json()
        phone = TOTP(begun["secret"])
        refused = await browser.post(f"{V1}/session/two-factor/confirm", json={"code": "12"})
        assert [error["field"] for error in refused.json()["errors"]] == ["code"]
        confirmed = await browser.post(f"{V1}/session/two-factor/confirm", json={"code": phone.now()})
        codes = confirmed.json()["recovery_codes"]
        status = await browser.get(f"{V1}/session/two-factor")
        assert (status.json()["enabled"], status.json()["recovery_codes_left"]) == (True, 10)
        assert begun["secret"] not in status.text
        asked = await browser.post(f"{V1}/session", json=login)
        assert (asked.status_code, asked.json()["type"]) == (401, "/docs#problem-two_factor_required")
        assert "set-cookie" not in asked.headers
        wrong = await browser.post(f"{V1}/session", json={**login, "code": "nothing"})
        assert (wrong.status_code, wrong.json()["type"]) == (401, "/docs#problem-two_factor_wrong")
        assert (await browser.post(f"{V1}/session", json={**login, "code": codes[0]})).status_code == 201
        items = (await browser.get(f"{V1}/sessions")).json()["items"]
        assert [item["current"] for item in items] == [True, False]
        assert {item["agent"] for item in items} == {"Browser/7"}
        gone = await browser.delete(f"{V1}/sessions/{items[1]['session_id']}")
        assert gone.status_code == 204
        assert (await browser.post(f"{V1}/sessions/end-others")).status_code == 204
        assert len((await browser.get(f"{V1}/sessions")).json()["items"]) == 1
        off = {"password": PASSWORD, "code": codes[1]}
        assert (await browser.post(f"{V1}/session/two-factor/disable", json=off)).status_code == 204
        assert (await browser.post(f"{V1}/session", json=login)).status_code == 201


async def test_the_page_asks_for_the_code_in_a_second_step_and_never_holds_the_password(
    site: Site, person: str
) -> None:
    session = await site.app.accounts.sign_in(email=person, password=PASSWORD, address="::1")
    begun = await site.app.accounts.two_factor.begin(session.principal, password=PASSWORD)
    confirmed = await site.app.accounts.two_factor.confirm(session.principal, code=TOTP(begun.secret).now(), keep=None)
    async with site.client(None, Origin=site.url, Accept="text/html") as browser:
        form = {"email": person, "password": PASSWORD, "next": "/docs"}
        second = await browser.post("/login", data=form)
        assert second.status_code == 200
        assert 'autocomplete="one-time-code"' in second.text
        assert PASSWORD not in second.text
        assert "set-cookie" not in second.headers
        found = re.search(r'name="ticket" value="([^"]+)"', second.text)
        assert found is not None
        step = {"ticket": found[1], "next": "/docs"}
        wrong = await browser.post("/login", data={**step, "code": "1"})
        assert (wrong.status_code, 'role="alert"' in wrong.text, found[1] in wrong.text) == (401, True, True)
        forged = await browser.post("/login", data={**step, "ticket": "x", "code": confirmed.recovery_codes[0]})
        assert forged.status_code == 401
        done = await browser.post("/login", data={**step, "code": confirmed.recovery_codes[0]})
        assert (done.status_code, done.headers["location"]) == (303, "/docs")
        assert (await browser.get(f"{V1}/session")).status_code == 200


async def test_whoever_has_to_enrol_can_do_that_and_nothing_else(site: Site, person: str) -> None:
    async with site.client() as owner, site.client(None, Origin=site.url) as browser:
        changed = await owner.patch(f"{V1}/account", json={"require_two_factor": True, "two_factor_grace_days": 0})
        assert changed.json()["two_factor_required_from"]
        try:
            await browser.post(f"{V1}/session", json={"email": person, "password": PASSWORD})
            me = (await browser.get(f"{V1}/session")).json()
            assert (me["must_enrol_two_factor"], me["permissions"]) == (True, ["signed_in"])
            for path in ("/contacts", "/users", "/account"):
                refused = await browser.get(f"{V1}{path}")
                assert refused.status_code == 403, path
                assert "two-factor" in refused.json()["detail"]
            put = await browser.put(f"{V1}/contacts", json={"email": "x@example.com"})
            assert put.status_code == 403
            consent = await browser.get("/membrane/oauth/authorize", params={"request": "x"})
            assert consent.status_code != 200
            begun = (await browser.post(f"{V1}/session/two-factor", json={"password": PASSWORD})).json()
            code = TOTP(begun["secret"]).now()
            assert (await browser.post(f"{V1}/session/two-factor/confirm", json={"code": code})).status_code == 200
            assert (await browser.get(f"{V1}/contacts")).status_code == 200
            too_long = await owner.patch(f"{V1}/account", json={"two_factor_grace_days": 91})
            assert [error["field"] for error in too_long.json()["errors"]] == ["two_factor_grace_days"]
        finally:
            await owner.patch(f"{V1}/account", json={"require_two_factor": False})


async def test_an_admin_resets_it_by_a_route(site: Site, person: str) -> None:
    session = await site.app.accounts.sign_in(email=person, password=PASSWORD, address="::1")
    user_id = session.principal.user_id
    async with site.client() as owner:
        assert (await owner.post(f"{V1}/users/{user_id}/two-factor/reset")).status_code == 404
        begun = await site.app.accounts.two_factor.begin(session.principal, password=PASSWORD)
        code = TOTP(begun.secret).now()
        await site.app.accounts.two_factor.confirm(session.principal, code=code, keep=session.token)
        listed = {user["user_id"]: user["two_factor"] for user in (await owner.get(f"{V1}/users")).json()["items"]}
        assert listed[user_id] is True
        assert (await owner.post(f"{V1}/users/{user_id}/two-factor/reset")).status_code == 204
        audited = (await owner.get(f"{V1}/account/audit")).json()["items"]
        assert (audited[0]["action"], audited[0]["object"]) == ("two_factor.reset", f"user:{user_id}")
    await site.app.accounts.sign_in(email=person, password=PASSWORD, address="::1")
