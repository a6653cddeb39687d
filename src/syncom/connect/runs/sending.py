"""The requests of one run: sent, repeated where that is safe, authorised anew once, read, and written down."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from syncom.clock import Clock
from syncom.connect.model import Authorisation, Connection, Fault
from syncom.connect.pointer import at_pointer, is_failure
from syncom.connect.runs.model import HIDDEN, Answered, Wanted
from syncom.connect.runs.redaction import Redaction
from syncom.connect.transport.address import query_names
from syncom.connect.transport.pinned import TimedOut
from syncom.connect.transport.service import Response, Target, Transport
from syncom.errors import Conflict, Forbidden, RateLimited, SyncomError, Upstream
from syncom.outbound import Unreachable, retry_after

#: Bytes of an answer that a run takes (membrane-api, 4).
MAX_ANSWER: Final = 30 * 1024 * 1024
#: Seconds that an app may be silent.
SECONDS: Final = 60.0
ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 8.0
#: Seconds of a Retry-After that are waited for; more is told to the caller.
_LONGEST_REST: Final = 30.0
_REDIRECTS: Final = 5
_REPEATED: Final = frozenset({429, 500, 502, 503, 504})
_SAID: Final = ("content-type", "retry-after", "x-request-id", "location")
#: Bytes of an answer that a fault repeats.
_FAULT_BODY: Final = 16 * 1024
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Connections(Protocol):
    """What is needed of connections."""

    async def authorise(self, connection: Connection) -> Authorisation: ...
    async def refused(self, connection: Connection, seen: Authorisation) -> Authorisation | None: ...


class Failed(Upstream):
    """A request of a run failed for good. Never leaves this room: :class:`RunFailed` adds the run."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Sender:
    """Sends the requests of one run."""

    def __init__(
        self,
        transport: Transport,
        connections: Connections,
        clock: Clock,
        connection: Connection,
        authorisation: Authorisation,
        *,
        idempotent: bool,
        refused: Callable[[Authorisation], None],
    ) -> None:
        """``refused`` is told of credentials that the app refuses and that cannot be renewed."""
        self._transport = transport
        self._connections = connections
        self._clock = clock
        self._connection = connection
        self._authorisation = authorisation
        self._idempotent = idempotent
        self._refused = refused
        self._renewed = False
        self.redaction = Redaction(authorisation)
        #: Every request that was sent: ``[{request: {method, url}, response: {status}, ms}]``.
        self.exchanges: list[dict[str, Any]] = []

    async def send(self, wanted: Wanted, *, accept: tuple[int, ...] = (), raw: bool = False) -> Answered:
        """The answer of a request that went well. ``accept``: statuses beside 2xx that are answers too; ``raw``: take
        any kind of content. Raises Failed, and what :meth:`Transport.open` raises before anything is sent."""
        repeatable = self._idempotent or wanted.method in _SAFE
        attempt = 1
        while True:
            try:
                answered, broken = await self._once(wanted)
            except Unreachable as error:
                if attempt == ATTEMPTS or (error.begun and not repeatable) or isinstance(error, TimedOut):
                    raise Failed(self._unreachable(error, wanted, repeatable)) from error
                rest = self._pause(attempt)
            else:
                if answered.status == 401:
                    if await self._renew():
                        continue
                    self._refused(self._authorisation)
                rest = self._rest(answered, attempt, repeatable)
                if rest is None or attempt == ATTEMPTS:
                    return await self._judged(answered, broken, wanted, accept, raw)
            await self._clock.sleep(rest)
            attempt += 1

    async def preview(self, wanted: Wanted) -> dict[str, Any]:
        """The request as it would be sent, with credentials struck out."""
        target = await self._target()
        url = str(self._transport.address(target, wanted.path, wanted.query))
        placed = {name.lower() for name in self._authorisation.headers}
        headers = self._transport.headers(target, self._with_media(wanted), wanted.cookies)
        shown = {
            name.lower(): HIDDEN if name.lower() in placed | {"cookie"} else self.redaction.text(value)
            for name, value in headers
        }
        body = None if wanted.body is None else self.redaction.record(_read(wanted.body, wanted.media, strict=False))
        return {"method": wanted.method, "url": self._shown(url), "headers": shown, "body": body}

    async def _once(self, wanted: Wanted) -> tuple[Answered, str]:
        """One request. The text says what is wrong with the body of its answer, if anything."""
        began = self._clock.monotonic()
        target = await self._target()
        url = str(self._transport.address(target, wanted.path, wanted.query))
        exchange: dict[str, Any] = {"request": {"method": wanted.method, "url": self._shown(url)}}
        try:
            async with self._transport.open(
                self._connection,
                self._authorisation,
                wanted.method,
                wanted.path,
                headers=self._with_media(wanted),
                query=wanted.query,
                cookies=wanted.cookies,
                body=wanted.body,
                seconds=SECONDS,
                follow=_REDIRECTS,
            ) as response:
                exchange["response"] = {"status": response.status}
                self.exchanges.append(exchange)
                body = unpacked(response, await response.whole(MAX_ANSWER))
        except Unreachable as error:
            exchange["error"] = self.redaction.text(error.message)
            if exchange not in self.exchanges:
                self.exchanges.append(exchange)
            raise
        finally:
            exchange["ms"] = round((self._clock.monotonic() - began) * 1000)
        try:
            data, broken = _read(body, response.header("content-type"), strict=True), ""
        except ValueError as error:
            data, broken = body.decode("utf-8", "replace"), str(error)
        return Answered(status=response.status, headers=tuple(response.headers), data=data, url=url), broken

    async def _target(self) -> Target:
        connector = await self._transport.connector(self._connection)
        return Target(self._connection.connection_id, connector, self._authorisation)

    def _with_media(self, wanted: Wanted) -> list[tuple[str, str]]:
        headers = list(wanted.headers)
        if wanted.body is not None and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("content-type", wanted.media))
        return headers

    async def _renew(self) -> bool:
        """After a 401: whether there are new credentials to try with, once in a run."""
        if self._renewed:
            return False
        self._renewed = True
        renewed = await self._connections.refused(self._connection, self._authorisation)
        if renewed is None:
            return False
        self._authorisation = renewed
        self.redaction = self.redaction.also(renewed)
        return True

    def _rest(self, answered: Answered, attempt: int, repeatable: bool) -> float | None:
        """Seconds to wait before the same request is sent again; None when it is not."""
        if answered.status not in _REPEATED:
            return None
        asked = retry_after(answered.headers, self._clock.now())
        # 429 says that nothing was done; 503 says so when it names a time.
        refused = answered.status == 429 or (answered.status == 503 and asked is not None)
        if asked is not None and refused:
            self._transport.pace.closed(self._connection.connection_id, min(asked, _LONGEST_REST))
        if not (repeatable or refused) or (asked is not None and asked > _LONGEST_REST):
            return None
        return max(asked or 0.0, self._pause(attempt))

    def _pause(self, attempt: int) -> float:
        longest = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
        return self._clock.jitter(longest / 2, longest)

    # ------------------------------------------------------------ what went wrong

    async def _judged(
        self, answered: Answered, broken: str, wanted: Wanted, accept: tuple[int, ...], raw: bool
    ) -> Answered:
        """The answer, unless it is a failure. Raises Failed."""
        if answered.status not in accept and not 200 <= answered.status < 300:
            raise Failed(self._fault(answered, wanted, self._said(answered, wanted)))
        if raw:
            return answered
        where = f"{wanted.method} {self._where(answered.url)} answered {answered.status}"
        if broken:
            raise Failed(self._fault(answered, wanted, f"{where} with {broken}"))
        media = next((value for name, value in answered.headers if name == "content-type"), "").lower()
        if media.startswith("text/html"):
            raise Failed(self._fault(answered, wanted, f"{where} with a web page instead of data"))
        failure = (await self._transport.connector(self._connection)).failure
        if failure is not None and is_failure(failure, answered.data):
            said = _message(at_pointer(answered.data, failure.message)) if failure.message else ""
            text = f"{wanted.method} {self._where(answered.url)} failed"
            raise Failed(self._fault(answered, wanted, f"{text}: {self.redaction.text(said)}" if said else text))
        return answered

    def _said(self, answered: Answered, wanted: Wanted) -> str:
        text = f"{wanted.method} {self._where(answered.url)} answered {answered.status}"
        said = _message(answered.data)
        return f"{text}: {self.redaction.text(said)}" if said else text

    def _fault(self, answered: Answered, wanted: Wanted, message: str) -> Fault:
        headers = {name: self.redaction.text(value) for name, value in answered.headers if name in _SAID}
        data = {
            "request": {"method": wanted.method, "url": self._shown(answered.url)},
            "response": {
                "status": answered.status,
                "headers": headers,
                "data": self.redaction.record(answered.data, limit=_FAULT_BODY),
            },
        }
        key = {401: "access_token_expired", 429: "rate_limit_exceeded"}.get(answered.status, "")
        return Fault(type="action_run", key=key, message=message, data=data)

    def _unreachable(self, error: Unreachable, wanted: Wanted, repeatable: bool) -> Fault:
        message = self.redaction.text(error.message)
        if error.begun and not repeatable:
            message += "; whether the app did what was asked is not known"
        request = self.exchanges[-1]["request"] if self.exchanges else {"method": wanted.method}
        return Fault(type="action_run", key=error.code, message=message, data={"request": request})

    def _where(self, url: str) -> str:
        return self._shown(url).partition("?")[0]

    def _shown(self, url: str) -> str:
        """An address without credentials."""
        path, _, query = url.partition("?")
        placed = set(self._authorisation.query)
        kept = [
            f"{part.partition('=')[0]}={HIDDEN}" if query_names(part) & placed else part
            for part in query.split("&")
            if part
        ]
        return self.redaction.text(f"{path}?{'&'.join(kept)}" if kept else path)[:2000]


