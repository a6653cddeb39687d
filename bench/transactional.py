"""A transactional mail while a campaign runs at full speed, against the same on an idle system.

Measured from the call that queues the message to the moment the sink has its body. The campaign goes to a sink of its
own at full speed (its sender process is another one); p99 over the same number of messages. The memory of the sending
process is read meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import psutil

from bench import house as at
from bench import sending
from bench.figures import Figure
from syncom.campaigns.model import Audience, CampaignInput
from syncom.content.model import TemplateInput
from syncom.messages.channels.email.model import Security
from syncom.messages.model import SenderConfig
from syncom.messages.senders import SenderInput
from syncom.messages.service import MessageRecipient, SendRequest

MESSAGES = 300
PAUSE = 0.02
_RECEIPT = TemplateInput(
    name="Receipt", subject="Order {{ number }}", source="<p>Order {{ number }}, {{ first_name }}</p>"
)


class Watch(asyncio.Protocol):
    """A minimal SMTP server that notes when each mail's body is there, by its subject."""

    arrivals: dict[str, float]

    def __init__(self, arrivals: dict[str, float]) -> None:
        self.arrivals = arrivals
        self._buffer = b""
        self._body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 watch\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        end = b"\r\n.\r\n" if self._body else b"\r\n"
        head, found, rest = self._buffer.partition(end)
        if not found:
            return False
        self._buffer = rest
        if self._body:
            self._body = False
            subject = next(line for line in head.split(b"\r\n") if line.startswith(b"Subject: Order "))
            self.arrivals[subject.rpartition(b" ")[2].decode()] = time.perf_counter()
            self._transport.write(b"250 ok\r\n")
            return True
        verb = head[:4].upper()
        if verb == b"EHLO":
            self._transport.write(b"250-watch\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif verb == b"DATA":
            self._body = True
            self._transport.write(b"354 go\r\n")
        else:
            self._transport.write(b"250 ok\r\n")
        return True


async def run(recipients: int = 1_000_000) -> list[Figure]:
    async with at.house() as house, sending.sink() as port, watch() as (watch_port, arrivals):
        account = (await house.app.accounts.create_account(at.BY, name="Bench")).account_id
        await at.add_contacts(house.app.database.dsn, account, recipients)
        await sending.prepare(house, account, port)
        sender_id = await quick_sender(house, account, watch_port)
        receipt = (await house.app.content.create(account, _RECEIPT)).template_id
        await at.wear_in(house.app.database.dsn)
        async with at.process(*at.syncom("run", "sender", "--lane", "express"), environment=house.environment):
            await _p99(house, account, receipt, sender_id, arrivals, "warm")
            idle = await _p99(house, account, receipt, sender_id, arrivals, "idle")
            await _launch(house, account)
            async with (
                at.process(*at.syncom("run", "worker"), environment=house.environment),
                AsyncExitStack() as senders,
            ):
                # As `syncom up` runs them.
                command = at.syncom("run", "sender", "--lane", "bulk")
                bulk = [
                    await senders.enter_async_context(at.process(*command, environment=house.environment))
                    for _ in range(house.settings.senders)
                ]
                await _at_full_speed(house)
                early = _memory(bulk[0].pid)
                busy = await _p99(house, account, receipt, sender_id, arrivals, "busy")
                peak = await _memory_until(house, bulk[0].pid, recipients * 9 // 10)
    return [
        Figure(
            issue="01",
            name="transactional mail during a campaign, p99",
            measured=busy * 1000,
            floor=idle * 1000,
            unit="ms",
            must=4.0,
            aim=2.0,
            better="lower",
        ),
        Figure(
            issue="01",
            name="memory of a sending worker, 1 million contacts",
            measured=peak,
            floor=None,
            unit=f"MiB (after the first seconds {early:.0f})",
            must=150,
            aim=80,
            better="lower",
        ),
    ]


@asynccontextmanager
async def watch() -> AsyncGenerator[tuple[int, dict[str, float]]]:
    arrivals: dict[str, float] = {}
    port = at.free_port()
    server = await asyncio.get_running_loop().create_server(lambda: Watch(arrivals), "127.0.0.1", port)
    try:
        yield port, arrivals
    finally:
        server.close()


async def quick_sender(house: at.House, account: int, port: int) -> int:
    config = SenderConfig(host="127.0.0.1", port=port, security=Security.PLAIN, max_connections=4)
    sender = await house.app.senders.add(
        account, SenderInput(name="Quick", from_email="shop@brand.example", config=config)
    )
    return sender.sender_id


async def _launch(house: at.House, account: int) -> None:
    app = house.app
    template = next(found for found in (await app.content.list(account)).templates if found.name == "Letter")
    campaign = await app.campaigns.create(
        account, CampaignInput(name="Bench", template_id=template.template_id, audience=Audience(everyone=True))
    )
    await app.campaigns.start(account, campaign.campaign_id)


async def _at_full_speed(house: at.House) -> None:
    while await _sent(house) < 20_000:
        await asyncio.sleep(0.1)


async def _sent(house: at.House) -> int:
    async with house.app.database.system() as connection:
        row = await (
            await connection.execute("SELECT coalesce(sum(count), 0) FROM campaign_statistics WHERE kind = 'sent'")
        ).fetchone()
    return int(row[0]) if row else 0


async def _p99(
    house: at.House, account: int, template_id: int, sender_id: int, arrivals: dict[str, float], run: str
) -> float:
    """Seconds from submission to arrival that 99 of 100 messages need at most."""
    sent: dict[str, float] = {}
    for number in range(MESSAGES):
        name = f"{run}-{number}"
        recipient = MessageRecipient(contact_id=1 + number, params={"number": name})
        sent[name] = time.perf_counter()
        await house.app.messages.send(
            account, SendRequest(template_id=template_id, recipients=(recipient,), sender_id=sender_id)
        )
        await asyncio.sleep(PAUSE)
    while not sent.keys() <= arrivals.keys():
        await asyncio.sleep(0.01)
    waits = sorted(arrivals[name] - moment for name, moment in sent.items())
    return waits[int(len(waits) * 0.99) - 1]


def _memory(process_id: int) -> float:
    """Resident memory of a process in MiB."""
    return psutil.Process(process_id).memory_info().rss / 2**20


async def _memory_until(house: at.House, process_id: int, sent: int) -> float:
    peak = 0.0
    while await _sent(house) < sent:
        peak = max(peak, _memory(process_id))
        await asyncio.sleep(0.5)
    return peak
