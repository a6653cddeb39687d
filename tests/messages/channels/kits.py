"""Every channel there is, with a peer of its own: a list that the contract is tried on."""

from __future__ import annotations

import asyncio
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import psycopg
from smpp34 import SubmitSm

from syncom.clock import Clock
from syncom.contacts.model import Channel
from syncom.content.model import TemplateInput
from syncom.errors import Unavailable
from syncom.inbox.model import ReceivedMail
from syncom.inbox.service import InboxService
from syncom.messages.channels.carrier import Carrier
from syncom.messages.channels.email.model import Security
from syncom.messages.channels.sms.form import GatewayCall, GatewayForm
from syncom.messages.channels.sms.model import ShortLink
from syncom.messages.channels.sms.providers import TwilioAccount, VonageAccount
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.messages.channels.sms.smpp.model import SmppBind
from syncom.messages.model import Sender, SenderConfig, SenderKind
from syncom.messages.senders import SenderInput
from syncom.outbound import OutboundClient
from syncom.tokens import MessageTokens
from tests.messages.channels.contract import Act, Held, Kit
from tests.messages.email.smtp_peer import DROP, SmtpPeer, running_peer
from tests.messages.email.smtp_peer import Act as SmtpAct
from tests.messages.house import BASE_URL, LETTER, SendingHouse
from tests.messages.push.browser import Browser
from tests.messages.sms.gateway_peer import Asked, GatewayPeer, Reply, running_gateway
from tests.messages.sms.smpp.byte_peer import BytePeer, Connection, refused, running_bytes, taken

_CONFIG = SenderConfig(max_connections=3, timeout=5.0)
_TEXT = TemplateInput(name="Text", subject="", source="Hello", channel=Channel.SMS)


class SmtpKit(Kit):
    name = "smtp"
    template = LETTER

    async def sender(self) -> Sender:
        config = msgspec.structs.replace(_CONFIG, host="127.0.0.1", port=self.port, security=Security.PLAIN)
        given = SenderInput(name="SMTP", from_email="news@brand.example", config=config)
        return await self.house.senders.add(self.house.account_id, given)

    def listening(self) -> AbstractAsyncContextManager[object]:
        return running_peer(SmtpPeer(disturb=self._disturb), port=self.port)

    def _disturb(self, phase: str, connection: int, argument: str) -> SmtpAct | None:
        if phase != "after_dot":
            return None
        number = int(argument.removeprefix("p").partition("@")[0])
        act = self.peer.arrived(number)
        if act is Act.LATER:
            return SmtpAct(say="451 4.3.0 try later")
        if act is Act.NEVER:
            return SmtpAct(say="554 5.6.0 not this one")
        if act is Act.CUT:
            return DROP
        return SmtpAct(say="250 2.0.0 taken", drip=self.peer.slowly / 20) if self.peer.slowly else None


class _HttpKit(Kit):
    """A peer that is asked by HTTP."""

    took = Reply()

    def listening(self) -> AbstractAsyncContextManager[object]:
        return running_gateway(self._behave, port=self.port)

    @abstractmethod
    def number(self, asked: Asked) -> int:
        """Which of the contract's recipients a request is about."""

    def _behave(self, asked: Asked, count: int) -> Reply:
        act = self.peer.arrived(self.number(asked))
        if act is Act.LATER:
            return Reply(status=503, body=b"busy")
        if act is Act.NEVER:
            return Reply(status=400, body=b"not this one")
        if act is Act.CUT:
            return Reply(drop=True)
        return msgspec.structs.replace(self.took, wait=self.peer.slowly)


class GatewayKit(_HttpKit):
    name = "gateway"
    channel = Channel.SMS
    template = _TEXT

    async def sender(self) -> Sender:
        form = GatewayForm(sms=GatewayCall(url=f"http://127.0.0.1:{self.port}/sms"), names=("Acme",))
        config = msgspec.structs.replace(_CONFIG, gateway=form)
        return await self.house.senders.add(
            self.house.account_id, SenderInput(name="Gateway", kind=SenderKind.GATEWAY, config=config)
        )

    def address(self, number: int) -> str:
        return f"+38067{number:07d}"

    def number(self, asked: Asked) -> int:
        return int(asked.json()["to"].removeprefix("+38067"))


