"""Signatures, read by a verifier that is not ours (dkimpy)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dkim
from syncom.errors import Invalid
from syncom.messages.channels.email.dkim import SIGNED, DkimSigner, SigningKey, relaxed_body
from syncom.messages.channels.email.mime import Attachment, MimeFrame, list_unsubscribe
from syncom.messages.channels.email.wire import wire_body
from syncom.messages.identity.keys import NewKey, fault_of, load_private_key, new_key, same_key
from syncom.messages.identity.model import Algorithm

DOMAIN = "brand.example"
NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
RSA = new_key(Algorithm.RSA, NOW)
ED25519 = new_key(Algorithm.ED25519, NOW)
RECORDS = {
    f"{key.selector}._domainkey.{DOMAIN}.".encode(): f"v=DKIM1; k={key.algorithm.value}; p={key.public_key}".encode()
    for key in (RSA, ED25519)
}
SIGNER = DkimSigner(DOMAIN, [SigningKey(key.selector, load_private_key(key.private_key)) for key in (RSA, ED25519)])
HTML = '<html><body>\r\n<p>Grüße,\t Олена   &amp; Co.</p>\n\n  <a href="https://shop.example/a">.A</a>\n.\n</body></html>\n\n'


def frame(**more: object) -> MimeFrame:
    return MimeFrame(
        from_address=f"news@{DOMAIN}",
        from_name="Марка",
        headers={"Feedback-ID": "c1:s2:campaign:syncom3", "List-Id": f"<campaign.2.{DOMAIN}>"},
        seven_bit=True,
        **more,  # pyright: ignore[reportArgumentType]
    )


def message(html: str = HTML, text: str = "Hello.  \n\n\n", subject: str = "Ціна впала", **more: object) -> bytes:
    data, needs_8bit, _ = frame(**more).build(
        to_address="anna@example.net",
        subject=subject,
        html=html,
        text=text,
        message_id=f"<1@{DOMAIN}>",
        date=NOW,
        extra_headers=list_unsubscribe("https://go.brand.example/t/u/abc"),
    )
    assert not needs_8bit
    return data


def signed(data: bytes) -> bytes:
    return SIGNER.sign(data, NOW) + data


def results(mail: bytes) -> list[bool]:
    """What the verifier says to both signatures, RSA's first."""
    verifier = dkim.DKIM(mail, minkey=1024)

    def record(name: bytes, timeout: int = 5) -> bytes | None:
        del timeout
        return RECORDS.get(name)

    found: list[bool] = []
    for place in (0, 1):
        try:
            found.append(verifier.verify(idx=place, dnsfunc=record))
        except dkim.DKIMException:
            found.append(False)
    return found


def as_received(mail: bytes) -> bytes:
    """What a server has after the SMTP client's transfer: dots taken away again, the end mark gone."""
    wire = wire_body(mail)
    assert wire.endswith(b"\r\n.\r\n")
    return b"\r\n".join(line.removeprefix(b".") for line in wire[:-3].split(b"\r\n"))


def test_both_signatures_of_a_mail_are_good_as_it_arrives() -> None:
    mail = signed(message())
    assert results(as_received(mail)) == [True, True]
    assert mail.count(b"DKIM-Signature:") == 2
    assert max(map(len, mail.split(b"\r\n"))) <= 998


def test_a_mail_with_attachments_is_signed_as_a_whole() -> None:
    file = Attachment(filename="Прайс.pdf", content_type="application/pdf", data=bytes(range(256)) * 40)
    assert results(as_received(signed(message(attachments=[file])))) == [True, True]


def test_addresses_outside_ascii_are_signed_as_they_stand() -> None:
    data, needs_8bit, needs_smtputf8 = frame().build(
        to_address="анна@пошта.example", subject="Hi", html="<p>Hi</p>", text="", message_id=f"<1@{DOMAIN}>", date=NOW
    )
    assert (needs_8bit, needs_smtputf8) == (False, True)
    assert results(as_received(signed(data))) == [True, True]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(st.characters(codec="utf-8"), max_size=300),
    st.text(st.sampled_from("a .\t\r\n=é-"), max_size=200),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=120),
)
def test_whatever_stands_in_a_mail_its_signatures_are_good_as_it_arrives(html: str, text: str, subject: str) -> None:
    assert results(as_received(signed(message(html, text, subject)))) == [True, True]


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"b c", b"."]), max_size=30).map(b"".join))
def test_bodies_are_made_alike_as_the_verifier_does(body: bytes) -> None:
    expected = dkim.canonicalization.Relaxed.canonicalize_body(body)
    # Every message that leaves ends with a line end.
    assert relaxed_body(body + b"\r\n") == dkim.canonicalization.Relaxed.canonicalize_body(body + b"\r\n")
    if body.endswith(b"\r\n"):
        assert relaxed_body(body) == expected


