"""Parts of a text, against the tables of 3GPP TS 23.038 (6.2.1) and the limits of TS 23.040."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.messages.channels.sms.parts import Alphabet, count_parts

#: TS 23.038, 6.2.1: the default alphabet in the order of its codes, without the escape at 0x1B.
DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: TS 23.038, 6.2.1.1: the extension table, each behind an escape.
EXTENDED = "\f^{}\\[~]|€"


def test_the_default_alphabet_has_127_characters_of_one_septet_each() -> None:
    assert len(DEFAULT) == 127
    found = count_parts(DEFAULT)
    assert (found.alphabet, found.units, found.parts) == (Alphabet.GSM, 127, 1)


@pytest.mark.parametrize("character", EXTENDED)
def test_characters_of_the_extension_table_cost_two_septets(character: str) -> None:
    assert count_parts(character).units == 2
    assert count_parts(character).alphabet is Alphabet.GSM


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("", Alphabet.GSM, 0, 1),
        ("a" * 160, Alphabet.GSM, 160, 1),
        ("a" * 161, Alphabet.GSM, 161, 2),
        ("a" * 306, Alphabet.GSM, 306, 2),
        ("a" * 307, Alphabet.GSM, 307, 3),
        ("€" * 80, Alphabet.GSM, 160, 1),
        # An escape and its character stay together, so that each part of 153 septets holds 76 of them.
        ("€" * 81, Alphabet.GSM, 162, 2),
        ("€" * 153, Alphabet.GSM, 306, 3),
        ("ж" * 70, Alphabet.UCS2, 70, 1),
        ("ж" * 71, Alphabet.UCS2, 71, 2),
        ("ж" * 134, Alphabet.UCS2, 134, 2),
        ("ж" * 135, Alphabet.UCS2, 135, 3),
        # One letter that GSM does not have makes all of it 16-bit.
        ("a" * 70 + "ї", Alphabet.UCS2, 71, 2),
        ("😀" * 35, Alphabet.UCS2, 70, 1),
        # 33 of them fill 66 of 67 units; the next one would be cut in half.
        ("😀" * 67, Alphabet.UCS2, 134, 3),
        ("\x1b", Alphabet.UCS2, 1, 1),
        ("ñandú", Alphabet.UCS2, 5, 1),
    ],
)
def test_a_text_is_counted_as_the_network_does(text: str, alphabet: Alphabet, units: int, parts: int) -> None:
    found = count_parts(text)
    assert (found.alphabet, found.units, found.parts) == (alphabet, units, parts)


@given(st.text(max_size=700))
def test_a_longer_text_never_costs_less(text: str) -> None:
    whole, shorter = count_parts(text), count_parts(text[: len(text) // 2])
    assert shorter.parts <= whole.parts
    assert whole.parts >= 1
