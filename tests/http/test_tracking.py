"""Opens, clicks and unsubscribing: recorded before the answer, never forged, never led elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.activity.model import ActivityKind, HitClass
from syncom.activity.recorder import Recorder
from syncom.activity.service import ActivityService
from syncom.clock import SystemClock
from syncom.consent.languages import languages
from syncom.errors import NotFound
from syncom.http.tracking.app import TrackingApp
from syncom.http.tracking.client import TrustedProxies
from syncom.ids import campaign_message_id, single_message_id
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.tokens import MessageRef, MessageTokens
from tests.settling import settle

BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "accept-language": "uk,en;q=0.5",
}
LINKS = [
    "https://shop.example/a?x=1&y=2",
    "http://shop.example/b",
    "javascript:alert(1)",
    "https://магазин.укр/шлях",
]
FORM = "application/x-www-form-urlencoded"
ONE_CLICK = b"List-Unsubscribe=One-Click"
CAMPAIGN = 7


class Tracking:
    """The application with a content and a contact, and what a test wants to ask about it."""

    def __init__(self, database: Database, account_id: int, content_id: int, app: TrackingApp) -> None:
        self.database = database
        self.account_id = account_id
        self.content_id = content_id
        self.app = app
        self.tokens = TOKENS

    def token(self, contact_id: int = 1, campaign_id: int = CAMPAIGN) -> str:
        return TOKENS.track(self.account_id, self.content_id, contact_id, self.message(contact_id, campaign_id))

    def notification(self, contact_id: int = 1, message_id: UUID | None = None) -> str:
        """Where the browser tells what became of a notification."""
        message_id = message_id or self.message(contact_id)
        return f"/t/n/{TOKENS.notification(self.account_id, self.content_id, contact_id, message_id)}"

    async def tell(self, what: str, body: bytes = b"", **options: Any) -> httpx2.Response:
        return await self.ask("POST", f"{self.notification(**options)}/{what}", body=body)

    def unsubscribe_token(self, contact_id: int = 1) -> str:
        return TOKENS.unsubscribe(self.account_id, self.content_id, contact_id, self.message(contact_id))

    def message(self, contact_id: int = 1, campaign_id: int = CAMPAIGN) -> UUID:
        return campaign_message_id(campaign_id, contact_id)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.ask("GET", path, **options)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        peer: str = "198.51.100.7",
    ) -> httpx2.Response:
        """One request through the ASGI interface."""
        sent: list[dict[str, Any]] = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [
                (name.encode(), value.encode("latin-1"))
                for name, value in (BROWSER if headers is None else headers).items()
            ],
            "client": (peer, 4711),
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return httpx2.Response(sent[0]["status"], headers=sent[0]["headers"], content=sent[1]["body"])

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says once it has counted everything."""
        await settle(self.database)
        async with self.database.system() as connection:
            return list(await (await connection.execute(query)).fetchall())

    async def activity(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT kind, class, link, contact_id FROM activity ORDER BY occurred_at, activity_id")

    async def fingerprint(self) -> list[tuple[Any, ...]]:
        """Everything that a request could change."""
        return await self.rows(
            "SELECT (SELECT count(*) FROM activity), (SELECT count(*) FROM engagements), "
            "(SELECT count(*) FROM consent_events), "
            "(SELECT string_agg(email_state::text, ',') FROM contacts), "
            "(SELECT sum(count) FROM campaign_statistics)"
        )

    async def agreed(self) -> None:
        """The contact's consent has its entry in the history, as every consent has but that of the fixture."""
        async with self.database.system() as connection:
            await connection.execute(
                "INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, source) "
                "SELECT account_id, bucket, contact_id, 1, email_state, 'api' FROM contacts"
            )

    async def state(self) -> int:
        return int((await self.rows("SELECT email_state FROM contacts"))[0][0])


TOKENS = MessageTokens(Keyring(bytes(range(32))))


async def _content(database: Database, account_id: int) -> int:
    async with database.system() as connection:
        await connection.execute(
            "INSERT INTO contacts (account_id, bucket, contact_id, email, email_state) VALUES (%s, 1, 1, 'a@b.c', 2)",
            (account_id,),
        )
        row = await (
            await connection.execute(
                "INSERT INTO contents (account_id, compiled, links) VALUES (%s, '{}', %s) RETURNING content_id",
                (account_id, LINKS),
            )
        ).fetchone()
    assert row
    return int(row[0])


@asynccontextmanager
async def running(
    database: Database,
    account_id: int,
    content_id: int,
    spool: Path,
    *,
    proxies: str = "",
    patience: float = 2.0,
) -> AsyncIterator[Tracking]:
    async def load_links(account_id: int, content_id: int) -> list[str] | None:
        async with database.tenant(account_id) as connection:
            cursor = await connection.execute("SELECT links FROM contents WHERE content_id = %s", (content_id,))
            row = await cursor.fetchone()
            return row[0] if row else None

    async def load_page(message: MessageRef) -> str:
        if message.message_id != campaign_message_id(CAMPAIGN, 1):
            raise NotFound("message", str(message.message_id))
        return "<!DOCTYPE html><p>Привіт</p>"

    clock = SystemClock()
    recorder = Recorder(database.dsn, ActivityService(database, clock), clock, spool_dir=spool, patience=patience)
    await recorder.start()
    try:
        app = TrackingApp(TOKENS, recorder, load_links, load_page, clock, proxies=TrustedProxies(proxies))
        yield Tracking(database, account_id, content_id, app)
    finally:
        await recorder.close()


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


@pytest.fixture
async def tracking(database: Database, account_id: int, tmp_path: Path) -> AsyncIterator[Tracking]:
    content_id = await _content(database, account_id)
    async with running(database, account_id, content_id, tmp_path / "spool", proxies="10.0.0.0/8") as running_app:
        yield running_app


# ---------------------------------------------------------------- opens and clicks


async def test_a_click_leads_to_the_stored_target_and_is_recorded_before_the_answer(
    tracking: Tracking,
) -> None:
    answer = await tracking.get(f"/t/c/{tracking.token()}/0")
    assert (answer.status_code, answer.headers["location"]) == (302, LINKS[0])
    assert await tracking.activity() == [(ActivityKind.CLICKED, HitClass.HUMAN, 0, 1)]


async def test_an_answered_click_is_in_the_database_before_anybody_counts_it(tracking: Tracking) -> None:
    await tracking.get(f"/t/c/{tracking.token()}/0")
    async with tracking.database.system() as connection:
        row = await (
            await connection.execute(
                "SELECT (SELECT count(*) FROM activity)"
                " + (SELECT coalesce(sum(json_array_length(hits)), 0) FROM activity_journal)"
            )
        ).fetchone()
    assert row == (1,)


async def test_counters_follow_without_being_asked(tracking: Tracking) -> None:
    await tracking.get(f"/t/c/{tracking.token()}/0")
    counted = "SELECT count(*) FROM campaign_statistics WHERE kind = 'clicked'"
    for _ in range(500):
        async with tracking.database.system() as connection:
            if await (await connection.execute(counted)).fetchone() == (1,):
                return
        await asyncio.sleep(0.02)
    pytest.fail("a click was not counted")


async def test_an_open_gets_a_pixel_that_nobody_keeps(tracking: Tracking) -> None:
    answer = await tracking.get(f"/t/o/{tracking.token()}.gif")
    assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/gif", 43)
    assert answer.headers["cache-control"] == "no-store"
    assert await tracking.activity() == [(ActivityKind.OPENED, HitClass.HUMAN, None, 1)]


async def test_paths_work_below_a_mount_point_too(tracking: Tracking) -> None:
    assert (await tracking.get(f"/c/{tracking.token()}/1")).headers["location"] == LINKS[1]


async def test_a_personal_target_comes_from_a_token_of_the_same_message_only(tracking: Tracking) -> None:
    redirect = TOKENS.redirect(3, "https://shop.example/for/anna", tracking.message(1))
    answer = await tracking.get(f"/t/r/{tracking.token(1)}/{redirect}")
    assert answer.headers["location"] == "https://shop.example/for/anna"
    assert (await tracking.get(f"/t/r/{tracking.token(2)}/{redirect}")).status_code == 404
    assert await tracking.activity() == [(ActivityKind.CLICKED, HitClass.HUMAN, 3, 1)]


async def test_head_shows_the_same_answer_and_counts_nothing(tracking: Tracking) -> None:
    before = await tracking.fingerprint()
    for path in (
        f"/t/c/{tracking.token()}/0",
        f"/t/o/{tracking.token()}.gif",
        f"/t/u/{tracking.unsubscribe_token()}",
    ):
        head = await tracking.ask("HEAD", path)
        assert head.status_code in (200, 302)
    assert await tracking.fingerprint() == before


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused_and_change_nothing(tracking: Tracking, method: str) -> None:
    before = await tracking.fingerprint()
    for path in (
        f"/t/c/{tracking.token()}/0",
        f"/t/o/{tracking.token()}.gif",
        f"/t/u/{tracking.unsubscribe_token()}",
    ):
        answer = await tracking.ask(method, path, body=ONE_CLICK)
        assert answer.status_code == 405
        assert "GET" in answer.headers["allow"]
    assert await tracking.fingerprint() == before


async def test_the_invisible_link_marks_its_visitor_as_a_machine_also_for_what_follows(
    tracking: Tracking,
) -> None:
    assert (await tracking.get(f"/t/c/{tracking.token()}/65535")).status_code == 204
    await tracking.get(f"/t/c/{tracking.token()}/1")
    assert await tracking.activity() == [
        (ActivityKind.CLICKED, HitClass.MACHINE, -1, 1),
        (ActivityKind.CLICKED, HitClass.MACHINE, 1, 1),
    ]


async def test_a_scanner_that_follows_all_links_is_not_counted_as_a_person(tracking: Tracking) -> None:
    for _ in range(2):
        for link in (0, 1, 3):
            await tracking.get(f"/t/c/{tracking.token()}/{link}")
    classes = [row[1] for row in await tracking.activity()]
    assert classes[2:] == [HitClass.MACHINE] * 4


async def test_prefetching_is_kept_and_marked(tracking: Tracking) -> None:
    await tracking.get(f"/t/o/{tracking.token()}.gif", headers={**BROWSER, "sec-purpose": "prefetch;prerender"})
    assert [row[1] for row in await tracking.activity()] == [HitClass.MACHINE]


# ---------------------------------------------------------------- notifications


async def test_what_a_browser_tells_of_a_notification_counts_once_a_message(
    tracking: Tracking,
) -> None:
    for what in ("shown", "shown", "clicked", "closed", "closed"):
        answer = await tracking.tell(what)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "*"
    kinds = [ActivityKind.DELIVERED] * 2 + [ActivityKind.CLICKED] + [ActivityKind.CLOSED] * 2
    assert await tracking.activity() == [(kind, HitClass.HUMAN, None, 1) for kind in kinds]
    assert await tracking.rows("SELECT DISTINCT channel FROM activity") == [(3,)]
    counted = await tracking.rows("SELECT kind, sum(count) FROM campaign_statistics GROUP BY 1 ORDER BY 1")
    assert counted == [("clicked", 1), ("clicked.first", 1), ("closed", 1), ("delivered", 1), ("opened.first", 1)]
    rolled = await tracking.rows(
        "SELECT kind, sum(count) FROM activity_rollups"
        " WHERE dimension = 0 AND campaign_id = -1 AND value = '3' GROUP BY 1 ORDER BY 1"
    )
    assert rolled == [(11, 1), (14, 1), (18, 1), (43, 1), (44, 1)]


async def test_a_quick_click_on_a_notification_is_a_persons(tracking: Tracking) -> None:
    assert (await tracking.tell("clicked", message_id=single_message_id(1))).status_code == 204
    assert [row[1] for row in await tracking.activity()] == [HitClass.HUMAN]


async def test_what_is_told_late_counts_when_it_was_within_a_day(tracking: Tracking) -> None:
    now = datetime.now(UTC)
    for ago in (timedelta(hours=5), timedelta(days=2), -timedelta(hours=1)):
        moment = str(int((now - ago).timestamp() * 1000)).encode()
        assert (await tracking.tell("closed", moment)).status_code == 204
    for nonsense in (b"", b"yesterday", b"-5", b"9" * 20, "٣".encode()):
        assert (await tracking.tell("closed", nonsense)).status_code == 204
    ages = [now - at for (at,) in await tracking.rows("SELECT occurred_at FROM activity ORDER BY 1")]
    assert len(ages) == 8
    assert abs(ages[0] - timedelta(hours=5)) < timedelta(seconds=1)
    assert all(abs(age) < timedelta(minutes=1) for age in ages[1:])


async def test_a_notification_of_now_was_not_closed_an_hour_ago(tracking: Tracking) -> None:
    moment = str(int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)).encode()
    await tracking.tell("closed", moment, message_id=single_message_id(1))
    [(at,)] = await tracking.rows("SELECT occurred_at FROM activity")
    assert datetime.now(UTC) - at < timedelta(minutes=1)