def places() -> Iterator[tuple[str, bytes, bytes]]:
    """A change of each signed header, and of the body."""
    data = message()
    head = data.partition(b"\r\n\r\n")[0]
    for line in re.sub(rb"\r\n[ \t]", b" ", head).split(b"\r\n"):
        name = line.partition(b":")[0]
        if name.lower() in SIGNED:
            yield name.decode(), name + b": ", name + b": x"
    yield "body", b"</html>", b"</htmI>"


@pytest.mark.parametrize("name", [name for name, _, _ in places()])
def test_a_change_of_any_signed_header_or_of_the_body_breaks_both_signatures(name: str) -> None:
    _, old, new = next(place for place in places() if place[0] == name)
    data = message()
    mail = SIGNER.sign(data, NOW) + data.replace(old, new, 1)
    assert mail != signed(data)
    assert results(mail) == [False, False]


@pytest.mark.parametrize("name", [name.decode() for name in SIGNED])
def test_another_header_of_a_signed_name_breaks_both_signatures(name: str) -> None:
    data = message()
    extra = f"{name}: added@evil.example\r\n".encode()
    assert results(SIGNER.sign(data, NOW) + extra + data) == [False, False]
    below = data.replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n", 1)
    assert results(SIGNER.sign(data, NOW) + below) == [False, False]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_other_byte_of_the_body_breaks_both_signatures(data: st.DataObject) -> None:
    made = message()
    start = made.index(b"\r\n\r\n") + 4
    place = data.draw(st.integers(start, len(made) - 1))
    byte = data.draw(st.integers(33, 126))
    changed = made[:place] + bytes([byte]) + made[place + 1 :]
    if changed[start:] != made[start:]:
        assert results(SIGNER.sign(made, NOW) + changed) == [False, False]


def test_white_space_that_relays_change_does_no_harm() -> None:
    mail = (
        signed(message())
        .replace(b"To: anna", b"TO:\r\n  anna")
        .replace(b"Hello.", b"Hello. \t")
        .replace(b"MIME-Version: 1.0\r\n", b"MIME-Version:  1.0 \r\n")
    )
    assert results(mail) == [True, True]


def test_a_name_with_a_line_break_makes_no_header() -> None:
    with pytest.raises(Invalid):
        MimeFrame(from_address=f"news@{DOMAIN}", from_name="A\r\nBcc: x@evil.example", seven_bit=True)
    with pytest.raises(Invalid):
        message(subject="A\r\nDKIM-Signature: v=1")
    with pytest.raises(Invalid):
        frame().build(
            to_address="anna@example.net",
            subject="A",
            html="b",
            text="",
            message_id=f"<1@{DOMAIN}>",
            date=NOW,
            extra_headers={"DKIM-Signature": "v=1"},
        )


def test_keys_are_those_of_the_standards() -> None:
    assert load_private_key(RSA.private_key).key_size == 2048  # pyright: ignore[reportAttributeAccessIssue]
    assert len(ED25519.public_key) == 44, "RFC 8463: the bare 32 octets"
    assert "private" not in repr(RSA)
    assert RSA.selector != new_key(Algorithm.ED25519, NOW).selector


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("v=DKIM1; k=rsa; p={p}", ""),
        ("p={p}", ""),
        ("v=DKIM1; h=sha1:sha256; s=email:x; t=y; n=note; p={p}", ""),
        ("v=DKIM1; p=", "revokes"),
        ("v=DKIM2; p={p}", "DKIM1"),
        ("k=rsa; v=DKIM1; p={p}", "first"),
        ("v=DKIM1; k=ed25519; p={p}", "k= must be rsa"),
        ("v=DKIM1; h=sha1; p={p}", "sha256"),
        ("v=DKIM1; s=web; p={p}", "email"),
        ("v=DKIM1; p={p}; p={p}", "tags"),
        ("google-site-verification", "tags"),
    ],
)
def test_a_record_that_verifiers_would_not_use_is_told_apart(record: str, fault: str) -> None:
    found = fault_of(record.replace("{p}", RSA.public_key), Algorithm.RSA)
    assert fault in found
    assert bool(fault) == bool(found)


def test_a_published_key_is_ours_however_it_is_folded() -> None:
    def spelled(key: NewKey) -> str:
        return f"v=DKIM1; k=rsa; p={key.public_key[:100]} \t{key.public_key[100:]} "

    assert same_key(spelled(RSA), RSA.public_key)
    assert not same_key(spelled(new_key(Algorithm.RSA, NOW)), RSA.public_key)
    assert not same_key("v=DKIM1; p=%%%", RSA.public_key)
    assert not same_key("", RSA.public_key)
