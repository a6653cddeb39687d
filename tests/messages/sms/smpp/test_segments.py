"""Short messages of a text: alphabets, headers, and that nothing is cut in half."""

from __future__ import annotations

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.messages.channels.sms.gsm import GSM, decoded, encoded
from syncom.messages.channels.sms.parts import Alphabet, count_parts
from syncom.messages.channels.sms.smpp.segments import DEFAULT_ALPHABET, LATIN1, UCS2, SmscAlphabet, segments

_GSM = st.text(st.sampled_from(sorted(GSM)), max_size=800)
_ANY = st.text(st.characters(codec="utf-8"), max_size=400)


@given(text=_GSM)
def test_the_table_agrees_with_the_codec_that_it_was_made_of(text: str) -> None:
    assert encoded(text) == gsm0338.Codec().encode(text)[0]
    assert decoded(encoded(text)) == text


@given(text=st.one_of(_GSM, _ANY), reference=st.integers(0, 70_000), wide=st.booleans())
def test_parts_fit_and_joined_again_are_the_text(text: str, reference: int, wide: bool) -> None:
    made = segments(text, reference, wide_reference=wide)
    bodies = made.bodies
    assert made.has_headers is (len(bodies) > 1)
    if len(bodies) > 1:
        size = 7 if wide else 6
        width = 2 if wide else 1
        kept = (reference & (0xFFFF if wide else 0xFF)).to_bytes(width)
        for number, body in enumerate(bodies, 1):
            assert body[0] == size - 1
            assert body[1:3] == (b"\x08\x04" if wide else b"\x00\x03")
            assert body[3:size] == kept + bytes((len(bodies), number))
        bodies = [body[size:] for body in bodies]
        room = 140 - size
        for body in bodies:
            assert len(body) <= (room if made.data_coding == UCS2 else room * 8 // 7)
            # An escape is never the last of a part, and a surrogate never alone in one.
            assert made.data_coding == UCS2 or not body.endswith(b"\x1b")
            if made.data_coding == UCS2:
                body.decode("utf-16-be")
    whole = b"".join(bodies)
    assert (whole.decode("utf-16-be") if made.data_coding == UCS2 else decoded(whole)) == text
    if not wide:
        assert len(bodies) == count_parts(text).parts
        assert (count_parts(text).alphabet is Alphabet.GSM) is (made.data_coding == DEFAULT_ALPHABET)


@pytest.mark.parametrize(
    ("text", "data_coding", "octets"),
    [
        ("Ä@", LATIN1, b"\xc4@"),
        ("5 €", UCS2, "5 €".encode("utf-16-be")),
        ("Ω", UCS2, "Ω".encode("utf-16-be")),
        ("ж", UCS2, "ж".encode("utf-16-be")),
    ],
)
def test_an_smsc_of_latin1_gets_latin1_or_sixteen_bits(text: str, data_coding: int, octets: bytes) -> None:
    made = segments(text, 1, alphabet=SmscAlphabet.LATIN1)
    assert (made.data_coding, made.bodies) == (data_coding, [octets])