async def test_nobody_tells_of_a_notification_without_its_token(tracking: Tracking) -> None:
    before = await tracking.fingerprint()
    place = tracking.notification()
    for path in (
        f"{place[:-1]}/shown",
        f"{place}x/shown",
        f"{place}/opened",
        f"{place}/",
        place,
        f"/t/n/{tracking.token()}/shown",
        f"/t/n/{tracking.unsubscribe_token()}/closed",
        "/t/n/" + "A" * 5000 + "/shown",
    ):
        assert (await tracking.ask("POST", path)).status_code == 404
    token = place.removeprefix("/t/n/")
    assert (await tracking.get(f"/t/o/{token}.gif")).status_code == 404
    assert (await tracking.get(f"/t/c/{token}/0")).status_code == 404
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        answer = await tracking.ask(method, f"{place}/shown")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await tracking.tell("shown", b"1" * 21)).status_code == 413
    assert await tracking.fingerprint() == before


# ---------------------------------------------------------------- tokens and targets


async def test_everything_unknown_gets_the_same_404(tracking: Tracking) -> None:
    token, unsubscribe = tracking.token(), tracking.unsubscribe_token()
    foreign = TOKENS.track(tracking.account_id + 1, tracking.content_id, 1, tracking.message())
    absent = TOKENS.track(tracking.account_id, tracking.content_id + 99, 1, tracking.message())
    paths = [
        f"/t/c/{token[:-1]}/0",
        f"/t/c/{token}x/0",
        f"/t/c/{token}=/0",
        f"/t/c/{token}/4",
        f"/t/c/{token}/2",  # a stored target that is not a web address
        f"/t/c/{token}/00",
        f"/t/c/{token}/-1",
        f"/t/c/{token}/+1",
        f"/t/c/{token}/ 1",
        f"/t/c/{token}/١",
        f"/t/c/{token}/99999",
        f"/t/c/{token}/",
        f"/t/c/{token}",
        f"/t/c/{token}/0/",
        f"/t/c/{foreign}/0",
        f"/t/c/{absent}/0",
        f"/t/c/{unsubscribe}/0",
        f"/t/o/{unsubscribe}.gif",
        f"/t/o/{token}",
        f"/t/u/{token}",
        f"/t/r/{token}/{token}",
        f"/t/r/{token}/https%3A%2F%2Fevil.example",
        "/t/c//0",
        "/t/",
        "/t",
        "/",
        "/t/x/" + token,
        "/t/c/" + "A" * 5000 + "/0",
    ]
    answers = [await tracking.get(path) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.content, str(answer.headers)) for answer in answers}) == 1
    posted = await tracking.ask("POST", f"/t/u/{token}", headers={"content-type": FORM}, body=ONE_CLICK)
    assert posted.content == answers[0].content
    assert await tracking.activity() == []


