"""Opens, clicks and unsubscribing: `/t/...`, a plain ASGI application.

===============================  =====================================================================
`GET /t/o/<token>.gif`           a transparent pixel
`GET /t/c/<token>/<link>`        leads to a stored target of the message's content
`GET /t/r/<token>/<redirect>`    leads to the personal target that the second token carries
`GET /t/s/<code>[/<link>]`       leads to a target of a text's content, or to a personal one; the code is looked up
`GET /t/u/<token>`               a page with a button; changes nothing, since scanners follow every link
`POST /t/u/<token>`              unsubscribes: the page's button, and mailbox providers' one click (RFC 8058)
`GET /t/v/<token>`               the mail as a web page
===============================  =====================================================================

Every hit is durable before its answer. The web page is the mail itself, so its pixel counts whoever looks at it. A
token that was not made here and a link that does not exist get the same 404. These are the most requested paths of the
installation, so there is no framework between them and the server.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from syncom.activity.model import HONEYPOT_LINK, STORED_HONEYPOT_LINK, ActivityKind, Hit
from syncom.activity.recorder import Entry, Recorder
from syncom.activity.robots import RecentLinks, Visit, classify
from syncom.clock import Clock
from syncom.contacts.model import Channel, ConsentChange, SubscriptionState
from syncom.errors import NotFound, Unavailable
from syncom.http.tracking import pages
from syncom.http.tracking.client import TrustedProxies, clean_agent
from syncom.http.tracking.forms import MAX_BODY, FormError, parse_form
from syncom.http.tracking.targets import LoadLinks, Targets, location
from syncom.ids import campaign_of_message, made_at
from syncom.messages.channels.sms.model import ShortLink
from syncom.tokens import MessageRef, MessageTokens

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

#: A token is 76 or 107 characters, a personal redirect carries its target: anything longer is not ours.
_LONGEST_TOKEN = 200
_CODE = re.compile(r"[A-Za-z0-9]{12}")
_LONGEST_REDIRECT = 12_000

_SECURITY: Headers = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
_BARE_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PAGE_POLICY = (b"content-security-policy", pages.CONTENT_SECURITY_POLICY.encode())
_MAIL_POLICY = (b"content-security-policy", pages.MAIL_POLICY.encode())
#: Makes the page of a message. Raises NotFound when it cannot be made any more.
LoadPage = Callable[[MessageRef], Awaitable[str]]


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP response."""

    status: int
    headers: Headers
    body: bytes


