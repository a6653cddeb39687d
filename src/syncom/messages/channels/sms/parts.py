"""How many messages a text becomes on the air, and in which alphabet (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from syncom.messages.channels.sms.gsm import is_gsm, septets, width


class Alphabet(Enum):
    """How the characters travel."""

    #: 7 bits a character; some need two (GSM 03.38 with its extension table).
    GSM = "gsm"
    #: 16 bits a character; those beyond the basic plane need two.
    UCS2 = "ucs2"


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a text costs."""

    alphabet: Alphabet
    #: Units used: septets of GSM, 16-bit units of UCS-2.
    units: int
    parts: int


#: Octets of one message on the air (TS 23.040, 9.2.3.24): 160 septets.
_OCTETS: Final = 140
#: Units of a text that fits into one message.
_ALONE: Final = {Alphabet.GSM: 160, Alphabet.UCS2: 70}
#: Octets of the header that joins parts, its length included, with a reference of one octet (TS 23.040, 9.2.3.24.1).
JOINING: Final = 6
#: More parts cannot be joined: the part's number is one octet.
MAX_PARTS: Final = 255


def count_parts(text: str) -> Parts:
    """Parts of a text. An empty one is one message."""
    alphabet, units = _measured(text)
    parts = 1 if units <= _ALONE[alphabet] else len(_cut(text, alphabet, _room(alphabet, JOINING)))
    return Parts(alphabet=alphabet, units=units, parts=parts)


def split(text: str, *, header: int = JOINING, sixteen_bits: bool = False) -> tuple[Alphabet, list[str]]:
    """The parts of a text. ``header``: octets that each of several gives to what joins them; ``sixteen_bits``: also
    what the default alphabet has travels so."""
    alphabet, units = (Alphabet.UCS2, _units(text)) if sixteen_bits else _measured(text)
    if units <= _ALONE[alphabet]:
        return alphabet, [text]
    return alphabet, _cut(text, alphabet, _room(alphabet, header))


def _measured(text: str) -> tuple[Alphabet, int]:
    """The alphabet, and the units of all of it."""
    if is_gsm(text):
        return Alphabet.GSM, septets(text)
    return Alphabet.UCS2, _units(text)


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _room(alphabet: Alphabet, header: int) -> int:
    """Units of one part beside its header; septets begin at a septet's bound."""
    return (_OCTETS - header) * 8 // 7 if alphabet is Alphabet.GSM else (_OCTETS - header) // 2


def _cut(text: str, alphabet: Alphabet, room: int) -> list[str]:
    """Parts of so many units at most. A character of two units is never cut in half: a part may end one unit early."""
    parts: list[str] = []
    start = used = 0
    for place, character in enumerate(text):
        units = width(character) if alphabet is Alphabet.GSM else 1 + (character > "\uffff")
        if used + units > room:
            parts.append(text[start:place])
            start, used = place, 0
        used += units
    return [*parts, text[start:]]