ALPHABET = string.ascii_letters + string.digits + "-_"


TRACK = TOKENS.track(1, 2, 3, campaign_message_id(7, 3))
UNSUBSCRIBE = TOKENS.unsubscribe(1, 2, 3, campaign_message_id(7, 3))


def _mutations(token: str) -> st.SearchStrategy[str]:
    place = st.integers(0, len(token) - 1)
    extra = st.text(ALPHABET + "=+/ .%", min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda at, new: token[:at] + new + token[at + 1 :], place, st.sampled_from(ALPHABET)),
        st.builds(lambda at: token[:at], place),
        st.builds(lambda at, new: token[:at] + new + token[at:], place, extra),
        st.builds(lambda at: token[at:] + token[:at], place),
        st.builds(lambda at: token[:at] + token[at:].swapcase(), place),
        st.text(max_size=120),
    )


@settings(max_examples=500, deadline=None)
@given(mutated=st.one_of(_mutations(TRACK), _mutations(UNSUBSCRIBE)))
def test_no_mutation_of_a_token_is_accepted(mutated: str) -> None:
    assert (TOKENS.read_track(mutated) is not None) == (mutated == TRACK)
    assert (TOKENS.read_unsubscribe(mutated) is not None) == (mutated == UNSUBSCRIBE)