def _text(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    return _answer(status, b"text/plain; charset=utf-8", body, _BARE_POLICY, *more)


def _answer(status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    length = (b"content-length", str(len(body)).encode())
    return Answer(status, [*_SECURITY, (b"content-type", kind), length, *more], body)


def _page(body: bytes, *, status: int = 200, policy: tuple[bytes, bytes] = _PAGE_POLICY) -> Answer:
    return _answer(status, b"text/html; charset=utf-8", body, policy)


_PIXEL = _answer(200, b"image/gif", pages.PIXEL, _BARE_POLICY)
_NOTHING = Answer(204, [*_SECURITY, _BARE_POLICY], b"")
_ASK = _page(pages.ASK)
_UNSUBSCRIBED = _page(pages.UNSUBSCRIBED)
_RESUBSCRIBED = _page(pages.RESUBSCRIBED)
_NO_LONGER_THERE = _page(pages.NO_LONGER_THERE, status=410)
_ONE_CLICK_DONE = _text(200, pages.ONE_CLICK_DONE)
_NOT_FOUND = _text(404, pages.NOT_FOUND)
_BAD_FORM = _text(400, pages.BAD_FORM)
_TOO_LARGE = _text(413, pages.TOO_LARGE, (b"connection", b"close"))
_TRY_AGAIN = _text(503, pages.TRY_AGAIN, (b"retry-after", b"60"))
_WRONG_METHOD = _text(405, pages.WRONG_METHOD, (b"allow", b"GET, HEAD"))
_WRONG_METHOD_HERE = _text(405, pages.WRONG_METHOD, (b"allow", b"GET, HEAD, POST"))


#: The message behind a short link's code; None: there is none.
FindShortLink = Callable[[str], Awaitable[ShortLink | None]]


async def _no_short_links(_: str) -> ShortLink | None:
    return None


class TrackingApp:
    """The ASGI application for every path that begins with `/t/`.

    Put it in front of the other routes; it takes paths with and without the `/t`. ``load_links`` reads a content's
    targets, ``load_page`` makes a message's page. The server must not rewrite the client's address itself:
    ``proxies`` decides whom to believe.
    """

    def __init__(
        self,
        tokens: MessageTokens,
        recorder: Recorder,
        load_links: LoadLinks,
        load_page: LoadPage,
        clock: Clock,
        *,
        proxies: TrustedProxies | None = None,
        short_links: FindShortLink = _no_short_links,
    ) -> None:
        self._tokens = tokens
        self._recorder = recorder
        self._targets = Targets(load_links)
        self._short_links = short_links
        self._load_page = load_page
        self._clock = clock
        self._client = (proxies or TrustedProxies()).client
        self._recent = RecentLinks()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except Unavailable as error:
            _log.warning("a hit could not be recorded: %s", error)
            answer = _TRY_AGAIN
        except psycopg.Error:
            _log.exception("a hit could not be recorded")
            answer = _TRY_AGAIN
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        # The server leaves the body out of the answer to a HEAD.
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        parts = scope["path"].split("/")
        # '', 't', place, token[, rest] - or the same without 't' where a router took it off.
        if len(parts) > 2 and parts[1] == "t":
            del parts[1]
        method = scope["method"]
        match parts:
            case ["", "c", token, link]:
                return await self._click(scope, method, token, link)
            case ["", "o", picture] if picture.endswith(".gif"):
                return await self._open(scope, method, picture[:-4])
            case ["", "r", token, redirect]:
                return await self._redirect(scope, method, token, redirect)
            case ["", "s", code]:
                return await self._short(scope, method, code, "0")
            case ["", "s", code, link]:
                return await self._short(scope, method, code, link)
            case ["", "u", token]:
                return await self._unsubscribe(scope, receive, method, token)
            case ["", "v", token]:
                return await self._view(method, token)
            case _:
                return _NOT_FOUND

    # ------------------------------------------------------------ opens and clicks

    async def _open(self, scope: Scope, method: str, token: str) -> Answer:
        reference = self._tokens.read_track(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return _NOT_FOUND
        if method == "GET":
            await self._recorder.record(Entry(hit=self._hit(scope, reference, ActivityKind.OPENED, None)))
        elif method != "HEAD":
            return _WRONG_METHOD
        return _PIXEL

    async def _click(self, scope: Scope, method: str, token: str, link: str) -> Answer:
        reference = self._tokens.read_track(token) if len(token) < _LONGEST_TOKEN else None
        number = _number(link)
        if reference is None or number is None:
            return _NOT_FOUND
        if number == HONEYPOT_LINK:
            return await self._lead(scope, method, reference, number, None)
        targets = await self._targets.of(reference.account_id, reference.content_id)
        target = targets[number] if targets is not None and number < len(targets) else None
        if target is None:
            return _NOT_FOUND
        return await self._lead(scope, method, reference, number, target)

    async def _redirect(self, scope: Scope, method: str, token: str, redirect: str) -> Answer:
        reference = self._tokens.read_track(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None or len(redirect) > _LONGEST_REDIRECT:
            return _NOT_FOUND
        found = self._tokens.read_redirect(redirect, reference.message_id)
        target = location(found[1]) if found else None
        if found is None or target is None:
            return _NOT_FOUND
        return await self._lead(scope, method, reference, found[0], target)

    async def _short(self, scope: Scope, method: str, code: str, link: str) -> Answer:
        number = _number(link)
        found = await self._short_links(code) if _CODE.fullmatch(code) and number is not None else None
        if found is None or number is None:
            return _NOT_FOUND
        if number in found.targets:
            target = location(found.targets[number])
        else:
            targets = await self._targets.of(found.account_id, found.content_id)
            target = targets[number] if targets is not None and number < len(targets) else None
        if target is None:
            return _NOT_FOUND
        reference = MessageRef(
            account_id=found.account_id,
            content_id=found.content_id,
            contact_id=found.contact_id,
            message_id=found.message_id,
        )
        return await self._lead(scope, method, reference, number, target, found.channel)

    async def _lead(
        self,
        scope: Scope,
        method: str,
        reference: MessageRef,
        link: int,
        target: bytes | None,
        channel: Channel = Channel.EMAIL,
    ) -> Answer:
        """Record the click and send the client to its target; only the honeypot has none."""
        if method == "GET":
            hit = self._hit(scope, reference, ActivityKind.CLICKED, link, channel)
            await self._recorder.record(Entry(hit=hit))
        elif method != "HEAD":
            return _WRONG_METHOD
        if target is None:
            return _NOTHING
        return Answer(302, [*_REDIRECT_HEADERS, (b"location", target)], b"")

    def _hit(
        self,
        scope: Scope,
        reference: MessageRef,
        kind: ActivityKind,
        link: int | None,
        channel: Channel = Channel.EMAIL,
    ) -> Hit:
        agent = forwarded = purpose = b""
        has_language = False
        for name, value in scope["headers"]:
            if name == b"user-agent":
                agent = value
            elif name == b"accept-language":
                has_language = True
            elif name == b"x-forwarded-for":
                forwarded = forwarded + b"," + value if forwarded else value
            elif name in _PURPOSE_HEADERS:
                purpose += value.lower()
        user_agent = clean_agent(agent)
        message_id = reference.message_id
        now = self._clock.now()
        verdict = classify(
            Visit(
                kind=kind,
                user_agent=user_agent,
                purpose=purpose.decode("latin-1"),
                has_language=has_language,
                link=link,
                seconds_since_sent=_seconds_since_made(message_id, now),
                recent_links=() if link is None else self._recent.seen(message_id, link, self._clock.monotonic()),
            )
        )
        if link == HONEYPOT_LINK:
            link = STORED_HONEYPOT_LINK
        return Hit(
            account_id=reference.account_id,
            contact_id=reference.contact_id,
            message_id=message_id,
            campaign_id=campaign_of_message(message_id) or 0,
            kind=kind,
            channel=channel,
            occurred_at=now,
            hit_class=verdict.hit_class,
            link=link,
            content_id=reference.content_id,
            ip=self._client(_peer(scope), forwarded.decode("latin-1")),
            user_agent=user_agent,
            detail=verdict.reason or None,
        )

    # ------------------------------------------------------------ the mail as a page

    async def _view(self, method: str, token: str) -> Answer:
        reference = self._tokens.read_view(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return _NOT_FOUND
        if method not in ("GET", "HEAD"):
            return _WRONG_METHOD
        try:
            html = await self._load_page(reference)
        except NotFound:
            return _NO_LONGER_THERE
        return _page(html.encode("utf-8", "replace"), policy=_MAIL_POLICY)

    # ------------------------------------------------------------ unsubscribing

    async def _unsubscribe(self, scope: Scope, receive: Receive, method: str, token: str) -> Answer:
        reference = self._tokens.read_unsubscribe(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return _NOT_FOUND
        if method in ("GET", "HEAD"):
            return _ASK
        if method != "POST":
            return _WRONG_METHOD_HERE
        body = await _read_body(scope, receive)
        if body is None:
            return _TOO_LARGE
        try:
            fields = parse_form(_header(scope, b"content-type"), body)
        except FormError:
            return _BAD_FORM
        if fields.get("List-Unsubscribe") == "One-Click":
            await self._decide(scope, reference, SubscriptionState.UNSUBSCRIBED, "one-click")
            return _ONE_CLICK_DONE
        if fields.get("action") == "unsubscribe":
            await self._decide(scope, reference, SubscriptionState.UNSUBSCRIBED, "page")
            return _UNSUBSCRIBED
        if fields.get("action") == "resubscribe":
            await self._decide(scope, reference, SubscriptionState.SUBSCRIBED, "page")
            return _RESUBSCRIBED
        return _BAD_FORM

    async def _decide(self, scope: Scope, reference: MessageRef, state: SubscriptionState, source: str) -> None:
        """Record a person's decision, with its proof."""
        now = self._clock.now()
        ip = self._client(_peer(scope), _header(scope, b"x-forwarded-for"))
        agent = clean_agent(_header(scope, b"user-agent").encode("latin-1"))
        campaign_id = campaign_of_message(reference.message_id) or 0
        proof = {"ip": ip, "user_agent": agent, "message_id": str(reference.message_id)}
        if source == "page":
            proof["text"] = pages.UNSUBSCRIBE_QUESTION
        change = ConsentChange(
            account_id=reference.account_id,
            contact_id=reference.contact_id,
            channel=Channel.EMAIL,
            state=state,
            source=source,
            detail=proof,
            occurred_at=now,
        )
        gone = state is SubscriptionState.UNSUBSCRIBED
        hit = Hit(
            account_id=reference.account_id,
            contact_id=reference.contact_id,
            message_id=reference.message_id,
            campaign_id=campaign_id,
            kind=ActivityKind.UNSUBSCRIBED if gone else ActivityKind.SUBSCRIPTION_CHANGED,
            occurred_at=now,
            content_id=reference.content_id,
            ip=ip,
            user_agent=agent,
            detail=source,
        )
        await self._recorder.record(Entry(hit=hit, consent=change))


_REDIRECT_HEADERS: Headers = [*_SECURITY, _BARE_POLICY, (b"content-length", b"0")]
#: What browsers and proxies send when they fetch ahead of a person.
_PURPOSE_HEADERS = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))


def _number(text: str) -> int | None:
    """A link's number in its one spelling."""
    if len(text) > 5 or not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        return None
    number = int(text)
    return number if number < STORED_LINKS or number == HONEYPOT_LINK else None


#: Numbers of links that fit their column.
STORED_LINKS = 1 << 15


def _seconds_since_made(message_id: UUID, now: datetime) -> float | None:
    """The age of a single message; a campaign's is not known here."""
    made = made_at(message_id)
    return None if made is None else (now - made).total_seconds()


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _header(scope: Scope, wanted: bytes) -> str:
    """All values of a header, joined as RFC 9110 (5.3) says."""
    values: Iterable[bytes] = (value for name, value in scope["headers"] if name == wanted)
    return b",".join(values).decode("latin-1")


async def _read_body(scope: Scope, receive: Receive) -> bytes | None:
    """The request's body, or None when it is larger than any form of ours."""
    announced = _header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > MAX_BODY:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":  # half a form is none
            return b""
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return body
