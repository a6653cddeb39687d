"""Templates of every channel from the terminal."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import Command


async def test_texts_and_notifications_are_templates_too(syncom: Command, tmp_path: Path) -> None:
    text = tmp_path / "sale.txt"
    text.write_text("Hello {{ first_name }}, see https://shop.example/sale")
    sms = await syncom.json("template", "add", text, "--channel", "sms")
    push = await syncom.json(
        *("template", "add", text, "--channel", "webpush", "--subject", "Sale", "--name", "Push"),
        *("--member", "link=https://shop.example/sale", "--member", "ttlSeconds=3600"),
        *("--member", 'actions=[{"title": "See", "link": "https://shop.example/see"}]'),
    )
    assert (sms["name"], sms["channel"], sms["source"]) == ("sale", 2, text.read_text())
    assert push["subject"] == "Sale"
    assert push["members"]["ttlSeconds"] == 3600
    assert push["members"]["actions"][0]["title"] == "See"


async def test_what_a_channel_cannot_use_is_refused_by_name(syncom: Command, tmp_path: Path) -> None:
    text = tmp_path / "sale.txt"
    text.write_text("Hello")
    for arguments, words in (
        (("--channel", "email"), "--subject"),
        (("--channel", "webpush", "--subject", "Sale", "--member", "link=nowhere"), "link"),
        (("--channel", "webpush", "--subject", "Sale", "--member", "link"), "NAME=VALUE"),
    ):
        answer = await syncom("template", "add", text, *arguments)
        assert answer.code != 0
        assert words in answer.err