async def test_every_single_character_of_a_token_matters() -> None:
    count = 0
    message = single_message_id(3)
    for token in (TRACK, TOKENS.track(1, 2, 3, message), TOKENS.unsubscribe(1, 2, 3, message)):
        for at, new in itertools.product(range(len(token)), ALPHABET):
            if token[at] != new:
                changed = token[:at] + new + token[at + 1 :]
                assert TOKENS.read_track(changed) is None
                assert TOKENS.read_unsubscribe(changed) is None
                count += 1
    assert count > 10_000


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "https:evil.example", "https:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x", "file:///etc/passwd", "ftp://a.example", "https://good.example@evil.example/",
        "https://good.example:pass@evil.example/", "https://\\evil.example", "https:///evil.example", "",
        "https://a.example\r\nset-cookie: x=1", "https://a.example/\nx", "https://a.example/\x00",
        "ＨＴＴＰ://evil",
        "https://", "https://?x", "//", "x" * 9000, "https://" + "a" * 9000, " javascript:alert(1)",
        "HTTPS:\\\\evil",
        "https://a.example\\@evil.example", "https://@evil.example", "https://user@good.example",
    ],
)  # fmt: skip
async def test_a_link_never_leads_to_anything_but_a_plain_web_address(tracking: Tracking, target: str) -> None:
    redirect = TOKENS.redirect(0, target, tracking.message())
    answer = await tracking.get(f"/t/r/{tracking.token()}/{redirect}")
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_international_addresses_are_encoded(tracking: Tracking) -> None:
    answer = await tracking.get(f"/t/c/{tracking.token()}/3")
    assert answer.headers["location"] == "https://xn--80aairftm.xn--j1amh/%D1%88%D0%BB%D1%8F%D1%85"


