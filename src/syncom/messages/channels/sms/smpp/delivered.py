"""Reads what an SMSC brings: receipts of our texts, and texts that people write (SMPP 3.4, 4.6 and appendix B)."""

from __future__ import annotations

import logging
import re
from typing import Final, Protocol

from smpp34 import DeliverSm

from syncom.errors import Unavailable
from syncom.messages.channels.sms.inbound import InboundPart
from syncom.messages.channels.sms.smpp import pdu
from syncom.messages.channels.sms.smpp.model import ReceiptIds, SmppBind
from syncom.messages.channels.sms.smpp.pdu import Option
from syncom.messages.channels.sms.smpp.segments import UCS2, SmscAlphabet
from syncom.messages.receipts.model import Receipt, ReceiptState

_log = logging.getLogger(__name__)

#: message_state (3.4, 5.2.28).
_STATES: Final = {
    1: ReceiptState.ACCEPTED,
    2: ReceiptState.DELIVERED,
    3: ReceiptState.EXPIRED,
    4: ReceiptState.DELETED,
    5: ReceiptState.UNDELIVERED,
    6: ReceiptState.ACCEPTED,
    7: ReceiptState.UNKNOWN,
    8: ReceiptState.REJECTED,
}
#: The word behind ``stat:`` (3.4, appendix B); some SMSCs say more about what is under way.
_WORDS: Final = {
    "ENROUTE": ReceiptState.ACCEPTED,
    "ACCEPTD": ReceiptState.ACCEPTED,
    "BUFFERD": ReceiptState.ACCEPTED,
    "DELIVRD": ReceiptState.DELIVERED,
    "EXPIRED": ReceiptState.EXPIRED,
    "DELETED": ReceiptState.DELETED,
    "UNDELIV": ReceiptState.UNDELIVERED,
    "REJECTD": ReceiptState.REJECTED,
    "UNKNOWN": ReceiptState.UNKNOWN,
}
_FIELD: Final = re.compile(r"\b(id|stat|err):\s*([^\s:]{1,65})", re.IGNORECASE)
#: Bits of esm_class: what kind of message it is, and whether a header is before its text (3.4, 5.2.12).
_KIND: Final = 0x3C
_RECEIPTS: Final = frozenset((0x04, 0x20))
_HAS_HEADER: Final = 0x40
#: network_error_code (3.4, 5.2.31): type 3 is GSM, whose MAP error 1 is "unknown subscriber" (3GPP TS 29.002, 17.6.6).
_NO_SUCH_NUMBER: Final = b"\x03\x00\x01"
#: data_coding of alphabets (3.4, 5.2.19); other ones are data for a program on the phone.
_ASCII: Final = 1
_LATIN1: Final = 3
_CYRILLIC: Final = 6
_HEBREW: Final = 7
_CODECS: Final = {
    _ASCII: "ascii",
    _LATIN1: "latin-1",
    _CYRILLIC: "iso8859-5",
    _HEBREW: "iso8859-8",
    UCS2: "utf-16-be",
}


class Receipts(Protocol):
    """Takes receipts, see ``receipts/service.py``."""

    async def receive(self, receipt: Receipt) -> None: ...


class Parts(Protocol):
    """Takes texts of people part by part, see ``sms/parts_received.py``."""

    async def receive(self, part: InboundPart) -> None: ...


class Deliveries:
    """Takes what the binds of one sender bring."""

    def __init__(self, sender_id: int, bind: SmppBind, receipts: Receipts, parts: Parts) -> None:
        self._sender_id = sender_id
        self._bind = bind
        self._receipts = receipts
        self._parts = parts

    async def take(self, octets: bytes) -> int:
        """Keep a deliver_sm; returns the command_status to answer with: 0 once it is durable.

        A temporary status asks the SMSC to bring it again; what cannot be read is refused: it would come for ever.
        """
        try:
            found = read(pdu.deliver_sm(octets), self._sender_id, self._bind)
            if isinstance(found, Receipt):
                await self._receipts.receive(found)
            elif found is not None:
                await self._parts.receive(found)
        except pdu.Malformed as error:
            _log.warning("%s: %s", error, octets[:300].hex())
            return pdu.RX_R_APPN
        except Unavailable:
            return pdu.RX_T_APPN
        except Exception:  # noqa: BLE001 - the SMSC must hear something, and the bind must outlive it
            _log.exception("a deliver_sm cannot be kept: %s", octets[:300].hex())
            return pdu.RX_T_APPN
        return pdu.ROK


def read(found: DeliverSm, sender_id: int, bind: SmppBind) -> Receipt | InboundPart | None:
    """What it is; None: neither a receipt nor a text."""
    options = {one.tag: one.value for one in found.tlvs}
    kind = found.esm_class & _KIND
    if kind in _RECEIPTS or Option.RECEIPTED_MESSAGE_ID in options:
        return _receipt(found, options, sender_id, bind)
    return _text(found, options, sender_id, bind) if kind == 0 else None


