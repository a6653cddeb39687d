"""The GSM 7-bit default alphabet with its extension table (3GPP TS 23.038, 6.2.1), one septet an octet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import gsm0338

_ESCAPE: Final = 0x1B
_codec = gsm0338.Codec()


def _table() -> Mapping[str, bytes]:
    codes = [bytes((code,)) for code in range(128) if code != _ESCAPE]
    codes += [bytes((_ESCAPE, code)) for code in range(128) if code != _ESCAPE]
    found: dict[str, bytes] = {}
    for code in codes:
        try:
            character, _ = _codec.decode(code)
        except UnicodeDecodeError:
            continue
        if _codec.encode(character)[0] == code:
            found[character] = code
    return found


#: What each character travels as: one octet, or an escape and another.
GSM: Final = _table()
_TWO: Final = frozenset(character for character, code in GSM.items() if len(code) == 2)


def is_gsm(text: str) -> bool:
    """Whether every character is in the alphabet."""
    return all(map(GSM.__contains__, text))


def width(character: str) -> int:
    """Septets of a character of this alphabet."""
    return 1 + (character in _TWO)


def septets(text: str) -> int:
    """Septets of a text of this alphabet."""
    return len(text) + sum(map(_TWO.__contains__, text))


def encoded(text: str) -> bytes:
    """Octets of a text of this alphabet, not packed. Raises KeyError for another character."""
    return b"".join(map(GSM.__getitem__, text))


def decoded(octets: bytes) -> str:
    """A text out of unpacked septets; what is not in the tables becomes a question mark."""
    return _codec.decode(bytes(octet & 0x7F for octet in octets), "replace")[0]