async def test_every_answer_has_the_protecting_headers(tracking: Tracking) -> None:
    token, unsubscribe = tracking.token(), tracking.unsubscribe_token()
    form = {"content-type": FORM}
    answers = [
        await tracking.get(f"/t/c/{token}/0"),
        await tracking.get(f"/t/c/{token}/65535"),
        await tracking.get(f"/t/o/{token}.gif"),
        await tracking.get(f"/t/u/{unsubscribe}"),
        await tracking.ask("POST", f"/t/u/{unsubscribe}", headers=form, body=ONE_CLICK),
        await tracking.ask("POST", f"/t/u/{unsubscribe}", headers=form, body=b"action=unsubscribe"),
        await tracking.ask("POST", f"/t/u/{unsubscribe}", headers=form, body=b"action=resubscribe"),
        await tracking.ask("POST", f"/t/u/{unsubscribe}", headers=form, body=b"?"),
        await tracking.ask("POST", f"/t/u/{unsubscribe}", headers=form, body=b"x" * 20_000),
        await tracking.ask("PUT", f"/t/c/{token}/0"),
        await tracking.get("/t/nothing"),
    ]
    assert [answer.status_code for answer in answers] == [
        302,
        204,
        200,
        200,
        200,
        200,
        200,
        400,
        413,
        405,
        404,
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]


