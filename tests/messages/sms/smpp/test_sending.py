"""Texts through an SMSC that is not ours: what it gets, what its answers do, what its faults leave."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from syncom.campaigns.model import CampaignState
from syncom.contacts.model import Channel, ContactInput, IdentityKind, UpsertOptions
from syncom.errors import Invalid, Upstream
from syncom.messages.channels.sms.smpp import pool
from syncom.messages.channels.sms.smpp.model import BindMode, ReceiptIds, SmppBind
from syncom.messages.channels.sms.smpp.segments import SmscAlphabet
from syncom.messages.model import MessageState, OnUncertain, SenderConfig, SenderKind, SenderRole
from syncom.messages.senders import InboxAddress, SenderInput
from tests.messages.house import SendingHouse, sending, states
from tests.messages.sms.smpp.smsc_peer import Smsc, running_smsc
from tests.messages.sms.test_gateway import ANN, BOB, express, send, settled, sms, waiting


@pytest.fixture(autouse=True)
def quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "RECONNECT", (0.05, 0.2))


async def smpp(house: SendingHouse, smsc: Smsc, *, config: dict[str, Any] | None = None, **bind: Any) -> int:
    """A sender into this SMSC."""
    settings: dict[str, Any] = {"host": "127.0.0.1", "system_id": "acme", "names": ("Acme", "+380501112233"), **bind}
    given = SenderInput(
        name="SMSC",
        kind=SenderKind.SMPP,
        config=SenderConfig(smpp=SmppBind(port=smsc.port, **settings), timeout=2.0, **config or {}),
        password="s3cret",
    )
    return (await house.senders.add(house.account_id, given)).sender_id


async def facts(house: SendingHouse, count: int) -> list[tuple[int, str | None]]:
    """Kind and detail of the facts so far, once there are so many."""
    async with asyncio.timeout(20):
        while True:
            async with house.database.system() as connection:
                await connection.execute("UPDATE waiting_receipts SET try_at = now()")
            await house.receipts.look_again()
            async with house.database.autocommit() as connection:
                await house.activity.settle(connection)
                rows = await (await connection.execute("SELECT kind, detail FROM activity ORDER BY kind")).fetchall()
            if len(rows) >= count:
                return rows
            await asyncio.sleep(0.05)


class Written(list[tuple[Any, ...]]):
    """Keeps the texts of people."""

    async def receive(self, sender_id: int, from_: str, to: str, text: str, at: datetime, peer_id: str) -> None:
        self.append((from_, to, text, peer_id))


# ------------------------------------------------------------------ what arrives


async def test_a_text_reaches_the_smsc_with_its_fields_and_its_receipt_becomes_a_fact(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"receipt": {}})
        await smpp(house, smsc, system_type="VMA", service_type="CMT")
        async with sending(express(house)):
            results = await send(house, "Order A-500 is on its way {€5}", ANN)
            [status] = await settled(house, results)
            [found] = await smsc.heard("submit")
            assert await facts(house, 1) == [(1, "DELIVRD err 000")]
        await smsc.heard("unbind")
    assert (status.state, status.channel, status.address) == (MessageState.SENT, Channel.SMS, ANN)
    assert status.reason == f"id={found['id']}"
    assert (found["source"], found["source_ton"], found["source_npi"]) == ("Acme", 5, 0)
    assert (found["destination"], found["dest_ton"]) == (ANN[1:], 1)
    assert (found["text"], found["data_coding"], found["esm_class"]) == ("Order A-500 is on its way {€5}", 0, 0)
    assert (found["registered_delivery"], found["service_type"]) == (1, "CMT")
    [bind] = smsc.all("bind")
    assert (bind["mode"], bind["system_id"], bind["password"]) == ("transceiver", "acme", "s3cret")
    assert (bind["system_type"], bind["version"]) == ("VMA", 0x34)
    assert [one["status"] for one in smsc.all("deliver_resp")] == [0]
    [status] = await house.messages.status(house.account_id, [status.message_id])
    assert status.delivered_at is not None


@pytest.mark.parametrize(
    ("text", "data_coding", "parts"),
    [
        ("a" * 160, 0, 1),
        ("€" * 100, 0, 2),
        ("Привіт!" * 20, 8, 3),
        ("😀" * 40, 8, 2),
    ],
)
async def test_long_texts_are_joined_by_a_header_and_read_by_the_smsc_as_they_were_written(
    house: SendingHouse, text: str, data_coding: int, parts: int
) -> None:
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, text, ANN))
        found = await smsc.heard("submit", parts)
    assert status.state is MessageState.SENT
    assert "".join(one["text"] for one in found) == text
    assert {one["data_coding"] for one in found} == {data_coding}
    assert status.reason == f"id={','.join(one['id'] for one in found)}"
    if parts > 1:
        heads = [bytes.fromhex(one["udh"][0]) for one in found]
        assert [(head[0], head[3], head[4]) for head in heads] == [(0, parts, n) for n in range(1, parts + 1)]
        assert len({head[2] for head in heads}) == 1
        assert {one["esm_class"] for one in found} == {0x40}


async def test_settings_of_the_alphabet_the_reference_and_the_addresses_are_minded(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smpp(house, smsc, alphabet=SmscAlphabet.LATIN1, wide_reference=True, source_ton=0, source_npi=1)
        async with sending(express(house)):
            await settled(house, await send(house, "Ä" * 161, ANN))
            await settled(house, await send(house, "€" * 71, BOB))
        found = await smsc.heard("submit", 4)
    assert [one["text"] for one in found] == ["Ä" * 152, "Ä" * 9, "€" * 66, "€" * 5]
    assert [one["data_coding"] for one in found] == [3, 3, 8, 8]
    assert {bytes.fromhex(one["udh"][0])[:2] for one in found} == {b"\x08\x04"}
    assert {(one["source_ton"], one["source_npi"]) for one in found} == {(0, 1)}


async def test_a_pair_of_binds_sends_on_one_and_hears_on_the_other(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smpp(house, smsc, mode=BindMode.PAIR)
        written = house.texts = Written()
        async with sending(express(house)):
            await smsc.heard("bind", 2)
            [status] = await settled(house, await send(house, "Hello", ANN))
            await smsc.tell(
                "deliver", values={"source_addr": "380671112233", "source_addr_ton": 1, "short_message": "Hi"}
            )
            await smsc.heard("deliver_resp")
    assert status.state is MessageState.SENT
    assert {one["mode"] for one in smsc.all("bind")} == {"transmitter", "receiver"}
    assert [one[2] for one in written] == ["Hi"]


async def test_a_campaign_goes_through_one_bind_in_its_window(house: SendingHouse) -> None:
    phones = [f"+38067{number:07d}" for number in range(1, 301)]
    async with running_smsc() as smsc:
        await smpp(house, smsc, window=20)
        async with sending(express(house)):
            statuses = await settled(house, await send(house, "Hello", *phones))
        found = await smsc.heard("submit", 300)
    assert {one.state for one in statuses} == {MessageState.SENT}
    assert sorted(one["destination"] for one in found) == sorted(phone[1:] for phone in phones)
    assert len(smsc.all("bind")) == 1


# ------------------------------------------------------------------ receipts


async def test_a_receipt_before_the_answer_to_the_submit_becomes_a_fact_all_the_same(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"receipt": {"before": True}, "wait": 200})
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "Hello", ANN))
            assert await facts(house, 1) == [(1, "DELIVRD err 000")]
    assert status.state is MessageState.SENT


async def test_parts_of_a_text_are_one_fact_and_repeated_receipts_change_nothing(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"receipt": {"times": 2}})
        await smpp(house, smsc)
        async with sending(express(house)):
            await settled(house, await send(house, "ж" * 200, ANN))
            await smsc.heard("deliver_resp", 6)
            assert await facts(house, 1) == [(1, "DELIVRD err 000")]


async def test_one_part_that_did_not_arrive_makes_the_text_bounce(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"receipt": {}}, {"receipt": {"stat": "UNDELIV", "err": "027"}}, {"receipt": {}})
        await smpp(house, smsc)
        async with sending(express(house)):
            await settled(house, await send(house, "ж" * 200, ANN))
            await smsc.heard("deliver_resp", 3)
            assert await facts(house, 1) == [(2, "undelivered: UNDELIV err 027")]


async def test_ids_in_hexadecimal_are_found_by_receipts_in_decimal(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.tell("ids", format="hex")
        await smsc.behave({"receipt": {"format": "decimal_of_hex"}}, {"receipt": {"tlvs": True, "text": "garbage"}})
        await smpp(house, smsc, receipt_ids=ReceiptIds.HEX_THEN_DECIMAL)
        async with sending(express(house)):
            await settled(house, await send(house, "Hello", ANN, BOB))
            assert await facts(house, 2) == [(1, "DELIVRD err 000"), (1, "state 2")]


async def test_optional_parameters_win_over_the_text_of_a_receipt(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"receipt": {"tlvs": True, "state": 5, "text": "id:999 stat:DELIVRD err:000"}})
        await smpp(house, smsc)
        async with sending(express(house)):
            await settled(house, await send(house, "Hello", ANN))
            assert await facts(house, 1) == [(2, "undelivered: DELIVRD err 000")]


async def test_a_receipt_that_never_comes_leaves_the_text_as_sent(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "Hello", ANN))
    assert (status.state, status.delivered_at, status.bounced_at) == (MessageState.SENT, None, None)


# ------------------------------------------------------------------ refusals


async def test_throttling_costs_no_attempt_and_loses_nothing(house: SendingHouse) -> None:
    throttled = {"status": 0x58}
    async with running_smsc() as smsc:
        await smsc.behave(throttled, {"status": 0x14}, {})
        await smpp(house, smsc, window=2)
        async with sending(express(house)):
            statuses = await settled(house, await send(house, "Hello", ANN, BOB, "+380673334455"))
        found = smsc.all("submit")
    assert [(one.state, one.attempts) for one in statuses] == [(MessageState.SENT, 1)] * 3
    assert len(found) == 5


async def test_only_the_part_that_was_throttled_is_sent_again(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({}, {"status": 0x58}, {})
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "ж" * 100, ANN))
        found = smsc.all("submit")
    assert (status.state, status.attempts) == (MessageState.SENT, 1)
    assert [bytes.fromhex(one["udh"][0])[4] for one in found] == [1, 2, 2]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x0B, "0x0000000B invalid number"),
        (0x66, "0x00000066 the receiving side rejected it"),
        (0x43, "0x00000043 the SMSC does not understand what it was sent"),
    ],
)
async def test_a_refusal_for_good_fails_in_its_words(house: SendingHouse, code: int, words: str) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"status": code}, {})
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "Hello", ANN))
    assert (status.state, status.reason) == (MessageState.FAILED, words)
    assert len(smsc.all("submit")) == 1


@pytest.mark.parametrize(("code", "attempts"), [(0x08, 3), (0x45, 2), (0x410, 3)])
async def test_a_temporary_refusal_is_tried_again(house: SendingHouse, code: int, attempts: int) -> None:
    async with running_smsc() as smsc:
        await smsc.behave(*([{"status": code}] * (attempts - 1)), {})
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "Hello", ANN))
    assert (status.state, status.attempts) == (MessageState.SENT, attempts)


async def test_a_failed_submit_is_tried_once_more_and_no_more(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"status": 0x45})
        await smpp(house, smsc)
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "Hello", ANN))
    assert (status.state, status.attempts) == (MessageState.FAILED, 2)


async def test_a_sender_name_that_is_not_allowed_rests_the_sender_and_burns_nobody(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"status": 0x0A})
        sender_id = await smpp(house, smsc, window=1)
        async with sending(express(house)):
            results = await send(house, "Hello", ANN, BOB)
            await waiting(house, results)
            await asyncio.sleep(0.2)
            found = await house.senders.get(house.account_id, sender_id)
    assert found.problem == "The SMSC refuses this sender: 0x0000000A the sender name is not allowed"
    assert len(smsc.all("submit")) == 1


# ------------------------------------------------------------------ faults of the SMSC


@pytest.mark.parametrize("policy", OnUncertain)
async def test_a_connection_that_is_cut_before_the_answer_leaves_a_doubt(
    house: SendingHouse, policy: OnUncertain
) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"drop": True}, {})
        await smpp(house, smsc, config={"on_uncertain": policy})
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "Hello", ANN))
    if policy is OnUncertain.LEAVE:
        assert status.state is MessageState.UNCERTAIN
        assert len(smsc.all("submit")) == 1
    else:
        assert (status.state, status.uncertain) == (MessageState.SENT, True)
        assert len(smsc.all("submit")) == 2


async def test_an_answer_that_never_comes_leaves_a_doubt_about_that_text_only(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({}, {"silent": True}, {})
        await smpp(house, smsc, config={"on_uncertain": OnUncertain.LEAVE})
        async with sending(express(house)):
            statuses = await settled(house, await send(house, "Hello", ANN, BOB, "+380673334455"))
    assert sorted(one.state.value for one in statuses) == ["sent", "sent", "uncertain"]
    [doubt] = [one for one in statuses if one.state is MessageState.UNCERTAIN]
    assert doubt.reason == "the SMSC did not answer in time"


async def test_a_cut_after_some_parts_were_taken_is_a_doubt(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"drop_after": True}, {})
        await smpp(house, smsc, window=1, config={"on_uncertain": OnUncertain.LEAVE})
        async with sending(express(house)):
            [status] = await settled(house, await send(house, "ж" * 100, ANN))
    assert status.state is MessageState.UNCERTAIN
    assert len(smsc.all("submit")) == 1


async def test_a_refused_bind_is_shown_and_tried_again_without_touching_a_text(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.tell("bind_status", status=0x0E)
        sender_id = await smpp(house, smsc)
        async with sending(express(house)):
            results = await send(house, "Hello", ANN)
            await smsc.heard("bind", 2)
            async with asyncio.timeout(10):
                while not (found := await house.senders.get(house.account_id, sender_id)).problem:
                    await asyncio.sleep(0.05)
            assert "the password is wrong" in found.problem
            await smsc.tell("bind_status", status=0)
            [status] = await settled(house, results)
    assert (status.state, status.attempts) == (MessageState.SENT, 1)


async def test_an_smsc_that_ends_the_bind_is_bound_again_and_everything_arrives_once(house: SendingHouse) -> None:
    phones = [f"+38067{number:07d}" for number in range(1, 101)]
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            await smsc.heard("bind")
            await smsc.tell("unbind")
            await smsc.heard("unbind_resp")
            statuses = await settled(house, await send(house, "Hello", *phones))
    assert {one.state for one in statuses} == {MessageState.SENT}
    assert len(smsc.all("submit")) == 100
    assert len(smsc.all("bind")) >= 2


async def test_both_sides_may_ask_whether_the_other_is_there(
    house: SendingHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncom.messages.channels.sms.smpp.session.ENQUIRE_AFTER", 0.2)
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            await smsc.heard("enquire_link")
            await smsc.tell("enquire")
            await smsc.heard("enquire_link_resp")
            await smsc.tell("query")
            [answer] = await smsc.heard("answer")
    assert (answer["command"], answer["status"]) == ("generic_nack", 0x03)


# ------------------------------------------------------------------ what people write


@pytest.fixture
def written(house: SendingHouse) -> Written:
    house.texts = found = Written()
    return found


async def test_a_text_of_a_person_is_handed_on_with_who_wrote_it(house: SendingHouse, written: Written) -> None:
    values = {"source_addr": "380671112233", "source_addr_ton": 1, "destination_addr": "4040", "short_message": "СТОП"}
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            await smsc.heard("bind")
            await smsc.tell("deliver", values=values)
            [answer] = await smsc.heard("deliver_resp")
    assert answer["status"] == 0
    assert written == [("+380671112233", "4040", "СТОП", "")]


async def test_parts_of_a_text_of_a_person_are_joined_in_any_order(house: SendingHouse, written: Written) -> None:
    octets = "Ні, дякую 😀!".encode("utf-16-be")
    # The phone cuts the emoji in half.
    cut = len("Ні, дякую ".encode("utf-16-be")) + 2
    parts = [(1, octets[:cut]), (2, octets[cut:])]
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            await smsc.heard("bind")
            for number, body in [*reversed(parts), parts[0]]:
                await smsc.tell(
                    "deliver",
                    values={"source_addr": "380671112233", "source_addr_ton": 1, "esm_class": 0x40, "data_coding": 8},
                    udh=f"0500034402{number:02x}",
                    octets=body.hex(),
                )
            await smsc.heard("deliver_resp", 3)
    # The repeated part may bring the text again while it is being told: under the same id.
    assert {(one[0], one[2]) for one in written} == {("+380671112233", "Ні, дякую 😀!")}
    assert len({one[3] for one in written}) == 1


async def test_a_receipt_of_garbage_is_answered_and_nothing_breaks(house: SendingHouse, written: Written) -> None:
    async with running_smsc() as smsc:
        await smpp(house, smsc)
        async with sending(express(house)):
            await smsc.heard("bind")
            for text in ("", "stat:", "id: stat:DELIVRD", "id:" + "9" * 200 + " stat:WHAT err:"):
                await smsc.tell("deliver", values={"esm_class": 4, "short_message": text})
            answers = await smsc.heard("deliver_resp", 4)
            [status] = await settled(house, await send(house, "Hello", ANN))
    assert {one["status"] for one in answers} == {0}
    assert status.state is MessageState.SENT
    assert written == []


# ------------------------------------------------------------------ setting up


async def test_a_sender_is_tried_by_hand(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        sender_id = await smpp(house, smsc)
        words = await house.senders.test(house.account_id, sender_id, ANN, InboxAddress())
        [found] = smsc.all("submit")
        assert words == f"id={found['id']}"
        await smsc.tell("bind_status", status=0x0F)
        with pytest.raises(Upstream, match="the system_id is not known"):
            await house.senders.test(house.account_id, sender_id, ANN, InboxAddress())
        await smsc.tell("bind_status", status=0)
        await smsc.behave({"status": 0x0B})
        with pytest.raises(Upstream, match="invalid number"):
            await house.senders.test(house.account_id, sender_id, ANN, InboxAddress())


async def test_a_password_that_has_no_room_is_refused(house: SendingHouse) -> None:
    bind = SmppBind(host="smsc.example", system_id="acme", names=("Acme",))
    given = SenderInput(name="SMSC", kind=SenderKind.SMPP, config=SenderConfig(smpp=bind), password="longer than eight")
    with pytest.raises(Invalid, match="password"):
        await house.senders.add(house.account_id, given)


async def test_an_smsc_in_a_private_network_is_not_reached_unless_it_is_allowed(house: SendingHouse) -> None:
    house.outbound_allow = ""
    async with running_smsc() as smsc:
        sender_id = await smpp(house, smsc)
        async with sending(express(house)):
            async with asyncio.timeout(10):
                while not (found := await house.senders.get(house.account_id, sender_id)).problem:
                    await asyncio.sleep(0.05)
    assert "SYNCOM_OUTBOUND_ALLOW" in found.problem
    assert smsc.all("bind") == []


async def test_a_changed_password_is_used_at_once_and_a_deleted_sender_is_left(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        sender_id = await smpp(house, smsc)
        async with sending(express(house)):
            await smsc.heard("bind")
            stored = await house.senders.get(house.account_id, sender_id)
            given = SenderInput(name="SMSC", kind=SenderKind.SMPP, config=stored.config, password="other")
            await house.senders.update(house.account_id, sender_id, given)
            await smsc.heard("bind", 2)
            await house.senders.delete(house.account_id, sender_id)
            await smsc.heard("unbind", 2)
    assert [one["password"] for one in smsc.all("bind")] == ["s3cret", "other"]


@pytest.mark.parametrize("one_process", [True, False])
async def test_a_campaign_beside_single_texts_goes_through_as_many_binds_as_were_agreed(
    house: SendingHouse, one_process: bool
) -> None:
    rows = [ContactInput(phone=f"+38067{number:07d}") for number in range(1, 41)]
    await house.contacts.upsert(house.account_id, rows, UpsertOptions(key=IdentityKind.PHONE))
    async with running_smsc() as smsc:
        await smpp(house, smsc, one_process=one_process)
        async with sending(house.loop(SenderRole.BULK), express(house)):
            await smsc.heard("bind")
            campaign = await house.campaign(letter=sms("News for you"))
            results = await send(house, "Your code is 1234", ANN)
            await settled(house, results)
            done = await house.until(campaign.campaign_id, CampaignState.FINISHED)
        found = smsc.all("submit")
    assert states(await house.ledger(done.campaign_id)) == {"sent": 40}
    assert len({one["destination"] for one in found if one["text"] == "News for you"}) == 40
    assert len(found) == 41
    assert len(smsc.all("bind")) == (1 if one_process else 2)


async def test_a_number_that_two_messages_find_not_to_exist_is_suppressed(house: SendingHouse) -> None:
    async with running_smsc() as smsc:
        await smsc.behave({"status": 0x0B})
        await smpp(house, smsc)
        async with sending(express(house)):
            for told in ([], [ANN]):
                [status] = await settled(house, await send(house, "Hello", ANN))
                assert status.state is MessageState.FAILED
                found = await house.contacts.consents.suppressions(house.account_id, Channel.SMS)
                assert [one.address for one in found] == told
            [status] = await settled(house, await send(house, "Hello", ANN))
    assert status.state is MessageState.EXCLUDED
    assert len(smsc.all("submit")) == 2
