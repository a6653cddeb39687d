"""Mails that come back, in the forms of different servers, and the nastiest kinds of what pretends to be one.

All were written here after the forms that the servers' documentation and sources show; nobody's mail is in them.
"""

from __future__ import annotations

import textwrap
from base64 import b64encode


def mail(text: str) -> bytes:
    """A text as a mail: without its indentation, with CRLF."""
    return textwrap.dedent(text).lstrip("\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def postfix(
    *,
    recipient: str = "p1@example.com",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <p1@example.com>: Recipient address rejected: User unknown",
    remote: str = "mx.example.com",
    headers: str = "",
    identity: str = "20260701.1@relay.example.net",
) -> bytes:
    """A DSN as Postfix writes it; ``headers`` are of the mail that is returned."""
    returned = headers.replace("\r\n", "\n").strip() or "Subject: Hello"
    return (
        (
            f"Return-Path: <>\nReceived: by relay.example.net (Postfix)\n\tid 4F2A; 1 Jul 2026 10:00:00 +0000 (UTC)\n"
            f"Date: Wed,  1 Jul 2026 10:00:00 +0000 (UTC)\nFrom: MAILER-DAEMON@relay.example.net (Mail System)\n"
            f"Subject: Undelivered Mail Returned to Sender\nTo: b@bounce.example\nAuto-Submitted: auto-replied\n"
            f"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n"
            f'\tboundary="4F2A.1782900000/relay.example.net"\nMessage-Id: <{identity}>\n\nThis is a MIME message.\n\n'
            f"--4F2A.1782900000/relay.example.net\nContent-Description: Notification\n"
            f"Content-Type: text/plain; charset=us-ascii\n\nThis is the mail system at host relay.example.net.\n\n"
            f"I'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n"
            f"--4F2A.1782900000/relay.example.net\nContent-Description: Delivery report\n"
            f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example.net\nX-Postfix-Queue-ID: 4F\n"
            f"Arrival-Date: Wed,  1 Jul 2026 09:59:58 +0000 (UTC)\n\nFinal-Recipient: rfc822; {recipient}\n"
            f"Original-Recipient: rfc822;{recipient}\nAction: {action}\nStatus: {status}\nRemote-MTA: dns; {remote}\n"
            f"Diagnostic-Code: {diagnostic}\n\n--4F2A.1782900000/relay.example.net\n"
            f"Content-Description: Undelivered Message Headers\nContent-Type: text/rfc822-headers\n\n{returned}\n\n"
            f"--4F2A.1782900000/relay.example.net--\n"
        )
        .replace("\n", "\r\n")
        .encode("utf-8", "surrogateescape")
    )


def complaint(
    *,
    recipient: str = "p1@example.com",
    kind: str = "abuse",
    headers: str = "",
    identity: str = "arf.1@feedback.example.net",
) -> bytes:
    """A feedback report (RFC 5965, appendix B) about a mail with these headers."""
    return (
        (
            f"From: <abusedesk@feedback.example.net>\nDate: Wed, 1 Jul 2026 17:40:36 GMT\nSubject: FW: Earn money\n"
            f"To: <abuse@brand.example>\nMessage-ID: <{identity}>\nMIME-Version: 1.0\n"
            f'Content-Type: multipart/report; report-type=feedback-report;\n boundary="part1_13d.2e68ed54_boundary"\n\n'
            f'--part1_13d.2e68ed54_boundary\nContent-Type: text/plain; charset="US-ASCII"\n'
            f"Content-Transfer-Encoding: 7bit\n\nThis is an email abuse report for an email message received.\n\n"
            f"--part1_13d.2e68ed54_boundary\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\n"
            f"User-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <somesender@example.net>\n"
            f"Original-Rcpt-To: <{recipient}>\nArrival-Date: Wed, 1 Jul 2026 14:00:00 GMT\nSource-IP: 192.0.2.1\n\n"
            f"--part1_13d.2e68ed54_boundary\nContent-Type: message/rfc822\nContent-Disposition: inline\n\n"
            f"From: <news@brand.example>\n{headers.strip()}\nSubject: Earn money\nContent-Type: text/plain\n\n"
            f"Spam Spam Spam\n\n--part1_13d.2e68ed54_boundary--\n"
        )
        .replace("\n", "\r\n")
        .encode("utf-8", "surrogateescape")
    )


