"""``syncom policy``, and campaigns at a local time."""

from __future__ import annotations

from tests.cli.command import Command


async def test_a_policy_is_changed_part_by_part(syncom: Command) -> None:
    saved = await syncom.json(
        "policy",
        "set",
        "--quiet",
        "21:00-09:00",
        "--quiet",
        "sms,viber:00:00-00:00/sat,sun",
        "--cap",
        "3/7",
        "--cap",
        "sms:1/1",
    )
    assert [rule["channels"] for rule in saved["quiet_hours"]] == [[], ["sms", "viber"]]
    assert saved["quiet_hours"][1]["weekdays"] == ["sat", "sun"]
    assert saved["caps"] == [
        {"messages": 3, "days": 7, "channel": None},
        {"messages": 1, "days": 1, "channel": "sms"},
    ]
    changed = await syncom.json(
        "policy", "set", "--no-caps", "--bounces", "2.5/100", "--complaints", "off", "--content", "7/80"
    )
    assert (changed["caps"], changed["quiet_hours"]) == ([], saved["quiet_hours"])
    assert changed["limits"]["bounces_percent"] == 2.5
    assert changed["limits"]["bounces_after"] == 100
    assert changed["limits"]["complaints_percent"] is None
    assert (changed["limits"]["content_percent"], changed["limits"]["content_after"]) == (7, 80)
    shown = await syncom("policy", "show")
    assert "sms, viber: 00:00 to 00:00 from sat, sun" in shown.out
    assert "2.5 % bounces" in shown.out


async def test_what_is_written_wrongly_is_named(syncom: Command) -> None:
    for option, wrong in (
        ("quiet", "9-21"),
        ("quiet", "fax:21:00-09:00"),
        ("cap", "three a week"),
        ("bounces", "many"),
    ):
        answer = await syncom("policy", "set", f"--{option}", wrong)
        assert answer.code != 0
        assert option in answer.err


async def test_a_schedule_is_one_moment_or_a_local_time(syncom: Command) -> None:
    for more in ([], ["--at", "2030-01-01T09:00:00Z", "--local-at", "2030-01-01T09:00:00"]):
        answer = await syncom("campaign", "schedule", "1", *more)
        assert answer.code != 0
        assert "--local-at" in answer.err


async def test_a_sender_has_limits_of_receiving_domains(syncom: Command) -> None:
    made = await syncom.json(
        "sender",
        "add",
        "smtp",
        "--host",
        "127.0.0.1",
        "--from-email",
        "a@example.com",
        "--destination",
        "gmail=5/2",
        "--destination",
        "example.org=/1",
    )
    assert [(one["name"], one["rate_per_second"], one["connections"]) for one in made["config"]["destinations"]] == [
        ("gmail", 5.0, 2),
        ("example.org", None, 1),
    ]
    shown = await syncom("sender", "show", made["sender_id"])
    assert "gmail: 5 a second, 2 at once" in shown.out
    assert "No receiving domain" in (await syncom("sender", "destinations", made["sender_id"])).out
    refused = await syncom("sender", "update", made["sender_id"], "--destination", "gmail")
    assert refused.code != 0
    assert "destination" in refused.err
    cleared = await syncom.json("sender", "update", made["sender_id"], "--destination", "none")
    assert cleared["config"]["destinations"] == []


async def test_a_sender_is_warmed_up(syncom: Command) -> None:
    made = await syncom.json("sender", "add", "smtp", "--host", "127.0.0.1", "--from-email", "a@example.com")
    sender_id = made["sender_id"]
    begun = await syncom.json("sender", "warm-up", sender_id, "--first", "100")
    assert begun["plan"] == {"first": 100, "growth": 1.5, "target": 20000}
    changed = await syncom.json("sender", "warm-up", sender_id, "--growth", "2")
    assert (changed["plan"]["first"], changed["allowed_today"]) == (100, 100)
    assert "0 of 100 sent" in (await syncom("sender", "warm-up", sender_id)).out
    assert (await syncom("sender", "warm-up", sender_id, "--off")).code == 0
    gone = await syncom("sender", "warm-up", sender_id)
    assert gone.code != 0
    assert "was not found" in gone.err
