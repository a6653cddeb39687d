"""Every domain from the shell: JSON for programs, words with the next step for people."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import psycopg
import pytest
from cyclopts import App

from syncom.cli.main import EXIT_FORBIDDEN, EXIT_NOT_FOUND, EXIT_USAGE, EXIT_WRONG, command_line
from syncom.cli.report import sparkline
from tests.cli.command import Command

_LETTER = '<p>Hello {{ first_name|default("there", true) }}</p><p><a href="{{ unsubscribe_url }}">Leave</a></p>'


async def test_a_contact_is_added_found_changed_and_deleted(syncom: Command) -> None:
    await syncom.json("field", "add", "points", "--type", "number")
    await syncom.json("list", "add", "Customers")
    added = await syncom.json(
        *("contact", "add", "--email", "Anna@Example.com", "--first-name", "Анна"),
        *("--field", "points=700", "--list", "customers"),
    )
    assert added["change"] == "created"
    found = await syncom.json("contact", "find", "--email", "anna@example.com")
    assert found["contact_id"] == added["contact_id"]
    assert found["fields"] == {"points": 700}
    assert found["email_state"] == "subscribed"
    assert (await syncom.json("contact", "get", added["contact_id"])) == found
    changed = await syncom.json("contact", "update", added["contact_id"], "--city", "Kyiv", "--first-name", "")
    assert (changed["city"], changed["first_name"]) == ("Kyiv", "")
    assert [one["contact_id"] for one in await syncom.json("list", "members", "Customers")] == [found["contact_id"]]
    assert await syncom.json("contact", "delete", found["contact_id"]) == {"deleted": found["contact_id"]}
    assert await syncom.json("contact", "list") == []
    gone = await syncom("contact", "get", found["contact_id"])
    assert gone.code == EXIT_NOT_FOUND
    assert "was not found" in gone.err


async def test_errors_name_the_field_and_have_their_exit_codes(syncom: Command) -> None:
    nobody = await syncom("contact", "add", "--first-name", "Anna")
    assert (nobody.code, nobody.out) == (EXIT_WRONG, "")
    assert nobody.err.startswith("syncom: email: is missing")
    wrong = await syncom("contact", "add", "--email", "no address")
    assert wrong.code == EXIT_WRONG
    assert wrong.err.startswith("syncom: email: ")
    assert (await syncom("contact", "add", "--email", "a@example.com", "--field", "points")).code == EXIT_WRONG
    assert (await syncom("contact", "add", "--email", "a@example.com", "--list", "Nobody")).code == EXIT_NOT_FOUND
    assert (await syncom("contact", "fly")).code == EXIT_USAGE
    assert (await syncom("template", "add", "absent.html", "--subject", "x")).code == EXIT_WRONG
    assert (await syncom("campaign", "show", 99)).code == EXIT_NOT_FOUND
    assert EXIT_FORBIDDEN == 5


async def test_contacts_are_merged_and_decide_about_mail(syncom: Command) -> None:
    keep = (await syncom.json("contact", "add", "--email", "a@example.com"))["contact_id"]
    drop = (await syncom.json("contact", "add", "--phone", "+380671234567"))["contact_id"]
    assert (await syncom.json("contact", "unsubscribe", keep))["email_state"] == "unsubscribed"
    merged = await syncom.json("contact", "merge", keep, drop)
    assert (merged["phone"], merged["email_state"]) == ("+380671234567", "unsubscribed")
    assert (await syncom.json("contact", "subscribe", keep))["email_state"] == "subscribed"
    entries = await syncom.json("contact", "timeline", keep)
    kinds = {entry["kind"] for entry in entries}
    consent = next(entry["detail"] for entry in entries if entry["kind"] == "consent")
    assert (consent["channel"], consent["state"]) == ("email", "subscribed")
    assert {"created", "consent"} <= kinds
    told = await syncom("contact", "timeline", keep)
    assert "email: subscribed (cli)" in told.out


async def test_people_join_and_leave_lists(syncom: Command) -> None:
    contact = (await syncom.json("contact", "add", "--email", "a@example.com"))["contact_id"]
    made = await syncom.json("list", "add", "Readers")
    assert await syncom.json("list", "join", "Readers", contact) == {"changed": 1}
    assert (await syncom.json("list", "list"))[0]["size"] == 1
    assert await syncom.json("list", "leave", made["list_id"], contact) == {"changed": 1}
    await syncom.json("list", "delete", "Readers")
    assert "syncom list add" in (await syncom("list", "list")).out


async def test_fields_suppressions_and_orders_are_kept(syncom: Command) -> None:
    await syncom.json("field", "add", "size", "--type", "choice", "--choice", "S", "--choice", "M")
    assert (await syncom.json("field", "list"))[0]["choices"] == ["S", "M"]
    await syncom.json("field", "delete", "size")
    await syncom.json("suppression", "add", "X@Example.com", "--detail", "asked by phone")
    (entry,) = await syncom.json("suppression", "list")
    assert (entry["address"], entry["channel"], entry["reason"]) == ("x@example.com", "email", "manual")
    await syncom.json("suppression", "remove", "x@example.com")
    contact = (await syncom.json("contact", "add", "--email", "a@example.com"))["contact_id"]
    order = ("order", "add", "--contact", contact, "--external-id", "O-1", "--total", "34.90", "--status", "DELIVERED")
    await syncom.json(*order, "--currency", "EUR")
    assert (await syncom.json("order", "list", "--contact", contact))[0]["total"] == "34.90"
    assert (await syncom("order", "add", "--contact", 99, *order[4:])).code == EXIT_WRONG


async def test_refunds_revenue_carts_and_attribution_are_told(syncom: Command) -> None:
    contact = (await syncom.json("contact", "add", "--email", "a@example.com"))["contact_id"]
    await syncom.json("order", "refund", "O-1", "--refund-id", "R-1", "--amount", "4.50", "--reason", "broken")
    order = ("order", "add", "--contact", contact, "--external-id", "O-1", "--total", "34.90", "--status", "DELIVERED")
    await syncom.json(*order, "--currency", "EUR")
    assert "4.50 refunded, 30.40 left" in (await syncom("order", "show", "O-1")).out
    assert [one["reason"] for one in await syncom.json("order", "refunds", "O-1")] == ["broken"]
    assert [one["net"] for one in await syncom.json("order", "revenue", "--contact", contact)] == ["30.40"]
    settings = await syncom.json("attribution", "settings", "--model", "last_open", "--open-days", "1")
    assert settings["settings"] == {"model": "last_open", "click_days": 5, "open_days": 1}
    assert await syncom.json("attribution", "report", "--all-models") == []
    assert (await syncom.json("cart", "settings", "--idle-minutes", "90"))["idle_minutes"] == 90
    assert await syncom.json("cart", "figures") == []
    assert await syncom.json("cart", "list", "--contact", contact) == []


async def test_orders_name_their_customers_and_codes_are_listed(syncom: Command) -> None:
    order = ("order", "add", "--external-id", "O-2", "--total", "12", "--status", "INITIALIZED")
    assert (await syncom(*order)).code == EXIT_WRONG
    await syncom.json(*order, "--email", "new@example.com")
    shown = await syncom.json("order", "show", "O-2")
    assert (shown["status"], shown["total"]) == ("INITIALIZED", "12.00")
    assert (await syncom("order", "show", "O-3")).code != 0
    assert await syncom.json("promocode", "add", "A-1", "A-2", "--type", "spring") == {"added": 2, "updated": 0}
    assert [one["code"] for one in await syncom.json("promocode", "list", "--free")] == ["A-1", "A-2"]
    assert (await syncom("promocode", "add", "A-3", "--discount", "100")).code == EXIT_WRONG


async def test_rules_of_recommendations_are_named_once(syncom: Command) -> None:
    rule = ("recommendation", "add", "--name", "Goes with it", "--kind", "bought_together", "--days", "30")
    made = await syncom.json(*rule)
    assert (made["kind"], made["days"], made["size"]) == ("bought_together", 30, 10)
    assert (await syncom(*rule)).code == EXIT_WRONG
    assert await syncom.json("recommendation", "list") == [made]


async def test_products_come_out_of_a_feed_and_out_of_a_file(syncom: Command, tmp_path: Path) -> None:
    file = tmp_path / "feed.tsv"
    file.write_text("id\ttitle\tprice\tproduct type\n1\tBoots\t12.50 EUR\tClothes > Shoes\n2\tHat\tfree\t\n")
    feed = (await syncom.json("product", "feed", "add", "Shop", "--every", 0))["feed_id"]
    assert (await syncom("product", "feed", "run", feed)).code == EXIT_WRONG
    done = await syncom.json("product", "feed", "run", feed, "--file", file)
    assert (done["last_result"]["created"], done["last_result"]["refused"]) == (1, 1)
    shown = await syncom("product", "feed", "show", feed)
    assert "line 3, 2: price" in shown.out
    assert (await syncom.json("product", "feed", "list"))[0]["name"] == "Shop"
    more = tmp_path / "more.json"
    more.write_text('[{"product_id": "3", "name": "Scarf"}, {"product_id": "4"}]')
    put = await syncom.json("product", "put", more)
    assert (put["created"], put["problems"][0]["index"]) == (1, 1)
    assert [one["product_id"] for one in await syncom.json("product", "list", "--category", "shoes")] == ["1"]
    assert (await syncom.json("product", "show", "1"))["price"] == "12.50"
    assert "Clothes > Shoes" in (await syncom("product", "categories")).out
    assert await syncom.json("product", "delete", "3") == {"deleted": 1}
    assert (await syncom("product", "show", "3")).code == EXIT_NOT_FOUND
    assert await syncom.json("product", "feed", "remove", feed) == {"removed": feed, "products": 1}
    assert "syncom product feed add" in (await syncom("product", "list")).out


async def test_a_file_is_shown_imported_and_exported_again(syncom: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Email;First name;Shoe size;Plan\na@example.com;Анна;38;x\nnot-an-address;Bob;44;y\n", "utf-8")
    shown = await syncom.json("import", "contacts", file, "--dry-run", "--map", "Shoe size=new")
    assert [column["target"]["target"] for column in shown["columns"]][:2] == ["email", "first_name"]
    assert await syncom.json("import", "list") == []
    done = await syncom.json("import", "contacts", file, "--list", "Shoes", "--map", "Shoe size=fields.shoes:number")
    assert (done["state"], done["created"], done["failed"]) == ("finished", 1, 1)
    assert Path(done["errors_file"]).exists()
    assert (await syncom.json("import", "errors", done["import_id"]))[0]["line"] == 3
    assert "not-an-address" in (await syncom("import", "errors", done["import_id"])).out
    assert (await syncom.json("import", "show", done["import_id"]))["rows_done"] == 2
    again = await syncom("import", "resume", done["import_id"])
    assert (again.code, "finished" in again.out) == (0, True)
    assert (await syncom("import", "cancel", done["import_id"])).code == EXIT_WRONG
    exported = await syncom("export", "contacts", "--list", "Shoes", "--columns", "email,first_name,fields.shoes")
    assert list(csv.reader(io.StringIO(exported.out)))[1] == ["a@example.com", "Анна", "38"]
    written = await syncom.json("export", "contacts", "--output", tmp_path / "out.csv")
    assert written["bytes"] == (tmp_path / "out.csv").stat().st_size
    said = await syncom("import", "contacts", file)
    assert "1 unchanged" in said.out
    assert "Left out: Plan" in said.out


async def test_an_unknown_column_or_type_is_refused_and_leaves_no_file(syncom: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Email,Plan\na@example.com,x\n", "utf-8")
    for wish in ("Nothing=city", "Plan=new:colour", "Plan"):
        assert (await syncom("import", "contacts", file, "--map", wish)).code == EXIT_WRONG
    assert (await syncom("import", "contacts", tmp_path / "absent.csv")).code == EXIT_WRONG
    assert not list((tmp_path / "data" / "imports").rglob("source"))


async def test_a_template_is_saved_checked_previewed_and_deleted(syncom: Command, tmp_path: Path) -> None:
    letter, list_of_prices = tmp_path / "letter.html", tmp_path / "prices.pdf"
    letter.write_text(_LETTER, "utf-8")
    list_of_prices.write_bytes(b"%PDF-1.4")
    saved = await syncom.json(
        "template", "add", letter, "--subject", "News for {{ first_name }}", "--attach", list_of_prices
    )
    template = saved["template_id"]
    assert (saved["name"], saved["attachments"][0]["content_type"]) == ("letter", "application/pdf")
    contact = (await syncom.json("contact", "add", "--email", "a@example.com", "--first-name", "Анна"))["contact_id"]
    seen = await syncom.json("template", "preview", template, "--contact", contact, "--output", tmp_path / "out.html")
    assert seen["subject"] == "News for Анна"
    assert "Hello Анна" in (tmp_path / "out.html").read_text("utf-8")
    assert (await syncom("template", "check", template)).code == 0
    letter.write_text("<p>{{ nobody_has_this }}</p>", "utf-8")
    updated = await syncom.json("template", "update", template, letter, "--name", "Worse")
    assert (updated["version"] > saved["version"], updated["subject"]) == (True, saved["subject"])
    checked = await syncom("template", "check", template)
    assert checked.code == 1
    assert "unsubscribe" in checked.out
    assert [one["name"] for one in await syncom.json("template", "list")] == ["Worse"]
    assert "nobody_has_this" in (await syncom("template", "show", template)).out
    await syncom.json("template", "delete", template)


async def test_a_template_of_another_dialect_follows_the_accounts_velocity(syncom: Command, tmp_path: Path) -> None:
    file = tmp_path / "order.html"
    file.write_text("<p>#if($x)full#{else}empty#end %FIRSTNAME|friend%</p>", "utf-8")
    saved = await syncom.json("template", "add", file, "--subject", "Order $!n", "--dialect", "velocity")
    assert saved["dialect"] == "velocity"
    shown = await syncom.json("template", "preview", saved["template_id"], "--param", "x=", "--param", "n=7")
    assert (shown["subject"], shown["text"]) == ("Order 7", "full friend\n")
    account = await syncom.json("account", "update", "--velocity-truth", 2, "--velocity-lines", 2)
    assert (account["velocity_truth"], account["velocity_lines"]) == (2, 2)
    await syncom.json("template", "update", saved["template_id"], "--name", "Again")
    shown = await syncom.json("template", "preview", saved["template_id"], "--param", "x=")
    assert shown["text"] == "empty friend\n"
    plain = await syncom.json("template", "update", saved["template_id"], "--dialect", "plain")
    assert plain["dialect"] == "plain"
    told = await syncom("template", "update", saved["template_id"], file, "--subject", "#end", "--dialect", "velocity")
    assert (told.code, "subject: line 1: #end stands outside of a block" in told.err) == (EXIT_WRONG, True)


async def test_segments_count_and_list_their_contacts(syncom: Command, tmp_path: Path) -> None:
    await syncom.json("contact", "add", "--email", "a@example.com", "--city", "Kyiv")
    await syncom.json("contact", "add", "--email", "b@example.com", "--city", "Lviv")
    (tmp_path / "kyiv.json").write_text('{"field": "city", "op": "equals", "value": "Kyiv"}', "utf-8")
    made = await syncom.json("segment", "add", "Kyiv", "--condition", "@kyiv.json")
    assert await syncom.json("segment", "count", "kyiv") == {"contacts": 1, "is_exact": True, "error": 0}
    assert (await syncom.json("segment", "count", "kyiv", "--estimate"))["contacts"] == 1
    assert [one["email"] for one in await syncom.json("segment", "contacts", made["segment_id"])] == ["a@example.com"]
    assert (await syncom.json("segment", "show", "Kyiv"))["condition"]["value"] == "Kyiv"
    assert "not counted yet" in (await syncom("segment", "list")).out
    assert await syncom.json("segment", "moves", "Kyiv") == []
    assert [day["members"] for day in await syncom.json("segment", "growth", "Kyiv", "--days", "2")] == [0, 0]
    assert await syncom.json("segment", "verify") == []
    assert 'city is "Kyiv"' in (await syncom("segment", "show", "Kyiv")).out
    others = json.dumps({"not": {"segment": made["segment_id"]}})
    found = await syncom.json("segment", "contacts", "--condition", others)
    assert [one["email"] for one in found] == ["b@example.com"]
    explained = await syncom.json("segment", "explain", "Kyiv")
    assert (explained["sentence"], explained["leaves"][0]["at"]) == ('city is "Kyiv"', "condition")
    told = await syncom("segment", "explain", "--condition", '{"activity": "opened", "in_last_days": 30}')
    assert "opened any message in the last 30 days" in told.out
    assert "contact_statistics_pkey" in told.out
    assert (await syncom("segment", "explain")).code == EXIT_WRONG
    assert json.loads((await syncom("segment", "schema")).out)["version"] == 1
    assert len(await syncom.json("segment", "list")) == 1
    assert (await syncom("segment", "add", "Bad", "--condition", "{")).code == EXIT_WRONG
    assert (await syncom("segment", "add", "Bad", "--condition", '{"field": "nope"}')).code == EXIT_WRONG
    await syncom.json("segment", "delete", "Kyiv")


async def test_the_dev_inbox_sends_until_a_server_is_added(syncom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "NO MAIL LEAVES THIS MACHINE" in (await syncom("sender", "list")).out
    added = await syncom.json("sender", "add", "smtp", "--host", "127.0.0.1", "--port", 2500)
    assert (added["kind"], added["config"]["security"], added["is_default"]) == ("smtp", "plain", True)
    assert "NO MAIL" not in (await syncom("sender", "list")).out
    monkeypatch.setenv("SYNCOM_SMTP_PASSWORD", "hidden words")
    second = await syncom.json(
        *("sender", "add", "smtp", "--host", "smtp.example.com", "--port", 465, "--username", "news@example.com"),
        *("--from-name", "Крамниця", "--rate", 5, "--connections", 3, "--on-uncertain", "leave"),
    )
    assert (second["from_email"], second["config"]["security"]) == ("news@example.com", "tls")
    assert second["config"]["on_uncertain"] == "leave"
    shown = await syncom("sender", "show", second["sender_id"])
    assert "hidden words" not in shown.out
    assert "5 a second" in shown.out
    changed = await syncom.json("sender", "update", second["sender_id"], "--rate", 0, "--name", "Real")
    assert (changed["config"]["rate_per_second"], changed["config"]["max_connections"]) == (None, 3)
    assert (await syncom.json("sender", "default", second["sender_id"]))["is_default"] is True
    assert (await syncom("sender", "add", "smtp")).err.startswith("syncom: host: is missing")
    await syncom.json("sender", "delete", added["sender_id"])


async def test_a_sender_whose_server_is_down_says_so(syncom: Command, free_port: int) -> None:
    added = await syncom.json("sender", "add", "smtp", "--host", "127.0.0.1", "--port", free_port)
    tried = await syncom("sender", "test", added["sender_id"], "--to", "a@example.com")
    assert tried.code == 1
    assert str(free_port) in tried.err


async def test_a_campaign_is_drafted_counted_scheduled_and_cancelled(syncom: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.html").write_text(_LETTER, "utf-8")
    template = (await syncom.json("template", "add", "letter.html", "--subject", "News"))["template_id"]
    await syncom.json("list", "add", "Readers")
    for name in ("a", "b", "c"):
        await syncom.json("contact", "add", "--email", f"{name}@example.com", "--list", "Readers")
    await syncom.json("suppression", "add", "c@example.com")
    nobody = await syncom("campaign", "create", "--name", "News", "--template", template)
    assert (nobody.code, "audience" in nobody.err) == (EXIT_WRONG, True)
    made = await syncom.json("campaign", "create", "--name", "News", "--template", template, "--list", "Readers")
    campaign = made["campaign_id"]
    counted = await syncom.json("campaign", "audience", campaign)
    assert (counted["recipients"], counted["matched"]) == (2, 3)
    assert (await syncom("campaign", "schedule", campaign, "--at", "2020-01-01T00:00:00Z")).code == EXIT_WRONG
    moved = await syncom.json("campaign", "schedule", campaign, "--at", "2099-01-01T00:00:00+02:00")
    assert moved["state"] == "scheduled"
    assert (await syncom.json("campaign", "pause", campaign))["state"] == "paused"
    assert (await syncom.json("campaign", "resume", campaign))["state"] == "scheduled"
    assert "scheduled" in (await syncom("campaign", "show", campaign)).out
    assert (await syncom.json("campaign", "cancel", campaign))["state"] == "cancelled"
    assert (await syncom("campaign", "retry-failed", campaign)).code == EXIT_WRONG
    assert await syncom.json("campaign", "recipients", campaign, "--state", "failed") == []
    draft = await syncom.json("campaign", "create", "--name", "All", "--template", template, "--everyone")
    await syncom.json("campaign", "delete", draft["campaign_id"])
    assert [one["campaign_id"] for one in await syncom.json("campaign", "list")] == [campaign]
    started = await syncom.json("campaign", "create", "--name", "Go", "--template", template, "--everyone")
    assert (await syncom.json("campaign", "start", started["campaign_id"]))["state"] == "expanding"


async def test_a_template_is_filed_and_translated(syncom: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.html").write_text(_LETTER, "utf-8")
    filed = ("--tag", "spring", "--tag", "sale", "--language", "en", "--from-name", "Ann")
    added = await syncom.json("template", "add", "letter.html", "--subject", "News", *filed)
    assert (added["tags"], added["language"], added["from_name"]) == (["spring", "sale"], "en", "Ann")
    template = added["template_id"]
    kept = await syncom.json("template", "update", template, "--subject", "New")
    assert (kept["tags"], kept["language"], kept["from_name"]) == (["spring", "sale"], "en", "Ann")
    translated = await syncom.json("template", "translate", template, "UK", "letter.html", "--subject", "Новини")
    assert translated["languages"] == ["uk"]
    assert (await syncom("template", "translate", template, "en", "letter.html", "--subject", "x")).code == EXIT_WRONG
    assert (await syncom.json("template", "untranslate", template, "uk"))["languages"] == []
    assert (await syncom("template", "untranslate", template, "uk")).code == EXIT_NOT_FOUND


async def test_a_single_message_is_queued_and_followed(syncom: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.html").write_text(_LETTER + "{{ code }}", "utf-8")
    template = (await syncom.json("template", "add", "letter.html", "--subject", "Code"))["template_id"]
    sent = await syncom.json(
        "message",
        "send",
        "--template",
        template,
        "--to",
        "a@example.com",
        "--param",
        "code=1=2",
        "--external-request-id",
        "rq-1",
    )
    (status,) = await syncom.json("message", "status", *sent["message_ids"])
    assert (status["state"], status["address"]) == ("queued", "a@example.com")
    assert (status["external_request_id"], status["template_id"]) == ("rq-1", template)
    tested = await syncom.json("template", "test-send", template, "--to", "b@example.com", "--param", "code=7")
    assert len(tested["message_ids"]) == 1
    both = await syncom("message", "send", "--template", template, "--to", "a@example.com", "--contact", 1)
    assert both.code == EXIT_WRONG


def test_a_sparkline_shows_something_for_every_value_but_nothing() -> None:
    assert sparkline([0, 1, 50, 100]) == " ▁▄█"
    assert sparkline([0, 1, 100], plain=True) == " _#"
    assert sparkline([]) == ""


def test_the_page_of_commands_mentions_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    examples = set(re.findall(r"^syncom .*", page, re.MULTILINE))
    missing = [path for path in _paths(command_line(), "syncom") if not any(_begins(line, path) for line in examples)]
    assert missing == []


def _paths(app: App, path: str) -> list[str]:
    names = [name for name in app if not name.startswith("-")]
    if not names:
        return [path]
    return [below for name in names for below in _paths(app[name], f"{path} {name}")]


def _begins(line: str, path: str) -> bool:
    return line == path or line.startswith(f"{path} ")


async def test_events_are_sent_listed_and_checked(syncom: Command) -> None:
    contact = str((await syncom.json("contact", "add", "--email", "olena@example.org"))["contact_id"])
    send = ("event", "send", "paid", "--key", "inv-1", "--param", "EmailAddress=olena@example.org")
    assert (await syncom.json(*send))["contact_id"] == int(contact)
    assert (await syncom.json(*send))["event_id"] is None
    for where in (("--contact", contact), ("--type", "paid")):
        [event] = await syncom.json("event", "list", *where)
        assert (event["key"], event["params"]) == ("inv-1", {"EmailAddress": "olena@example.org"})
    assert (await syncom("event", "list")).code == EXIT_WRONG
    changed = await syncom.json("event-type", "set", "paid", "--creates-contacts", "yes", "--require", "sum")
    assert changed["parameters"] == [{"name": "sum", "required": True}]
    assert (await syncom("event", "send", "paid", "--key", "inv-2")).code == EXIT_WRONG
    assert (await syncom.json("event-type", "set", "paid", "--anything"))["parameters"] is None
    assert [one["key"] for one in await syncom.json("event-type", "list")] == ["paid"]


async def test_events_are_described_exported_and_replayed(syncom: Command, tmp_path: Path) -> None:
    contact = str((await syncom.json("contact", "add", "--email", "olena@example.org"))["contact_id"])
    sent = await syncom.json("event", "send", "paid", "--contact", contact, "--param", "sum=5", "--dedupe-key", "p-1")
    await syncom.json("event-type", "set", "paid", "--type", "sum=number")
    [parameter] = await syncom.json("event-type", "show", "paid")
    assert (parameter["type"], parameter["declared"], parameter["example"]) == ("number", True, "5")
    assert (await syncom("event", "send", "paid", "--param", "sum=five")).code == EXIT_WRONG
    assert (await syncom("event-type", "set", "paid", "--type", "sum=money")).code == EXIT_WRONG
    span = ("--type", "paid", "--from", "2026-01-01T00:00:00Z")
    exported = json.loads((await syncom("event", "export", *span)).out)
    assert (exported["dedupe_key"], exported["params"]) == (sent["event_id"], {"sum": "5"})
    assert (await syncom("event", "replay", *span)).code != 0, "nothing begins with these events"
    file = tmp_path / "workflow.json"
    file.write_text('{"trigger": {"type": "event", "event_type": "paid"}, "steps": [{"type": "stop"}]}', "utf-8")
    workflow = await syncom.json("workflow", "add", "Thanks", "--definition", f"@{file}")
    await syncom.json("workflow", "start", str(workflow["workflow_id"]))
    [told] = await syncom.json("event", "replay", *span, "--dry-run")
    assert (told["events"], told["started_before"]) == (1, 0)
    replay = await syncom.json("event", "replay", *span, "--rate", "10")
    assert [one["replay_id"] for one in await syncom.json("event", "replays")] == [replay["replay_id"]]
    assert (await syncom.json("event", "cancel-replay", str(replay["replay_id"])))["status"] == "cancelled"


async def test_sites_are_added_listed_and_set(syncom: Command) -> None:
    site = await syncom.json("site", "add", "https://shop.example")
    assert site["strict"]
    assert (await syncom.json("site", "token", site["site_id"], "--email", "olena@example.org"))["token"]
    assert (await syncom("site", "token", site["site_id"])).code == EXIT_WRONG
    assert not (await syncom.json("site", "set", site["site_id"], "--strict", "no"))["strict"]
    assert [one["domain"] for one in await syncom.json("site", "list")] == ["https://shop.example"]


async def test_a_workflow_is_added_started_shown_and_stopped(syncom: Command, tmp_path: Path) -> None:
    file = tmp_path / "welcome.json"
    file.write_text('{"trigger": {"type": "event", "event_type": "joined"}, "steps": [{"type": "stop"}]}', "utf-8")
    made = await syncom.json("workflow", "add", "Welcome", "--definition", f"@{file}")
    number = made["workflow_id"]
    assert (await syncom.json("workflow", "start", number))["status"] == "active"
    shown = await syncom.json("workflow", "show", number)
    assert (shown["workflow"]["name"], shown["counts"]["waiting"]) == ("Welcome", 0)
    assert (await syncom.json("workflow", "pause", number))["status"] == "paused"
    assert [one["status"] for one in await syncom.json("workflow", "list")] == ["paused"]
    assert "nobody was inside" in (await syncom("workflow", "drain", number)).out
    assert (await syncom.json("workflow", "stop", number))["status"] == "stopped"
    assert "start it" in (await syncom("workflow", "pause", number)).err
    wrong = await syncom("workflow", "add", "W", "--definition", '{"trigger": {"type": "moon"}}')
    assert wrong.code == EXIT_WRONG
    assert "definition.trigger.type" in wrong.err


async def test_contacts_are_let_into_a_workflow_by_a_call(syncom: Command) -> None:
    contact = (await syncom.json("contact", "add", "--email", "anna@example.com"))["contact_id"]
    definition = '{"trigger": {"type": "api"}, "steps": [{"type": "wait", "days": 1}]}'
    workflow = (await syncom.json("workflow", "add", "Called", "--definition", definition))["workflow_id"]
    refused = await syncom("workflow", "run", workflow, "--contact", contact)
    assert "start it first" in refused.err
    await syncom.json("workflow", "start", workflow)
    said = await syncom("workflow", "run", workflow, "--contact", contact, "--params", '{"city": "Lviv"}')
    assert f"1 of 1 came into workflow {workflow}." in said.out
    again = await syncom.json("workflow", "run", workflow, "--email", "anna@example.com", "--contact", contact)
    assert again["entered"] == 1
    results = await syncom.json("workflow", "results", workflow)
    assert (results["journeys"]["entered"], results["conversion"]) == (2, "order")
    assert "0 (0.00%): an order within 7 days" in (await syncom("workflow", "results", workflow)).out
    same = ("--email", "anna@example.com", "--run-id", again["run_id"])
    assert (await syncom.json("workflow", "run", workflow, *same))["entered"] == 0
    assert (await syncom("workflow", "run", workflow, "--run-id", "x")).code == EXIT_WRONG


async def test_a_workflow_is_simulated_for_one_contact_and_for_the_past(syncom: Command, tmp_path: Path) -> None:
    contact = (await syncom.json("contact", "add", "--email", "anna@example.com"))["contact_id"]
    file = tmp_path / "order.json"
    file.write_text(
        '{"trigger": {"type": "event", "event_type": "joined"}, "steps": ['
        '{"type": "wait_for", "id": "order", "event_type": "ordered", "days": 3, "timeout": "late"},'
        '{"type": "stop", "id": "thanks"}, {"type": "stop", "id": "late"}]}',
        "utf-8",
    )
    unsaved = ("workflow", "simulate", "--definition", f"@{file}")
    told = await syncom.json(*unsaved, "--contact", contact, "--params", '{"city": "Lviv"}')
    assert [one["step_id"] for one in told["steps"]] == ["order", "late"]
    shown = (await syncom(*unsaved, "--contact", contact, "--happens", "order=after 2h")).out
    assert "happened" in shown
    assert "finished: step 'thanks'" in shown
    await syncom("event", "send", "joined", "--contact", contact)
    assert (await syncom.json(*unsaved))["inside"] == 1
    number = (await syncom.json("workflow", "add", "Order", "--definition", f"@{file}"))["workflow_id"]
    past = (await syncom("workflow", "simulate", number)).out
    assert "would have enrolled 1, sent 0." in past
    for wrong in (("--happens", "order=soon"), ("--since", "2026-01-01")):
        assert (await syncom("workflow", "simulate", number, "--contact", contact, *wrong)).code == EXIT_WRONG


async def test_a_draft_of_a_workflow_is_written_and_published(syncom: Command) -> None:
    definition = '{"trigger": {"type": "api"}, "steps": [{"type": "wait", "days": 1}]}'
    workflow = (await syncom.json("workflow", "add", "Drafted", "--definition", definition))["workflow_id"]
    assert '"$id": "urn:syncom:workflow-definition:2"' in (await syncom("workflow", "schema")).out
    wrong = await syncom("workflow", "draft", workflow, "--definition", '{"steps": [{"type": "teleport"}]}')
    assert "definition.steps.0.type" in wrong.out
    assert (await syncom("workflow", "publish", workflow)).code == EXIT_WRONG
    right = await syncom("workflow", "draft", workflow, "--definition", definition)
    assert "Nothing is wrong with it" in right.out
    assert (await syncom.json("workflow", "draft", workflow))["from_version"] == 1
    assert "Version 2" in (await syncom("workflow", "publish", workflow)).out
    assert [one["version"] for one in await syncom.json("workflow", "versions", workflow)] == [2, 1]
    assert (await syncom.json("workflow", "versions", workflow, "--version", 1))["definition"]["trigger"][
        "type"
    ] == "api"
    assert (await syncom.json("workflow", "publish", workflow, "--version", 1))["version"] == 3
    await syncom.json("workflow", "draft", workflow, "--definition", definition)
    assert "forgotten" in (await syncom("workflow", "draft", workflow, "--drop")).out


async def test_activity_is_listed_exported_and_told_as_a_score(syncom: Command, tmp_path: Path) -> None:
    contact = (await syncom.json("contact", "add", "--email", "anna@example.com"))["contact_id"]
    options = ("--channel", "email", "--kind", "clicked", "--since", "2026-01-01", "--people-only")
    assert await syncom.json("activity", "list", "--contact", contact, *options) == []
    assert "Nothing has happened yet" in (await syncom("activity", "list", "--campaign", 7)).out
    written = await syncom.json("export", "activity", "--output", tmp_path / "activity.csv", *options)
    assert written["bytes"] == (tmp_path / "activity.csv").stat().st_size
    assert (tmp_path / "activity.csv").read_text("utf-8-sig").startswith("occurred_at,kind,")
    assert (await syncom("export", "activity", "--format", "jsonl")).out == ""
    found = await syncom.json("activity", "engagement", contact)
    assert (found["score"], found["band"]) == (0, "inactive")
    assert [size["contacts"] for size in await syncom.json("activity", "engagement")] == [0, 0, 0, 1]
    assert (await syncom("activity", "list", "--kind", "read")).code == EXIT_WRONG


async def test_reports_are_shown_and_recounted(syncom: Command) -> None:
    assert (await syncom.json("report", "series", "--zone", "Europe/Kyiv"))["total"] == {}
    assert len((await syncom.json("report", "heat", "--counter", "clicked"))["hours"]) == 7
    for name in (("audience", "device"), ("domains",)):
        assert await syncom.json("report", *name) == []
    assert (await syncom.json("report", "verify"))["differences"] == []
    assert await syncom.json("report", "rebuild", "2026-01-01", "2026-01-03") == {"days": 3}


async def test_a_lost_second_factor_is_reset_and_an_account_asks_for_one(syncom: Command, dsn: str) -> None:
    refused = await syncom("user", "two-factor", "reset", "admin@example.com")
    assert "was not found" in refused.err
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await connection.execute("INSERT INTO two_factors (user_id, secret, confirmed_at) VALUES (1, '', now())")
    assert (await syncom.json("user", "list"))[0]["two_factor"] is True
    done = await syncom("user", "two-factor", "reset", "admin@example.com")
    assert "password alone" in done.out
    assert (await syncom.json("user", "list"))[0]["two_factor"] is False
    asked = await syncom.json("account", "update", "--require-two-factor", "--two-factor-grace-days", 0)
    assert asked["two_factor_required_from"]
    assert (await syncom.json("account", "update", "--no-require-two-factor"))["two_factor_required_from"] is None
