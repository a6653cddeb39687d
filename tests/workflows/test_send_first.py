"""The step `send`: one of several messages, the first whose channel reaches the contact."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.attribution.service import AttributionService
from syncom.contacts.model import Channel, ConsentChange, IdentityKind, SubscriptionState, UpsertOptions
from syncom.contacts.model import ContactInput as Row
from syncom.contacts.service import set_consents
from syncom.errors import Invalid
from syncom.messages.groups import GroupMember, SenderGroupInput, SenderGroupsService
from syncom.messages.model import SenderKind
from syncom.messages.senders import SenderInput
from syncom.workflows.model import Outcome
from syncom.workflows.results import ResultsService
from tests.messages.house import sending
from tests.workflows.conftest import Journeys
from tests.workflows.test_push import all_sent, outcomes
from tests.workflows.test_simulating import trace


async def people(journeys: Journeys) -> list[int]:
    """With both, without a mail address, unsubscribed from mails, and with nothing."""
    rows = [
        Row(external_id="both", email="both@example.com", phone="+380670000001"),
        Row(external_id="phone", phone="+380670000002"),
        Row(external_id="left", email="left@example.com", phone="+380670000003"),
        Row(external_id="nothing"),
    ]
    options = UpsertOptions(key=IdentityKind.EXTERNAL_ID)
    found = await journeys.sending.contacts.upsert(journeys.account_id, rows, options)
    assert not found.problems
    ids = [contact_id or 0 for contact_id in found.contact_ids]
    change = ConsentChange(
        account_id=journeys.account_id,
        contact_id=ids[2],
        channel=Channel.EMAIL,
        state=SubscriptionState.UNSUBSCRIBED,
        source="page",
        occurred_at=journeys.sending.clock.now(),
    )
    async with journeys.database.system() as connection:
        await set_consents(connection, [change])
    return ids


async def send(journeys: Journeys, **more: Any) -> dict[str, Any]:
    mail = await journeys.template(source="<p>Hello</p>")
    text = await journeys.template(channel=Channel.SMS, subject="", source="Hello")
    return {
        "type": "send",
        "id": "tell",
        "channels": [{"template_id": mail}, {"template_id": text, **more}],
    }


async def rows(journeys: Journeys, query: str) -> list[tuple[Any, ...]]:
    async with journeys.database.system() as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def test_each_gets_one_message_by_the_first_channel_that_reaches_it(journeys: Journeys) -> None:
    both, phone, left, nothing = await people(journeys)
    workflow = await journeys.started(await send(journeys))
    await journeys.happen(both, phone, left, nothing)
    await journeys.settle()
    queued = await rows(journeys, "SELECT contact_id, channel FROM messages ORDER BY contact_id")
    assert queued == [(both, Channel.EMAIL), (phone, Channel.SMS), (left, Channel.SMS)]
    assert await outcomes(journeys) == [Outcome.PASSED, Outcome.PASSED, Outcome.PASSED, Outcome.NOT_SENT]
    # No server takes mails here.
    await rows(journeys, "DELETE FROM messages WHERE channel = 1 RETURNING 1")
    async with sending(journeys.express()):
        await all_sent(journeys)
    results = ResultsService(journeys.database, AttributionService(journeys.database), journeys.sending.clock)
    [told] = (await results.of_workflow(journeys.account_id, workflow.workflow_id)).messages
    assert (told.queued, told.sent, told.channels) == (3, 2, {"sms": 2})


async def test_a_suppressed_address_is_no_way_to_a_contact(journeys: Journeys) -> None:
    both, *_ = await people(journeys)
    await rows(
        journeys,
        "INSERT INTO suppressions (account_id, channel, address, reason)"
        " SELECT account_id, 1, email, 'hard bounce' FROM contacts WHERE email = 'both@example.com' RETURNING 1",
    )
    await journeys.started(await send(journeys))
    await journeys.happen(both)
    await journeys.settle()
    assert await rows(journeys, "SELECT contact_id, channel FROM messages") == [(both, Channel.SMS)]


async def test_a_dry_run_tells_which_message_it_would_be(journeys: Journeys) -> None:
    both, phone, _, nothing = await people(journeys)
    step = await send(journeys)
    places = {one: (await trace(journeys, one, step)).steps[0] for one in (both, phone, nothing)}
    mail, text = (channel["template_id"] for channel in step["channels"])
    assert [places[one].does["template_id"] for one in (both, phone, nothing)] == [mail, text, mail]
    assert places[both].note == places[phone].note == ""
    assert places[nothing].note == "is not sent: no email"


async def test_a_message_may_go_through_a_group_of_senders(journeys: Journeys) -> None:
    _, phone, *_ = await people(journeys)
    given = SenderInput(name="T", from_name="T", kind=SenderKind.INBOX, channel=Channel.SMS)
    members = tuple(
        [
            GroupMember(sender_id=(await journeys.sending.senders.add(journeys.account_id, given)).sender_id)
            for _ in range(2)
        ]
    )
    groups = SenderGroupsService(journeys.database)
    group = await groups.add(journeys.account_id, SenderGroupInput(name="G", members=members))
    await journeys.started(await send(journeys, sender_id=group.sender_id))
    await journeys.happen(phone)
    await journeys.settle()
    [(sender_id, group_id)] = await rows(journeys, "SELECT sender_id, group_id FROM messages")
    assert sender_id in {member.sender_id for member in members}
    assert group_id == group.sender_id


async def test_what_cannot_run_is_refused_by_its_place(journeys: Journeys) -> None:
    step = await send(journeys)
    mail, text = step["channels"]
    for channels, field, words in (
        ([], "channels", "must be 1 to 5"),
        ([mail, mail], "channels.1.template_id", "reaches those whom one before it reaches"),
        ([mail, {"template_id": 9_999_999}], "channels.1.template_id", "9999999"),
        ([mail, {**text, "sender_id": 9_999_999}], "channels.1.sender_id", "9999999"),
    ):
        with pytest.raises(Invalid) as refused:
            await journeys.started({**step, "channels": channels})
        assert refused.value.fields[0].field == f"definition.steps.0.{field}"
        assert words in refused.value.fields[0].reason