# ---------------------------------------------------------------- who is asking


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.1", "198.51.100.7"),  # not a proxy of ours: believed in nothing
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.1", "203.0.113.1"),  # the left one is what the client wrote
        ("10.0.0.1", "203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.1:9999", "203.0.113.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"),
    ],
)
async def test_the_address_is_that_of_the_first_stranger_from_the_right(
    tracking: Tracking, peer: str, forwarded: str | None, expected: str
) -> None:
    headers = BROWSER if forwarded is None else {**BROWSER, "x-forwarded-for": forwarded}
    await tracking.ask("GET", f"/t/c/{tracking.token()}/0", headers=headers, peer=peer)
    assert await tracking.rows("SELECT ip FROM activity") == [(expected,)]


async def test_agents_with_any_bytes_are_stored_as_one_bounded_line(tracking: Tracking) -> None:
    for agent in ("a\x00b\r\nc\x1b[31m", "\xff\xfe broken", 'quote" back\\slash {a,b} NULL', "x" * 100_000):
        answer = await tracking.get(f"/t/c/{tracking.token()}/0", headers={"user-agent": agent})
        assert answer.status_code == 302
    stored = [
        row[0] for row in await tracking.rows("SELECT user_agent FROM activity ORDER BY occurred_at, activity_id")
    ]
    assert stored[0] == "a b c [31m"
    assert stored[2] == 'quote" back\\slash {a,b} NULL'
    assert len(stored[3]) == 512


# ---------------------------------------------------------------- unsubscribing


def _multipart(fields: dict[str, str], boundary: str = "----b0") -> tuple[str, bytes]:
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return f"multipart/form-data; boundary={boundary}", f"{body}--{boundary}--\r\n".encode()


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
async def test_one_click_unsubscribes_at_once_without_a_redirect(tracking: Tracking, kind: str) -> None:
    content_type, body = (FORM, ONE_CLICK) if kind == "urlencoded" else _multipart({"List-Unsubscribe": "One-Click"})
    path = f"/t/u/{tracking.unsubscribe_token()}"
    for _ in range(2):
        answer = await tracking.ask("POST", path, headers={"content-type": content_type}, body=body)
        assert answer.status_code == 200
        assert len(answer.content) < 100
    assert await tracking.state() == 3
    assert await tracking.rows("SELECT state, source FROM consent_events") == [(3, "one-click")]
    assert await tracking.rows("SELECT kind, sum(count) FROM campaign_statistics GROUP BY 1") == [("unsubscribed", 1)]


async def test_opening_the_unsubscribe_page_changes_nothing(tracking: Tracking) -> None:
    before = await tracking.fingerprint()
    path = f"/t/u/{tracking.unsubscribe_token()}"
    page = await tracking.get(path)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    await tracking.get(path, headers={"sec-purpose": "prefetch"})
    await tracking.ask("GET", path, headers={"content-type": FORM}, body=ONE_CLICK)
    assert await tracking.fingerprint() == before


