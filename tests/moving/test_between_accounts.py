"""From one account of an installation into another, through its own eSputnik API and the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.contacts.model import IdentityKind, SubscriptionState
from tests.cli.command import Command
from tests.http.esputnik.conftest import Shop
from tests.http.running_site import Site

_LETTER = (
    "<p>Hello %FIRSTNAME|friend%, born %PERSONAL.BIRTHDAY|one day%!</p>"
    "<p><a href='https://shop.example/?name=%FIRSTNAME%'>Shop</a></p>"
    "<p><a href='https://esputnik.com/unsubscribe'>Unsubscribe</a></p>"
)


async def _shop(site: Site, name: str) -> Shop:
    account = await site.app.accounts.create_account(site.owner, name=name)
    key = await site.app.accounts.create_api_key(machine_principal(account.account_id), name="moving", role=Role.ADMIN)
    return Shop(site, account.account_id, key.key)


async def _furnished(shop: Shop) -> None:
    """An account with everything that moves, made through the API that the move reads."""
    fields = shop.app.contacts.fields
    birthday = await fields.create(shop.account_id, key="birthday", name="Birthday", type=_type("date"))
    gender = await fields.create(shop.account_id, key="gender", name="Gender", type=_type("choice"), choices=["M", "F"])
    contacts = [
        {
            "channels": [
                {"type": "email", "value": f"person{number}@example.org"},
                {"type": "sms", "value": f"38067111{number:04d}"},
            ],
            "firstName": f"Name{number}",
            "lastName": "Bondar",
            "address": {"region": "Lvivska", "town": "Lviv", "address": "Rynok 1", "postcode": "79000"},
            "fields": [
                {"id": birthday.field_id, "value": "1991-04-02"},
                {"id": gender.field_id, "value": "F" if number % 2 else "M"},
            ],
            "externalCustomerId": f"C-{number}",
            "languageCode": "uk",
            "timeZone": "Europe/Kyiv",
        }
        for number in range(620)
    ]
    body = {
        "contacts": contacts,
        "dedupeOn": "externalCustomerId",
        "customFieldsIDs": [birthday.field_id, gender.field_id],
        "groupNames": ["Customers"],
    }
    answer = await shop.post("/v1/contacts", body)
    assert answer.status == 200, answer.body
    answer = await shop.post("/v1/emails/unsubscribed/add", {"emails": ["person7@example.org"]})
    assert answer.status == 200, answer.body
    made = await shop.post(
        "/v1/messages/email",
        {
            "name": "Autumn",
            "from": await _sender(shop),
            "subject": "For %FIRSTNAME|you%",
            "htmlText": _LETTER,
            "tags": ["sale"],
        },
    )
    assert made.status == 200, made.body


def _type(name: str) -> Any:
    from syncom.contacts.model import FieldType

    return FieldType(name)


async def _sender(shop: Shop) -> str:
    (found, *_) = (await shop.get("/v1/interfaces/email")).json()
    return found["value"]


@pytest.fixture
def command(
    site: Site, module_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command line on the installation that serves the site."""
    from urllib.parse import urlencode

    from psycopg.conninfo import conninfo_to_dict

    monkeypatch.setenv("SYNCOM_DATABASE_URL", f"postgresql:///?{urlencode(conninfo_to_dict(module_dsn))}")
    monkeypatch.setenv("SYNCOM_DATA_DIR", str(site.app.settings.data_dir))
    monkeypatch.setenv("COLUMNS", "200")
    return Command(capsys)


async def test_an_account_moves_into_another_one(site: Site, command: Command, tmp_path: Path) -> None:
    old, new = await _shop(site, "Old"), await _shop(site, "New")
    await _furnished(old)
    left = tmp_path / "left.csv"
    left.write_text("email;when\nperson9@example.org;2026-01-01\n", "utf-8")
    given = ("--url", site.url, "--key", old.key, "--account", new.account_id, "--unsubscribed", left)
    move = await command.json("import", "esputnik", *given)
    problems = await command.json("import", "move-problems", move["move_id"], "--account", new.account_id)
    assert (move["step"], problems[:3]) == (None, []), move
    assert move["counts"]["contacts"] == 620
    app = site.app
    for number in (0, 7, 9, 619):
        theirs = await app.contacts.find(old.account_id, IdentityKind.EXTERNAL_ID, f"C-{number}")
        ours = await app.contacts.find(new.account_id, IdentityKind.EXTERNAL_ID, f"C-{number}")
        assert theirs is not None
        assert ours is not None
        for name in ("email", "phone", "first_name", "last_name", "region", "city", "address", "postcode", "language",
                     "time_zone", "fields"):  # fmt: skip
            assert getattr(ours, name) == getattr(theirs, name), name
        expected = SubscriptionState.UNSUBSCRIBED if number in (7, 9) else SubscriptionState.SUBSCRIBED
        assert ours.email_state is expected, number
    lists = {one.name: one.size for one in await app.contacts.lists.all(new.account_id)}
    assert lists == {"Customers": 620}
    (template,) = (await app.content.list(new.account_id)).templates
    assert (template.name, template.subject, template.tags) == ("Autumn", "For %FIRSTNAME|you%", ("sale",))
    rendered = await app.content.preview(new.account_id, template.template_id, {"first_name": "Olena"})
    assert "Hello Olena" in rendered.html

    again = await command.json("import", "esputnik", *given)
    assert again["counts"].get("created", 0) == 0
    assert len(await command.json("import", "moves", "--account", new.account_id)) == 1
    assert await command.json("import", "move-problems", again["move_id"], "--account", new.account_id) == []


async def test_the_command_says_what_is_missing_or_wrong(site: Site, command: Command) -> None:
    nothing = await command("import", "esputnik", "--url", site.url)
    assert nothing.code == 4
    assert "--key-stdin" in nothing.err
    wrong = await command("import", "esputnik", "--url", site.url, "--key", "wrong")
    assert wrong.code == 5
    assert "key is refused" in wrong.err
    nowhere = await command("import", "esputnik", "--url", "nowhere", "--key", "x")
    assert nowhere.code == 4
