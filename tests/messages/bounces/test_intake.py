"""What reports lead to, and what they must not lead to."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.contacts.model import Channel, SubscriptionState
from syncom.messages.bounces.model import (
    MAX_UNMATCHED,
    PASSING,
    BounceFilter,
    Named,
    Report,
    ReportAction,
    ReportKind,
)
from tests.messages.bounces import corpus
from tests.messages.bounces.conftest import NOW, Post

GONE = "550 5.1.1 User unknown"
FULL = "552 5.2.2 Mailbox full"


def bounce(named: tuple[Named, ...], key: str = "1", words: str = GONE, **more: Any) -> Report:
    return Report(kind=ReportKind.BOUNCED, key=key.encode(), source="test", named=named, words=words, **more)


async def signed(post: Post, email: str = "p1@example.com") -> tuple[int, tuple[Named, ...]]:
    contact_id, message_id = await post.mailed(email)
    return contact_id, (Named(message_id=message_id, is_signed=True),)


async def test_an_unknown_mailbox_is_suppressed_at_once_and_counted_once(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    raw = corpus.postfix()
    envelope = post.return_path(contact_id, message_id)
    first = await post.read(raw, envelope=envelope)
    again = await post.read(b"Received: by elsewhere\r\n" + raw, envelope=envelope)
    assert (first.fresh, first.matched, first.suppressed) == (1, 1, 1)
    assert again.fresh == 0
    entry = (await post.suppressed())["p1@example.com"]
    assert (entry.reason, entry.source, entry.expires_at) == ("hard bounce", "bounce mail", None)
    assert "User unknown" in entry.detail
    [kept] = await post.kept()
    assert (kept.kind, kept.bounce_class, kept.action) == (
        ReportKind.BOUNCED,
        "unknown_mailbox",
        ReportAction.SUPPRESSED,
    )
    assert (kept.contact_id, kept.message_id, kept.status) == (contact_id, message_id, "5.1.1")
    assert (await post.counts())["bounced"] == 1
    [activity] = await post.rows("SELECT kind, detail FROM activity")
    assert activity == (2, "550 5.1.1 <p1@example.com>: Recipient address rejected: User unknown")


async def test_a_return_path_in_capitals_is_the_same(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    taken = await post.read(corpus.postfix(), envelope=post.return_path(contact_id, message_id).upper())
    assert taken.matched == 1


async def test_the_address_that_is_suppressed_is_the_one_we_wrote_to(post: Post) -> None:
    """Whoever got a mail can send a report about it with any address in it."""
    contact_id, message_id = await post.mailed("p1@example.com")
    await post.mailed("victim@example.com")
    raw = corpus.postfix(recipient="victim@example.com")
    await post.read(raw, envelope=post.return_path(contact_id, message_id))
    assert set(await post.suppressed()) == {"p1@example.com"}


async def test_our_message_id_counts_only_together_with_its_recipient(post: Post) -> None:
    _, message_id = await post.mailed("p1@example.com")
    headers = f"Message-ID: <{message_id.hex}@brand.example>"
    guessed = await post.read(corpus.postfix(recipient="other@example.com", headers=headers, identity="1@x"))
    assert (guessed.fresh, guessed.matched) == (1, 0)
    assert not await post.suppressed()
    fitting = await post.read(corpus.postfix(recipient="P1@example.com", headers=headers, identity="2@x"))
    assert fitting.matched == 1
    assert set(await post.suppressed()) == {"p1@example.com"}


async def test_a_link_to_unsubscribe_in_the_returned_headers_is_evidence(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    token = post.tokens.unsubscribe(post.account_id, 3, contact_id, message_id)
    headers = f"List-Unsubscribe: <https://mail.example/t/u/{token}>"
    # Feedback loops take the recipient out.
    taken = await post.read(corpus.complaint(recipient="redacted@redacted.invalid", headers=headers))
    assert taken.matched == 1
    assert await post.state(contact_id) is SubscriptionState.UNSUBSCRIBED


@pytest.mark.parametrize("case", ["nobody", "another account's", "forged", "expired", "another contact's"])
async def test_a_report_that_names_nothing_of_ours_is_kept_and_does_nothing(
    post: Post, other_account_id: int, case: str
) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    envelope = {
        "nobody": "",
        "another account's": post.return_path(contact_id, message_id, other_account_id),
        "forged": "b+" + "a" * 61,
        "expired": post.tokens.bounce(post.account_id, contact_id, message_id, NOW - timedelta(days=40)),
        "another contact's": post.return_path(contact_id + 1, message_id),
    }[case]
    taken = await post.read(corpus.postfix(recipient="who@example.com"), envelope=envelope)
    assert (taken.fresh, taken.matched, taken.suppressed) == (1, 0, 0)
    [kept] = await post.kept()
    assert (kept.contact_id, kept.message_id, kept.action) == (None, None, ReportAction.NONE)
    assert not await post.suppressed()
    assert await post.counts() == {}
    assert (await post.bounces.counts(post.account_id)).unmatched == 1


@pytest.mark.parametrize(
    "words",
    [
        "550 5.7.26 unauthenticated email is not accepted",
        "554 5.7.1 blocked using zen.spamhaus.org",
        "550 5.7.1 message looks like spam",
        "552 5.3.4 message too large",
        "530 5.7.0 authentication required",
        "554 5.4.6 too many hops",
        "451 4.7.1 greylisted",
        "",
    ],
)
async def test_what_is_our_own_fault_suppresses_nobody(post: Post, words: str) -> None:
    _, named = await signed(post)
    for number in range(5):
        await post.take(bounce(named, f"{number}", words))
    assert not await post.suppressed()
    assert (await post.counts())["bounced"] == 1


async def test_a_full_mailbox_is_suppressed_for_a_time_after_the_third_in_thirty_days(post: Post) -> None:
    contact_id = await post.person("p1@example.com")
    for number, ago in enumerate((timedelta(days=50), timedelta(days=20), timedelta(days=10), timedelta(days=1))):
        message_id = await post.sent(contact_id, "p1@example.com", campaign_id=number + 1, ago=ago)
        named = (Named(message_id=message_id, is_signed=True),)
        # Two reports about one message are one strike.
        await post.take(bounce(named, f"{number}a", FULL), bounce(named, f"{number}b", FULL))
        assert bool(await post.suppressed()) is (number == 3)
    entry = (await post.suppressed())["p1@example.com"]
    assert entry.expires_at == NOW - timedelta(days=1) + PASSING
    assert [kept.action for kept in await post.kept()].count(ReportAction.SUPPRESSED) == 1


async def test_a_domain_that_takes_no_mail_is_suppressed_at_the_second_time(post: Post) -> None:
    contact_id = await post.person("p1@example.com")
    for number in (1, 2):
        message_id = await post.sent(contact_id, "p1@example.com", campaign_id=number, ago=timedelta(hours=number))
        await post.take(bounce((Named(message_id=message_id, is_signed=True),), f"{number}", "550 5.1.2 no such host"))
        assert bool(await post.suppressed()) is (number == 2)


async def test_a_delay_changes_nothing(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    raw = corpus.postfix(action="delayed", status="4.1.1", diagnostic="smtp; 450 4.1.1 try later")
    taken = await post.read(raw, envelope=post.return_path(contact_id, message_id))
    assert taken.matched == 1
    assert not await post.suppressed()
    assert await post.counts() == {}


async def test_a_complaint_withdraws_consent_with_its_proof_and_stops_mailings_only(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    raw = corpus.complaint(headers=f"Return-Path: <{post.return_path(contact_id, message_id)}@bounce.example>")
    await post.read(raw)
    assert await post.state(contact_id) is SubscriptionState.UNSUBSCRIBED
    history = await post.contacts.proofs.history(post.account_id, contact_id)
    [newest] = [event for event in history if event.source == "complaint"]
    assert newest.detail is not None
    assert newest.detail["feedback-type"] == "abuse"
    assert newest.detail["user-agent"] == "SomeGenerator/1.0"
    assert newest.detail["message_id"] == str(message_id)
    assert (await post.suppressed())["p1@example.com"].reason == "complaint"
    counts = await post.counts()
    assert (counts["complained"], counts.get("bounced", 0)) == (1, 0)


async def test_not_spam_never_suppresses(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    headers = f"Return-Path: <{post.return_path(contact_id, message_id)}@bounce.example>"
    taken = await post.read(corpus.complaint(kind="not-spam", headers=headers))
    assert taken.matched == 1
    assert not await post.suppressed()
    assert await post.state(contact_id) is SubscriptionState.SUBSCRIBED


async def test_a_bounce_of_a_deleted_contact_suppresses_its_address(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    await post.contacts.delete_many(post.account_id, [contact_id])
    taken = await post.read(corpus.postfix(), envelope=post.return_path(contact_id, message_id))
    assert taken.matched == 1
    assert set(await post.suppressed()) == {"p1@example.com"}
    raw = corpus.complaint(headers=f"Return-Path: <{post.return_path(contact_id, message_id)}@bounce.example>")
    await post.read(raw)
    [(state,)] = await post.rows("SELECT contact ->> 'email_state' FROM deleted_contacts")
    assert int(state) == SubscriptionState.UNSUBSCRIBED


async def test_a_bounce_of_an_erased_contact_leaves_nothing_of_them(post: Post) -> None:
    contact_id, message_id = await post.mailed("p1@example.com")
    await post.read(corpus.postfix(identity="1@x"), envelope=post.return_path(contact_id, message_id))
    assert len(await post.kept()) == 1
    await post.contacts.erase(post.account_id, contact_id)
    assert not await post.kept()
    await post.contacts.consents.unsuppress(post.account_id, Channel.EMAIL, "p1@example.com")
    await post.read(corpus.postfix(identity="2@x"), envelope=post.return_path(contact_id, message_id))
    [kept] = await post.kept()
    assert (kept.recipient, kept.words) == ("", "")
    assert not await post.suppressed()
    await post.settled()
    assert not await post.rows("SELECT 1 FROM activity")


async def test_a_providers_report_finds_the_last_mail_to_its_address(post: Post) -> None:
    contact_id = await post.person("p1@example.com")
    await post.sent(contact_id, "p1@example.com", campaign_id=1, ago=timedelta(days=3))
    newest = await post.sent(contact_id, "p1@example.com", campaign_id=2, ago=timedelta(hours=2))
    await post.sent(contact_id, "p1@example.com", campaign_id=3, ago=timedelta(minutes=-30))
    by_address = {"recipient": "p1@example.com", "is_trusted": True, "occurred_at": NOW - timedelta(hours=1)}
    await post.take(bounce((), "1", **by_address))
    assert [kept.message_id for kept in await post.kept()] == [newest]
    # Whoever is no provider has to name the message.
    await post.take(bounce((), "2", recipient="p1@example.com"))
    assert (await post.bounces.counts(post.account_id)).unmatched == 1


async def test_reports_that_come_at_once_from_everywhere_count_each_once(post: Post) -> None:
    contact_id = await post.person("p1@example.com")
    reports: list[Report] = []
    for number in range(3):
        message_id = await post.sent(
            contact_id, "p1@example.com", campaign_id=number + 1, ago=timedelta(hours=number + 1)
        )
        reports.append(bounce((Named(message_id=message_id, is_signed=True),), f"{number}", FULL))
    await asyncio.gather(*(post.take(report) for report in reports * 3))
    assert len(await post.kept()) == 3
    assert "p1@example.com" in await post.suppressed()
    await post.settled()
    [(count,)] = await post.rows("SELECT count(*) FROM activity")
    assert count == 3


async def test_reports_are_listed_by_kind_and_address_page_by_page(post: Post) -> None:
    for number in range(5):
        contact_id, named = await signed(post, f"p{number}@example.com")
        del contact_id
        await post.take(bounce(named, f"{number}"))
    await post.take(bounce((), "x", recipient="who@example.com"))
    first = await post.bounces.list(post.account_id, limit=4)
    rest = await post.bounces.list(post.account_id, before=(first[-1].received_at, first[-1].report_id), limit=4)
    assert len({one.report_id for one in (*first, *rest)}) == 6
    assert len(await post.bounces.list(post.account_id, BounceFilter(recipient="p3@example.com"))) == 1
    assert len(await post.bounces.list(post.account_id, BounceFilter(matched=False))) == 1
    assert not await post.bounces.list(post.account_id, BounceFilter(kind=ReportKind.COMPLAINT))
    counts = await post.bounces.counts(post.account_id)
    assert (counts.kinds, counts.classes) == ({"bounced": 5}, {"unknown_mailbox": 5})


async def test_what_names_nobody_is_forgotten_soon_and_never_fills_the_house(post: Post) -> None:
    _, named = await signed(post)
    await post.take(bounce(named), bounce((), "x", recipient="who@example.com"))
    await post.rows("UPDATE bounces SET received_at = received_at - interval '40 days' RETURNING 1")
    await post.bounces.forget()
    assert [kept.contact_id is None for kept in await post.kept()] == [False]
    many = [bounce((), f"n{number}") for number in range(MAX_UNMATCHED + 50)]
    await post.take(*many)
    await post.bounces.forget()
    assert (await post.bounces.counts(post.account_id)).unmatched == MAX_UNMATCHED


# ---------------------------------------------------------------- any order, any number of times

_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["bounced", "full", "delivered", "complaint", "delayed", "not spam"]),
        st.integers(0, 2),
        st.integers(0, 3000),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)
_WORDS = {"bounced": GONE, "full": FULL, "delayed": "450 4.2.1 later", "delivered": "250 OK"}
_KINDS = {
    "bounced": ReportKind.BOUNCED,
    "full": ReportKind.BOUNCED,
    "delivered": ReportKind.DELIVERED,
    "complaint": ReportKind.COMPLAINT,
    "delayed": ReportKind.DELAYED,
    "not spam": ReportKind.NOT_SPAM,
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=_EVENTS, data=st.data())
async def test_reports_out_of_order_and_repeated_lead_to_the_same_end(
    post: Post, events: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """The same reports to two people: once in order, and once shuffled, doubled and cut into other batches."""
    ends: list[Any] = []
    for shuffled in (False, True):
        mark = uuid4().hex
        email = f"{mark}@example.com"
        contact_id = await post.person(email)
        # Each person's mails have campaigns of their own, at the same times.
        base = int(mark[:8], 16) * 4
        messages = [
            await post.sent(contact_id, email, campaign_id=base + one, ago=timedelta(days=12 * (one + 1)))
            for one in range(3)
        ]
        reports = [
            Report(
                kind=_KINDS[name],
                key=f"{mark} {place} {number} {name}".encode(),
                source="test",
                named=(Named(message_id=messages[place], is_signed=True),),
                words=_WORDS.get(name, ""),
                occurred_at=NOW - timedelta(minutes=number),
            )
            for name, place, number in events
        ]
        if shuffled:
            reports = data.draw(st.permutations(reports + reports[: len(reports) // 2 + 1]))
        size = data.draw(st.integers(1, 4)) if shuffled else 1
        for start in range(0, len(reports), size):
            await post.take(*reports[start : start + size])
        await post.settled()
        ends.append(await _end_of(post, contact_id, email, base))
    assert ends[0] == ends[1]


async def _end_of(post: Post, contact_id: int, email: str, base: int) -> Any:
    entry = (await post.contacts.consents.suppressions(post.account_id, Channel.EMAIL, after=email[:-1]))[:1]
    found = [(one.reason, one.expires_at) for one in entry if one.address == email]
    engaged = await post.rows(
        "SELECT campaign_id - %s, delivered_at, bounced_at, complained_at FROM engagements WHERE contact_id = %s"
        " ORDER BY campaign_id",
        base,
        contact_id,
    )
    kept = await post.rows("SELECT count(*) FROM bounces WHERE contact_id = %s", contact_id)
    return found, await post.state(contact_id), engaged, kept