class TwilioKit(_HttpKit):
    name = "twilio"
    channel = Channel.SMS
    template = _TEXT
    took = Reply(status=201, body=b'{"sid": "SM1", "status": "queued"}')
    refusals: ClassVar[dict[Act, Reply]] = {
        Act.LATER: Reply(status=429, body=b'{"code": 20429, "message": "Too Many Requests"}'),
        Act.NEVER: Reply(status=400, body=b'{"code": 21612, "message": "not this one"}'),
    }

    async def sender(self) -> Sender:
        account = TwilioAccount(account_sid="AC1", names=("Acme",), base_url=f"http://127.0.0.1:{self.port}")
        config = msgspec.structs.replace(_CONFIG, twilio=account)
        return await self.house.senders.add(
            self.house.account_id, SenderInput(name="Twilio", kind=SenderKind.TWILIO, config=config)
        )

    def address(self, number: int) -> str:
        return f"+38067{number:07d}"

    def number(self, asked: Asked) -> int:
        return int(asked.form()["To"].removeprefix("+38067"))

    def _behave(self, asked: Asked, count: int) -> Reply:
        act = self.peer.arrived(self.number(asked))
        if act is Act.CUT:
            return Reply(drop=True)
        return self.refusals.get(act) or msgspec.structs.replace(self.took, wait=self.peer.slowly)


class VonageKit(TwilioKit):
    name = "vonage"
    took = Reply(body=b'{"messages": [{"status": "0", "message-id": "V1"}]}')
    refusals: ClassVar[dict[Act, Reply]] = {
        Act.LATER: Reply(body=b'{"messages": [{"status": "5", "error-text": "Internal Error"}]}'),
        Act.NEVER: Reply(body=b'{"messages": [{"status": "7", "error-text": "not this one"}]}'),
    }

    async def sender(self) -> Sender:
        account = VonageAccount(api_key="key", names=("Acme",), base_url=f"http://127.0.0.1:{self.port}")
        config = msgspec.structs.replace(_CONFIG, vonage=account)
        return await self.house.senders.add(
            self.house.account_id, SenderInput(name="Vonage", kind=SenderKind.VONAGE, config=config)
        )

    def number(self, asked: Asked) -> int:
        return int(asked.form()["to"].removeprefix("38067"))


class SmppKit(Kit):
    name = "smpp"
    channel = Channel.SMS
    template = _TEXT

    async def sender(self) -> Sender:
        bind = SmppBind(host="127.0.0.1", port=self.port, system_id="acme", names=("Acme",), window=3)
        config = msgspec.structs.replace(_CONFIG, smpp=bind)
        given = SenderInput(name="SMSC", kind=SenderKind.SMPP, config=config)
        return await self.house.senders.add(self.house.account_id, given)

    def listening(self) -> AbstractAsyncContextManager[object]:
        return running_bytes(BytePeer(self._submitted), self.port)

    def address(self, number: int) -> str:
        return f"+38067{number:07d}"

    def _submitted(self, connection: Connection, sequence: int, text: SubmitSm) -> bytes | None:
        act = self.peer.arrived(int(text.destination_addr.removeprefix("38067")))
        if act is Act.CUT:
            connection.cut()
            return None
        answer = {Act.LATER: refused(sequence, 0x08), Act.NEVER: refused(sequence, 0x66)}.get(
            act, taken(sequence, f"id-{sequence}")
        )
        if self.peer.slowly:
            asyncio.get_running_loop().call_later(self.peer.slowly, connection.write, answer)
            return None
        return answer


