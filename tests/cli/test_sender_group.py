"""Groups of senders and fall-back orders from the terminal."""

from __future__ import annotations

from pathlib import Path

from syncom.cli.main import EXIT_WRONG
from tests.cli.command import Command


async def test_a_group_is_made_shown_changed_named_and_deleted_as_a_sender(syncom: Command, tmp_path: Path) -> None:
    ids = [
        (await syncom.json("sender", "add", "smtp", "--host", "127.0.0.1", "--port", port))["sender_id"]
        for port in (2501, 2502)
    ]
    assert "No group yet" in (await syncom("sender", "group", "list")).out
    members = [word for one, more in zip(ids, (":3", ":1:2"), strict=True) for word in ("--member", f"{one}{more}")]
    made = await syncom.json("sender", "group", "add", "--name", "Mails", *members)
    group = made["sender_id"]
    assert [(one["sender_id"], one["weight"], one["priority"]) for one in made["members"]] == [
        (ids[0], 3, 1),
        (ids[1], 1, 2),
    ]
    assert "can send" in (await syncom("sender", "group", "show", group)).out
    assert "Mails" in (await syncom("sender", "group", "list")).out
    assert "other senders" in (await syncom("sender", "list")).out
    changed = await syncom.json(
        *("sender", "group", "update", group, "--name", "All", "--member", ids[1], "--failover-after", 60, "--default"),
    )
    assert (changed["name"], changed["failover_after"], changed["is_default"]) == ("All", 60.0, True)
    assert [one["sender_id"] for one in changed["members"]] == [ids[1]]
    assert "only sender of the group 'All'" in (await syncom("sender", "delete", ids[1])).err
    (tmp_path / "letter.html").write_text("<p>Hello</p>", "utf-8")
    template = (await syncom.json("template", "add", str(tmp_path / "letter.html"), "--subject", "News"))["template_id"]
    campaign = await syncom.json("campaign", "create", "--name", "News", "--template", template, "--everyone")
    assert campaign["sender_id"] == group, "the default one"
    assert (await syncom("sender", "delete", group)).code != 0, "a campaign needs it"
    await syncom.json("campaign", "delete", campaign["campaign_id"])
    await syncom.json("sender", "delete", group)
    await syncom.json("sender", "delete", ids[1])


async def test_wrong_members_and_alternatives_are_named(syncom: Command, tmp_path: Path) -> None:
    sender = (await syncom.json("sender", "add", "smtp", "--host", "127.0.0.1", "--port", 2501))["sender_id"]
    for member in ("x", f"{sender}:", f"{sender}:1:1:1", "-1"):
        refused = await syncom("sender", "group", "add", "--name", "G", f"--member={member}")
        assert (refused.code, "member" in refused.err) == (EXIT_WRONG, True), member
    assert (await syncom("sender", "group", "add", "--name", "G", "--member", f"{sender}:0")).code == EXIT_WRONG
    assert (await syncom("sender", "group", "show", sender)).code != 0, "it is no group"
    (tmp_path / "letter.html").write_text("<p>Hello</p>", "utf-8")
    template = (await syncom.json("template", "add", str(tmp_path / "letter.html"), "--subject", "News"))["template_id"]
    for alternative, words in (("x", "must be TEMPLATE"), (str(template), "reaches those whom a message before it")):
        refused = await syncom(
            *("campaign", "create", "--name", "N", "--template", template, "--everyone", "--alternative", alternative)
        )
        assert (refused.code, words in refused.err) == (EXIT_WRONG, True)
