"""Notifications encrypted, signed and posted to a local endpoint, against pywebpush's own call.

Ours: the carrier that the sending processes use, over the connections a sender has, with each browser's keys read from
the database when its notification leaves. Floor: ``pywebpush.webpush`` in a loop over one session of requests, with the
keys at hand. The endpoint is a process of its own that answers 201 and reads nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench import house as at
from bench.figures import Figure, median
from syncom.clock import SystemClock
from syncom.contacts.model import Channel
from syncom.contacts.subscriptions import SubscriptionRef
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.push.browsers import Browsers
from syncom.messages.channels.push.model import PushAnswer, PushParcel
from syncom.messages.channels.push.pool import PushPool
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.outbound import OutboundClient

MESSAGES = 4000
FLOOR_MESSAGES = 600
ROUNDS = 3
_PAYLOAD = msgspec.json.encode(
    {
        "title": "The news of this week",
        "body": "What you looked at on Monday is there again, in two colours. " * 3,
        "icon": "https://shop.example/icon.png",
        "url": "https://syncom.example/t/s/abcdefghijkl",
        "told": "https://syncom.example/t/n/" + "x" * 76,
    }
)


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """A browser at the endpoint."""

    endpoint: str
    p256dh: str
    auth: str


async def run(messages: int = MESSAGES) -> list[Figure]:
    ours: list[float] = []
    theirs: list[float] = []
    async with at.house() as house, endpoint() as port:
        account = (await house.app.accounts.create_account(at.BY, name="Bench")).account_id
        subscribers = [_subscriber(port, number) for number in range(messages)]
        await _subscribe(house, account, subscribers)
        for _ in range(ROUNDS):
            theirs.append(await asyncio.to_thread(_pywebpush, subscribers[:FLOOR_MESSAGES]))
            ours.append(await _carried(house, account, subscribers))
    return [
        Figure(
            issue="06",
            name="web push: encrypt, sign, POST",
            measured=median(ours),
            floor=median(theirs),
            unit="notifications/s",
            must=2.0,
            aim=4.0,
        )
    ]


def _subscriber(port: int, number: int) -> Subscriber:
    point = (
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )
    return Subscriber(
        endpoint=f"http://127.0.0.1:{port}/push/{number}", p256dh=_text(point), auth=_text(os.urandom(16))
    )


async def _subscribe(house: at.House, account: int, subscribers: Sequence[Subscriber]) -> None:
    """Contacts with a browser each, straight into the tables; their ids are the numbers from 1 on."""
    await at.add_contacts(house.app.database.dsn, account, len(subscribers))
    async with house.app.database.system() as connection:
        await connection.cursor().executemany(
            "INSERT INTO contact_channels (account_id, bucket, contact_id, channel, value, data)"
            " VALUES (%s, (%s & 255)::smallint, %s, 3, %s, %s)",
            [
                (
                    account,
                    number,
                    number,
                    one.endpoint,
                    msgspec.json.encode({"keys": {"p256dh": one.p256dh, "auth": one.auth}}).decode(),
                )
                for number, one in enumerate(subscribers, start=1)
            ],
        )


# ---------------------------------------------------------------- ours


class Line:
    """The source of the carrier: hands out notifications and counts what became of them."""

    def __init__(self, account: int, subscribers: Sequence[Subscriber]) -> None:
        self._parcels = self._made(account, subscribers)
        self._left = len(subscribers)
        self.ended = asyncio.Event()
        self.refused: list[str] = []

    def next_parcel(self) -> PushParcel | None:
        return next(self._parcels, None)

    def handing_over(self, parcel: PushParcel, /) -> None:
        """Nobody keeps a journal here."""

    def finished(self, parcel: PushParcel, outcome: Outcome, answer: PushAnswer, /) -> None:
        if outcome is not Outcome.ACCEPTED:
            self.refused.append(answer.words)
        self._left -= 1
        if not self._left:
            self.ended.set()

    @staticmethod
    def _made(account: int, subscribers: Sequence[Subscriber]) -> Iterator[PushParcel]:
        for number, one in enumerate(subscribers, start=1):
            yield PushParcel(
                key=number,
                message_id=UUID(int=number),
                browsers=(SubscriptionRef(account_id=account, contact_id=number, endpoint=one.endpoint),),
                payload=_PAYLOAD,
                ttl=86_400,
                urgency="normal",
            )


async def _carried(house: at.House, account: int, subscribers: Sequence[Subscriber]) -> float:
    """Notifications a second."""
    line = Line(account, subscribers)
    config = (await house.app.senders.default(account, Channel.WEBPUSH)).config
    pool = PushPool(
        account,
        "mailto:admin@example.com",
        line,
        OutboundClient("127.0.0.1/32", connections=config.max_connections, repeats=False),
        push_keys=house.app.push_keys,
        browsers=Browsers(house.app.database),
        short_links=ShortLinks(house.app.database),
        outbound_allow="127.0.0.1/32",
        connections=config.max_connections,
        timeout=config.timeout,
        clock=SystemClock(),
    )
    started = time.perf_counter()
    pool.wake()
    await line.ended.wait()
    took = time.perf_counter() - started
    await pool.drain()
    if line.refused:
        raise RuntimeError(f"{len(line.refused)} notifications were refused: {line.refused[0]}")
    return len(subscribers) / took


# ---------------------------------------------------------------- the floor


def _pywebpush(subscribers: Sequence[Subscriber]) -> float:
    """Notifications a second."""
    import requests
    from py_vapid import Vapid02
    from pywebpush import webpush

    vapid = Vapid02()
    vapid.generate_keys()
    with requests.Session() as session:
        started = time.perf_counter()
        for one in subscribers:
            webpush(
                {"endpoint": one.endpoint, "keys": {"p256dh": one.p256dh, "auth": one.auth}},
                _PAYLOAD,
                vapid_private_key=vapid,
                vapid_claims={"sub": "mailto:admin@example.com"},
                ttl=86_400,
                requests_session=session,
            )
        return len(subscribers) / (time.perf_counter() - started)


# ---------------------------------------------------------------- the endpoint


class Took(asyncio.Protocol):
    """Answers 201 to every request of a connection, as soon as its body is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")


@asynccontextmanager
async def endpoint() -> AsyncGenerator[int]:
    """The port of a push service in a process of its own."""
    port = at.free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.push", str(port), cwd=Path(__file__).parent.parent, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield port
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Took, "127.0.0.1", port)
    print("ready", flush=True)
    await stop.wait()
    server.close()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1])))
