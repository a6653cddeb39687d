"""Broadcasts: one message to groups, now or at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncom.accounts.service import machine_principal
from syncom.campaigns.model import Audience, CampaignInput
from syncom.contacts.model import Channel, ContactInput, UpsertOptions
from syncom.content.model import TemplateInput
from syncom.http.esputnik.moments import write_moment
from tests.http.esputnik.conftest import Shop

_HTML = '<p>Hello</p><a href="https://shop.example/sale">Sale</a>'


class Desk:
    """A shop with lists, a segment and a message."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.app = shop.app

    async def message(self) -> int:
        given = TemplateInput(name="Autumn", subject="Autumn", source=_HTML)
        return (await self.app.content.create(self.shop.account_id, given)).template_id

    async def group(self, name: str, emails: list[str]) -> int:
        made = await self.app.contacts.lists.create(self.shop.account_id, name)
        ids = [await self.contact(email) for email in emails]
        await self.app.contacts.lists.add(self.shop.account_id, made.list_id, ids)
        return made.list_id

    async def contact(self, email: str, first_name: str = "") -> int:
        given = ContactInput(email=email, first_name=first_name)
        return (await self.app.contacts.upsert_one(self.shop.account_id, given, UpsertOptions())).contact_id

    async def settled(self, broadcast_id: int) -> dict[str, str | None]:
        """Address and reason of everybody the frozen audience names; None: gets it."""
        keeper = self.app.keeper()
        while await keeper.step():
            pass
        async with self.app.database.system() as connection:
            rows = await (
                await connection.execute(
                    "SELECT c.email, NULL FROM campaign_chunks k CROSS JOIN unnest(k.contact_ids) AS ids (id)"
                    " JOIN contacts c ON c.account_id = k.account_id AND c.contact_id = ids.id"
                    " WHERE k.campaign_id = %(id)s"
                    " UNION ALL SELECT address, reason FROM ledger WHERE campaign_id = %(id)s",
                    {"id": broadcast_id},
                )
            ).fetchall()
        assert len(rows) == len({row[0] for row in rows}), "somebody would get it twice"
        return {row[0]: row[1] for row in rows}


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop)


def _local(shop: Shop, minutes: float, zone: str = "UTC") -> str:

    return write_moment(shop.app.clock.now() + timedelta(minutes=minutes), ZoneInfo(zone))[:16]


async def test_groups_are_joined_duplicates_removed_and_the_unsubscribed_skipped(shop: Shop, desk: Desk) -> None:
    buyers = await desk.group("Buyers", ["a@example.org", "b@example.org", "gone@example.org"])
    readers = await desk.group("Readers", ["b@example.org", "c@example.org", "staff@example.org"])
    staff = await desk.group("Staff", ["staff@example.org"])
    await desk.contact("vip@example.org", first_name="Vip")
    segment = await shop.app.segments.create(
        shop.account_id, "Vips", {"field": "first_name", "op": "equals", "value": "Vip"}
    )
    gone = await desk.contact("gone@example.org")
    await shop.app.contacts.consents.unsubscribe(shop.account_id, [gone], Channel.EMAIL, source="api")
    message = await desk.message()
    answer = await shop.post(
        "/v1/broadcast",
        {
            "title": "Autumn",
            "messageId": str(message),
            "groups": [buyers, readers, segment.segment_id],
            "excludedGroups": [staff],
        },
    )
    assert answer.status == 200, answer.body
    assert set(answer.json()) == {"broadcastId"}
    assert isinstance(answer.json()["broadcastId"], str)
    settled = await desk.settled(int(answer.json()["broadcastId"]))
    assert settled == {
        "a@example.org": None,
        "b@example.org": None,
        "c@example.org": None,
        "vip@example.org": None,
        "gone@example.org": "unsubscribed",
        "staff@example.org": "excluded by list or segment",
    }
    shown = (await shop.get(f"/v1/broadcast/{answer.json()['broadcastId']}")).json()
    assert shown["status"] == "SENDING"
    assert (await shop.delete(f"/v1/broadcast/{answer.json()['broadcastId']}")).status == 400


async def test_a_planned_broadcast_waits_for_its_time_in_the_zone_of_the_account(shop: Shop, desk: Desk) -> None:
    await shop.app.accounts.update_account(machine_principal(shop.account_id), time_zone="Europe/Kyiv")
    group = await desk.group("Buyers", ["a@example.org"])
    message = await desk.message()
    at = _local(shop, 90, "Europe/Kyiv")
    body = {"title": "Autumn", "messageId": message, "groups": group, "startDate": at, "unknown": None}
    broadcast_id = (await shop.post("/v1/broadcast", body)).json()["broadcastId"]
    shown = await shop.get(f"/v1/broadcast/{broadcast_id}")
    assert shown.json() == {
        "broadcastId": broadcast_id,
        "id": int(broadcast_id),
        "title": "Autumn",
        "name": "Autumn",
        "messageId": message,
        "groups": [group],
        "excludedGroups": [],
        "status": "PLANNED",
        "startDate": f"{at}:00",
    }
    campaign = await shop.app.campaigns.get(shop.account_id, int(broadcast_id))
    assert campaign.scheduled_at is not None
    assert timedelta(minutes=88) < campaign.scheduled_at - shop.app.clock.now() < timedelta(minutes=91)
    cancelled = await shop.delete(f"/v1/broadcast/{broadcast_id}")
    assert (cancelled.status, cancelled.body) == (200, b"")
    assert (await shop.get(f"/v1/broadcast/{broadcast_id}")).json()["status"] == "CANCELLED"
    again = await shop.delete(f"/v1/broadcast/{broadcast_id}")
    assert again.status == 400
    assert "only a planned one can be cancelled" in again.message
    assert await desk.settled(int(broadcast_id)) == {}


