"""SMS gateways from the terminal."""

from __future__ import annotations

import pytest

from tests.cli.command import Command
from tests.messages.sms.gateway_peer import OK, Reply, running_gateway


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
