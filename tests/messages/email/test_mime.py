"""Messages are read back by the standard library, which shares no code with what builds them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.errors import Invalid
from syncom.messages.channels.email.mime import Attachment, MimeFrame, list_unsubscribe

NOW = datetime(2026, 11, 23, 10, 30, 15, 999, tzinfo=UTC)
SINGLE = (
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "List-Unsubscribe",
    "Content-Type",
)


def frame(**more: object) -> MimeFrame:
    given = {
        "from_address": "news@shop.example",
        "from_name": "Магазин «Ромашка»",
        "reply_to": "help@shop.example",
    }
    return MimeFrame(**(given | more))  # pyright: ignore[reportArgumentType]


def build(of: MimeFrame | None = None, **more: object) -> tuple[bytes, bool, bool]:
    given = {
        "to_address": "jane@example.com",
        "to_name": "Jane Doe",
        "subject": "Hello",
        "html": "<p>Hello</p>\n",
        "text": "Hello\n",
        "message_id": "<1.2@shop.example>",
        "date": NOW,
    }
    return (of or frame()).build(**(given | more))  # pyright: ignore[reportArgumentType]


def read(raw: bytes) -> EmailMessage:
    """Parse, and check what must hold for every message."""
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r"), "only CRLF"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\0" not in raw
    assert raw.endswith(b"\r\n")
    message = cast("EmailMessage", message_from_bytes(raw, policy=default))
    assert not message.defects
    for part in message.walk():
        assert not part.defects
        for value in part.values():
            assert not value.defects, (value, value.defects)
    for name in SINGLE:
        assert len(message.get_all(name, [])) <= 1
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 76 for line in head.split(b"\r\n") if b"=?utf-8?" in line)
    return message


def bodies(message: EmailMessage) -> tuple[str, str]:
    """Text and HTML as a reader sees them, with LF."""
    found = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
    return lines(found.get("text/plain", "")), lines(found["text/html"])


def lines(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n")


def test_a_message_has_every_header_once_and_both_bodies():
    headers = {"List-Id": "News <news.shop.example>", "Feedback-ID": "c1:shop:news:syncom"}
    raw, needs_8bit, needs_smtputf8 = build(
        frame(headers=headers),
        extra_headers=list_unsubscribe("https://t.shop.example/u/abc", "u+abc@shop.example"),
    )
    message = read(raw)
    assert message["From"] == "Магазин «Ромашка» <news@shop.example>"
    assert message["To"] == "Jane Doe <jane@example.com>"
    assert message["Date"] == "Mon, 23 Nov 2026 10:30:15 +0000"
    assert message["Message-ID"] == "<1.2@shop.example>"
    assert message["List-Unsubscribe"] == "<https://t.shop.example/u/abc>, <mailto:u+abc@shop.example>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "News <news.shop.example>"
    assert message["Feedback-ID"] == "c1:shop:news:syncom"
    assert message.get_content_type() == "multipart/alternative"
    assert bodies(message) == ("Hello\n", "<p>Hello</p>\n")
    assert (needs_8bit, needs_smtputf8) == (False, False)


@settings(max_examples=120, deadline=None)
@given(text=st.text(max_size=400), html=st.text(max_size=400), repeat=st.integers(1, 30))
def test_any_body_arrives_as_it_was_but_for_line_ends(text: str, html: str, repeat: int):
    text, html = text * repeat, html * repeat
    of = frame()
    raw, needs_8bit, _ = build(of, text=text, html=html)
    expected = (lines(text), lines(html))
    assert bodies(read(raw)) == expected
    assert needs_8bit or raw.isascii()
    seven = of.to_7bit(raw)
    assert seven.isascii()
    assert bodies(read(seven)) == expected


@settings(max_examples=120, deadline=None)
@given(text=st.text(alphabet="ab .=\t\r\n\0é😀—", max_size=2500))
def test_difficult_bodies_arrive_too(text: str):
    of = frame()
    raw = build(of, text="x", html=text)[0]
    assert bodies(read(raw)) == ("x", lines(text))
    assert bodies(read(of.to_7bit(raw))) == ("x", lines(text))


@pytest.mark.parametrize("length", [997, 998, 999, 1000, 5000])
@pytest.mark.parametrize("letter", ["x", "ы", "😀"])
@pytest.mark.parametrize("before", ["", "short\n", "y" * 998 + "\n"])
def test_a_long_line_is_sent_as_it_is_only_while_it_fits(length: int, letter: str, before: str):
    octets = len(letter.encode())
    line = letter * (length // octets) + "x" * (length % octets)
    raw, _, _ = build(html=before + line + "\nend")
    assert bodies(read(raw))[1] == before + line + "\nend"
    assert (b"quoted-printable" in raw) is (length > 998)


def test_cyrillic_and_emoji_need_8bit_and_are_quoted_printable_for_an_old_server():
    of = frame()
    raw, needs_8bit, _ = build(of, html="<p>Привет 😀</p>\n", text="plain: Content-Transfer-Encoding: 8bit\n\nx")
    assert needs_8bit
    assert "Привет 😀".encode() in raw
    seven = of.to_7bit(raw)
    assert seven.isascii()
    assert bodies(read(seven)) == ("plain: Content-Transfer-Encoding: 8bit\n\nx", "<p>Привет 😀</p>\n")


printable = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"], blacklist_characters="\x7f"), max_size=200
)


@settings(max_examples=120, deadline=None)
@given(subject=printable)
def test_any_subject_arrives(subject: str):
    raw, _, _ = build(subject=subject)
    assert _as_shown(read(raw)["Subject"]) == _as_shown(subject.strip(" "))


@settings(max_examples=80, deadline=None)
@given(words=st.lists(st.text(alphabet="abc=?_-,<>@\"'()", max_size=120), max_size=20))
def test_a_long_ascii_subject_is_folded_between_words(words: list[str]):
    subject = " ".join(words)
    raw, _, _ = build(subject=subject)
    assert read(raw)["Subject"] == subject.strip(" ")


def test_a_word_that_no_line_can_hold_becomes_encoded_words():
    assert read(build(subject="x" * 3000)[0])["Subject"] == "x" * 3000


def test_no_character_is_split_between_encoded_words():
    raw, _, _ = build(subject="😀ы" * 100)
    for word in re.findall(rb"=\?utf-8\?b\?([^?]*)\?=", raw):
        import base64

        base64.b64decode(word).decode()


def test_a_subject_that_looks_encoded_stays_text():
    assert "=?utf-8?b?eA==?=" not in build(subject="=?utf-8?b?eA==?=")[0].decode()


@settings(max_examples=120, deadline=None)
@given(name=printable)
def test_any_display_name_arrives(name: str):
    raw, _, _ = build(to_name=name)
    read(raw)
    # The modern parser of Python 3.11 shows blanks between the encoded words of a name (RFC 2047 6.2 forbids
    # it); the older one reads them right.
    shown, address = parseaddr(re.sub(r"\r\n(?= )", "", message_from_bytes(raw)["To"]))
    assert address == "jane@example.com"
    assert _as_shown(str(make_header(decode_header(shown)))) == _as_shown(name)


def _as_shown(value: str) -> str:
    """Runs of blanks are one for a reader, and the parser treats exotic ones as blanks too."""
    return " ".join(value.split())


@pytest.mark.parametrize("evil", ["\r\nBcc: all@example.com", "\n", "\r", "\0", "\x1b[2J", "\x85", "\u2028", "\ud800"])
@pytest.mark.parametrize(
    ("argument", "field"),
    [("subject", "subject"), ("to_name", "to_name"), ("to_address", "to"), ("message_id", "message_id")],
)
def test_line_breaks_and_controls_in_a_value_are_refused_by_its_name(argument: str, field: str, evil: str):
    good = {
        "subject": "Hi",
        "to_name": "Jane",
        "to_address": "jane@example.com",
        "message_id": "<1@x.example>",
    }
    for value in (
        good[argument] + evil,
        evil + good[argument],
        good[argument][:2] + evil + good[argument][2:],
    ):
        with pytest.raises(Invalid) as caught:
            build(**{argument: value})
        assert caught.value.fields[0].field == field


@pytest.mark.parametrize("evil", ["\r\n", "\0", "\x1b"])
def test_the_frame_refuses_them_too(evil: str):
    for argument, field in {"from_name": "from_name", "from_address": "from", "reply_to": "reply_to"}.items():
        with pytest.raises(Invalid) as caught:
            frame(**{argument: "a@example.com" + evil})
        assert caught.value.fields[0].field == field
    with pytest.raises(Invalid) as caught:
        frame(headers={"List-Id": f"<x>{evil}"})
    assert caught.value.fields[0].field == "list_id"
    with pytest.raises(Invalid):
        build(extra_headers={"X-Note": f"a{evil}b"})


@pytest.mark.parametrize("name", ["Subject", "from", "BCC", "Content-Type", "X Y", "X:", "", "Тема", "X\r\nY"])
def test_headers_of_the_frame_cannot_be_set_from_outside(name: str):
    with pytest.raises(Invalid):
        frame(headers={name: "x"})
    with pytest.raises(Invalid):
        build(extra_headers={name: "x"})


def test_a_header_cannot_be_set_twice():
    of = frame(headers={"List-Id": "<a.example>"})
    for extra in ({"list-id": "<b.example>"}, {"X-A": "1", "x-a": "2"}):
        with pytest.raises(Invalid) as caught:
            build(of, extra_headers=extra)
        assert "twice" in caught.value.message


def test_idn_domains_are_a_labels_and_only_a_local_part_outside_ascii_needs_smtputf8():
    raw, _, needs_smtputf8 = build(frame(from_address="n@пример.рф"), to_address="jane@bücher.example")
    assert (needs_smtputf8, raw.isascii()) == (False, True)
    assert b"jane@xn--bcher-kva.example" in raw
    assert b"n@xn--e1afmkfd.xn--p1ai" in raw
    raw, _, needs_smtputf8 = build(to_address="дуня@пример.рф")
    assert needs_smtputf8
    assert "<дуня@xn--e1afmkfd.xn--p1ai>".encode() in raw


def test_attachments_follow_the_bodies():
    data = bytes(range(256)) * 50
    of = frame(
        attachments=[
            Attachment(filename='price "list".pdf', content_type="application/pdf", data=data),
            Attachment(filename="Прайс 😀.txt", content_type="text/plain", data=b""),
        ]
    )
    raw, _, _ = build(of, html="<p>ы</p>\n")
    for version in (raw, of.to_7bit(raw)):
        message = read(version)
        assert message.get_content_type() == "multipart/mixed"
        first, second = message.iter_attachments()
        assert (first.get_filename(), first.get_content()) == ('price "list".pdf', data)
        assert (second.get_filename(), second.get_content()) == ("Прайс 😀.txt", "")
        body = message.get_body(("html",))
        assert body is not None
        assert lines(body.get_content()) == "<p>ы</p>\n"


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("", "text/plain"),
        ("a\r\nb", "text/plain"),
        ("a" * 256, "text/plain"),
        ("a", "text"),
        ("a", "message/rfc822"),
        ("a\ud800", "text/plain"),
        ("a", "text/plain; x=y"),
        ("a", "text/plain\r\nX: y"),
    ],
)
def test_an_attachment_that_could_break_the_message_is_refused(filename: str, content_type: str):
    with pytest.raises(Invalid):
        frame(attachments=[Attachment(filename=filename, content_type=content_type, data=b"x")])


def test_a_body_that_quotes_the_boundary_cannot_add_a_part():
    of = frame()
    boundary = read(build(of)[0]).get_boundary()
    raw, _, _ = build(of, html=f"x\n--{boundary}\nContent-Type: text/html\n\nevil\n--{boundary}--\n")
    assert len(list(read(raw).iter_parts())) == 2


def test_the_date_is_in_utc_and_follows_the_clock():
    of = frame()
    for seconds in (0, 0.5, 1, 3600):
        date = NOW + timedelta(seconds=seconds)
        expected = date.replace(microsecond=0)
        assert read(build(of, date=date)[0])["Date"].datetime == expected
        assert read(build(of, date=date.astimezone(timezone(timedelta(hours=3))))[0])["Date"].datetime == expected


def test_a_message_without_text_has_only_the_html_part():
    message = read(build(text="")[0])
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/html"]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/u",
        "https://a.example/u>,<https://b.example",
        "https://a.example/ x",
        "",
        "https://a.example/=?utf-8?b?eA==?=",
        "javascript:alert(1)",
        "https://a.example/\r\nX: y",
        "http://localhost.evil.example/",
    ],
)
def test_one_click_unsubscribe_takes_one_https_address(url: str):
    with pytest.raises(Invalid):
        list_unsubscribe(url)


def test_a_long_unsubscribe_address_is_folded_not_broken():
    url = "https://t.shop.example/u/" + "ab?c&d=" * 100
    raw, _, _ = build(extra_headers=list_unsubscribe(url, "u@shop.example"))
    assert f"<{url}>".encode() in raw
