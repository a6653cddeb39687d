"""Carries texts through an HTTP gateway: one request a message, on kept connections, several at a time."""

from __future__ import annotations

import logging
from typing import Any, Final

from syncom.clock import Clock
from syncom.contacts.consents import OPTED_OUT
from syncom.errors import Invalid, Unavailable
from syncom.messages.channels.carrier import HARD_BOUNCE, Outcome, Refusal, Source
from syncom.messages.channels.hands import Hands
from syncom.messages.channels.sms.codes import Action
from syncom.messages.channels.sms.form import GatewayForm, Request, fill, is_of_sender, read_answer
from syncom.messages.channels.sms.model import GatewayAnswer, TextParcel
from syncom.messages.channels.sms.short_links import ShortLinks
from syncom.outbound import OutboundClient, Unreachable, retry_after

_log = logging.getLogger(__name__)

#: Bytes of an answer that are read; what a gateway says about one message is far shorter.
_LONGEST_ANSWER: Final = 64 * 1024
#: Seconds to wait before the second, third ... attempt; then the last one again and again. A text is stale sooner than
#: a mail.
_STEPS: Final = (30, 120, 300, 900, 1800, 3600)
#: A gateway may ask for patience, but not for a week.
_LONGEST_PATIENCE: Final = 3600.0
#: From this HTTP status on it is the server that fails, not the request (RFC 9110, 15.6).
_BROKEN: Final = 500
#: The number gets nothing more: there is none, or its owner wants nothing.
_SUPPRESSING: Final = frozenset({Action.INVALID_NUMBER, Action.OPTED_OUT})


class GatewayPool:
    """The requests to one gateway. Use it from one event loop."""

    def __init__(
        self,
        form: GatewayForm,
        secret: str,
        source: Source[Any, Any],
        client: OutboundClient,
        short_links: ShortLinks,
        *,
        connections: int,
        timeout: float,
        clock: Clock,
        callback: str = "",
    ) -> None:
        """``callback``: where the gateway is to post receipts."""
        self._form = form
        self._callback = callback
        self._secret = secret
        self._source = source
        self._client = client
        self._short_links = short_links
        self._timeout = timeout
        self._clock = clock
        self._hands: Hands[TextParcel] = Hands(source, self._carry, count=connections, clock=clock)
        self.wake = self._hands.wake

    @property
    def trouble(self) -> str | None:
        return self._hands.trouble

    async def drain(self) -> None:
        """Begin nothing new, wait for the answers that are due."""
        await self._hands.drain()
        await self._client.close()

    async def _carry(self, parcel: TextParcel) -> None:
        outcome, answer = await self._asked(parcel)
        if outcome is Outcome.NOT_SENT:
            self._hands.failed(answer.text)
        elif outcome is Outcome.TRANSIENT and answer.retry_after is not None:
            # It asks everybody to wait, not this message alone.
            self._hands.failed(answer.words, wait=min(answer.retry_after, _LONGEST_PATIENCE))
        elif outcome is Outcome.TRANSIENT and answer.status >= _BROKEN:
            # The gateway itself fails, whatever it is asked; another member of its group may do better meanwhile.
            self._hands.failed(answer.words)
        elif answer.status:
            self._hands.worked()
        self._source.finished(parcel, outcome, answer)

    async def _asked(self, parcel: TextParcel) -> tuple[Outcome, GatewayAnswer]:
        try:
            request = fill(self._form, parcel, self._secret, self._callback)
            if request is None:
                return Outcome.PERMANENT, _own("this gateway carries no such messages; give its form a path for them")
            if parcel.link is not None:
                await self._short_links.keep(parcel.link)
        except Unavailable as error:
            return Outcome.NOT_SENT, _own(error.message)
        except Exception as error:  # noqa: BLE001 - one text's defect is its own; whoever gave it is told
            _log.exception("a text cannot be put into the gateway's form")
            return Outcome.PERMANENT, _own(f"cannot be put into the gateway's form: {error}")
        self._source.handing_over(parcel)
        return await ask(self._client, self._form, request, timeout=self._timeout, clock=self._clock)


async def ask(
    client: OutboundClient, form: GatewayForm, request: Request, *, timeout: float, clock: Clock
) -> tuple[Outcome, GatewayAnswer]:
    """One request to a gateway and what its answer means. Raises nothing."""
    try:
        got = await client.call(
            request.verb,
            request.url,
            headers=request.headers,
            body=request.body,
            seconds=timeout,
            limit=_LONGEST_ANSWER,
        )
    except Unreachable as error:
        return Outcome.UNCERTAIN if error.begun else Outcome.NOT_SENT, _own(error.message)
    except Invalid as error:
        # The address leads where nothing may be sent: nobody's text goes there until somebody changes the sender.
        return Outcome.PERMANENT, GatewayAnswer(status=0, text=error.message, of_sender=True)
    except Exception as error:  # noqa: BLE001 - whoever asked must hear what became of it
        _log.exception("a request to a gateway failed in an unknown way")
        return Outcome.UNCERTAIN, _own(f"the request failed: {error}")
    asked = retry_after(got.headers.items(), clock.now())
    return read_answer(form.answers, got.status, got.body, asked)


def judge(outcome: Outcome, answer: GatewayAnswer, attempt: int, clock: Clock) -> Refusal:
    """What a gateway's no means. ``attempt``: how many were made, from 1."""
    delay = delay_after(attempt, clock)
    if answer.retry_after is not None:
        delay = max(1.0, min(answer.retry_after, _LONGEST_PATIENCE)) * clock.jitter(1.0, 1.2)
    return Refusal(
        try_again=outcome is Outcome.TRANSIENT,
        delay=delay,
        of_sender=answer.of_sender or (answer.action is None and is_of_sender(answer.status)),
        suppress=answer.action in _SUPPRESSING,
        suppress_reason=OPTED_OUT if answer.action is Action.OPTED_OUT else HARD_BOUNCE,
        reason="The gateway refuses this sender",
    )


def delay_after(attempt: int, clock: Clock) -> float:
    """Seconds until a text is tried again. ``attempt``: how many were made, from 1."""
    return _STEPS[min(max(attempt, 1), len(_STEPS)) - 1] * clock.jitter(0.8, 1.2)


def _own(words: str) -> GatewayAnswer:
    return GatewayAnswer(status=0, text=words, local=True)