async def test_this_minute_is_now_and_an_earlier_one_is_a_mistake(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Buyers", ["a@example.org"])
    body = {"title": "Autumn", "messageId": await desk.message(), "groups": [group]}
    now = await shop.post("/v1/broadcast", {**body, "startDate": _local(shop, 0)})
    assert now.status == 200
    past = await shop.post("/v1/broadcast", {**body, "startDate": _local(shop, -5)})
    assert past.status == 400
    assert "in the past" in past.message


async def test_the_senders_name_and_untracked_links_belong_to_the_broadcast_alone(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Buyers", ["a@example.org"])
    message = await desk.message()
    body = {
        "title": "Autumn",
        "messageId": message,
        "groups": [group],
        "fromName": "Olena of the shop",
        "trackUrls": "false",
    }
    broadcast_id = int((await shop.post("/v1/broadcast", body)).json()["broadcastId"])
    campaign = await shop.app.campaigns.get(shop.account_id, broadcast_id)
    assert campaign.content_id is not None
    frozen = await shop.app.content.compiled(shop.account_id, campaign.content_id)
    assert frozen.from_name == "Olena of the shop"
    assert frozen.links == ()
    assert "https://shop.example/sale" in frozen.html
    template = await shop.app.content.get(shop.account_id, message)
    own = await shop.app.content.compiled(shop.account_id, template.content_id)
    assert (own.from_name, own.links) == ("", ("https://shop.example/sale",))


async def test_who_chose_other_categories_gets_nothing_and_who_never_chose_gets_it(shop: Shop, desk: Desk) -> None:
    people = ["news@example.org", "sales@example.org", "never@example.org"]
    group = await desk.group("Buyers", people)
    for email, key in zip(people, ("news", "sales"), strict=False):
        await shop.app.contacts.categories.replace(shop.account_id, await desk.contact(email), [key])
    body = {"title": "Autumn", "messageId": await desk.message(), "groups": [group], "subscriptionsKeys": "News"}
    broadcast_id = int((await shop.post("/v1/broadcast", body)).json()["broadcastId"])
    assert await desk.settled(broadcast_id) == {
        "news@example.org": None,
        "sales@example.org": "chose other categories",
        "never@example.org": None,
    }


async def test_a_text_goes_to_phones_and_a_push_has_no_broadcast(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Buyers", ["a@example.org"])
    given = ContactInput(email="b@example.org", phone="+380671112233")
    contact = (await shop.app.contacts.upsert_one(shop.account_id, given, UpsertOptions())).contact_id
    await shop.app.contacts.consents.subscribe(shop.account_id, [contact], Channel.SMS, source="api")
    await shop.app.contacts.lists.add(shop.account_id, group, [contact])
    for channel, status in ((Channel.SMS, 200), (Channel.MOBILEPUSH, 400)):
        text = TemplateInput(name="Text", subject="", source="Hello", channel=channel)
        message = (await shop.app.content.create(shop.account_id, text)).template_id
        answer = await shop.post("/v1/broadcast", {"title": "Text", "messageId": message, "groups": [group]})
        assert answer.status == status, answer.body
        if status == 200:
            campaign = await shop.app.campaigns.get(shop.account_id, int(answer.json()["broadcastId"]))
            assert campaign.channel is Channel.SMS
            keeper = shop.app.keeper()
            while await keeper.step():
                pass
            report = await shop.app.campaigns.report(shop.account_id, campaign.campaign_id)
            assert (report.audience, report.excluded) == (2, {"no phone": 1})


async def test_broadcasts_are_listed_newest_first_with_their_number(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Buyers", ["a@example.org"])
    message = await desk.message()
    ids = [
        (await shop.post("/v1/broadcast", {"title": f"B{n}", "messageId": message, "groups": [group]})).json()
        for n in range(3)
    ]
    listed = await shop.get("/v1/broadcasts")
    assert listed.headers["TotalCount"] == "3"
    assert [row["title"] for row in listed.json()] == ["B2", "B1", "B0"]
    page = await shop.get("/v1/broadcasts", startindex=2, maxrows=1)
    assert [row["broadcastId"] for row in page.json()] == [ids[1]["broadcastId"]]
    assert page.headers["TotalCount"] == "3"
    assert (await shop.get("/v1/broadcasts", startindex=0)).status == 400
    assert (await shop.get("/v1/broadcasts", maxrows=100_000)).status == 200
    other = await shop.other.get("/v1/broadcasts")
    assert (other.json(), other.headers["TotalCount"]) == ([], "0")
    assert len(await shop.app.campaigns.list(shop.account_id)) == 3


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"title": None}, 400, "'title' is missing"),
        ({"title": " "}, 400, "'title'"),
        ({"title": "x" * 201}, 400, "'title'"),
        ({"messageId": None}, 400, "'messageId' is missing"),
        ({"messageId": "abc"}, 400, "'messageId'"),
        ({"messageId": 0}, 400, "'messageId'"),
        ({"messageId": 987654321}, 404, "Message with id='987654321' not found"),
        ({"groups": None}, 400, "'groups' is missing"),
        ({"groups": []}, 400, "'groups'"),
        ({"groups": ["x"]}, 400, "'groups"),
        ({"groups": [-1]}, 400, "'groups'"),
        ({"groups": [2**70]}, 400, "'groups'"),
        ({"groups": [987654321]}, 404, "Group with id='987654321' not found"),
        ({"groups": list(range(1, 502))}, 400, "Maximum 500 groups"),
        ({"excludedGroups": [987654321]}, 404, "Group with id='987654321' not found"),
        ({"startDate": "tomorrow"}, 400, "'startDate'"),
        ({"trackUrls": "perhaps"}, 400, "'trackUrls'"),
        ({"fromName": "a\nb"}, 400, "from_name"),
    ],
)
async def test_a_wrong_broadcast_is_refused_by_name_and_nothing_is_sent(
    shop: Shop, desk: Desk, change: dict[str, Any], status: int, message: str
) -> None:
    group = await desk.group("Buyers", ["a@example.org"])
    right = {"title": "Autumn", "messageId": await desk.message(), "groups": [group]}
    answer = await shop.post("/v1/broadcast", {**right, **change})
    assert answer.status == status, answer.body
    assert message in answer.message
    assert await shop.app.campaigns.list(shop.account_id) == []


