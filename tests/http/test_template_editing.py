"""What an editor of templates asks for: previews of what is not saved, drafts, versions, blocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncom.content.editing.previews import PreviewsService
from syncom.events.model import EventInput
from tests.clocks import ShiftedClock
from tests.http.running_site import Site

MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ first_name }}</mj-text>"
    '<mj-button href="https://shop.example/sale">Sale</mj-button></mj-column></mj-section></mj-body></mjml>'
)


async def ask(site: Site, method: str, path: str, **body: Any) -> Any:
    async with site.client() as client:
        return await client.request(method, f"/syncom/v1/{path}", json=body or None)


async def new_template(site: Site, **more: Any) -> dict[str, Any]:
    body = {"name": "Letter", "subject": "First", "source": "<p>One</p>", **more}
    return (await ask(site, "POST", "templates", **body)).json()


async def test_what_is_not_saved_is_seen_as_a_contact_gets_it(site: Site) -> None:
    made = await ask(site, "PUT", "contacts", email="ann@example.com", first_name="Ann <b>")
    before = (await ask(site, "GET", "templates")).json()["items"]
    answer = await ask(
        site,
        "POST",
        "templates/preview",
        source=MJML,
        format="mjml",
        subject="For {{ first_name }}",
        contact_id=made.json()["contact_id"],
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["subject"] == "For Ann <b>"
    assert "Hello Ann &lt;b&gt;" in answer.json()["html"]
    assert "https://shop.example/sale" in answer.json()["text"]
    assert (await ask(site, "GET", "templates")).json()["items"] == before


async def test_a_preview_has_an_address_with_rules_of_its_own_and_keeps_a_mail_from_running(site: Site) -> None:
    source = "<!doctype html><p>Hi</p><script>parent.evil = 1</script>"
    answer = (await ask(site, "POST", "templates/preview", source=source)).json()
    async with site.client(None) as frame:
        shown = await frame.get(answer["url"])
        without = await frame.get(answer["url"], params={"images": "off"})
        posted = await frame.post(answer["url"])
        other = await frame.get(answer["url"] + "x", headers={"accept": "text/html"})
    policy = shown.headers["content-security-policy"]
    assert shown.text.lower().startswith('<!doctype html><base target="_blank"')
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "https:" in policy
    assert "https:" not in without.headers["content-security-policy"]
    assert shown.headers["cache-control"] == "no-store"
    assert posted.status_code == 405
    assert other.status_code == 404


async def test_the_address_of_a_preview_has_its_time(site: Site) -> None:
    clock = ShiftedClock()
    previews = PreviewsService(site.app.database, site.app.content, clock, base_url=site.url)
    template = await site.app.content.get(site.owner.account_id, (await new_template(site))["template_id"])
    made = await previews.unsaved(site.owner.account_id, template.as_input(), {}, {})
    assert made.url is not None
    token = made.url.rpartition("/")[2]
    assert "One" in (await previews.find(token) or "")
    clock.ahead += timedelta(minutes=16)
    assert await previews.find(token) is None
    await previews.forget()
    async with site.app.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM content_previews")).fetchone()
    assert row == (0,)


async def test_a_sample_contact_fills_every_field_of_contacts(site: Site) -> None:
    await ask(site, "POST", "fields", key="size", name="Size", type="choice", choices=["XL", "S"])
    fields = (await ask(site, "GET", "merge-fields")).json()["items"]
    assert {one["source"] for one in fields} == {"contact", "custom", "link"}
    assert next(one for one in fields if one["key"] == "size")["sample"] == "XL"
    source = "".join(f"<p>{one['tag']}</p>" for one in fields)
    shown = (await ask(site, "POST", "templates/preview", source=source)).json()["html"]
    for one in fields:
        assert str(one["sample"]) in shown
    velocity = (await ask(site, "GET", "merge-fields?dialect=velocity")).json()["items"]
    source = "".join(f"<p>{one['tag']}</p>" for one in velocity)
    shown = (await ask(site, "POST", "templates/preview", source=source, dialect="velocity")).json()["html"]
    for one in velocity:
        assert str(one["sample"]) in shown, one


async def test_parameters_of_an_event_are_offered_and_previewed_by_their_examples(site: Site) -> None:
    made = await ask(site, "PUT", "contacts", email="buyer@example.com")
    event = EventInput(
        type_key="orderMade", key="1", contact_id=made.json()["contact_id"], params={"number": "A-77", "total": 12.5}
    )
    await site.app.events.record(site.owner.account_id, [event])
    fields = (await ask(site, "GET", "merge-fields?event_type=orderMade")).json()["items"]
    offered = {one["key"]: one for one in fields if one["source"] == "event"}
    assert offered["number"]["tag"] == "{{ data.number }}"
    assert offered["number"]["sample"] == "A-77"
    shown = await ask(site, "POST", "templates/preview", source="<p>{{ data.number }}</p>", event_type="orderMade")
    assert "A-77" in shown.json()["html"]


async def test_what_is_not_saved_is_checked_and_mistakes_name_their_line(site: Site) -> None:
    found = await ask(site, "POST", "templates/check", source="<p>{{ frist_name }}</p>", subject="S")
    assert "first_name" in found.text
    broken = await ask(site, "POST", "templates/preview", source="<p>\n{{ if }</p>\n{% if x %}", subject="S")
    assert broken.status_code == 422
    assert "line" in broken.text
    mjml = await ask(site, "POST", "templates/preview", source="<mjml><mj-body>", format="mjml")
    assert mjml.status_code == 422


async def test_other_channels_have_a_preview_without_an_address(site: Site) -> None:
    answer = await ask(site, "POST", "templates/preview", source="Hi {{ first_name }}", channel=2)
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == "Hi Anna"
    assert answer.json()["url"] is None


async def test_a_text_part_is_made_with_its_merge_fields_as_they_were(site: Site) -> None:
    answer = await ask(site, "POST", "templates/plain-text", source=MJML, format="mjml")
    assert "Hello {{ first_name }}" in answer.json()["text"]
    assert "https://shop.example/sale" in answer.json()["text"]


async def test_a_draft_is_kept_beside_what_is_published_until_it_is_published(site: Site) -> None:
    template = await new_template(site)
    path = f"templates/{template['template_id']}"
    assert (await ask(site, "GET", f"{path}/draft")).status_code == 404
    half = await ask(site, "PUT", f"{path}/draft", content={"name": "Letter", "source": "<p>{% if"})
    assert half.json()["problems"] == [{"field": "content", "reason": "Object missing required field `subject`"}]
    assert (await ask(site, "POST", f"{path}/draft/publish")).status_code == 422
    broken = {"name": "Letter", "subject": "Second", "source": "<p>{% if"}
    await ask(site, "PUT", f"{path}/draft", content=broken)
    assert (await ask(site, "POST", f"{path}/draft/publish")).status_code == 422
    assert (await ask(site, "GET", path)).json()["subject"] == "First"
    saved = await ask(site, "PUT", f"{path}/draft", content=broken | {"source": "<p>Two</p>"})
    assert (saved.json()["from_version"], saved.json()["newest_version"]) == (1, 1)
    published = await ask(site, "POST", f"{path}/draft/publish")
    assert (published.json()["subject"], published.json()["version"]) == ("Second", 2)
    assert (await ask(site, "GET", f"{path}/draft")).status_code == 404


async def test_publishing_a_draft_tells_that_somebody_published_meanwhile(site: Site) -> None:
    template = await new_template(site)
    path = f"templates/{template['template_id']}"
    mine = {"name": "Letter", "subject": "Mine", "source": "<p>Mine</p>"}
    await ask(site, "PUT", f"{path}/draft", content=mine)
    await ask(site, "PUT", path, name="Letter", subject="Theirs", source="<p>Theirs</p>")
    again = await ask(site, "PUT", f"{path}/draft", content=mine)
    assert (again.json()["from_version"], again.json()["newest_version"]) == (1, 2)
    refused = await ask(site, "POST", f"{path}/draft/publish")
    assert refused.status_code == 409
    assert "overwrite" in refused.text
    assert (await ask(site, "POST", f"{path}/draft/publish?overwrite=true")).json()["version"] == 3


async def test_a_draft_that_somebody_else_saved_meanwhile_is_not_overwritten_unseen(site: Site) -> None:
    template = await new_template(site)
    path = f"templates/{template['template_id']}/draft"
    mine = (await ask(site, "PUT", path, content={"subject": "Mine"})).json()
    assert mine["drafted_by"] != ""
    theirs = (await ask(site, "PUT", path, content={"subject": "Theirs"}, seen_at=mine["drafted_at"])).json()
    refused = await ask(site, "PUT", path, content={"subject": "Mine again"}, seen_at=mine["drafted_at"])
    assert refused.status_code == 409
    assert theirs["drafted_by"] in refused.json()["detail"]
    assert (await ask(site, "GET", path)).json()["content"] == {"subject": "Theirs"}
    saved = await ask(site, "PUT", path, content={"subject": "Mine again"})
    assert saved.json()["content"] == {"subject": "Mine again"}


async def test_what_is_not_saved_is_sent_as_a_test_with_a_contacts_fields(site: Site) -> None:
    await ask(site, "POST", "senders", email="news@shop.example", name="Shop")
    made = await ask(site, "PUT", "contacts", email="ann@example.com", first_name="Ann")
    before = (await ask(site, "GET", "templates")).json()["items"]
    answer = await ask(
        site,
        "POST",
        "templates/test-send",
        source="<p>Hi {{ first_name }}, {{ email }}</p>",
        subject="For {{ first_name }}",
        contact_id=made.json()["contact_id"],
        to=["checker@example.com"],
    )
    assert answer.status_code == 202, answer.text
    assert len(answer.json()["message_ids"]) == 1
    wrong = await ask(site, "POST", "templates/test-send", source="<p>Hi</p>", subject="S", to=["nobody"])
    assert wrong.status_code == 422
    assert "recipients.0.email" in wrong.text
    assert (await ask(site, "GET", "templates")).json()["items"] == before


async def test_templates_are_found_by_words_and_channel_what_changed_last_first(site: Site) -> None:
    letters = [await new_template(site, name=f"Sought {number}", tags=["Spring"]) for number in range(3)]
    await new_template(site, name="Sought text", source="Hi", channel=2)
    await ask(site, "PUT", f"templates/{letters[0]['template_id']}", name="Sought 0", subject="New", source="<p>1</p>")
    page = (await ask(site, "GET", "templates?latest=true&channel=email&search=sought&limit=2")).json()
    assert [one["name"] for one in page["items"]] == ["Sought 0", "Sought 2"]
    rest = await ask(site, "GET", f"templates?latest=true&channel=email&search=sought&cursor={page['next_cursor']}")
    assert [one["name"] for one in rest.json()["items"]] == ["Sought 1"]
    by_tag = (await ask(site, "GET", "templates?latest=true&search=sPRING")).json()["items"]
    assert [one["name"] for one in by_tag] == ["Sought 2", "Sought 1"]
    text = (await ask(site, "GET", "templates?latest=true&search=sought&channel=sms")).json()["items"]
    assert [(one["name"], one["channel"]) for one in text] == [("Sought text", 2)]
    assert (await ask(site, "GET", "templates?search=x")).status_code == 422
    assert (await ask(site, "GET", "templates?latest=true&channel=pigeon")).status_code == 422


async def test_a_mail_remembers_whether_it_is_made_of_blocks(site: Site) -> None:
    made = await new_template(site, source=MJML, format="mjml", members={"editor": "blocks"})
    assert made["members"] == {"editor": "blocks"}
    wrong = await ask(site, "POST", "templates", name="L", subject="S", source="<p>1</p>", members={"editor": "word"})
    assert wrong.status_code == 422
    assert "blocks" in wrong.text


async def test_a_preview_in_dark_mode_is_turned_unless_the_mail_has_colours_of_its_own(site: Site) -> None:
    own = "<style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style><p>Hi</p>"
    for source, turned in (("<p>Hi</p>", True), (own, False)):
        url = (await ask(site, "POST", "templates/preview", source=source)).json()["url"]
        async with site.client(None) as frame:
            assert ("invert" in (await frame.get(url, params={"dark": "on"})).text) is turned
            assert "invert" not in (await frame.get(url)).text


async def test_former_versions_are_listed_and_restored(site: Site) -> None:
    template = await new_template(site)
    path = f"templates/{template['template_id']}"
    for number in (2, 3):
        await ask(site, "PUT", path, name="Letter", subject=f"Number {number}", source=f"<p>{number}</p>")
    first = (await ask(site, "GET", f"{path}/versions?limit=2")).json()
    assert [(one["version"], one["subject"], one["is_newest"]) for one in first["items"]] == [
        (3, "Number 3", True),
        (2, "Number 2", False),
    ]
    rest = (await ask(site, "GET", f"{path}/versions?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["version"] for one in rest["items"]] == [1]
    assert (await ask(site, "GET", f"{path}/versions/1")).json()["content"]["source"] == "<p>One</p>"
    assert (await ask(site, "GET", f"{path}/versions/9")).status_code == 404
    assert (await ask(site, "POST", f"{path}/versions/1/restore?newest=2")).status_code == 409
    restored = (await ask(site, "POST", f"{path}/versions/1/restore?newest=3")).json()
    assert (restored["version"], restored["subject"], restored["source"]) == (4, "First", "<p>One</p>")
    assert [one["version"] for one in (await ask(site, "GET", f"{path}/versions")).json()["items"]] == [4, 3, 2, 1]


@pytest.mark.parametrize(
    "source",
    [
        "<mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>",
        "<mj-column><mj-text>Hi</mj-text></mj-column>",
        "<mj-text>Hi {{ first_name }}</mj-text>",
    ],
    ids=["section", "column", "content"],
)
async def test_blocks_are_whatever_stands_in_a_mail(site: Site, source: str) -> None:
    made = await ask(site, "POST", "blocks", name=source[:14], source=source, category="Headers")
    assert made.status_code == 201, made.text
    assert (await ask(site, "GET", f"blocks/{made.json()['block_id']}")).json()["source"] == source


async def test_blocks_are_filed_found_changed_and_deleted(site: Site) -> None:
    made = (
        await ask(site, "POST", "blocks", name="Footer", source="<p>Bye</p>", format="html", category="Ends")
    ).json()
    assert (await ask(site, "POST", "blocks", name="footer", source="<p>Bye</p>", format="html")).status_code == 409
    broken = await ask(site, "POST", "blocks", name="Broken", source="<mj-text>Hi {% if %}</mj-text>")
    assert broken.status_code == 422
    assert (await ask(site, "POST", "blocks", name="Whole", source=MJML)).status_code == 422
    found = (await ask(site, "GET", "blocks?search=ends&format=html")).json()["items"]
    assert [one["block_id"] for one in found] == [made["block_id"]]
    path = f"blocks/{made['block_id']}"
    changed = await ask(site, "PUT", path, name="Footer", source="<p>See you</p>", format="html")
    assert (changed.json()["source"], changed.json()["category"]) == ("<p>See you</p>", "")
    assert (await ask(site, "DELETE", path)).status_code == 204
    assert (await ask(site, "GET", path)).status_code == 404