def canonical_id(peer_id: str, ids: ReceiptIds, *, in_text: bool = False) -> str:
    """An id as it is kept and looked up, whichever way it was written.

    Args:
        peer_id: as the SMSC wrote it.
        ids: how ids in the text of receipts differ.
        in_text: whether it stood in a receipt's text; optional parameters have it as the answer had (3.4, 5.3.2.12).
    """
    plain = peer_id.strip().lower().lstrip("0") or ("0" if peer_id.strip() else "")
    if ids is ReceiptIds.SAME:
        return plain
    is_hex = in_text is (ids is ReceiptIds.DECIMAL_THEN_HEX)
    try:
        return str(int(plain, 16 if is_hex else 10))
    except ValueError:
        return plain


def _receipt(found: DeliverSm, options: dict[int, bytes], sender_id: int, bind: SmppBind) -> Receipt | None:
    body = found.short_message or options.get(Option.MESSAGE_PAYLOAD, b"")
    said = {name.lower(): value for name, value in reversed(_FIELD.findall(body.decode("latin-1")))}
    receipted = options.get(Option.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1")
    if receipted:
        peer_id = canonical_id(receipted, bind.receipt_ids)
    else:
        peer_id = canonical_id(said.get("id", ""), bind.receipt_ids, in_text=True)
    if not peer_id:
        return None
    state, word = _state(options.get(Option.MESSAGE_STATE, b""), said.get("stat", ""))
    network_error = options.get(Option.NETWORK_ERROR_CODE, b"")
    error = said.get("err", "")
    if network_error and not error:
        error = network_error.hex()
    return Receipt(
        sender_id=sender_id,
        peer_id=peer_id,
        state=state,
        reason=f"{word} err {error}" if error else word,
        invalid_number=state.has_failed
        and (network_error == _NO_SUCH_NUMBER or (not network_error and error in bind.unknown_number_errors)),
    )


def _state(option: bytes, word: str) -> tuple[ReceiptState, str]:
    """The state, and how the SMSC wrote it. The optional parameter wins over the word."""
    if len(option) == 1 and option[0] in _STATES:
        return _STATES[option[0]], word or f"state {option[0]}"
    return _WORDS.get(word.upper()[:7], ReceiptState.UNKNOWN), word or "no state"


def _text(found: DeliverSm, options: dict[int, bytes], sender_id: int, bind: SmppBind) -> InboundPart | None:
    octets = found.short_message or options.get(Option.MESSAGE_PAYLOAD, b"")
    codec = _codec(found.data_coding, bind.alphabet)
    if codec is None:
        return None
    joined: tuple[int, int, int] | None = None
    if found.esm_class & _HAS_HEADER and octets:
        size = octets[0] + 1
        joined, octets = _joined(octets[1:size]), octets[size:]
    elif Option.SAR_MSG_REF_NUM in options:
        joined = _by_options(options)
    reference, total, number = joined or (None, 1, 1)
    return InboundPart(
        sender_id=sender_id,
        from_=_number(found.source_addr, found.source_addr_ton),
        to=_number(found.destination_addr, found.dest_addr_ton),
        octets=octets,
        codec=codec,
        reference=None if reference is None else str(reference),
        number=number,
        total=total,
    )


def _codec(data_coding: int, alphabet: SmscAlphabet) -> str | None:
    """The codec of a data_coding, empty for the GSM alphabet; None: it is no text."""
    if data_coding == 0:
        return "latin-1" if alphabet is SmscAlphabet.LATIN1 else ""
    if data_coding & 0xF0 == 0xF0 or data_coding & 0xC0 == 0:
        # GSM's own scheme (3GPP TS 23.038, 4): 7 bits, 8 bits of data, or 16 bits.
        if data_coding in _CODECS:
            return _CODECS[data_coding]
        return {0x00: "", 0x08: "utf-16-be"}.get(data_coding & 0x0C) if data_coding >= 0x10 else None
    return None


def _joined(header: bytes) -> tuple[int, int, int] | None:
    """Reference, total and number of a part, out of its header (3GPP TS 23.040, 9.2.3.24); None: it is alone."""
    place = 0
    while place + 2 <= len(header):
        element, size = header[place], header[place + 1]
        value = header[place + 2 : place + 2 + size]
        place += 2 + size
        if (element, size) in ((0x00, 3), (0x08, 4)) and len(value) == size:
            return _in_bounds(int.from_bytes(value[:-2]), value[-2], value[-1])
    return None


def _by_options(options: dict[int, bytes]) -> tuple[int, int, int] | None:
    """The same by the sar_ parameters (3.4, 5.3.2.22 to 24)."""
    total = options.get(Option.SAR_TOTAL_SEGMENTS, b"")
    number = options.get(Option.SAR_SEGMENT_SEQNUM, b"")
    if len(total) != 1 or len(number) != 1:
        return None
    return _in_bounds(int.from_bytes(options[Option.SAR_MSG_REF_NUM][:2]), total[0], number[0])


def _in_bounds(reference: int, total: int, number: int) -> tuple[int, int, int] | None:
    return (reference, total, number) if 1 <= number <= total and total > 1 else None


def _number(address: str, ton: int) -> str:
    """An address as people write it: international ones with their plus."""
    return f"+{address}" if ton == 1 and address.isdecimal() else address
