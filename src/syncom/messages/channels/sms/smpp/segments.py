"""Makes the short messages of a text: in the alphabet it needs, joined by a header when there are several."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from syncom.messages.channels.sms.gsm import encoded
from syncom.messages.channels.sms.parts import JOINING, MAX_PARTS, Alphabet, split

#: data_coding (SMPP 3.4, 5.2.19).
DEFAULT_ALPHABET: Final = 0
LATIN1: Final = 3
UCS2: Final = 8
#: Information elements that join parts, by the octets of their reference (TS 23.040, 9.2.3.24.1 and 9.2.3.24.8).
_JOIN_8: Final = b"\x05\x00\x03"
_JOIN_16: Final = b"\x06\x08\x04"


class SmscAlphabet(Enum):
    """What an SMSC takes the octets of its default alphabet (data_coding 0) for. It differs from one to another."""

    #: GSM 03.38, a septet an octet.
    GSM = "gsm"
    #: ISO 8859-1; it is told so by data_coding 3, which SMSCs of both kinds understand.
    LATIN1 = "latin1"


class Segments(msgspec.Struct, frozen=True, kw_only=True):
    """The short messages of one text."""

    data_coding: int
    #: Each with its header when there are several.
    bodies: list[bytes]

    @property
    def has_headers(self) -> bool:
        return len(self.bodies) > 1


def segments(
    text: str, reference: int, *, alphabet: SmscAlphabet = SmscAlphabet.GSM, wide_reference: bool = False
) -> Segments:
    """The short messages of a text; no escape sequence and no surrogate pair is cut in half.

    Args:
        text: 255 parts at most, which the caller's limit on characters keeps far away.
        reference: tells parts of one text to one phone from those of another; its low octet or two are used.
        alphabet: what the SMSC takes its default alphabet for.
        wide_reference: two octets of reference, at the cost of one character a part.
    """
    header = JOINING + wide_reference
    # What Latin-1 lacks (the euro sign, Greek capitals) goes in 16 bits to who reads the default alphabet so.
    lacking = alphabet is SmscAlphabet.LATIN1 and not _is_latin1(text)
    needed, parts = split(text, header=header, sixteen_bits=lacking)
    data_coding, octets = _octets(needed, alphabet, parts)
    if len(octets) == 1:
        return Segments(data_coding=data_coding, bodies=octets)
    assert len(octets) <= MAX_PARTS, "the longest text has far fewer parts"
    stem = _JOIN_16 + (reference & 0xFFFF).to_bytes(2) if wide_reference else _JOIN_8 + (reference & 0xFF).to_bytes(1)
    head = stem + len(octets).to_bytes(1)
    bodies = [head + number.to_bytes(1) + body for number, body in enumerate(octets, 1)]
    return Segments(data_coding=data_coding, bodies=bodies)


def _octets(needed: Alphabet, alphabet: SmscAlphabet, parts: list[str]) -> tuple[int, list[bytes]]:
    if needed is Alphabet.UCS2:
        return UCS2, [part.encode("utf-16-be", "replace") for part in parts]
    if alphabet is SmscAlphabet.LATIN1:
        return LATIN1, [part.encode("latin-1") for part in parts]
    return DEFAULT_ALPHABET, [encoded(part) for part in parts]


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