def fault_of(error: SyncomError) -> Fault:
    """A refusal as a fault: an address that is not the connector's, a formula, a connection that is dead."""
    if isinstance(error, Failed):
        return error.fault
    if isinstance(error, RateLimited):
        return Fault(type="action_run", key="rate_limit_exceeded", message=error.message)
    if isinstance(error, Conflict):
        return Fault(type="connection", key="connection_is_defunct", message=error.message)
    if isinstance(error, Forbidden):
        return Fault(type="action_run", key="access_denied", message=error.message)
    return Fault(type="action_run", key=error.code, message=error.message)


def unpacked(response: Response, body: bytes) -> bytes:
    """A body that was packed although nobody asked for it. Raises Unreachable when it is broken or too long."""
    kind = response.header("content-encoding").strip().lower()
    if kind in ("", "identity") or not body:
        return body
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise Unreachable(f"the answer is packed in a way that was not asked for ({kind[:40]})", begun=True)
    unpack = zlib.decompressobj(wbits=47 if "gzip" in kind else 15)
    try:
        found = unpack.decompress(body, MAX_ANSWER)
    except zlib.error:
        raise Unreachable("the answer is packed, and broken", begun=True) from None
    if not unpack.eof and len(found) < MAX_ANSWER:
        raise Unreachable("the answer is packed, and cut off", begun=True)
    if unpack.unconsumed_tail:
        raise Unreachable(f"the answer is longer than {MAX_ANSWER} bytes", begun=True)
    return found