#: Exim: no report, a header instead.
EXIM = mail("""
    Return-path: <>
    From: Mail Delivery System <Mailer-Daemon@exim.example.net>
    To: b@bounce.example
    X-Failed-Recipients: gone@example.org
    Auto-Submitted: auto-replied
    Subject: Mail delivery failed: returning message to sender
    Message-Id: <E1rTf-0001@exim.example.net>
    Date: Wed, 01 Jul 2026 10:00:00 +0000

    This message was created automatically by mail delivery software.

    A message that you sent could not be delivered to one or more of its
    recipients. This is a permanent error. The following address(es) failed:

      gone@example.org
        host mx.example.org [192.0.2.7]
        SMTP error from remote mail server after RCPT TO:<gone@example.org>:
        550 No such user here

    ------ This is a copy of the message, including all the headers. ------

    Message-ID: <0123456789abcdef0123456789abcdef@brand.example>
    Subject: Hello
    """)

#: Gmail: the fields of the report are in a text inside of an empty status part.
GMAIL = mail("""
    From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
    To: b@bounce.example
    Auto-Submitted: auto-replied
    Subject: Delivery Status Notification (Failure)
    In-Reply-To: <0123456789abcdef0123456789abcdef@brand.example>
    References: <0123456789abcdef0123456789abcdef@brand.example>
    Message-ID: <64a.1@mx.google.com>
    Date: Wed, 01 Jul 2026 03:00:00 -0700 (PDT)
    Content-Type: multipart/report; boundary="000000000000e1"; report-type=delivery-status

    --000000000000e1
    Content-Type: multipart/related; boundary="000000000000e2"

    --000000000000e2
    Content-Type: multipart/alternative; boundary="000000000000e3"

    --000000000000e3
    Content-Type: text/plain; charset="UTF-8"

    ** Address not found **

    Your message wasn't delivered to gone@example.org because the address couldn't be found.

    --000000000000e3--
    --000000000000e2--
    --000000000000e1
    Content-Type: message/delivery-status

    Content-Type: text/plain; charset=us-ascii

    Reporting-MTA: dns; googlemail.com
    Arrival-Date: Wed, 01 Jul 2026 02:59:59 -0700 (PDT)

    Final-Recipient: rfc822; gone@example.org
    Action: failed
    Status: 5.1.1
    Remote-MTA: dns; gmail-smtp-in.l.google.com. (192.0.2.26, the server for the domain example.org.)
    Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
     550 5.1.1 double-checking the recipient's email address for typos or unnecessary spaces.
    Last-Attempt-Date: Wed, 01 Jul 2026 03:00:00 -0700 (PDT)

    --000000000000e1
    Content-Type: message/rfc822

    Message-ID: <0123456789abcdef0123456789abcdef@brand.example>
    Subject: Hello

    Hello
    --000000000000e1--
    """)

#: Exchange Online: long HTML before the report, and a code of its own.
EXCHANGE = mail("""
    From: <microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@brand.onmicrosoft.com>
    To: <b@bounce.example>
    Date: Wed, 1 Jul 2026 10:00:00 +0000
    Content-Type: multipart/report; report-type=delivery-status;
    \tboundary="c9b7"
    Content-Language: en-GB
    Message-ID: <5d8e@TREX01.eurprd01.prod.outlook.com>
    Subject: Undeliverable: Hello
    Auto-Submitted: auto-replied

    --c9b7
    Content-Type: multipart/alternative; boundary="c9b8"

    --c9b8
    Content-Type: text/plain; charset="us-ascii"
    Content-Transfer-Encoding: quoted-printable

    gone wasn't found at example.org=

    --c9b8
    Content-Type: text/html; charset="us-ascii"

    <html><body><p>gone wasn't found at example.org</p></body></html>
    --c9b8--
    --c9b7
    Content-Type: message/delivery-status

    Reporting-MTA: dns;DB9PR01MB.eurprd01.prod.exchangelabs.com
    Received-From-MTA: dns;DB9PR02MB.eurprd02.prod.outlook.com
    Arrival-Date: Wed, 1 Jul 2026 09:59:59 +0000

    Final-Recipient: rfc822;gone@example.org
    Action: failed
    Status: 5.1.10
    Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup

    --c9b7
    Content-Type: message/rfc822

    Message-ID: <0123456789abcdef0123456789abcdef@brand.example>

    Hello
    --c9b7--
    """)