async def test_the_page_unsubscribes_and_can_undo_it(tracking: Tracking) -> None:
    await tracking.agreed()
    path = f"/t/u/{tracking.unsubscribe_token()}"
    for action, state in (("unsubscribe", 3), ("resubscribe", 2), ("unsubscribe", 3)):
        page = await tracking.ask(
            "POST", path, headers={**BROWSER, "content-type": FORM}, body=f"action={action}".encode()
        )
        assert page.status_code == 200
        assert await tracking.state() == state
        follow = re.findall(r'name="action" value="(\w+)"', page.text)
        assert follow == ["resubscribe" if action == "unsubscribe" else "unsubscribe"]
    query = "SELECT detail FROM consent_events WHERE source = 'page' ORDER BY consent_event_id LIMIT 1"
    proof = (await tracking.rows(query))[0][0]
    assert proof["ip"] == "198.51.100.7"
    assert proof["user_agent"] == BROWSER["user-agent"]
    assert proof["message_id"] == str(tracking.message())
    assert (proof["text"], proof["language"]) == (languages()["uk"].unsubscribe["question"], "uk")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b""),
        (FORM, b"List-Unsubscribe=one-click"),
        (FORM, b"List-Unsubscribe=One-Click&List-Unsubscribe=One-Click"),
        (FORM, b"x=1;List-Unsubscribe=One-Click"),
        (FORM, b"&".join(b"a%d=1" % number for number in range(100)) + b"&List-Unsubscribe=One-Click"),
        (FORM, b"\xff=%ff&List-Unsubscribe=One-Click"),
        ("application/json", b'{"List-Unsubscribe": "One-Click"}'),
        ("text/plain", ONE_CLICK),
        ("", ONE_CLICK),
        ("multipart/form-data", ONE_CLICK),
        ("multipart/form-data; boundary=x", ONE_CLICK),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nOne-Click\r\n--x--"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click',
        ),
        (FORM, b"action=delete"),
    ],
)
async def test_other_forms_do_not_unsubscribe(tracking: Tracking, content_type: str, body: bytes) -> None:
    path = f"/t/u/{tracking.unsubscribe_token()}"
    answer = await tracking.ask("POST", path, headers={"content-type": content_type}, body=body)
    assert answer.status_code == 400
    assert await tracking.state() == 2


async def test_a_thousand_one_clicks_from_one_address_all_work(tracking: Tracking) -> None:
    path = f"/t/u/{tracking.unsubscribe_token()}"
    answers = await asyncio.gather(
        *(tracking.ask("POST", path, headers={"content-type": FORM}, body=ONE_CLICK) for _ in range(1000))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert await tracking.rows("SELECT count(*) FROM consent_events") == [(1,)]


@settings(max_examples=300, deadline=None)
@given(
    content_type=st.sampled_from(
        [FORM, "multipart/form-data; boundary=x", 'multipart/form-data; boundary="x y"', "x/y"]
    ),
    body=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    b"--x",
                    b"--x--",
                    b"\r\n",
                    b"\r\n\r\n",
                    b'Content-Disposition: form-data; name="a"',
                    b"&",
                    b"=",
                    b"%",
                    b"%4",
                    b"a",
                ]
            ),
            max_size=20,
        ).map(b"".join),
    ),
)
def test_the_form_parser_refuses_or_reads_any_bytes(content_type: str, body: bytes) -> None:
    from syncom.http.tracking.forms import FormError, parse_form

    with contextlib.suppress(FormError):
        assert all(isinstance(value, str) for value in parse_form(content_type, body).values())


# ---------------------------------------------------------------- over a real server


async def test_many_clients_over_a_real_server_lose_nothing(tracking: Tracking) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(tracking.app, log_level="error", lifespan="off", proxy_headers=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        async with httpx2.AsyncClient(base_url=address, headers=BROWSER) as client:

            async def visit(contact: int) -> None:
                answer = await client.get(f"/t/c/{tracking.token(contact)}/0")
                assert (answer.status_code, answer.headers["location"]) == (302, LINKS[0])
                head = await client.head(f"/t/o/{tracking.token(contact)}.gif")
                assert (head.status_code, head.content) == (200, b"")
                done = await client.post(
                    f"/t/u/{tracking.unsubscribe_token(contact)}", data={"List-Unsubscribe": "One-Click"}
                )
                assert done.status_code == 200

            await asyncio.gather(*(visit(contact) for contact in range(1, 61)))
    finally:
        server.should_exit = True
        await serving
    assert await tracking.rows(
        "SELECT kind, count(*), count(DISTINCT contact_id) FROM activity GROUP BY 1 ORDER BY 1"
    ) == [
        (ActivityKind.CLICKED, 60, 60),
        (ActivityKind.UNSUBSCRIBED, 60, 60),
    ]