def _read(body: bytes, media: str, *, strict: bool) -> Any:
    """A body as a value. Raises ValueError for JSON that is none, when ``strict``."""
    if not body.strip():
        return None
    kind = media.partition(";")[0].strip().lower()
    if kind.endswith("json") or (kind in ("", "text/plain") and body.lstrip()[:1] in (b"{", b"[")):
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            if strict and kind.endswith("json"):
                return _read_slowly(body)
    if kind.startswith(("text/", "application/xml", "application/x-www-form-urlencoded", "application/javascript")) or (
        not kind or kind.endswith(("json", "+xml"))
    ):
        return body.decode(_charset(media), "replace")
    return {"content": base64.b64encode(body).decode(), "contentType": media}


def _read_slowly(body: bytes) -> Any:
    """JSON as lenient servers write it: a byte order mark, NaN, broken UTF-8, or a bare sentence under its name, which
    no cut-off JSON looks like. Raises ValueError."""
    text = body.decode("utf-8-sig", "replace")
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        words = text.strip()
        if words[:1].isalpha() and " " in words:
            return words
        raise ValueError("JSON that is broken or cut off") from None


def _charset(media: str) -> str:
    _, _, name = media.lower().partition("charset=")
    name = name.partition(";")[0].strip(' "')
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return "utf-8"
    return name or "utf-8"


def _message(data: Any) -> str:
    """What an app says about its error, wherever it says so."""
    if isinstance(data, str):
        text = data.strip()
        return "" if text.startswith("<") else text[:300]
    if isinstance(data, list) and data:
        return _message(data[0])
    if isinstance(data, dict):
        for name in (
            "message",
            "error_description",
            "detail",
            "error_message",
            "errorMessage",
            "title",
            "error",
            "errors",
        ):
            found = _message(data.get(name))
            if found:
                return found
    return ""