#: qmail: no report, no header, a text that only its form tells apart.
QMAIL = mail("""
    Date: 1 Jul 2026 10:00:00 -0000
    From: MAILER-DAEMON@qmail.example.net
    To: b@bounce.example
    Subject: failure notice

    Hi. This is the qmail-send program at qmail.example.net.
    I'm afraid I wasn't able to deliver your message to the following addresses.
    This is a permanent error; I've given up. Sorry it didn't work out.

    <gone@example.org>:
    192.0.2.7 does not like recipient.
    Remote host said: 550 5.1.1 <gone@example.org>: User unknown in virtual mailbox table
    Giving up on 192.0.2.7.

    --- Below this line is a copy of the message.

    Return-Path: <news@brand.example>
    Message-ID: <0123456789abcdef0123456789abcdef@brand.example>

    Hello
    """)

#: A report whose status part is encoded, which RFC 3464 forbids.
ENCODED = (
    mail("""
    From: postmaster@legacy.example.net
    Message-ID: <enc.1@legacy.example.net>
    Content-Type: multipart/report; report-type="delivery-status"; boundary=enc

    --enc
    Content-Type: text/plain

    Sorry.
    --enc
    Content-Type: message/delivery-status
    Content-Transfer-Encoding: base64

    STATUS
    --enc
    Content-Type: message/rfc822-headers
    Content-Transfer-Encoding: base64

    HEADERS
    --enc--
    """)
    .replace(
        b"STATUS",
        b64encode(
            b"Reporting-MTA: dns; legacy.example.net\r\n\r\nFinal-Recipient: rfc822; gone@example.org\r\n"
            b"Action: failed\r\nStatus: 5.1.1\r\n"
        ),
    )
    .replace(
        b"HEADERS", b64encode(b"Message-ID: <0123456789abcdef0123456789abcdef@brand.example>\r\nSubject: Hello\r\n")
    )
)

OUT_OF_OFFICE = mail("""
    From: Ann <gone@example.org>
    To: b@bounce.example
    Subject: Out of office
    Auto-Submitted: auto-replied
    In-Reply-To: <0123456789abcdef0123456789abcdef@brand.example>

    I am away until Monday. 550 5.1.1 is my favourite error.
    """)

READ_RECEIPT = mail("""
    From: Ann <gone@example.org>
    Subject: Read: Hello
    Content-Type: multipart/report; report-type=disposition-notification; boundary=mdn

    --mdn
    Content-Type: text/plain

    Your message was displayed.
    --mdn
    Content-Type: message/disposition-notification

    Final-Recipient: rfc822; gone@example.org
    Original-Message-ID: <0123456789abcdef0123456789abcdef@brand.example>
    Disposition: manual-action/MDN-sent-manually; displayed
    --mdn--
    """)

A_PERSON = mail("""
    From: Ann <ann@example.org>
    Subject: Re: Hello
    In-Reply-To: <0123456789abcdef0123456789abcdef@brand.example>

    Thanks! Do you know somebody who is unknown to the user?
    """)


def _nested(depth: int) -> bytes:
    lines = [b"Content-Type: multipart/report; report-type=delivery-status; boundary=b0", b""]
    for level in range(depth):
        lines += [b"--b%d" % level, b"Content-Type: multipart/mixed; boundary=b%d" % (level + 1), b""]
    return b"\r\n".join(lines)


