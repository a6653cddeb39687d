"""Mailboxes that bounces come to, read over real connections."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncom.errors import Invalid, NotFound
from syncom.messages.bounces.mailboxes.jobs import MailboxKeeper
from syncom.messages.bounces.mailboxes.model import MailboxInput, MailboxProtocol
from syncom.messages.bounces.mailboxes.service import MailboxesService
from syncom.messages.channels.email.model import Security
from tests.messages.bounces import corpus
from tests.messages.bounces.conftest import Post
from tests.messages.bounces.mail_servers import Box, imap, pop3

SERVERS = {MailboxProtocol.IMAP: imap, MailboxProtocol.POP3: pop3}
BOTH = pytest.mark.parametrize("protocol", list(MailboxProtocol))


def service(post: Post, *, allow: str = "127.0.0.0/8") -> MailboxesService:
    return MailboxesService(post.database, post.keyring, outbound_allow=allow)


def keeper(post: Post) -> MailboxKeeper:
    return MailboxKeeper(
        post.database, post.intake, post.tokens, post.keyring, post.clock, outbound_allow="127.0.0.0/8"
    )


def mailbox(port: int, protocol: MailboxProtocol, **more: Any) -> MailboxInput:
    values: dict[str, Any] = {"username": "bounces", "password": "secret", "security": Security.PLAIN} | more
    return MailboxInput(host="127.0.0.1", port=port, protocol=protocol, **values)


async def bounce_of(post: Post, number: int) -> bytes:
    contact_id, message_id = await post.mailed(f"p{number}@example.com")
    path = post.return_path(contact_id, message_id)
    headers = f"Return-Path: <{path}@bounce.brand.example>"
    return corpus.postfix(recipient=f"p{number}@example.com", identity=f"{number}@x", headers=headers)


async def read_all(post: Post) -> None:
    """Time passes, and the mailbox is read."""
    post.clock.time += timedelta(hours=2)
    while await keeper(post).step():
        pass


@BOTH
async def test_reports_are_taken_in_and_taken_away_and_people_are_left_alone(
    post: Post, protocol: MailboxProtocol
) -> None:
    box = Box()
    async with SERVERS[protocol](box) as port:
        made = await service(post).add(post.account_id, mailbox(port, protocol))
        for number in range(70):
            box.put(await bounce_of(post, number))
            if number % 10 == 0:
                box.put(corpus.A_PERSON)
        await read_all(post)
        assert len(await post.suppressed()) == 70
        assert set(box.mails.values()) == {corpus.A_PERSON}
        fetched = len(box.fetched)
        await read_all(post)
        # What stays is not read again.
        assert len(box.fetched) == fetched == 77
        [shown] = await service(post).list(post.account_id)
        assert (shown.read, shown.reports, shown.problem) == (77, 70, "")
        assert {kept.source for kept in await post.kept()} == {f"mailbox {made.mailbox_id}"}


@BOTH
async def test_a_mail_goes_only_after_its_report_is_in(post: Post, protocol: MailboxProtocol) -> None:
    """The server breaks off when mails are taken away: next time they are, and nothing counts twice."""
    box = Box()
    async with SERVERS[protocol](box) as port:
        await service(post).add(post.account_id, mailbox(port, protocol))
        for number in range(3):
            box.put(await bounce_of(post, number))
        box.breaks_at = {MailboxProtocol.IMAP: "UID STORE", MailboxProtocol.POP3: "DELE"}[protocol]
        await read_all(post)
        assert len(await post.suppressed()) == 3
        assert len(box.mails) == 3
        [shown] = await service(post).list(post.account_id)
        assert shown.problem
        assert shown.failures >= 1
        box.breaks_at = ""
        await read_all(post)
        assert not box.mails
        assert len(await post.kept()) == 3
        assert (await service(post).list(post.account_id))[0].failures == 0


@BOTH
async def test_a_crash_between_reading_and_taking_in_loses_nothing(
    post: Post, protocol: MailboxProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box()
    async with SERVERS[protocol](box) as port:
        await service(post).add(post.account_id, mailbox(port, protocol))
        box.put(await bounce_of(post, 1))

        async def crash(*_: Any) -> None:
            raise RuntimeError("as if the process ended")

        with monkeypatch.context() as patch:
            patch.setattr(post.intake, "take", crash)
            post.clock.time += timedelta(hours=1)
            with pytest.raises(RuntimeError):
                await keeper(post).step()
        assert len(box.mails) == 1
        assert not await post.kept()
        await read_all(post)
        assert not box.mails
        assert len(await post.kept()) == 1


async def test_new_uids_of_a_folder_made_anew_are_read_from_the_beginning(post: Post) -> None:
    box = Box(next_uid=1000)
    async with imap(box) as port:
        await service(post).add(post.account_id, mailbox(port, MailboxProtocol.IMAP))
        box.put(await bounce_of(post, 1))
        await read_all(post)
        box.validity, box.next_uid = 2, 1
        box.put(await bounce_of(post, 2))
        await read_all(post)
    assert len(await post.suppressed()) == 2


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 UIDPLUS MOVE", "IMAP4rev1 UIDPLUS", "IMAP4rev1"])
async def test_reports_are_moved_where_a_folder_is_named(post: Post, capabilities: str) -> None:
    box = Box(capabilities=capabilities)
    async with imap(box) as port:
        await service(post).add(post.account_id, mailbox(port, MailboxProtocol.IMAP, move_to="Read"))
        box.put(await bounce_of(post, 1))
        await read_all(post)
    assert (len(box.mails), len(box.moved)) == (0, 1)


@BOTH
async def test_only_the_beginning_of_a_large_mail_is_read(post: Post, protocol: MailboxProtocol) -> None:
    box = Box()
    async with SERVERS[protocol](box) as port:
        await service(post).add(post.account_id, mailbox(port, protocol))
        box.put(await bounce_of(post, 1) + (b"x" * 70 + b"\r\n") * 20_000)
        await read_all(post)
    assert len(await post.suppressed()) == 1


async def test_a_line_that_the_library_cannot_take_costs_its_mail_alone(post: Post) -> None:
    box = Box()
    async with pop3(box) as port:
        await service(post).add(post.account_id, mailbox(port, MailboxProtocol.POP3))
        box.put(b"Subject: " + b"x" * 100_000 + b"\r\n\r\nlong")
        box.put(await bounce_of(post, 1))
        await read_all(post)
    assert len(await post.suppressed()) == 1
    assert len(box.mails) == 1


@BOTH
async def test_a_mailbox_that_cannot_be_read_is_not_added(post: Post, protocol: MailboxProtocol) -> None:
    box = Box()
    async with SERVERS[protocol](box) as port:
        with pytest.raises(Invalid, match="wrong password") as refused:
            await service(post).add(post.account_id, mailbox(port, protocol, password="guess"))
        assert "b'" not in str(refused.value)
        with pytest.raises(Invalid, match="private network"):
            await service(post, allow="").add(post.account_id, mailbox(port, protocol))
        # Nothing falls back to clear text.
        with pytest.raises(Invalid):
            await service(post).add(post.account_id, mailbox(port, protocol, security=Security.TLS))
        with pytest.raises(Invalid):
            await service(post).add(post.account_id, mailbox(port, protocol, security=Security.STARTTLS))
    assert not await service(post).list(post.account_id)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"username": ""}, "username"),
        ({"password": "a\r\nb"}, "password"),
        ({"folder": "IN\nBOX"}, "folder"),
        ({"every": 1}, "every"),
        ({"move_to": "Ün"}, "move_to"),
    ],
)
async def test_values_that_cannot_work_are_refused(post: Post, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await service(post).add(post.account_id, mailbox(1, MailboxProtocol.IMAP, **more))
    assert caught.value.fields[0].field == field


async def test_a_removed_mailbox_is_read_no_more_and_is_its_accounts_own(post: Post, other_account_id: int) -> None:
    box = Box()
    async with imap(box) as port:
        made = await service(post).add(post.account_id, mailbox(port, MailboxProtocol.IMAP))
        with pytest.raises(NotFound):
            await service(post).remove(other_account_id, made.mailbox_id)
        with pytest.raises(NotFound):
            await service(post).get(other_account_id, made.mailbox_id)
        [(secret,)] = await post.rows("SELECT secret FROM bounce_mailboxes")
        assert b"secret" not in bytes(secret)
        await service(post).remove(post.account_id, made.mailbox_id)
        box.put(await bounce_of(post, 1))
        await read_all(post)
    assert not await post.kept()
