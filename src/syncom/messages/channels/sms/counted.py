"""What an author sees of a text beside it: its parts, and which characters make it dear."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from syncom.messages.channels.sms.parts import Alphabet, count_parts

#: Units of the longest message that is alone.
_MOST_LEFT = 160


class CountedText(msgspec.Struct, frozen=True, kw_only=True):
    """What a text costs, and why."""

    alphabet: Alphabet
    #: Code points.
    characters: int
    #: Septets of GSM, 16-bit units of UCS-2.
    units: int
    parts: int
    #: Plain characters that still fit without another part.
    left: int
    #: Characters that are not in the GSM alphabet, each once, in their order: they make it UCS-2.
    forcing: list[str]
    #: Characters that cost two units.
    double: list[str]


def count_text(text: str) -> CountedText:
    """Count a text as it stands, placeholders included."""
    counted = count_parts(text)
    once = dict.fromkeys(text)
    forcing = [character for character in once if count_parts(character).alphabet is Alphabet.UCS2]
    double = [character for character in once if _units(character, counted.alphabet) == 2]
    longer = range(_MOST_LEFT + 1)
    left = bisect_right(longer, counted.parts, key=lambda more: count_parts(text + "a" * more).parts) - 1
    return CountedText(
        alphabet=counted.alphabet,
        characters=len(text),
        units=counted.units,
        parts=counted.parts,
        left=left,
        forcing=forcing,
        double=double,
    )


def _units(character: str, alphabet: Alphabet) -> int:
    """Units of one character in the alphabet of the whole text."""
    if alphabet is Alphabet.GSM:
        return count_parts(character).units
    return 2 if character > "\uffff" else 1
