"""Addresses on the wire and in headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.errors import Invalid
from syncom.messages.channels.email.address import addr_spec, format_mailbox, normalise_domain


@pytest.mark.parametrize(
    ("address", "spec", "utf8"),
    [
        ("jane@example.com", "jane@example.com", False),
        ("Jane.O'Hara+tag@Example.COM", "Jane.O'Hara+tag@Example.COM", False),
        ("jane@bücher.example", "jane@xn--bcher-kva.example", False),
        ("jane@BÜCHER.example", "jane@xn--bcher-kva.example", False),
        ("дуня@example.com", "дуня@example.com", True),
        ("a..b@docomo.example", '"a..b"@docomo.example', False),
        (".a@docomo.example", '".a"@docomo.example', False),
        ("a,b@example.com", '"a,b"@example.com', False),
        ('"a,b"@example.com', '"a,b"@example.com', False),
        ('a"b\\@example.com', '"a\\"b\\\\"@example.com', False),
        ("a@[192.0.2.1]", "a@[192.0.2.1]", False),
        ("a@under_score.example", "a@under_score.example", False),
    ],
)
def test_an_address_takes_the_form_the_wire_wants(address: str, spec: str, utf8: bool):
    assert addr_spec(address) == (spec, utf8)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a b@c",
        "a@b c",
        "a@b\r\n",
        "a\0@b",
        "<a@b>",
        "a@b>",
        "a@b..c",
        "a@-",
        "a@.",
        "a@☃☃..",
    ],
)
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(Invalid) as caught:
        addr_spec(address)
    assert caught.value.fields[0].field == "address"


@given(
    st.text(max_size=40).map(lambda text: f"{text}@example.com") | st.text(max_size=40).map(lambda text: f"a@{text}")
)
def test_no_text_breaks_out_of_a_path(address: str):
    try:
        spec, utf8 = addr_spec(address)
    except Invalid:
        return
    assert not set(spec) & set("\r\n\0 <>")
    assert spec.isascii() or utf8
    assert len(spec.encode()) <= 254


def test_a_domain_is_lower_case_a_labels():
    assert normalise_domain("Пример.РФ") == "xn--e1afmkfd.xn--p1ai"
    assert normalise_domain("Example.COM") == "example.com"
    with pytest.raises(Invalid):
        normalise_domain("exa mple")


def test_a_mailbox_quotes_what_needs_it():
    assert format_mailbox("", "a@example.com") == "a@example.com"
    assert format_mailbox("Jane Doe", "a@example.com") == "Jane Doe <a@example.com>"
    assert format_mailbox('Doe, Jane "J"', "a@example.com") == '"Doe, Jane \\"J\\"" <a@example.com>'
    assert format_mailbox("Дуня", "a@example.com") == "=?utf-8?b?0JTRg9C90Y8=?= <a@example.com>"
