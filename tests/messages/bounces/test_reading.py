"""Mails that came back, and what pretends to be one."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.messages.bounces.judging import judge
from syncom.messages.bounces.model import Report, ReportKind
from syncom.messages.bounces.reading.fields import Found
from syncom.messages.bounces.reading.mail import READ_BYTES, ReadMail, Verdict, read_mail
from syncom.messages.channels.email.replies import BounceClass
from tests.messages.bounces import corpus

OURS = UUID("01234567-89ab-cdef-0123-456789abcdef")
GONE = "gone@example.org"


def only(mail: ReadMail) -> Found:
    [found] = mail.found
    return found


def judged(found: Found) -> tuple[BounceClass, bool]:
    report = Report(kind=found.kind, key=b"", source="", status=found.status, words=found.words, host=found.host)
    verdict = judge(report)
    return verdict.kind, verdict.suppress


@pytest.mark.parametrize(
    ("raw", "kind", "suppress"),
    [
        pytest.param(corpus.EXIM, BounceClass.UNKNOWN_MAILBOX, True, id="Exim"),
        pytest.param(corpus.GMAIL, BounceClass.UNKNOWN_MAILBOX, True, id="Gmail"),
        pytest.param(corpus.EXCHANGE, BounceClass.UNKNOWN_MAILBOX, True, id="Exchange"),
        pytest.param(corpus.QMAIL, BounceClass.UNKNOWN_MAILBOX, True, id="qmail"),
        pytest.param(corpus.ENCODED, BounceClass.UNKNOWN_MAILBOX, True, id="an encoded status part"),
    ],
)
def test_bounces_of_many_servers_are_read(raw: bytes, kind: BounceClass, suppress: bool) -> None:
    mail = read_mail(raw)
    found = only(mail)
    assert (found.kind, found.recipient) == (ReportKind.BOUNCED, GONE)
    assert mail.evidence.message_ids == (OURS,)
    assert judged(found) == (kind, suppress)


@pytest.mark.parametrize("ends", [b"\r\n", b"\n", b"\r"])
def test_any_line_ends_will_do(ends: bytes) -> None:
    assert only(read_mail(corpus.postfix().replace(b"\r\n", ends))).status == "5.1.1"


@pytest.mark.parametrize(
    ("status", "words", "host", "kind", "suppress"),
    [
        ("5.1.1", "smtp; 550 5.1.1 User unknown", "", BounceClass.UNKNOWN_MAILBOX, True),
        ("5.0.0", "smtp; 550 no such user here", "", BounceClass.UNKNOWN_MAILBOX, True),
        ("5.2.2", "smtp; 552 5.2.2 Mailbox full", "", BounceClass.MAILBOX_FULL, False),
        ("4.2.2", "smtp; 452 4.2.2 over quota", "", BounceClass.MAILBOX_FULL, False),
        ("5.4.4", "X-Postfix; Host or domain name not found", "", BounceClass.UNKNOWN_HOST, False),
        ("4.4.7", "smtp; delivery time expired", "", BounceClass.EXPIRED, False),
        # About us, not about the recipient.
        ("5.7.1", "smtp; 550 5.7.1 message looks like spam", "", BounceClass.CONTENT, False),
        ("5.7.1", "smtp; 554 5.7.1 blocked using zen.spamhaus.org", "", BounceClass.REPUTATION, False),
        ("5.7.26", "smtp; 550 5.7.26 unauthenticated email is not accepted", "", BounceClass.AUTHENTICATION, False),
        ("5.3.4", "smtp; 552 5.3.4 message too large", "", BounceClass.SIZE_OR_SYNTAX, False),
        ("5.7.0", "smtp; 550 5.7.0 policy", "", BounceClass.POLICY, False),
        ("5.7.515", "smtp; 550 5.7.515 access denied", "", BounceClass.AUTHENTICATION, False),
        # Providers' own meanings.
        ("5.2.1", "smtp; 550 5.2.1 inactive", "gmail-smtp-in.l.google.com", BounceClass.UNKNOWN_MAILBOX, True),
        ("5.1.10", "smtp; 550 5.1.10 x", "a.mail.protection.outlook.com", BounceClass.UNKNOWN_MAILBOX, True),
        ("5.1.10", "smtp; 550 5.1.10 null MX", "mx.example.com", BounceClass.UNKNOWN_HOST, False),
        # Garbage.
        ("", "", "", BounceClass.PERMANENT, False),
        ("5.9.999", "smtp; 999 what", "", BounceClass.PERMANENT, False),
        ("2.0.0", "smtp; 250 2.1.5 OK", "", BounceClass.PERMANENT, False),
    ],
)
def test_a_report_means_what_the_refusal_itself_would_have_meant(
    status: str, words: str, host: str, kind: BounceClass, suppress: bool
) -> None:
    assert judged(only(read_mail(corpus.postfix(status=status, diagnostic=words, remote=host)))) == (kind, suppress)


def test_a_delay_is_no_bounce_and_a_delivery_neither() -> None:
    assert only(read_mail(corpus.postfix(action="delayed", status="4.4.1"))).kind is ReportKind.DELAYED
    assert only(read_mail(corpus.postfix(action="delivered", status="2.0.0"))).kind is ReportKind.DELIVERED
    assert not read_mail(corpus.postfix(action="relayed", status="2.0.0")).found
    assert only(read_mail(corpus.postfix(action="", status="4.4.1"))).kind is ReportKind.DELAYED


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", ReportKind.COMPLAINT),
        ("Fraud", ReportKind.COMPLAINT),
        ("not-spam", ReportKind.NOT_SPAM),
        ("virus", ReportKind.OTHER),
        ("auth-failure", ReportKind.OTHER),
        ("", ReportKind.OTHER),
    ],
)
def test_feedback_is_a_complaint_only_when_a_person_complained(kind: str, expected: ReportKind) -> None:
    found = only(read_mail(corpus.complaint(kind=kind)))
    assert found.kind is expected
    assert found.recipient == "p1@example.com"
    if kind:
        assert found.proof["feedback-type"] == kind


def test_a_junk_mail_report_without_a_report_is_a_complaint() -> None:
    raw = corpus.mail("""
        From: staff@hotmail.com
        Subject: complaint about message from 192.0.2.1
        Content-Type: multipart/mixed; boundary=x

        --x
        Content-Type: message/rfc822

        X-HmXmrOriginalRecipient: gone@example.org
        Message-ID: <0123456789abcdef0123456789abcdef@brand.example>
        --x--
        """)
    mail = read_mail(raw)
    assert (only(mail).kind, only(mail).recipient) == (ReportKind.COMPLAINT, GONE)
    assert mail.evidence.message_ids == (OURS,)


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        (corpus.OUT_OF_OFFICE, Verdict.AUTO_REPLY),
        (corpus.READ_RECEIPT, Verdict.OTHER),
        (corpus.A_PERSON, Verdict.OTHER),
    ],
    ids=["out of office", "read receipt", "a person"],
)
def test_what_is_no_report_reports_nothing(raw: bytes, verdict: Verdict) -> None:
    assert read_mail(raw) == ReadMail(verdict=verdict)


def test_a_report_inside_of_a_returned_mail_is_not_ours_to_read() -> None:
    inner = corpus.postfix(recipient="victim@example.com").decode()
    raw = (
        corpus.mail("Subject: Fwd\nContent-Type: multipart/mixed; boundary=out\n\n--out\n")
        + ("Content-Type: message/rfc822\r\n\r\n" + inner + "\r\n--out--\r\n").encode()
    )
    assert all(found.recipient != "victim@example.com" for found in read_mail(raw).found)


def test_the_same_mail_by_another_relay_has_the_same_identity() -> None:
    raw = corpus.postfix()
    assert read_mail(b"Received: by elsewhere\r\n" + raw).identity == read_mail(raw).identity
    assert read_mail(corpus.postfix(identity="other@x")).identity != read_mail(raw).identity


@pytest.mark.parametrize("raw", corpus.NASTY.values(), ids=corpus.NASTY)
def test_nothing_raises_and_nothing_takes_long(raw: bytes) -> None:
    begun = time.process_time()
    mail = read_mail(raw)
    # A hundred times of what the worst takes; a quadratic one would take minutes.
    assert time.process_time() - begun < 5
    for found in mail.found:
        assert len(found.words) <= 500
        assert found.words.isprintable()
        assert len(found.recipient) <= 320


_SERVERS = [corpus.EXIM, corpus.GMAIL, corpus.EXCHANGE, corpus.QMAIL, corpus.ENCODED]
_WHOLE = [corpus.postfix(), corpus.complaint(), *_SERVERS]
_SEEDS = [b"", b"\0", b"\xff\xfe", b"\r", b"\n\n", b"--", b";", b'"', b"=?utf-8?q?=", b": ", b"\r\n "]


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=3000))
def test_bytes_that_are_no_mail_do_no_harm(raw: bytes) -> None:
    assert read_mail(raw).verdict in Verdict


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_broken_reports_do_no_harm(data: st.DataObject) -> None:
    """Pieces of real reports, cut, doubled, swapped, and sown with what parsers stumble over."""
    raw = data.draw(st.sampled_from(_WHOLE))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 400)))
        sown = data.draw(st.sampled_from([*_SEEDS, raw[start:end] * 3]))
        raw = raw[:start] + sown + raw[end:]
    for found in read_mail(raw).found:
        judged(found)
        assert found.words.isprintable()


def test_only_the_beginning_of_a_mail_is_read() -> None:
    raw = corpus.postfix() + b"x" * READ_BYTES * 4
    assert only(read_mail(raw)).status == "5.1.1"
    assert read_mail(b"X: y\r\n" * READ_BYTES + corpus.postfix()).found == ()