_HEAD = b'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
_STATUS = b"--x\r\nContent-Type: message/delivery-status\r\n\r\n"
_FIELDS = b"Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; p1@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"

#: What must do no harm, by what is wrong with it.
NASTY: dict[str, bytes] = {
    "nothing": b"",
    "one NUL": b"\0",
    "only line ends": b"\r\n" * 5000,
    "only CR": b"\r" * 60_000,
    "no headers": b"\r\n\r\nbody",
    "headers without an end": b"Subject: x\r\n" * 5000,
    "one header of 64 KB": b"Subject: " + b"x" * 65_000,
    "a folded header of 64 KB": b"Content-Type: multipart/report;\r\n" + b" a=b;\r\n" * 9000,
    "semicolons": b"Content-Type: multipart/report" + b";" * 65_000 + b"\r\n\r\nx",
    "quotes and semicolons": b"Content-Type: multipart/report; boundary=" + b'";' * 32_000 + b"\r\n\r\nx",
    "unclosed quote": b'Content-Type: multipart/report; boundary="' + b"\\" * 60_000 + b"\r\n\r\nx",
    "parameter continuations": b"Content-Type: multipart/report"
    + b"".join(b"; boundary*%d=x" % number for number in range(3000))
    + b"\r\n\r\n",
    "an empty boundary": b'Content-Type: multipart/report; boundary=""\r\n\r\n--\r\n' + _FIELDS,
    "a boundary of 60 KB": b"Content-Type: multipart/report; boundary=" + b"b" * 60_000 + b"\r\n\r\n",
    "a boundary without an end": _HEAD + _STATUS + _FIELDS,
    "parts 5,000": _HEAD + b"--x\r\n\r\n\r\n" * 5000,
    "nested 30 deep": _nested(30),
    "nested 600 deep": _nested(600),
    "mails inside of mails": b"Content-Type: message/rfc822\r\n\r\n" * 2000,
    "status parts inside of status parts": _HEAD + b"--x\r\nContent-Type: message/delivery-status\r\n\r\n" * 1000,
    "ten thousand fields": _HEAD + _STATUS + b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n" * 900,
    "fields of bytes": _HEAD + _STATUS + b"Final-Recipient: \xff\xfe\x00@\x80\r\nAction: \xff\r\nStatus: 5.\xff\r\n",
    "an unknown charset": b"Content-Type: text/plain; charset=klingon\r\n\r\n550 5.1.1 gone",
    "an unknown encoding": _HEAD
    + b"--x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: rot13\r\n\r\n"
    + _FIELDS,
    "broken base64": _HEAD
    + _STATUS.replace(b"status\r\n", b"status\r\nContent-Transfer-Encoding: base64\r\n", 1)
    + b"=A==\xff!",
    "encoded words": b"Subject: " + b"=?utf-8?b?" * 5000 + b"\r\nX-Failed-Recipients: =?x?q?=?=\r\n\r\n",
    "dates of another world": b"Date: Wed, 99 Foo 99999 99:99:99 +9999999\r\n" + _HEAD + _STATUS + _FIELDS,
    "an address of 60 KB": b"X-Failed-Recipients: " + b"a" * 60_000 + b"@example.com\r\n\r\n550 5.1.1 x",
    "line separators": "Subject: a\u2028X-Failed-Recipients: p1@example.com\r\n\r\n".encode(),
    "a lone CR before fields": _HEAD.replace(b"\r\n", b"\r") + _STATUS + _FIELDS,
    "feedback of nothing": b"Content-Type: message/feedback-report\r\n\r\n",
    "feedback in text": b"Content-Type: text/plain\r\n\r\nFeedback-Type: abuse\r\nOriginal-Rcpt-To: p1@example.com\r\n",
    "UTF-16": "Content-Type: multipart/report\r\n\r\n".encode("utf-16"),
    "percent signs": b"Content-Type: multipart/report; boundary*=utf-8''" + b"%" * 60_000 + b"\r\n\r\n",
}
