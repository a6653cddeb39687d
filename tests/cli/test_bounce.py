"""``syncom bounce``: what was reported, and the ways it comes by."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.ids import campaign_message_id
from syncom.messages.bounces.intake import Intake
from syncom.messages.bounces.model import Named, Received, Report, ReportKind
from syncom.messages.bounces.refusals import Refusals, Refused
from syncom.messages.channels.email.replies import BounceClass
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.cli.command import Command
from tests.messages.bounces.mail_servers import Box, imap

NEEDS_A_KEY = "HTTP webhook signing key"


async def take(syncom: Command, database: Database, folder: Path, *reports: Report) -> None:
    """As if these had come, with one refusal of a server before them."""
    [account] = await syncom.json("account", "list")
    clock = SystemClock()
    keyring = Keyring.open(folder / "data" / "secret.key")
    refused = Refused(
        account_id=account["account_id"],
        contact_id=7,
        message_id=campaign_message_id(3, 7),
        campaign_id=3,
        address="gone@example.com",
        bounce_class=BounceClass.UNKNOWN_MAILBOX,
        suppress=True,
        strikes=1,
        status="5.1.1",
        words="550 5.1.1 no such user",
        server="mx.example.com",
        launched_at=clock.now() - timedelta(minutes=1),
        at=clock.now(),
    )
    async with database.system() as connection:
        await Refusals(keyring).take(connection, [refused])
    received = [Received(account_id=account["account_id"], report=report) for report in reports]
    async with database.system() as connection:
        await Intake(ActivityService(database, clock), keyring, clock).take(connection, received)


def unknown(number: int) -> Report:
    """Of somebody we never wrote to."""
    return Report(
        kind=ReportKind.BOUNCED,
        key=b"%d" % number,
        source="bounce mail",
        recipient=f"who{number}@example.com",
        named=(Named(message_id=campaign_message_id(9, number), is_signed=False),),
        words="550 5.1.1 User unknown",
    )


async def test_reports_are_listed_filtered_and_counted(syncom: Command, database: Database, tmp_path: Path) -> None:
    assert (await syncom("bounce", "list")).out == "Nothing was reported.\n"
    assert await syncom.json("bounce", "list") == []
    await take(syncom, database, tmp_path, unknown(1), unknown(2))
    shown = await syncom("bounce", "list")
    assert re.search(
        r"refused +unknown_mailbox +gone@example.com +5.1.1 +suppressed +smtp mx.example.com +550 5.1.1 no such user",
        shown.out,
    )
    newest, older, refused = await syncom.json("bounce", "list")
    assert (newest["kind"], older["kind"]) == (1, 1)
    assert {newest["recipient"], older["recipient"]} == {"who1@example.com", "who2@example.com"}
    assert (refused["kind"], refused["words"], refused["campaign_id"]) == (7, "550 5.1.1 no such user", 3)
    assert await syncom.json("bounce", "list", "--kind", "refused") == [refused]
    assert await syncom.json("bounce", "list", "--recipient", " GONE@example.com ") == [refused]
    assert await syncom.json("bounce", "list", "--unmatched", "--limit", "1") == [newest]
    assert await syncom.json("bounce", "list", "--unmatched") == [newest, older]
    assert await syncom.json("bounce", "list", "--kind", "complaint") == []
    counted = await syncom.json("bounce", "counts")
    assert (counted["kinds"], counted["classes"], counted["unmatched"]) == ({"refused": 1}, {"unknown_mailbox": 1}, 2)
    lines = [line.split() for line in (await syncom("bounce", "counts")).out.splitlines()]
    assert ["refused", "1"] in lines
    assert ["name", "nobody", "we", "sent", "to", "2"] in lines
    [entry] = await syncom.json("suppression", "list")
    assert (entry["address"], entry["reason"], entry["source"]) == (
        "gone@example.com",
        "hard bounce",
        "smtp mx.example.com",
    )


async def test_complaints_have_one_address_that_does_not_change(syncom: Command) -> None:
    first = await syncom.json("bounce", "address")
    assert (await syncom("bounce", "address")).out == f"{first['local_part']}\n"
    assert len(first["local_part"]) <= 64


async def test_a_mailbox_is_tried_added_shown_and_removed(syncom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "syncom bounce mailbox add" in (await syncom("bounce", "mailbox", "list")).out
    monkeypatch.setenv("SYNCOM_OUTBOUND_ALLOW", "127.0.0.1/32")
    async with imap(Box(password="from a variable")) as port:
        add = ("bounce", "mailbox", "add", "127.0.0.1", "bounces@example.com", "--port", port, "--security", "plain")
        nothing = await syncom(*add)
        assert (nothing.code, "SYNCOM_MAILBOX_PASSWORD: is not set" in nothing.err) == (4, True)
        monkeypatch.setenv("SYNCOM_MAILBOX_PASSWORD", "from a variable")
        made = await syncom.json(*add, "--every", "30", "--name", "Returns")
        assert (made["name"], made["every"], made["folder"], made["problem"]) == ("Returns", 30, "INBOX", "")
        assert "from a variable" not in str(made)
        monkeypatch.setattr("sys.stdin", io.StringIO("from a variable\n"))
        monkeypatch.delenv("SYNCOM_MAILBOX_PASSWORD")
        said = await syncom(*add, "--password-stdin")
        assert said.out == "Mailbox 2 is read every 60 seconds.\n"
        monkeypatch.setenv("SYNCOM_MAILBOX_PASSWORD", "wrong")
        refused = await syncom(*add)
        assert (refused.code, "host: cannot be read" in refused.err) == (4, True)
    listed = await syncom.json("bounce", "mailbox", "list")
    assert [one["name"] for one in listed] == ["Returns", "bounces@example.com at 127.0.0.1"]
    assert re.search(r"1 +Returns +imap +0 +0", (await syncom("bounce", "mailbox", "list")).out)
    assert await syncom.json("bounce", "mailbox", "remove", 1) == {"removed": 1}
    assert (await syncom("bounce", "mailbox", "remove", 2)).out == "Mailbox 2 is removed.\n"
    gone = await syncom("bounce", "mailbox", "remove", 2)
    assert (gone.code, "mailbox 2" in gone.err) == (3, True)
    assert await syncom.json("bounce", "mailbox", "list") == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("bad host", "me"), "host: must be the name of a server"),
        (("imap.example.com", "me", "--port", "70000"), "port: must be between 1 and 65535"),
        (("imap.example.com", "me", "--every", "5"), "every: must be 10 seconds to a day"),
        (("imap.example.com", "me", "--protocol", "pop3", "--move-to", "Read"), "move_to: is for IMAP"),
        (("imap.example.com", "me", "--folder", ""), "folder: must have 1 to"),
    ],
    ids=["host", "port", "every", "move to", "folder"],
)
async def test_a_wrong_mailbox_is_refused_by_the_name_of_what_is_wrong(
    syncom: Command, monkeypatch: pytest.MonkeyPatch, given: Sequence[str], words: str
) -> None:
    monkeypatch.setenv("SYNCOM_MAILBOX_PASSWORD", "secret")
    answer = await syncom("bounce", "mailbox", "add", *given)
    assert (answer.code, words in answer.err) == (4, True), answer.err


def verification_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


async def test_webhooks_of_every_provider_are_added_shown_and_removed(
    syncom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "syncom bounce webhook add" in (await syncom("bounce", "webhook", "list")).out
    topic = "arn:aws:sns:eu-west-1:123456789012:bounces"
    made = await syncom.json("bounce", "webhook", "add", "ses", "--topic", topic)
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/bounces/[\w-]{32}", made["url"])
    assert (made["hook"]["provider"], made["hook"]["topics"]) == ("ses", [topic])
    assert (await syncom("bounce", "webhook", "add", "postmark")).out.startswith("http://127.0.0.1:8080/bounces/")
    key = verification_key()
    monkeypatch.setenv("SYNCOM_WEBHOOK_KEY", key)
    signed = await syncom.json("bounce", "webhook", "add", "sendgrid", "--name", "Grid")
    assert key not in str(signed)
    monkeypatch.delenv("SYNCOM_WEBHOOK_KEY")
    monkeypatch.setattr("sys.stdin", io.StringIO("mailgun key\n"))
    assert (await syncom("bounce", "webhook", "add", "mailgun", "--key-stdin")).code == 0
    listed = await syncom.json("bounce", "webhook", "list")
    assert [one["name"] for one in listed] == ["ses", "postmark", "Grid", "mailgun"]
    shown = (await syncom("bounce", "webhook", "list")).out
    assert re.search(r"3 +Grid +sendgrid +0", shown)
    assert "/bounces/" not in shown
    assert await syncom.json("bounce", "webhook", "remove", 3) == {"removed": 3}
    assert (await syncom("bounce", "webhook", "remove", 1)).out == "Webhook 1 is removed.\n"
    assert (await syncom("bounce", "webhook", "remove", 1)).code == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("mailgun",), f"SYNCOM_WEBHOOK_KEY: is not set: it holds the {NEEDS_A_KEY}"),
        (("postmark", "--username", "us"), "SYNCOM_WEBHOOK_KEY: is not set: it holds the password"),
        (("ses",), "topics: must have 1 to 20 ARNs"),
        (("ses", "--topic", "bounces"), "topics: must be ARNs"),
    ],
    ids=["no key", "no password", "no topic", "no ARN"],
)
async def test_a_webhook_that_would_believe_anybody_is_refused(
    syncom: Command, given: Sequence[str], words: str
) -> None:
    answer = await syncom("bounce", "webhook", "add", *given)
    assert (answer.code, words in answer.err) == (4, True), answer.err


async def test_what_is_no_key_is_refused(syncom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCOM_WEBHOOK_KEY", "not a key")
    answer = await syncom("bounce", "webhook", "add", "sendgrid")
    assert (answer.code, "signing_key: " in answer.err) == (4, True), answer.err


@pytest.mark.parametrize(
    "given",
    [
        ("list", "--kind", "explosion"),
        ("list", "--limit", "0"),
        ("list", "--limit", "many"),
        ("webhook", "add", "nobody"),
        ("webhook", "remove", "x"),
        ("mailbox", "remove", "x"),
        ("mailbox", "add", "imap.example.com"),
        ("mailbox", "add", "imap.example.com", "me", "--security", "none of it"),
    ],
    ids=" ".join,
)
async def test_wrong_input_is_named_and_changes_nothing(syncom: Command, given: Sequence[str]) -> None:
    answer = await syncom("bounce", *given)
    assert answer.code != 0
    assert not answer.out
    assert given[-1] in answer.err or "limit" in answer.err or "USERNAME" in answer.err.upper()
    assert await syncom.json("bounce", "webhook", "list") == []
    assert await syncom.json("bounce", "mailbox", "list") == []