class PushKit(_HttpKit):
    name = "webpush"
    channel = Channel.WEBPUSH
    template = TemplateInput(name="Push", subject="Hello", source="Hello", channel=Channel.WEBPUSH)
    took = Reply(status=201, body=b"")

    def __init__(self, house: SendingHouse, clock: Clock) -> None:
        super().__init__(house, clock)
        self._people: list[int] = []

    async def sender(self) -> Sender:
        given = SenderInput(name="Push", kind=SenderKind.WEBPUSH, channel=Channel.WEBPUSH, config=_CONFIG)
        return await self.house.senders.add(self.house.account_id, given)

    def address(self, number: int) -> str:
        return f"http://127.0.0.1:{self.port}/push/{number}"

    async def contact(self, number: int) -> int:
        if number >= len(self._people):
            self._people = await self.house.people(number + 20)
        service = GatewayPeer()
        service.port = self.port
        contact_id = self._people[number]
        await Browser(service, str(number)).subscribe(self.house.contacts, self.house.account_id, contact_id)
        return contact_id

    def number(self, asked: Asked) -> int:
        return int(asked.path.removeprefix("/push/"))


class InboxKit(Kit):
    """The dev inbox of texts: its peer is the database."""

    name = "inbox"
    channel = Channel.SMS
    template = msgspec.structs.replace(_TEXT, source="See https://shop.example/a", members={"trackUrls": True})
    acts = frozenset({Act.TAKE, Act.CUT})

    def __init__(self, house: SendingHouse, clock: Clock) -> None:
        super().__init__(house, clock)
        self.reachable = False

    async def sender(self) -> Sender:
        given = SenderInput(name="Inbox", from_name="Acme", kind=SenderKind.INBOX, channel=Channel.SMS)
        return await self.house.senders.add(self.house.account_id, given)

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[None]:
        self.reachable = True
        yield
        self.reachable = False

    def listening(self) -> AbstractAsyncContextManager[object]:
        return self._open()

    def address(self, number: int) -> str:
        return f"+38067{number:07d}"

    def carrier(self, sender: Sender, source: Held) -> Carrier:
        parts: dict[str, Any] = {
            "clock": self.clock,
            "inbox": _TroubledInbox(self),
            "short_links": _TroubledLinks(self),
        }
        return self.house.carriers(**parts).open(sender, "", source)


class _TroubledInbox(InboxService):
    """The commit comes through, and its answer does not always."""

    def __init__(self, kit: InboxKit) -> None:
        super().__init__(kit.house.database)
        self._kit = kit

    async def add(self, mails: Sequence[ReceivedMail]) -> None:
        acts = [self._kit.peer.arrived(int(mail.recipient.removeprefix("+38067"))) for mail in mails]
        await asyncio.sleep(self._kit.peer.slowly)
        await super().add(mails)
        if Act.CUT in acts:
            raise psycopg.OperationalError("the connection is lost")


class _TroubledLinks(ShortLinks):
    def __init__(self, kit: InboxKit) -> None:
        super().__init__(kit.house.database)
        self._kit = kit

    async def keep(self, link: ShortLink) -> None:
        if not self._kit.reachable:
            raise Unavailable("the database is away")
        await super().keep(link)


class PageKit(_HttpKit):
    """The example of docs/channels.md, as it stands there."""

    name = "the page's"
    channel = Channel.TELEGRAM
    template = _TEXT

    async def sender(self) -> Sender:
        # Any will do: what is on the page takes its settings itself.
        return await self.house.senders.default(self.house.account_id)

    def carrier(self, sender: Sender, source: Held) -> Carrier:
        return _page()["ChatCarrier"](
            f"http://127.0.0.1:{self.port}/chat",
            source,
            OutboundClient("127.0.0.0/8", repeats=False),
            base_url=BASE_URL,
            tokens=MessageTokens(self.house.keyring),
            clock=self.clock,
        )

    def number(self, asked: Asked) -> int:
        return int(asked.json()["to"].removeprefix("p").partition("@")[0])


@cache
def _page() -> dict[str, Any]:
    """What the page's example defines."""
    page = (Path(__file__).parents[3] / "docs" / "channels.md").read_text()
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "tests.messages.channels.page"}
    exec(compile(example, "docs/channels.md", "exec"), names)
    return names


KITS: tuple[type[Kit], ...] = (SmtpKit, InboxKit, GatewayKit, TwilioKit, VonageKit, SmppKit, PushKit, PageKit)