async def test_another_accounts_broadcasts_messages_and_groups_are_unknown(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Buyers", ["a@example.org"])
    message = await desk.message()
    theirs = Desk(shop.other)
    their_group, their_message = await theirs.group("Theirs", ["x@example.org"]), await theirs.message()
    body = {"title": "Autumn", "messageId": message, "groups": [group], "startDate": _local(shop, 60)}
    broadcast_id = (await shop.post("/v1/broadcast", body)).json()["broadcastId"]
    assert (await shop.other.get(f"/v1/broadcast/{broadcast_id}")).status == 404
    assert (await shop.other.delete(f"/v1/broadcast/{broadcast_id}")).status == 404
    assert (await shop.other.post(f"/v1/campaigns/{broadcast_id}/start")).status == 404
    assert (await shop.get(f"/v1/broadcast/{broadcast_id}")).json()["status"] == "PLANNED"
    assert (await shop.post("/v1/broadcast", {**body, "groups": [their_group]})).status == 404
    assert (await shop.post("/v1/broadcast", {**body, "messageId": their_message})).status == 404
    for path in ("/v1/broadcast/999999", "/v1/broadcast/0", "/v1/broadcast/x"):
        assert (await shop.get(path)).status == (404 if path.endswith("9") else 400)


async def test_a_draft_is_planned_can_be_started_the_old_way_and_only_once(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Buyers", ["a@example.org"])

    given = CampaignInput(name="Draft", template_id=await desk.message(), audience=Audience(lists=(group,)))
    draft = await shop.app.campaigns.create(shop.account_id, given)
    shown = (await shop.get(f"/v1/broadcast/{draft.campaign_id}")).json()
    assert (shown["status"], shown["startDate"]) == ("PLANNED", None)
    assert (await shop.post(f"/v1/campaigns/{draft.campaign_id}/start")).status == 200
    again = await shop.post(f"/v1/campaigns/{draft.campaign_id}/start")
    assert again.status == 400
    assert await desk.settled(draft.campaign_id) == {"a@example.org": None}
    spare = await shop.app.campaigns.create(shop.account_id, given)
    assert (await shop.delete(f"/v1/broadcast/{spare.campaign_id}")).status == 200
    assert (await shop.get(f"/v1/broadcast/{spare.campaign_id}")).status == 404


async def test_a_message_of_web_push_goes_to_groups_as_a_mail_does(shop: Shop, desk: Desk) -> None:
    group = await desk.group("Visitors", ["a@example.org"])
    given = TemplateInput(name="Push", subject="Sale", source="Today", channel=Channel.WEBPUSH)
    message = (await shop.app.content.create(shop.account_id, given)).template_id
    answer = await shop.post("/v1/broadcast", {"title": "Push", "messageId": message, "groups": [group]})
    broadcast_id = int(answer.json()["broadcastId"])
    assert list((await desk.settled(broadcast_id)).values()) == ["no push subscription"]
