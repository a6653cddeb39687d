"""The dev inbox: every mail is stored before it is acknowledged, and shown without harm."""

from __future__ import annotations

import asyncio
import re
import smtplib
import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import httpx2
import pytest

from syncom.errors import Conflict, NotFound
from syncom.http.inbox.app import InboxApp
from syncom.inbox.model import ReceivedMail
from syncom.inbox.server import InboxServer
from syncom.inbox.service import InboxService
from syncom.postgres.pool import Database

TAINT = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"


@pytest.fixture
async def inbox(database: Database) -> InboxService:
    return InboxService(database)


@pytest.fixture
async def port(inbox: InboxService) -> AsyncIterator[int]:
    server = InboxServer(inbox, port=0)
    await server.start()
    yield server.port
    await server.stop()


def _mail(subject: str = "Hello", html: str = "<p>Hi</p>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Shop <shop@example.com>"
    message["To"] = "anna@example.com"
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.com>"
    message.set_content("Hi in text")
    message.add_alternative(html, subtype="html")
    return message


async def test_a_mail_is_there_for_each_recipient_when_it_is_acknowledged(inbox: InboxService, port: int) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(
                _mail("Привіт 👋"),
                from_addr="bounce@example.com",
                to_addrs=["anna@example.com", "bob@example.com"],
            )

    await asyncio.to_thread(send)
    page = await inbox.list()
    assert [(entry.to, entry.subject, entry.message_id, entry.channel) for entry in page.entries] == [
        ("bob@example.com", "Привіт 👋", "<1@example.com>", "email"),
        ("anna@example.com", "Привіт 👋", "<1@example.com>", "email"),
    ]
    parsed = await inbox.parse(page.entries[0].inbox_id)
    assert (parsed.text.strip(), parsed.html.strip()) == ("Hi in text", "<p>Hi</p>")


async def test_eight_bit_bodies_and_international_addresses_are_taken(inbox: InboxService, port: int) -> None:
    raw = "Subject: Тема\r\nTo: анна@пошта.укр\r\n\r\nТіло\r\n".encode()

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.ehlo()
            assert {"8bitmime", "smtputf8", "size"} <= set(client.esmtp_features)
            client.sendmail("a@example.com", ["анна@пошта.укр"], raw, mail_options=["SMTPUTF8", "BODY=8BITMIME"])

    await asyncio.to_thread(send)
    (entry,) = (await inbox.list(recipient="анна@пошта.укр")).entries
    assert (entry.subject, (await inbox.parse(entry.inbox_id)).text.strip()) == ("Тема", "Тіло")
    assert (await inbox.raw(entry.inbox_id)).replace(b"\r\n", b"") == raw.replace(b"\r\n", b"")


async def test_a_taken_port_is_explained(inbox: InboxService) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(Conflict, match="SYNCOM_INBOX_PORT"),
    ):
        await InboxServer(inbox, port=taken.getsockname()[1]).start()


async def test_only_the_newest_mails_are_kept(database: Database) -> None:
    inbox = InboxService(database, keep=3)
    for number in range(7):
        await inbox.add([_received(f"mail {number}")])
    await inbox.trim()
    assert [entry.subject for entry in (await inbox.list()).entries] == ["mail 6", "mail 5", "mail 4"]


async def test_pages_follow_each_other_without_gaps(inbox: InboxService) -> None:
    await inbox.add([_received(f"mail {number}") for number in range(5)])
    seen: list[str] = []
    cursor = None
    while True:
        page = await inbox.list(cursor=cursor, limit=2)
        seen += [entry.subject for entry in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"mail {number}" for number in (4, 3, 2, 1, 0)]
    assert await inbox.clear() == 5
    with pytest.raises(NotFound):
        await inbox.get(1)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
        b"Subject: \xff\xfe\r\nMessage-ID: <<\r\nTo: ,,;\r\n\r\nx",
        b"Content-Type: text/html; charset=nonsense\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts",
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n",
        b"Subject: a\x00b\r\n\r\n\x00",
        b"Content-Disposition: attachment; filename*=utf-8''%ff\r\n\r\nx",
    ],
)
async def test_broken_mails_are_stored_and_shown(inbox: InboxService, raw: bytes) -> None:
    from syncom.inbox.parse import summary

    subject, message_id = summary(raw)
    await inbox.add([ReceivedMail(mail_from="", recipient="a@b.c", raw=raw, subject=subject, message_id=message_id)])
    inbox_id = (await inbox.list()).entries[0].inbox_id
    for view in ("html", "text", "headers", "raw"):
        assert (await _get(inbox, f"/inbox/{inbox_id}", query=f"view={view}")).status_code == 200


