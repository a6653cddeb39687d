"""PDUs of SMPP 3.4 as octets. Those with many fields are made and read by smpp34; the small ones here."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

import msgspec
from smpp34 import DeliverSm, SmppError, SubmitSm, decode

#: command_length, command_id, command_status, sequence_number (3.4, 3.2).
_HEADER: Final = struct.Struct("!IIII")
HEADER_SIZE: Final = 16
#: Octets of the longest PDU that is read: a message_payload has 64 KiB at most, and nothing else is larger.
LONGEST: Final = 70_000
_VERSION: Final = b"\x34"
#: Sequence numbers begin anew behind this one (3.4, 3.2).
LAST_SEQUENCE: Final = 0x7FFFFFFF


class Command(IntEnum):
    """command_id (3.4, 5.1.2.1)."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_TRANSMITTER = 0x00000002
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER = 0x00000009
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    ALERT_NOTIFICATION = 0x00000102


class Option(IntEnum):
    """Tags of optional parameters that are read (3.4, 5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


#: command_status that we answer with (3.4, 5.1.3).
ROK: Final = 0x00
RINVCMDID: Final = 0x03
RSYSERR: Final = 0x08
RX_T_APPN: Final = 0x64
RX_R_APPN: Final = 0x66


class Header(msgspec.Struct, frozen=True, gc=False):
    """The header of a PDU that came."""

    length: int
    command: int
    status: int
    sequence: int


class Malformed(Exception):
    """The octets are no PDU. ``str`` is for people."""


def header_of(buffer: bytes | bytearray, start: int) -> Header:
    """The header at a place of the buffer, which has all of it. Raises Malformed for a length that cannot be."""
    header = Header(*_HEADER.unpack_from(buffer, start))
    if not HEADER_SIZE <= header.length <= LONGEST:
        raise Malformed(f"a PDU of {header.length} octets")
    return header


def bare(command: int, sequence: int, *, status: int = ROK, body: bytes = b"") -> bytes:
    """A PDU of a header and a body that is ready."""
    return _HEADER.pack(HEADER_SIZE + len(body), command, status, sequence) + body


def bind(command: Command, sequence: int, *, system_id: str, password: str, system_type: str) -> bytes:
    """bind_transceiver, bind_transmitter or bind_receiver (3.4, 4.1). Its fields must be ASCII and short enough."""
    fields = b"".join(field.encode("ascii") + b"\0" for field in (system_id, password, system_type))
    # addr_ton, addr_npi, address_range: whatever is meant for this system_id.
    return bare(command, sequence, body=fields + _VERSION + b"\0\0\0")


def c_string(body: bytes) -> str:
    """The field at the beginning of a body, up to its NUL; ids are ASCII by the standard and not always in fact."""
    return body.partition(b"\0")[0].decode("latin-1")


def submit_sm(
    sequence: int,
    *,
    source: tuple[int, int, str],
    destination: tuple[int, int, str],
    service_type: str,
    data_coding: int,
    has_header: bool,
    short_message: bytes,
) -> bytes:
    """One short message, for whose end a receipt is asked. Addresses are type of number, numbering plan and digits."""
    return SubmitSm(
        source[2],
        destination[2],
        short_message,
        service_type=service_type,
        source_addr_ton=source[0],
        source_addr_npi=source[1],
        dest_addr_ton=destination[0],
        dest_addr_npi=destination[1],
        # The UDH indicator (3.4, 5.2.12).
        esm_class=0x40 if has_header else 0,
        # A receipt whatever the end is (3.4, 5.2.17).
        registered_delivery=1,
        data_coding=data_coding,
        sequence_number=sequence,
    ).encode()


def deliver_sm(octets: bytes) -> DeliverSm:
    """What an SMSC brings. Raises Malformed."""
    try:
        found = decode(octets)
    except SmppError as error:
        raise Malformed(f"a deliver_sm that cannot be read: {error}") from None
    if not isinstance(found, DeliverSm):
        raise Malformed("not a deliver_sm")
    return found


def source_address(name: str, ton: int | None, npi: int | None) -> tuple[int, int, str]:
    """A sender name as an address: by its look international, a short code, or letters (3.4, 5.2.5 and 5.2.6)."""
    if name.startswith("+"):
        found = (1, 1, name[1:])
    elif name.isdecimal():
        # Short codes belong to the network; longer numbers without their plus are international all the same.
        found = (3, 0, name) if len(name) <= 8 else (1, 1, name)
    else:
        found = (5, 0, name)
    return (found[0] if ton is None else ton, found[1] if npi is None else npi, found[2])
