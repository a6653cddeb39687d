"""An account comes here whole, in pieces if need be, from a host that answers as eSputnik's does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncom.contacts.model import Channel, IdentityKind, SubscriptionState
from syncom.errors import Unauthorized, Upstream
from syncom.moving.model import Move, MoveOptions
from syncom.moving.service import MoveService
from syncom.moving.source import EsputnikSource
from syncom.outbound import OutboundClient
from tests.clocks import HurriedClock
from tests.http.running_site import Site
from tests.moving.old_host import KEY, OldHost, served

_LETTER = "<p>Hello %FIRSTNAME|friend%!</p><p><a href='https://esputnik.com/unsubscribe'>Unsubscribe</a></p>"
_FIELDS = {
    "name": "Personal",
    "profileKey": "PERSONAL",
    "fields": [
        {"id": "15867", "name": "Birthday", "fieldKey": "BIRTHDAY", "description": {"type": "date"}},
        {
            "id": 15868,
            "name": "Gender",
            "fieldKey": "GENDER",
            "description": {"type": "combobox", "allowedValues": {"possibleValues": ["M", "F"]}},
        },
        {"id": 15869, "name": "Email", "fieldKey": "EMAIL", "description": {"type": "textfield"}},
    ],
}


class Mover:
    """Moves accounts of a host into a fresh account."""

    def __init__(self, site: Site, account_id: int, clock: HurriedClock, client: OutboundClient) -> None:
        self.app = site.app
        self.account_id = account_id
        self.clock = clock
        self._client = client
        self.service = MoveService(site.app.database, site.app.contacts, site.app.content, site.app.senders, clock)

    async def move(self, url: str, *, key: str = KEY, unsubscribed: tuple[str, ...] = (), **options: Any) -> Move:
        source = EsputnikSource(self._client, self.clock, url=url, key=key)
        options.setdefault("history_months", 2)
        return await self.service.run(self.account_id, source, MoveOptions(**options), unsubscribed=unsubscribed)

    async def found(self, email: str) -> Any:
        return await self.app.contacts.find(self.account_id, IdentityKind.EMAIL, email)


@pytest.fixture
async def mover(site: Site) -> AsyncIterator[Mover]:
    account = await site.app.accounts.create_account(site.owner, name="New shop")
    client = OutboundClient("127.0.0.1/32")
    yield Mover(site, account.account_id, HurriedClock(), client)
    await client.close()


def _full_host(contacts: int = 7) -> OldHost:
    host = OldHost(contacts=contacts)
    host.fields = _FIELDS
    host.groups = [{"id": 345, "name": "Customers", "type": "Static"}, {"id": 346, "name": "Warm", "type": "Dynamic"}]
    host.members = {345: [1, 2, 3], 346: [4]}
    host.templates = [{"id": 1500200, "name": "Autumn", "subject": "Hi", "htmlText": _LETTER, "tags": "sale"}]
    when = (datetime.now(UTC) - timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%S")
    host.activity = [
        {"activityStatus": "UNSUBSCRIBED", "email": "person2@example.org", "activityDateTime": when},
        {"activityStatus": "UNSUBSCRIBED", "email": "gone@example.org", "activityDateTime": when},
        {"activityStatus": "SPAM", "email": "person3@example.org", "activityDateTime": when},
        {
            "activityStatus": "UNDELIVERED",
            "email": "person4@example.org",
            "activityDateTime": when,
            "hardBounce": "true",
            "statusDescription": "550 no such user",
        },
        {"activityStatus": "UNDELIVERED", "email": "person5@example.org", "activityDateTime": when},
    ]
    return host


async def test_an_account_comes_whole(mover: Mover) -> None:
    async with served(_full_host()) as url:
        move = await mover.move(url)
    assert move.step is None
    assert move.finished_at is not None
    assert move.counts["contacts"] == 7
    assert move.problems == 0
    contacts = mover.app.contacts
    first = await mover.found("person1@example.org")
    assert (first.first_name, first.last_name, first.external_id) == ("Name1", "", "C-1")
    assert first.fields["birthday"] == "1911-04-02"
    assert first.email_state is SubscriptionState.SUBSCRIBED
    assert (await mover.found("person2@example.org")).email_state is SubscriptionState.UNSUBSCRIBED
    suppressed = {entry.address: entry.reason for entry in await _suppressions(mover)}
    assert suppressed["person3@example.org"] == "complaint"
    assert suppressed["person4@example.org"] == "hard bounce"
    assert "person5@example.org" not in suppressed
    lists = {one.name: one.size for one in await contacts.lists.all(mover.account_id)}
    assert lists == {"Customers": 3, "Warm (as moved)": 1}
    fields = {field.key: field.type.value for field in await contacts.fields.all(mover.account_id)}
    assert fields == {"birthday": "date", "gender": "choice", "personal_email": "text"}
    (template,) = (await mover.app.content.list(mover.account_id)).templates
    assert (template.name, template.tags) == ("Autumn", ("sale",))


async def test_somebody_who_left_before_being_a_contact_stays_left(mover: Mover) -> None:
    host = _full_host(contacts=0)
    host.groups, host.members = [], {}
    async with served(host) as url:
        await mover.move(url, unsubscribed=("from-a-file@example.org",))
        host.contacts = [host.contact(2) | {"channels": [{"type": "email", "value": "gone@example.org"}]}]
        host.contacts.append(host.contact(3) | {"channels": [{"type": "email", "value": "From-A-File@example.org"}]})
        await mover.move(url)
    assert (await mover.found("gone@example.org")).email_state is SubscriptionState.UNSUBSCRIBED
    assert (await mover.found("from-a-file@example.org")).email_state is SubscriptionState.UNSUBSCRIBED


async def test_a_second_move_changes_nothing_but_what_changed_there(mover: Mover) -> None:
    host = _full_host()
    async with served(host) as url:
        await mover.move(url)
        host.contacts[0]["firstName"] = "Changed"
        host.templates[0]["subject"] = "Changed"
        move = await mover.move(url)
    assert move.counts.get("created", 0) == 0
    assert move.counts["updated"] >= 1
    assert (await mover.found("person1@example.org")).first_name == "Changed"
    (template,) = (await mover.app.content.list(mover.account_id)).templates
    assert (template.subject, template.version) == ("Changed", 2)
    assert len(await mover.service.moves(mover.account_id)) == 1


async def test_an_interrupted_move_goes_on_where_it_was(mover: Mover) -> None:
    host = _full_host(contacts=1203)
    async with served(host) as url:
        host.break_at = 560  # in the middle of the second page's cards
        with pytest.raises(Unauthorized):
            await mover.move(url)
        (stopped,) = await mover.service.moves(mover.account_id)
        assert stopped.step is not None
        assert stopped.counts["contacts"] == 500
        host.break_at = None
        before = len(host.requests)
        move = await mover.move(url)
        cards = [path for path in host.requests[before:] if path.startswith("/api/v1/contact/")]
    assert move.step is None
    assert move.counts["contacts"] == 1203
    assert len(cards) == 703
    page = await mover.app.contacts.search(mover.account_id, limit=1000)
    rest = await mover.app.contacts.search(mover.account_id, limit=1000, cursor=page.cursor)
    assert len(page.contacts) + len(rest.contacts) == 1203


async def test_limits_and_failures_there_are_waited_out(mover: Mover) -> None:
    host = _full_host()
    host.fail_at = {2: 429, 3: 500, 4: 503, 12: 502}
    async with served(host) as url:
        move = await mover.move(url)
    assert move.step is None
    assert len(mover.clock.waits) == 4
    assert 1.0 <= mover.clock.waits[0] <= 1.2


async def test_a_host_that_only_fails_is_given_up_with_a_next_step(mover: Mover) -> None:
    host = _full_host()
    host.fail_at = dict.fromkeys(range(2, 100), 500)
    async with served(host) as url:
        with pytest.raises(Upstream, match="run it again"):
            await mover.move(url)


async def test_a_wrong_key_is_said_before_anything_is_written(mover: Mover) -> None:
    async with served(_full_host()) as url:
        with pytest.raises(Unauthorized, match="key is refused"):
            await mover.move(url, key="wrong")
    assert await mover.service.moves(mover.account_id) == []


async def test_a_host_without_activity_is_noted_and_the_rest_comes(mover: Mover) -> None:
    host = _full_host()
    host.activity_off = True
    async with served(host) as url:
        move = await mover.move(url)
    assert move.step is None
    (problem,) = await mover.service.problems(mover.account_id, move.move_id)
    assert "--unsubscribed" in problem.reason


async def test_a_wrong_value_is_left_out_and_noted_and_its_contact_comes(mover: Mover) -> None:
    host = _full_host(contacts=3)
    host.groups, host.members = [], {}
    host.contacts[0] |= {"timeZone": "Mars/Olympus", "fields": [{"id": 15868, "value": "X"}, {"id": 9, "value": "?"}]}
    host.contacts[1]["channels"] = [{"type": "email", "value": "not an address"}]
    host.contacts[2] |= {"channels": [{"type": "email", "value": "bad@"}], "externalCustomerId": None}
    async with served(host) as url:
        move = await mover.move(url)
    first = await mover.found("person1@example.org")
    assert (first.time_zone, first.fields) == ("", {})
    problems = {one.what: one.reason for one in await mover.service.problems(mover.account_id, move.move_id)}
    assert "contact 60000003" in problems
    assert move.counts["left out"] == 2
    assert (await mover.app.contacts.search(mover.account_id)).contacts[0].contact_id == first.contact_id


async def _suppressions(mover: Mover) -> Any:
    return await mover.app.contacts.consents.suppressions(mover.account_id, Channel.EMAIL)