async def test_nothing_from_a_mail_is_ever_part_of_our_pages(inbox: InboxService) -> None:
    message = _mail(html=TAINT)
    message["X-Taint"] = TAINT
    message.add_attachment(b"x", maintype="text", subtype="plain", filename=TAINT)
    await inbox.add(
        [ReceivedMail(mail_from=TAINT, recipient=TAINT, raw=message.as_bytes(), subject=TAINT, message_id=TAINT)]
    )
    inbox_id = (await inbox.list()).entries[0].inbox_id
    pages = [await _get(inbox, "/inbox"), await _get(inbox, "/inbox", query="recipient=%3Cscript%3E")]
    pages += [await _get(inbox, f"/inbox/{inbox_id}", query=f"view={v}") for v in ("html", "text", "headers", "raw")]
    for page in pages:
        assert page.status_code == 200
        assert not re.search(r"<script|onerror=alert\(1\)>|<img", page.text)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"


async def test_the_html_of_a_mail_is_shown_in_a_sandbox_of_its_own(inbox: InboxService) -> None:
    await inbox.add([_received("x", html="<!doctype html><a href='https://x.example'>x</a>")])
    inbox_id = (await inbox.list()).entries[0].inbox_id
    frame = await _get(inbox, f"/inbox/{inbox_id}/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert frame.text.startswith('<!doctype html><base target="_blank"')
    page = await _get(inbox, f"/inbox/{inbox_id}")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    raw = await _get(inbox, f"/inbox/{inbox_id}/raw")
    assert raw.headers["content-disposition"].startswith("attachment")


async def test_strangers_are_sent_to_the_login_page(inbox: InboxService) -> None:
    await inbox.add([_received("secret")])
    for path in ("/inbox", "/inbox/1", "/inbox/1/html", "/inbox/1/raw", "/inbox/clear", "/inbox/none"):
        answer = await _get(inbox, path, operator=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/inbox")
        assert answer.content == b""


async def test_only_our_own_page_can_clear_the_inbox(inbox: InboxService) -> None:
    await inbox.add([_received("kept")])
    foreign: list[dict[str, str]] = [
        {},
        {"origin": "https://evil.example", "host": "127.0.0.1:8080"},
        {"origin": "null", "host": "127.0.0.1:8080"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8080", "host": "127.0.0.1:8080"},
        {"sec-fetch-site": "same-site"},
    ]
    for headers in foreign:
        assert (await _get(inbox, "/inbox/clear", method="POST", headers=headers)).status_code == 403
    assert (await _get(inbox, "/inbox/clear")).status_code == 405
    assert await inbox.count() == 1
    own = {"origin": "http://127.0.0.1:8080", "host": "127.0.0.1:8080"}
    assert (await _get(inbox, "/inbox/clear", method="POST", headers=own)).status_code == 303
    assert await inbox.count() == 0


@pytest.mark.parametrize("path", ["/inbox/0", "/inbox/99", "/inbox/x", "/inbox/1/x", "/inbox/" + "9" * 40])
async def test_what_is_not_there_is_a_page_that_says_so(inbox: InboxService, path: str) -> None:
    assert (await _get(inbox, path)).status_code == 404


def _received(subject: str, html: str = "<p>Hi</p>") -> ReceivedMail:
    return ReceivedMail(
        mail_from="a@example.com",
        recipient="b@example.com",
        raw=_mail(subject, html).as_bytes(),
        subject=subject,
        message_id="<1@example.com>",
    )


async def _get(
    inbox: InboxService,
    path: str,
    *,
    method: str = "GET",
    query: str = "",
    headers: dict[str, str] | None = None,
    operator: bool = True,
) -> httpx2.Response:
    async def authorise(scope: Any) -> bool:
        return operator

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    await InboxApp(inbox, authorise)(scope, receive, send)
    return httpx2.Response(sent[0]["status"], headers=sent[0]["headers"], content=sent[1]["body"])
