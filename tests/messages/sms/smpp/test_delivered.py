"""What an SMSC brings: receipts in both forms, texts in every alphabet, and whatever else there may be."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpp34 import DeliverSm, Tlv

from syncom.errors import Unavailable
from syncom.messages.channels.sms.inbound import InboundPart
from syncom.messages.channels.sms.smpp import pdu
from syncom.messages.channels.sms.smpp.delivered import Deliveries, canonical_id, read
from syncom.messages.channels.sms.smpp.model import ReceiptIds, SmppBind
from syncom.messages.channels.sms.smpp.pdu import Option
from syncom.messages.channels.sms.smpp.segments import SmscAlphabet
from syncom.messages.receipts.model import Receipt, ReceiptState

BIND = SmppBind(host="smsc.example", system_id="acme", names=("Acme",))
LATIN1 = SmppBind(host="smsc.example", system_id="acme", names=("Acme",), alphabet=SmscAlphabet.LATIN1)


def deliver(body: bytes, *tlvs: tuple[int, bytes], **more: int) -> DeliverSm:
    found = DeliverSm(
        "380671112233", "4040", body, source_addr_ton=1, tlvs=[Tlv(tag, value) for tag, value in tlvs], **more
    )
    return pdu.deliver_sm(found.encode())


def receipt(text: str, *tlvs: tuple[int, bytes]) -> Receipt:
    found = read(deliver(text.encode(), *tlvs, esm_class=4), 1, BIND)
    assert isinstance(found, Receipt)
    return found


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("DELIVRD", ReceiptState.DELIVERED),
        ("delivrd", ReceiptState.DELIVERED),
        ("EXPIRED", ReceiptState.EXPIRED),
        ("DELETED", ReceiptState.DELETED),
        ("UNDELIV", ReceiptState.UNDELIVERED),
        ("UNDELIVERABLE", ReceiptState.UNDELIVERED),
        ("ACCEPTD", ReceiptState.ACCEPTED),
        ("ENROUTE", ReceiptState.ACCEPTED),
        ("REJECTD", ReceiptState.REJECTED),
        ("UNKNOWN", ReceiptState.UNKNOWN),
        ("WHATEVER", ReceiptState.UNKNOWN),
    ],
)
def test_the_word_of_a_receipt_is_its_state(word: str, state: ReceiptState) -> None:
    found = receipt(f"id:12345 sub:001 dlvrd:001 done date:2611031001 stat:{word} err:000 text:x")
    assert (found.peer_id, found.state, found.reason) == ("12345", state, f"{word} err 000")


def test_words_of_the_text_itself_are_not_taken_for_the_receipts() -> None:
    found = receipt("id:7 sub:001 stat:UNDELIV err:011 text:id:8 stat:DELIVRD err:000")
    assert (found.peer_id, found.state, found.reason) == ("7", ReceiptState.UNDELIVERED, "UNDELIV err 011")


def test_optional_parameters_win_over_the_text() -> None:
    found = receipt(
        "id:7 stat:DELIVRD err:000",
        (Option.RECEIPTED_MESSAGE_ID, b"9\0"),
        (Option.MESSAGE_STATE, b"\x03"),
    )
    assert (found.peer_id, found.state) == ("9", ReceiptState.EXPIRED)


def test_a_receipt_may_have_optional_parameters_only_and_any_class() -> None:
    found = read(deliver(b"", (Option.RECEIPTED_MESSAGE_ID, b"9\0"), (Option.MESSAGE_STATE, b"\x02")), 1, BIND)
    assert isinstance(found, Receipt)
    assert (found.peer_id, found.state, found.reason) == ("9", ReceiptState.DELIVERED, "state 2")


@pytest.mark.parametrize(
    ("text", "tlvs", "invalid"),
    [
        ("id:7 stat:UNDELIV err:001", (), True),
        ("id:7 stat:UNDELIV err:027", (), False),
        ("id:7 stat:DELIVRD err:001", (), False),
        ("id:7 stat:UNDELIV err:000", ((Option.NETWORK_ERROR_CODE, b"\x03\x00\x01"),), True),
        ("id:7 stat:UNDELIV err:001", ((Option.NETWORK_ERROR_CODE, b"\x03\x00\x1b"),), False),
    ],
)
def test_a_number_that_does_not_exist_is_told_by_its_code(
    text: str, tlvs: tuple[tuple[int, bytes], ...], invalid: bool
) -> None:
    assert receipt(text, *tlvs).invalid_number is invalid


@pytest.mark.parametrize(
    ("ids", "answered", "in_text", "in_option"),
    [
        (ReceiptIds.SAME, "00AbC", "0abc", "ABC"),
        (ReceiptIds.SAME, "0", "000", "0"),
        (ReceiptIds.SAME, "a-b_c.1", "A-B_C.1", "a-b_c.1"),
        (ReceiptIds.HEX_THEN_DECIMAL, "1A2B", "6699", "1a2b"),
        (ReceiptIds.HEX_THEN_DECIMAL, "0000001A", "0000000026", "1A"),
        (ReceiptIds.DECIMAL_THEN_HEX, "6699", "1A2B", "6699"),
        (ReceiptIds.HEX_THEN_DECIMAL, "not-a-number", "not-a-number", "not-a-number"),
    ],
)
def test_an_id_is_the_same_however_it_was_written(ids: ReceiptIds, answered: str, in_text: str, in_option: str) -> None:
    wanted = canonical_id(answered, ids)
    assert wanted
    assert canonical_id(in_text, ids, in_text=True) == wanted
    assert canonical_id(in_option, ids) == wanted


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0, b"STOP \x00 \x1be", "STOP @ €"),
        (1, b"STOP", "STOP"),
        (3, b"N\xe3o", "Não"),
        (6, "Стоп".encode("iso8859-5"), "Стоп"),
        (7, "הסר".encode("iso8859-8"), "הסר"),
        (8, "СТОП 😀".encode("utf-16-be"), "СТОП 😀"),
        (0x18, "СТОП".encode("utf-16-be"), "СТОП"),
        (0x10, b"STOP", "STOP"),
        (0xF0, b"STOP", "STOP"),
    ],
)
def test_a_text_is_read_in_its_alphabet(data_coding: int, octets: bytes, text: str) -> None:
    found = read(deliver(octets, data_coding=data_coding), 1, BIND)
    assert isinstance(found, InboundPart)
    assert (found.from_, found.to, found.text, found.reference) == ("+380671112233", "4040", text, None)


def test_the_default_alphabet_is_what_the_smsc_takes_it_for() -> None:
    found = read(deliver(b"N\xe3o"), 1, LATIN1)
    assert isinstance(found, InboundPart)
    assert found.text == "Não"


@pytest.mark.parametrize("data_coding", [2, 4, 5, 9, 0x14, 0xF4, 0xC0])
def test_what_is_no_text_is_let_go_by(data_coding: int) -> None:
    assert read(deliver(b"\x01\x02", data_coding=data_coding), 1, BIND) is None


def test_a_long_text_may_be_in_the_payload() -> None:
    found = read(deliver(b"", (Option.MESSAGE_PAYLOAD, b"a" * 300)), 1, BIND)
    assert isinstance(found, InboundPart)
    assert found.text == "a" * 300


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("050003440201", ("68", 2, 1)),
        ("06080412340302", ("4660", 3, 2)),
        # Another element before the one that joins.
        ("0b0504158a00000003440201", ("68", 2, 1)),
        # Numbers that cannot be, and an element that ends too early: alone.
        ("050003440203", (None, 1, 1)),
        ("050003440200", (None, 1, 1)),
        ("03000344", (None, 1, 1)),
    ],
)
def test_parts_are_told_by_their_header(header: str, expected: tuple[str | None, int, int]) -> None:
    found = read(deliver(bytes.fromhex(header) + b"Hi", esm_class=0x40, data_coding=3), 1, BIND)
    assert isinstance(found, InboundPart)
    assert (found.reference, found.total, found.number) == expected
    assert found.octets == b"Hi"


def test_parts_are_told_by_optional_parameters() -> None:
    found = read(
        deliver(
            b"Hi",
            (Option.SAR_MSG_REF_NUM, b"\x12\x34"),
            (Option.SAR_TOTAL_SEGMENTS, b"\x02"),
            (Option.SAR_SEGMENT_SEQNUM, b"\x01"),
        ),
        1,
        BIND,
    )
    assert isinstance(found, InboundPart)
    assert (found.reference, found.total, found.number) == ("4660", 2, 1)


class _Takes:
    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[object] = []
        self._error = error

    async def receive(self, one: object) -> None:
        if self._error is not None:
            raise self._error
        self.taken.append(one)


@pytest.mark.parametrize(
    ("error", "status"), [(None, 0), (Unavailable("away"), pdu.RX_T_APPN), (RuntimeError("bug"), pdu.RX_T_APPN)]
)
async def test_the_smsc_hears_whether_it_was_kept(error: Exception | None, status: int) -> None:
    takes = _Takes(error)
    deliveries = Deliveries(1, BIND, takes, takes)
    for found in (DeliverSm("1", "2", b"id:1 stat:DELIVRD", esm_class=4), DeliverSm("1", "2", b"Hi")):
        assert await deliveries.take(found.encode()) == status
    assert len(takes.taken) == (0 if error else 2)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    body=st.binary(max_size=254),
    esm_class=st.integers(0, 255),
    data_coding=st.integers(0, 255),
    tlvs=st.lists(st.tuples(st.sampled_from([*Option, 0x1400]), st.binary(max_size=20)), max_size=5),
    cut=st.one_of(st.none(), st.integers(16, 60)),
)
def test_whatever_comes_is_taken_refused_or_let_go_by(
    body: bytes, esm_class: int, data_coding: int, tlvs: list[tuple[int, bytes]], cut: int | None
) -> None:
    octets = DeliverSm(
        "380671112233",
        "4040",
        body,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=[Tlv(tag, value) for tag, value in tlvs],
    ).encode()
    if cut is not None:
        octets = cut.to_bytes(4) + octets[4:cut]
    takes = _Takes()
    deliveries = Deliveries(1, BIND, takes, takes)
    assert asyncio.run(deliveries.take(octets)) in (0, pdu.RX_R_APPN)
