"""One text through a bind of its own, right now: how a sender is tried by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from syncom.clock import Clock
from syncom.errors import Upstream
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.model import TextParcel
from syncom.messages.channels.sms.smpp import pdu
from syncom.messages.channels.sms.smpp.model import SmppAnswer, SmppBind
from syncom.messages.channels.sms.smpp.pool import SmppPool
from syncom.outbound import Network

_PATIENCE: Final = 45.0


class _Once:
    """A source with one text. A test that is cut off is repeated by hand, so nothing is journalled."""

    def __init__(self, parcel: TextParcel) -> None:
        self._parcel: TextParcel | None = parcel
        self.answered: asyncio.Future[tuple[Outcome, SmppAnswer]] = asyncio.get_running_loop().create_future()

    def next_parcel(self) -> TextParcel | None:
        parcel, self._parcel = self._parcel, None
        return parcel

    def handing_over(self, parcel: TextParcel, /) -> None: ...

    def finished(self, parcel: TextParcel, outcome: Outcome, answer: SmppAnswer, /) -> None:
        if not self.answered.done():
            self.answered.set_result((outcome, answer))


class _Nothing:
    """What is brought meanwhile is not for us: the SMSC is to bring it to the next bind."""

    async def take(self, octets: bytes) -> int:
        del octets
        return pdu.RX_T_APPN


async def try_bind(
    bind: SmppBind, password: str, text: TextParcel, *, allowed: Sequence[Network], timeout: float, clock: Clock
) -> str:
    """Bind, send this text, unbind; returns the SMSC's words. Raises Upstream with them."""
    source = _Once(text)
    pool = SmppPool(
        bind,
        password,
        source,
        deliveries=_Nothing(),
        short_links=None,
        allowed=allowed,
        listening=False,
        timeout=timeout,
        clock=clock,
    )
    pool.start()
    pool.wake()
    try:
        async with asyncio.timeout(_PATIENCE):
            while not source.answered.done():
                await asyncio.wait([source.answered], timeout=0.05)
                if pool.trouble and not source.answered.done():
                    raise Upstream(f"{bind.host}:{bind.port}: {pool.trouble}")
    except TimeoutError:
        raise Upstream(f"{bind.host}:{bind.port} does not answer") from None
    finally:
        await pool.drain()
    outcome, answer = source.answered.result()
    if outcome is not Outcome.ACCEPTED:
        raise Upstream(f"the SMSC did not take it: {answer.words}")
    return answer.words
