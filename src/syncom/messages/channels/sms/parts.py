"""How many messages a text becomes on the air, and in which alphabet (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from enum import Enum
from typing import Final

import gsm0338
import msgspec


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


#: Units of a text that fits into one message, and of each part of one that does not: 6 octets go to the header
#: that joins them (TS 23.040, 9.2.3.24.1).
_ALONE: Final = {Alphabet.GSM: 160, Alphabet.UCS2: 70}
_JOINED: Final = {Alphabet.GSM: 153, Alphabet.UCS2: 67}
#: More parts cannot be joined: the part's number is one octet.
MAX_PARTS: Final = 255
_ESCAPE: Final = "\x1b"
_codec = gsm0338.Codec()


def count_parts(text: str) -> Parts:
    """Parts of a text. An empty one is one message."""
    alphabet, widths = _measured(text)
    units = sum(widths)
    if units <= _ALONE[alphabet]:
        return Parts(alphabet=alphabet, units=units, parts=1)
    # A character of two units is never cut in half, so a part may end one unit early.
    parts, room = 1, _JOINED[alphabet]
    for width in widths:
        if width > room:
            parts += 1
            room = _JOINED[alphabet]
        room -= width
    return Parts(alphabet=alphabet, units=units, parts=parts)


def _measured(text: str) -> tuple[Alphabet, list[int]]:
    """The alphabet, and the units of each character."""
    if _ESCAPE not in text:
        try:
            return Alphabet.GSM, [len(_codec.encode(character)[0]) for character in text]
        except UnicodeEncodeError:
            pass
    return Alphabet.UCS2, [2 if ord(character) > 0xFFFF else 1 for character in text]
