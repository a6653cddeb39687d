"""Opens, clicks, what became of notifications, and unsubscribing: `/t/...`, a plain ASGI application.

===============================  =====================================================================
`/t/f/<key>`                     forms that people subscribe with (``form_pages.py``)
`GET /t/i/<key>.<ending>`         an image of the gallery; `/t/i/<key>/small.webp` its small one (``pictures.py``)
`/t/k/<token>`, `/t/p/<token>`   pages where recipients choose (``choices.py``)
`POST /t/n/<token>/<what>`       a browser tells that a notification was shown, clicked or closed
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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import psycopg
from msgspec.structs import replace

from syncom.activity.model import HONEYPOT_LINK, STORED_HONEYPOT_LINK, ActivityKind, Hit, HitClass
from syncom.activity.recorder import Entry, Recorder
from syncom.activity.robots import RecentLinks, Visit, classify
from syncom.clock import Clock
from syncom.consent.languages import accepted, chosen
from syncom.contacts.model import Channel, ConsentChange, SubscriptionState
from syncom.errors import NotFound, Unavailable
from syncom.http.tracking import pages
from syncom.http.tracking.answers import (
    BAD_FORM,
    BARE_POLICY,
    NOT_FOUND,
    SECURITY,
    TOO_LARGE,
    TRY_AGAIN,
    WRONG_METHOD,
    WRONG_METHOD_HERE,
    Answer,
    Headers,
    Receive,
    Scope,
    Send,
    answer,
    header,
    page_answer,
    peer,
    read_body,
    text_answer,
)
from syncom.http.tracking.choices import ChoicePages
from syncom.http.tracking.client import TrustedProxies, clean_agent
from syncom.http.tracking.form_pages import FormPages
from syncom.http.tracking.forms import FormError, parse_form
from syncom.http.tracking.pictures import Pictures
from syncom.http.tracking.targets import LoadLinks, Targets, location
from syncom.ids import campaign_of_message, made_at
from syncom.messages.channels.sms.model import ShortLink
from syncom.tokens import MessageRef, MessageTokens

_log = logging.getLogger(__name__)

#: A token is 76 characters, one that unsubscribes 11 more for each category; a personal redirect carries its target.
_LONGEST_TOKEN = 400
_CODE = re.compile(r"[A-Za-z0-9]{12}")
_LONGEST_REDIRECT = 12_000

_MAIL_POLICY = (b"content-security-policy", pages.MAIL_POLICY.encode())
#: Makes the page of a message. Raises NotFound when it cannot be made any more.
LoadPage = Callable[[MessageRef], Awaitable[str]]


_PIXEL = answer(200, b"image/gif", pages.PIXEL, BARE_POLICY)
_NOTHING = Answer(204, [*SECURITY, BARE_POLICY], b"")
_NO_LONGER_THERE = page_answer(pages.NO_LONGER_THERE, status=410)
_ONE_CLICK_DONE = text_answer(200, pages.ONE_CLICK_DONE)


#: Pages of every site tell it: the token is all that counts, and there are no cookies.
_ANYWHERE = (b"access-control-allow-origin", b"*")
_TOLD_DONE = Answer(204, [*SECURITY, BARE_POLICY, _ANYWHERE], b"")
_NOT_FOUND_ANYWHERE = text_answer(404, pages.NOT_FOUND, _ANYWHERE)
_WRONG_METHOD_TO_TELL = text_answer(405, pages.WRONG_METHOD, (b"allow", b"POST"), _ANYWHERE)
_TOLD = {"shown": ActivityKind.DELIVERED, "clicked": ActivityKind.CLICKED, "closed": ActivityKind.CLOSED}
#: Milliseconds since 1970, as scripts have it.
_LONGEST_MOMENT = 20
#: What could not be told at once is told later, and believed this far back.
_BELIEVED = timedelta(days=1)

#: The message behind a short link's code; None: there is none.
FindShortLink = Callable[[str], Awaitable[ShortLink | None]]


async def _no_short_links(_: str) -> ShortLink | None:
    return None


#: The address that a click of a contact on a target is led to, by (account id, contact id, target).
Land = Callable[[int, int, bytes], Awaitable[bytes]]


async def _as_it_is(_: int, __: int, target: bytes) -> bytes:
    return target


#: Names of categories of an account by id.
NameCategories = Callable[[int, Sequence[int]], Awaitable[Mapping[int, str]]]


async def _no_names(_: int, __: Sequence[int]) -> Mapping[int, str]:
    return {}


class TrackingApp:
    """The ASGI application for every path that begins with `/t/`.

    Put it in front of the other routes; it takes paths with and without the `/t`. ``load_links`` reads a content's
    targets, ``load_page`` makes a message's page. The server must not rewrite the client's address itself:
    ``proxies`` decides whom to believe. ``choices`` and ``forms`` are pages where people decide;
    ``category_names`` what the categories of a message are called. ``land`` may tell a site who comes.
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
        category_names: NameCategories = _no_names,
        land: Land = _as_it_is,
        choices: ChoicePages | None = None,
        forms: FormPages | None = None,
        pictures: Pictures | None = None,
    ) -> None:
        self._tokens = tokens
        self._recorder = recorder
        self._targets = Targets(load_links)
        self._short_links = short_links
        self._category_names = category_names
        self._land = land
        self._choices = choices
        self._forms = forms
        self._pictures = pictures
        self._load_page = load_page
        self._clock = clock
        self._client = (proxies or TrustedProxies()).client
        self._recent = RecentLinks()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            made = await self._answer(scope, receive)
        except Unavailable as error:
            _log.warning("a hit could not be recorded: %s", error)
            made = TRY_AGAIN
        except psycopg.Error:
            _log.exception("a hit could not be recorded")
            made = TRY_AGAIN
        await send({"type": "http.response.start", "status": made.status, "headers": made.headers})
        # The server leaves the body out of the answer to a HEAD.
        await send({"type": "http.response.body", "body": made.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        parts = scope["path"].split("/")
        # '', 't', place, token[, rest] - or the same without 't' where a router took it off.
        if len(parts) > 2 and parts[1] == "t":
            del parts[1]
        method = scope["method"]
        match parts:
            case ["", "c", token, link]:
                return await self._click(scope, method, token, link)
            case ["", "f", name] if self._forms is not None:
                return await self._forms.answer(scope, receive, method, name)
            case ["", "i", name] if self._pictures is not None:
                return await self._pictures.answer(method, name)
            case ["", "i", key, "small.webp"] if self._pictures is not None:
                return await self._pictures.small(method, key)
            case ["", "k", token] if self._choices is not None:
                return await self._choices.confirm(scope, receive, method, token)
            case ["", "n", token, what]:
                return await self._notification(scope, receive, method, token, what)
            case ["", "o", picture] if picture.endswith(".gif"):
                return await self._open(scope, method, picture[:-4])
            case ["", "p", token] if self._choices is not None:
                return await self._choices.prefer(scope, receive, method, token)
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
                return NOT_FOUND

    # ------------------------------------------------------------ opens and clicks

    async def _open(self, scope: Scope, method: str, token: str) -> Answer:
        reference = self._tokens.read_track(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return NOT_FOUND
        if method == "GET":
            await self._recorder.record(Entry(hit=self._hit(scope, reference, ActivityKind.OPENED, None)))
        elif method != "HEAD":
            return WRONG_METHOD
        return _PIXEL

    async def _click(self, scope: Scope, method: str, token: str, link: str) -> Answer:
        reference = self._tokens.read_track(token) if len(token) < _LONGEST_TOKEN else None
        number = _number(link)
        if reference is None or number is None:
            return NOT_FOUND
        if number == HONEYPOT_LINK:
            return await self._lead(scope, method, reference, number, None)
        targets = await self._targets.of(reference.account_id, reference.content_id)
        target = targets[number] if targets is not None and number < len(targets) else None
        if target is None:
            return NOT_FOUND
        return await self._lead(scope, method, reference, number, target)

    async def _redirect(self, scope: Scope, method: str, token: str, redirect: str) -> Answer:
        reference = self._tokens.read_track(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None or len(redirect) > _LONGEST_REDIRECT:
            return NOT_FOUND
        found = self._tokens.read_redirect(redirect, reference.message_id)
        target = location(found[1]) if found else None
        if found is None or target is None:
            return NOT_FOUND
        return await self._lead(scope, method, reference, found[0], target)

    async def _short(self, scope: Scope, method: str, code: str, link: str) -> Answer:
        number = _number(link)
        found = await self._short_links(code) if _CODE.fullmatch(code) and number is not None else None
        if found is None or number is None:
            return NOT_FOUND
        if number in found.targets:
            target = location(found.targets[number])
        else:
            targets = await self._targets.of(found.account_id, found.content_id)
            target = targets[number] if targets is not None and number < len(targets) else None
        if target is None:
            return NOT_FOUND
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
            if target is not None and hit.hit_class is HitClass.HUMAN and not _is_private(scope):
                target = await self._land(reference.account_id, reference.contact_id, target)
        elif method != "HEAD":
            return WRONG_METHOD
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
                # A notification pops up before its reader, and no scanner sees it: there a quick click says nothing.
                seconds_since_sent=None if channel is Channel.WEBPUSH else _seconds_since_made(message_id, now),
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
            ip=self._client(peer(scope), forwarded.decode("latin-1")),
            user_agent=user_agent,
            detail=verdict.reason or None,
        )

    # ------------------------------------------------------------ notifications

    async def _notification(self, scope: Scope, receive: Receive, method: str, token: str, what: str) -> Answer:
        """What the service worker of a site tells (``sites/push_worker.js``); the body is when, by its clock."""
        kind = _TOLD.get(what)
        reference = self._tokens.read_notification(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None or kind is None:
            return _NOT_FOUND_ANYWHERE
        if method != "POST":
            return _WRONG_METHOD_TO_TELL
        body = await read_body(scope, receive, limit=_LONGEST_MOMENT)
        if body is None:
            return TOO_LARGE
        hit = self._hit(scope, reference, kind, None, Channel.WEBPUSH)
        moment = _moment(body, hit)
        await self._recorder.record(Entry(hit=hit if moment is None else replace(hit, occurred_at=moment)))
        return _TOLD_DONE

    # ------------------------------------------------------------ the mail as a page

    async def _view(self, method: str, token: str) -> Answer:
        reference = self._tokens.read_view(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return NOT_FOUND
        if method not in ("GET", "HEAD"):
            return WRONG_METHOD
        try:
            html = await self._load_page(reference)
        except NotFound:
            return _NO_LONGER_THERE
        return page_answer(html.encode("utf-8", "replace"), policy=_MAIL_POLICY)

    # ------------------------------------------------------------ unsubscribing

    async def _unsubscribe(self, scope: Scope, receive: Receive, method: str, token: str) -> Answer:
        reference = self._tokens.read_unsubscribe(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return NOT_FOUND
        language = chosen(*accepted(header(scope, b"accept-language")))
        preferences = f"../p/{token}"
        if method in ("GET", "HEAD"):
            return page_answer(pages.ask(language, await self._names(reference), preferences))
        if method != "POST":
            return WRONG_METHOD_HERE
        body = await read_body(scope, receive)
        if body is None:
            return TOO_LARGE
        try:
            fields = parse_form(header(scope, b"content-type"), body)
        except FormError:
            return BAD_FORM
        if fields.get("List-Unsubscribe") == "One-Click":
            await self._decide(scope, reference, _GONE, "one-click")
            return _ONE_CLICK_DONE
        action = fields.get("action")
        whole = msgspec.structs.replace(reference, category_ids=())
        names = await self._names(reference)
        if action == "unsubscribe":
            text = pages.question(language, names)
            await self._decide(scope, reference, _GONE, "page", text=text, language=language)
            return page_answer(pages.unsubscribed(language, names, preferences))
        if action == "everything":
            await self._decide(scope, whole, _GONE, "page", text=pages.question(language), language=language)
            undo = "resubscribe_everything"
            return page_answer(pages.unsubscribed(language, (), preferences, undo=undo))
        if action in ("resubscribe", "resubscribe_everything"):
            about = whole if action == "resubscribe_everything" else reference
            text = pages.undoing(language)
            await self._decide(scope, about, _BACK, "page", text=text, language=language)
            return page_answer(pages.resubscribed(language))
        return BAD_FORM

    async def _names(self, reference: MessageRef) -> tuple[str, ...]:
        """What the categories of a message are called; nothing while the database is away."""
        if not reference.category_ids:
            return ()
        try:
            named = await self._category_names(reference.account_id, reference.category_ids)
        except (Unavailable, psycopg.Error):
            return ()
        return tuple(named[one] for one in reference.category_ids if one in named)

    async def _decide(
        self,
        scope: Scope,
        reference: MessageRef,
        state: SubscriptionState,
        source: str,
        *,
        text: str = "",
        language: str = "",
    ) -> None:
        """Record a person's decision, with its proof: about the categories of the message, or about the channel."""
        now = self._clock.now()
        ip = self._client(peer(scope), header(scope, b"x-forwarded-for"))
        agent = clean_agent(header(scope, b"user-agent").encode("latin-1"))
        campaign_id = campaign_of_message(reference.message_id) or 0
        proof = {"ip": ip, "user_agent": agent, "message_id": str(reference.message_id)}
        proof |= {name: value for name, value in (("text", text), ("language", language)) if value}
        changes = [
            ConsentChange(
                account_id=reference.account_id,
                contact_id=reference.contact_id,
                channel=Channel.EMAIL,
                state=state,
                source=source,
                detail=proof,
                occurred_at=now,
                category_id=category_id,
                # Who has the link may take back what it did, and no more: it is no way to consent.
                undoes=state is _BACK,
            )
            for category_id in reference.category_ids or (0,)
        ]
        hit = Hit(
            account_id=reference.account_id,
            contact_id=reference.contact_id,
            message_id=reference.message_id,
            campaign_id=campaign_id,
            kind=ActivityKind.UNSUBSCRIBED if state is _GONE else ActivityKind.SUBSCRIPTION_CHANGED,
            occurred_at=now,
            content_id=reference.content_id,
            ip=ip,
            user_agent=agent,
            detail=source,
        )
        await self._recorder.record(Entry(hit=hit, consent=changes[0]))
        for change in changes[1:]:
            await self._recorder.record(Entry(consent=change))


_GONE, _BACK = SubscriptionState.UNSUBSCRIBED, SubscriptionState.SUBSCRIBED
_REDIRECT_HEADERS: Headers = [*SECURITY, BARE_POLICY, (b"content-length", b"0")]
#: What browsers and proxies send when they fetch ahead of a person.
_PURPOSE_HEADERS = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))


def _is_private(scope: Scope) -> bool:
    """Whether the browser says that nobody may follow its user (Global Privacy Control, Do Not Track)."""
    return any(value == b"1" for name, value in scope["headers"] if name in (b"sec-gpc", b"dnt"))


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


def _moment(body: bytes, hit: Hit) -> datetime | None:
    """When it happened, by a clock that is believed for a day back, but not before the message was there."""
    if not body.isdigit():
        return None
    earliest = max(hit.occurred_at - _BELIEVED, made_at(hit.message_id) or hit.occurred_at - _BELIEVED)
    told = int(body) / 1000
    return datetime.fromtimestamp(told, UTC) if earliest.timestamp() <= told < hit.occurred_at.timestamp() else None
