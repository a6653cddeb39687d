"""What servers say, and what we make of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.clock import SystemClock
from syncom.messages.channels.email.model import Phase, Reply
from syncom.messages.channels.email.replies import Action, BounceClass, classify, mx_family_of, retry_delay
from syncom.messages.channels.email.wire import parse_reply


def heard(words: str, phase: Phase = Phase.RCPT) -> Reply:
    return parse_reply(int(words[:3]), words.encode(), phase)


@pytest.mark.parametrize(
    ("words", "family", "kind", "action", "suppress"),
    [
        (
            "550 5.1.1 The email account that you tried to reach does not exist",
            "google",
            "unknown_mailbox",
            "stop",
            True,
        ),
        (
            "550 5.2.1 The email account that you tried to reach is inactive",
            "google",
            "unknown_mailbox",
            "stop",
            True,
        ),
        ("452 4.2.2 The recipient's inbox is out of storage space", "google", "mailbox_full", "retry", False),
        (
            "552 5.2.2 The recipient's inbox is out of storage space and inactive",
            "google",
            "mailbox_full",
            "stop",
            True,
        ),
        ("552 5.2.2 Mailbox full", None, "mailbox_full", "retry", False),
        (
            "421 4.7.28 Our system has detected an unusual rate of unsolicited mail",
            "google",
            "throttled",
            "slow_down",
            False,
        ),
        ("421 4.7.0 Try again later, closing connection", None, "throttled", "slow_down", False),
        (
            "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
            "google",
            "authentication",
            "pause_destination",
            False,
        ),
        ("550 5.7.27 SPF check failed", "google", "authentication", "pause_destination", False),
        ("550 5.7.40 no DMARC", "google", "authentication", "pause_destination", False),
        (
            "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
            "microsoft",
            "authentication",
            "pause_destination",
            False,
        ),
        (
            "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. (S3140) SC-001",
            "microsoft",
            "reputation",
            "pause_destination",
            False,
        ),
        (
            "421 RP-001 the mail server IP has exceeded the rate limit",
            "microsoft",
            "throttled",
            "pause_destination",
            False,
        ),
        (
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            None,
            "unknown_mailbox",
            "stop",
            True,
        ),
        ("550 5.1.10 Null MX", None, "unknown_host", "stop", False),
        ("556 5.1.10 no mail here", None, "unknown_host", "stop", False),
        (
            "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints",
            "yahoo",
            "throttled",
            "slow_down",
            False,
        ),
        (
            "553 5.7.1 [BL21] Connections will not be accepted, because the ip is in Spamhaus's list",
            "yahoo",
            "reputation",
            "pause_destination",
            False,
        ),
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            None,
            "reputation",
            "pause_destination",
            False,
        ),
        ("550 User unknown in virtual mailbox table", None, "unknown_mailbox", "stop", True),
        ("550 No such user here", None, "unknown_mailbox", "stop", True),
        ("550 Requested action not taken: mailbox unavailable", None, "unknown_mailbox", "stop", True),
        ("550 5.7.1 User unknown", None, "policy", "stop", False),
        ("550 5.7.1 Message rejected as spam", None, "content", "pause_campaign", False),
        ("451 4.7.1 Greylisted, please try again in 300 seconds", None, "greylisted", "retry", False),
        ("450 4.2.0 Recipient address rejected: Greylisting in effect", None, "greylisted", "retry", False),
        ("450 4.1.1 user unknown, try later", None, "temporary", "retry", False),
        ("451 4.3.0 Temporary failure", None, "temporary", "retry", False),
        ("530 5.7.0 Authentication required", None, "relay_login", "pause_sender", False),
        (
            "550 5.7.57 Client not authenticated to send mail",
            "microsoft",
            "relay_login",
            "pause_sender",
            False,
        ),
        ("554 5.7.1 <a@b.example>: Relay access denied", None, "relay_login", "pause_sender", False),
        ("552 5.3.4 Message size exceeds fixed limit", None, "size_or_syntax", "stop", False),
        ("501 Syntax error in parameters", None, "size_or_syntax", "stop", False),
        ("554 5.4.6 Too many hops", None, "loop", "stop", False),
        ("554 too many hops, this message is looping", None, "loop", "stop", False),
        ("550 something that nobody has heard before", None, "permanent", "stop", False),
    ],
)
def test_a_refusal_is_understood(words: str, family: str | None, kind: str, action: str, suppress: bool):
    verdict = classify(heard(words), family)
    assert (verdict.kind.value, verdict.action.value, verdict.suppress) == (kind, action, suppress), verdict.rule


def test_a_refused_message_body_without_words_is_about_the_content():
    assert classify(heard("554 transaction failed", Phase.BODY)).kind is BounceClass.CONTENT
    assert classify(heard("554 no such user", Phase.BODY)).suppress is False


def test_what_we_refuse_ourselves_suppresses_nobody():
    verdict = classify(Reply(553, "5.1.3", "The recipient is no address", Phase.MAIL, local=True))
    assert (verdict.suppress, verdict.strikes) == (False, 0)


def test_a_lost_answer_is_no_refusal():
    verdict = classify(Reply(0, None, "The connection was lost", Phase.BODY))
    assert (verdict.kind, verdict.suppress) == (BounceClass.LOST_ANSWER, False)
    with pytest.raises(ValueError):
        classify(heard("250 ok"))


@given(
    code=st.integers(400, 599),
    subject=st.integers(0, 9),
    detail=st.integers(0, 600),
    text=st.text(max_size=80),
    phase=st.sampled_from(Phase),
    family=st.sampled_from([None, "google", "microsoft", "yahoo", "apple"]),
)
def test_every_refusal_has_a_verdict_and_only_clear_ones_suppress(
    code: int, subject: int, detail: int, text: str, phase: Phase, family: str | None
):
    reply = Reply(code, f"{code // 100}.{subject}.{detail}", text, phase)
    verdict = classify(reply, family)
    if code < 500:
        assert verdict.try_again
        assert not verdict.suppress
    if subject == 7 and detail not in (13, 17, 18):
        assert not verdict.suppress
    assert verdict.reason


def test_each_row_of_the_table_has_a_source_and_a_name_of_its_own_and_can_be_read():
    from syncom.messages.channels.email import replies

    rules = replies._table().rule
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.source.startswith("https://")
        re.compile(rule.text)
        assert rule.code or rule.enhanced or rule.text


def test_the_operator_of_an_exchanger_is_known_by_its_domain():
    assert mx_family_of("alt1.gmail-smtp-in.l.google.com.") == "google"
    assert mx_family_of("shop-example.mail.protection.outlook.com") == "microsoft"
    assert mx_family_of("mta5.am0.yahoodns.net") == "yahoo"
    assert mx_family_of("mx.notgoogle.com") is None


def test_attempts_come_later_and_later_and_never_in_step():
    clock = SystemClock(1)
    later = classify(heard("451 4.7.1 greylisted"))
    waits = [[retry_delay(attempt, later, clock) / 60 for _ in range(50)] for attempt in (1, 2, 3, 4, 99)]
    for wait, minutes in zip(waits, (5, 15, 30, 60, 240), strict=True):
        assert all(0.8 * minutes <= each <= 1.2 * minutes for each in wait)
        assert len(set(wait)) > 40
    throttled = classify(heard("421 4.7.28 rate"))
    assert throttled.action is Action.SLOW_DOWN
    assert retry_delay(1, throttled, clock) <= 72


@given(st.binary(max_size=2000))
def test_any_reply_is_readable_in_one_bounded_line(words: bytes):
    reply = parse_reply(550, b"550 " + words, Phase.RCPT)
    assert len(reply.text) <= 1000
    assert not set(map(ord, reply.text)) & {*range(32), *range(127, 160)}


def test_a_reply_of_many_lines_reads_as_one():
    reply = parse_reply(550, b"550-5.1.1 The account\r\n550-5.1.1 does not\n550 5.1.1 exist\r", Phase.RCPT)
    assert (reply.enhanced, reply.text) == ("5.1.1", "The account does not exist")


def test_an_enhanced_code_of_another_class_is_only_words():
    reply = heard("450 5.1.1 no such user")
    assert (reply.enhanced, reply.text) == (None, "5.1.1 no such user")
    assert not classify(reply).suppress
