"""SMS gateways from the terminal."""

from __future__ import annotations

import pytest

from tests.cli.command import Command
from tests.messages.sms.gateway_peer import OK, Reply, running_gateway
from tests.messages.sms.smpp.byte_peer import BytePeer, running_bytes


async def test_a_gateway_is_described_tried_and_made_the_default(
    syncom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCOM_OUTBOUND_ALLOW", "127.0.0.1/32")
    monkeypatch.setenv("SYNCOM_GATEWAY_SECRET", "s3cret")
    async with running_gateway(lambda asked, number: OK if number == 1 else Reply(status=400, body=b"no")) as peer:
        added = await syncom.json(
            *("sender", "add", "sms", "--url", f"{peer.url}/sms", "--from", "Acme", "--from", "Shop"),
            *("--field", "message.to={to}", "--field", "message.body={text}", "--field", "key={secret}"),
            *("--id-path", "id", "--viber-url", f"{peer.url}/viber", "--rate", 5),
        )
        assert (added["kind"], added["channel"], added["is_default"], added["from_name"]) == (
            "gateway",
            2,
            True,
            "Acme",
        )
        tried = await syncom.json("sender", "test", added["sender_id"], "--to", "+380671112233")
        refused = await syncom("sender", "test", added["sender_id"], "--to", "+380671112233")
    assert tried["answer"] == "200 id=gw-1"
    assert "400 no" in refused.err
    asked = peer.asked[0].json()
    assert asked["message"]["to"] == "+380671112233"
    assert asked["key"] == "s3cret"
    shown = (await syncom("sender", "show", added["sender_id"])).out
    assert "s3cret" not in shown
    assert "Acme, Shop" in shown
    assert "/viber" in shown
    assert "gateway" in (await syncom("sender", "list")).out
    changed = await syncom.json("sender", "update", added["sender_id"], "--rate", 0, "--name", "Main")
    assert (changed["name"], changed["config"]["gateway"]["names"]) == ("Main", ["Acme", "Shop"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--url", "https://gateway.example"), "names"),
        (("--url", "ftp://gateway.example", "--from", "Acme"), "url"),
        (("--url", "https://gateway.example", "--from", "Acme", "--field", "to"), "NAME=VALUE"),
        (("--url", "https://gateway.example", "--from", "Acme", "--field", "a=1", "--field", "a.b=2"), "inside"),
        (("--url", "https://gateway.example", "--from", "Acme", "--field", "to={to}"), "{text}"),
        (("--url", "https://gateway.example", "--from", "Acme", "--verb", "get"), "query"),
    ],
)
async def test_a_gateway_that_cannot_work_is_refused(syncom: Command, arguments: tuple[str, ...], words: str) -> None:
    answer = await syncom("sender", "add", "sms", *arguments)
    assert answer.code != 0
    assert words in answer.err
    assert await syncom.json("sender", "list") == [] or all(
        one["kind"] == "inbox" for one in await syncom.json("sender", "list")
    )


async def test_accounts_at_providers_are_added_and_say_where_to_post(
    syncom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCOM_GATEWAY_SECRET", "t0ken")
    monkeypatch.setenv("SYNCOM_CALLBACK_SECRET", "signature-secret")
    twilio = await syncom.json(
        *("sender", "add", "twilio", "--account-sid", "AC01", "--from", "+12025550100"),
        *("--brand", "Acme", "--contact", "Ask us.", "--price", "0.05 EUR"),
    )
    assert (twilio["kind"], twilio["config"]["replies"]["brand"]) == ("twilio", "Acme")
    assert twilio["config"]["part_price"] == {"amount": "0.05", "currency": "EUR"}
    vonage = await syncom("sender", "add", "vonage", "--api-key", "abcd", "--from", "Acme", "--signature", "sha512")
    assert "/texts" in vonage.out
    posts = await syncom.json("sender", "callbacks", twilio["sender_id"])
    assert posts["receipts"].endswith("/receipts")
    shown = (await syncom("sender", "show", twilio["sender_id"])).out
    assert "0.05 EUR" in shown
    assert "t0ken" not in shown + vonage.out
    for wrong in (("--price", "cheap"), ("--price", "1 euro"), ("--account-sid", "../x")):
        refused = await syncom("sender", "add", "twilio", "--account-sid", "AC01", "--from", "Acme", *wrong)
        assert refused.code != 0


async def test_parts_are_counted_and_texts_of_people_listed(syncom: Command) -> None:
    counted = await syncom.json("text", "parts", "Привіт 😀")
    assert (counted["alphabet"], counted["units"], counted["parts"]) == ("ucs2", 9, 1)
    assert "ucs2" in (await syncom("text", "parts", "’")).out
    assert await syncom.json("text", "inbound") == []
    assert "Nobody" in (await syncom("text", "inbound", "--keyword", "stop")).out
    assert "stop, help or start" in (await syncom("text", "inbound", "--keyword", "maybe")).err


async def test_an_smsc_is_described_and_its_password_is_never_shown(
    syncom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCOM_OUTBOUND_ALLOW", "127.0.0.1/32")
    monkeypatch.setenv("SYNCOM_SMPP_PASSWORD", "s3cret")
    async with running_bytes(BytePeer()) as peer:
        added = await syncom.json(
            *("sender", "add", "smpp", "--host", "127.0.0.1", "--port", peer.port, "--system-id", "acme"),
            *("--from", "Acme", "--window", 10, "--receipt-ids", "hex-then-decimal", "--mode", "pair"),
        )
        assert (added["kind"], added["from_name"], added["is_default"]) == ("smpp", "Acme", True)
        bind = added["config"]["smpp"]
        assert (bind["window"], bind["receipt_ids"], bind["mode"]) == (10, "hex_then_decimal", "pair")
        tried = await syncom.json("sender", "test", added["sender_id"], "--to", "+380671112233")
    assert tried["answer"].startswith("id=")
    assert b"acme\0s3cret\0" in peer.connections[0].got[0][2]
    shown = (await syncom("sender", "show", added["sender_id"])).out
    assert "s3cret" not in shown
    assert f"127.0.0.1:{peer.port} (pair)" in shown
    changed = await syncom.json("sender", "update", added["sender_id"], "--port", 2776, "--username", "shop")
    assert (changed["config"]["smpp"]["port"], changed["config"]["smpp"]["system_id"]) == (2776, "shop")
    refused = await syncom("sender", "add", "smpp", "--host", "smsc.example", "--system-id", "acme")
    assert "names" in refused.err
