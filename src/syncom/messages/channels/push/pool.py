"""Web push through the services of browsers: one POST a notification, over kept connections (RFC 8030, 5).

Whoever subscribes names the address, and so the service. So nothing that one service does touches the messages to
others: each that fails or asks for patience rests by itself, and none can make the sender rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from yarl import URL

from syncom.clock import Clock
from syncom.contacts.subscriptions import SubscriptionKeys, SubscriptionRef
from syncom.errors import Invalid, Unavailable
from syncom.messages.channels.carrier import Outcome, Refusal, Source
from syncom.messages.channels.hands import Hands
from syncom.messages.channels.push.browsers import Browsers
from syncom.messages.channels.push.encryption import encrypt
from syncom.messages.channels.push.model import PushAnswer, PushParcel
from syncom.messages.channels.push.vapid import Vapid
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.outbound import OutboundClient, Unreachable, check_url, is_allowed, read_networks, retry_after
from syncom.sites.push_keys import PushKeys

_log = logging.getLogger(__name__)

#: Bytes of an answer that are read; services say a line.
_LONGEST_ANSWER: Final = 16 * 1024
#: Seconds to wait before the second, third ... attempt; then the last one again and again.
_STEPS: Final = (30, 120, 300, 900, 1800, 3600)
#: A service may ask for patience, but not for a week.
_LONGEST_PATIENCE: Final = 3600.0
#: Seconds for which a service that cannot be reached rests: the first time, doubled each time up to the second.
_FIRST_REST: Final = 1.0
_LONGEST_REST: Final = 300.0
#: The subscription is gone (RFC 8030, 7.3).
_GONE: Final = frozenset({404, 410})
#: The service does not know the account's key, or not for this subscription (RFC 8292, 4.2). A wrong clock or a new key
#: does that too, so it is tried a few times before it counts.
_NOT_KNOWN: Final = frozenset({401, 403})
_ATTEMPTS_UNKNOWN: Final = 4
#: 406 is how the service of Windows says 429.
_LATER: Final = frozenset({406, 408, 425, 429})
#: Notifications in hand for each connection: while some are posted, the keys of the next ones are read, many at once.
#: With one, every post waited for a look-up of its own.
_HANDS: Final = 2
#: Services whose state is remembered.
_MAX_SERVICES: Final = 500


class _Service:
    """A push service as we found it."""

    __slots__ = ("failures", "not_before", "trouble")

    def __init__(self) -> None:
        self.failures = 0
        #: By the monotonic clock.
        self.not_before = 0.0
        #: Empty: none.
        self.trouble = ""


class _Request(NamedTuple):
    """A notification for one browser, encrypted."""

    browser: SubscriptionRef
    url: URL
    service: _Service
    headers: dict[str, str]
    body: bytes


class PushPool:
    """The requests of one account's notifications. Use it from one event loop."""

    def __init__(
        self,
        account_id: int,
        contact: str,
        source: Source[Any, Any],
        client: OutboundClient,
        *,
        push_keys: PushKeys,
        browsers: Browsers,
        short_links: ShortLinks,
        outbound_allow: str,
        connections: int,
        timeout: float,
        clock: Clock,
    ) -> None:
        """``contact`` as in :class:`Vapid`; plain http is for addresses in ``outbound_allow``."""
        self._account_id = account_id
        self._contact = contact
        self._source = source
        self._client = client
        self._push_keys = push_keys
        self._browsers = browsers
        self._short_links = short_links
        self._allowed = read_networks(outbound_allow)
        self._timeout = timeout
        self._clock = clock
        self._vapid: Vapid | None = None
        self._services: dict[str, _Service] = {}
        self._turns = asyncio.Semaphore(connections)
        self._hands: Hands[PushParcel] = Hands(source, self._carry, count=connections * _HANDS, clock=clock)
        self.wake = self._hands.wake

    @property
    def trouble(self) -> str | None:
        """Of the way to the services, else of the first one that has some."""
        if self._hands.trouble:
            return self._hands.trouble
        found = next((service.trouble for service in self._services.values() if service.trouble), "")
        return found if self._services else None

    async def drain(self) -> None:
        """Begin nothing new, wait for the answers that are due."""
        await self._hands.drain()
        await self._client.close()

    async def _carry(self, parcel: PushParcel) -> None:
        outcome, answer = await self._asked(parcel)
        if outcome is Outcome.NOT_SENT:
            self._hands.failed(answer.text)
        else:
            self._hands.worked()
        self._source.finished(parcel, outcome, answer)

    async def _asked(self, parcel: PushParcel) -> tuple[Outcome, PushAnswer]:
        """One notification to its end at each of its browsers. Raises nothing: whoever gave it is told."""
        try:
            keys = (
                [await self._browsers.keys(parcel.browsers[0])]
                if len(parcel.browsers) == 1
                else await asyncio.gather(*(self._browsers.keys(browser) for browser in parcel.browsers))
            )
            if parcel.link is not None and any(keys):
                await self._short_links.keep(parcel.link)
            signer = await self._signer()
        except Unavailable as error:
            return Outcome.NOT_SENT, _own(error.message)
        except Exception as error:  # noqa: BLE001 - whoever gave it is told, whatever it is
            return _defect(error)
        async with self._turns:
            return await self._sent(parcel, keys, signer)

    async def _sent(
        self, parcel: PushParcel, keys: Sequence[SubscriptionKeys | None], signer: Vapid
    ) -> tuple[Outcome, PushAnswer]:
        try:
            ready = [
                self._ready(parcel, browser, found, signer)
                for browser, found in zip(parcel.browsers, keys, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - one message's defect is its own; whoever gave it is told
            return _defect(error)
        requests = [one for one in ready if isinstance(one, _Request)]
        if not requests:
            return together([one for one in ready if not isinstance(one, _Request)])
        self._source.handing_over(parcel)
        posted = (
            [await self._post(requests[0])]
            if len(requests) == 1
            else await asyncio.gather(*(self._post(one) for one in requests))
        )
        gone = [one.browser for one, (_, answer) in zip(requests, posted, strict=True) if answer.status in _GONE]
        if gone:
            await self._forget(gone)
        # Words of ours about one browser must not stand for what services said to the others.
        unasked = [
            (outcome, msgspec.structs.replace(answer, local=False))
            for outcome, answer in (one for one in ready if not isinstance(one, _Request))
        ]
        return together([*posted, *unasked])

    def _ready(
        self, parcel: PushParcel, browser: SubscriptionRef, keys: SubscriptionKeys | None, signer: Vapid
    ) -> _Request | tuple[Outcome, PushAnswer]:
        """What to ask for this browser, or why nothing is asked now."""
        try:
            url = self._checked(browser.endpoint)
            service = self._service(str(url.origin()))
            rest = service.not_before - self._clock.monotonic()
            if rest > 0:
                words = f"{url.host} rests: {service.trouble}"
                return Outcome.TRANSIENT, PushAnswer(status=0, text=words, wait=rest, local=True)
            if keys is None:
                raise Invalid("subscription", "is gone: this browser gets no more notifications for this contact")
            body = encrypt(parcel.payload, keys)
        except Invalid as error:
            return Outcome.PERMANENT, _own(error.message)
        headers = _headers(parcel, signer.header(str(url.origin())))
        return _Request(browser=browser, url=url, service=service, headers=headers, body=body)

    async def _forget(self, gone: Sequence[SubscriptionRef]) -> None:
        try:
            await self._browsers.forget(gone)
        except (psycopg.Error, Unavailable) as error:
            # The next notification to them hears it again.
            _log.warning("%d subscriptions that are gone are not removed yet: %s", len(gone), error)

    async def _signer(self) -> Vapid:
        if self._vapid is None:
            pair = await self._push_keys.pair(self._account_id)
            # Another hand may have been here meanwhile: its tokens are kept.
            self._vapid = self._vapid or Vapid(pair, self._contact, self._clock)
        return self._vapid

    async def _post(self, request: _Request) -> tuple[Outcome, PushAnswer]:
        url, service = request.url, request.service
        try:
            got = await self._client.call(
                "POST", url, headers=request.headers, body=request.body, seconds=self._timeout, limit=_LONGEST_ANSWER
            )
        except Unreachable as error:
            rest = self._failed(service, error.message)
            if error.begun:
                return Outcome.UNCERTAIN, _own(error.message)
            # Not local, though the words are ours: it was journalled as begun, and this takes it back.
            return Outcome.TRANSIENT, PushAnswer(status=0, text=error.message, wait=rest)
        except Invalid as error:
            # It leads where nothing may be sent.
            return Outcome.PERMANENT, PushAnswer(status=0, text=error.message)
        except Exception as error:  # noqa: BLE001 - whoever asked must hear what became of it
            _log.exception("a request to a push service failed in an unknown way")
            return Outcome.UNCERTAIN, _own(f"the request failed: {error}")
        wait = retry_after(got.headers.items(), self._clock.now())
        return self._read(service, url, got.status, got.body, wait)

    def _read(
        self, service: _Service, url: URL, status: int, body: bytes, wait: float | None
    ) -> tuple[Outcome, PushAnswer]:
        said = " ".join(body[:300].decode("utf-8", "replace").split())
        if 200 <= status < 300:
            service.failures, service.trouble = 0, ""
            return Outcome.ACCEPTED, PushAnswer(status=status, text=f"{url.host} took it")
        if status in _GONE:
            words = f"the subscription is gone and was removed. {said}"
            return Outcome.PERMANENT, PushAnswer(status=status, text=words)
        if status in _LATER or status >= 500:
            words = f"{url.host} asks to wait. {said}"
            rest = self._failed(service, f"{status} {words}".strip(), wait)
            return Outcome.TRANSIENT, PushAnswer(status=status, text=words, wait=rest)
        if status in _NOT_KNOWN:
            service.trouble = f"{url.host} does not take the account's key: {status} {said}"
            words = f"{url.host} does not take the account's key for this subscription. {said}"
            return Outcome.TRANSIENT, PushAnswer(status=status, text=words)
        if status == 413:
            return Outcome.PERMANENT, PushAnswer(status=status, text=f"too long for {url.host}. {said}")
        return Outcome.PERMANENT, PushAnswer(status=status, text=f"{url.host} refused it. {said}")

    def _failed(self, service: _Service, words: str, wait: float | None = None) -> float:
        """It rests: as long as it asks for, or longer each time. Returns the seconds."""
        now = self._clock.monotonic()
        # Twenty requests that fail at once are one failure, not twenty.
        if now >= service.not_before:
            service.failures += 1
        if wait is None:
            wait = min(_LONGEST_REST, _FIRST_REST * 2 ** min(service.failures - 1, 10))
        service.not_before = max(service.not_before, now + min(wait, _LONGEST_PATIENCE))
        service.trouble = words
        return service.not_before - now

    def _service(self, origin: str) -> _Service:
        found = self._services.get(origin)
        if found is None:
            if len(self._services) >= _MAX_SERVICES:
                self._services.pop(next(iter(self._services)))
            found = self._services[origin] = _Service()
        return found

    def _checked(self, endpoint: str) -> URL:
        """Raises Invalid."""
        url = check_url("subscription", endpoint)
        if url.scheme != "https" and not is_allowed(url.host or "", self._allowed):
            raise Invalid("subscription", "must be the https address of a push service")
        return url


def _headers(parcel: PushParcel, authorization: str) -> dict[str, str]:
    headers = {
        "Authorization": authorization,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(parcel.ttl),
    }
    if parcel.urgency:
        headers["Urgency"] = parcel.urgency
    if parcel.topic:
        headers["Topic"] = parcel.topic
    return headers


def judge(outcome: Outcome, answer: PushAnswer, attempt: int, clock: Clock) -> Refusal:
    """What a push service's no means. ``attempt``: how many were made, from 1."""
    delay = _STEPS[min(max(attempt, 1), len(_STEPS)) - 1] * clock.jitter(0.8, 1.2)
    if answer.wait is not None:
        delay = max(1.0, answer.wait) * clock.jitter(1.0, 1.2)
    again = outcome is Outcome.TRANSIENT and (answer.status not in _NOT_KNOWN or attempt < _ATTEMPTS_UNKNOWN)
    return Refusal(try_again=again, delay=delay)


def together(told: Sequence[tuple[Outcome, PushAnswer]]) -> tuple[Outcome, PushAnswer]:
    """What became of a notification at all of its browsers: it arrived when one took it.

    Otherwise whatever is not certain counts first, then what may still work, and for good only what all refused.
    """
    order = (Outcome.ACCEPTED, Outcome.UNCERTAIN, Outcome.TRANSIENT, Outcome.PERMANENT)
    outcome, answer = min(told, key=lambda one: order.index(one[0]))
    alike = sum(1 for one, _ in told if one is outcome)
    if len(told) == 1:
        return outcome, answer
    waits = [one.wait for _, one in told if one.wait is not None]
    return outcome, msgspec.structs.replace(
        answer,
        text=f"{answer.text} ({alike} of {len(told)} browsers)",
        wait=min(waits) if waits and outcome is Outcome.TRANSIENT else answer.wait,
    )


def _defect(error: Exception) -> tuple[Outcome, PushAnswer]:
    _log.error("a notification cannot be made ready", exc_info=error)
    return Outcome.PERMANENT, _own(f"cannot be made ready: {error}")


def _own(words: str) -> PushAnswer:
    return PushAnswer(status=0, text=words, local=True)
