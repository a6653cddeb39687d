"""``syncom campaign``: what is said before anything is sent."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import Command


async def test_a_draft_says_what_keeps_mails_from_being_made(syncom: Command, tmp_path: Path) -> None:
    mail = tmp_path / "mail.html"
    mail.write_text("<p>Hello {{ nickname }}</p>")
    template = await syncom.json("template", "add", str(mail), "--subject", "News")
    made = await syncom("campaign", "create", "--name", "One", "--template", str(template["template_id"]), "--everyone")
    assert f"Template {template['template_id']}, html: nickname is no field of a contact" in made.out
    assert "dev inbox" in made.out


async def test_a_campaign_belongs_to_the_categories_that_are_named(syncom: Command, tmp_path: Path) -> None:
    mail = tmp_path / "mail.html"
    mail.write_text("<p>Hello</p>")
    template = await syncom.json("template", "add", str(mail), "--subject", "News")
    await syncom("category", "put", "news", "News")
    line = ("campaign", "create", "--name", "One", "--template", str(template["template_id"]), "--everyone")
    made = await syncom.json(*line, "--category", "news")
    assert made["audience"]["categories"] == ["news"]
    refused = await syncom(*line, "--category", "newz")
    assert refused.code == 4
    assert "newz" in refused.err
