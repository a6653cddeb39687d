"""The SMTP server of the dev inbox: takes every mail, delivers none, and answers 250 once it is stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiosmtpd.smtp import SMTP, Envelope, Session

from syncom.errors import Unavailable
from syncom.inbox.model import ReceivedMail
from syncom.inbox.parse import summary
from syncom.inbox.service import InboxService
from syncom.listening import Listener
from syncom.postgres.group_commit import GroupCommit

_log = logging.getLogger(__name__)

LARGEST_MAIL = 30 * 1024 * 1024
_IDENTITY = "Syncom dev inbox"
_LONGEST_ADDRESS = 1000


class InboxServer:
    """Listens on ``host`` and ``port`` (0: any free one) between :meth:`start` and :meth:`stop`.

    Only for development: it asks nobody for a password, so keep it on the loopback address.
    """

    def __init__(self, inbox: InboxService, *, host: str = "127.0.0.1", port: int = 2525) -> None:
        self._inbox = inbox
        self._listener = Listener(host, port, name="the dev inbox", advice="Set SYNCOM_INBOX_PORT to a free port.")
        self._group: GroupCommit[Sequence[ReceivedMail], None] = GroupCommit(self._write, max_batch=20)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.port

    async def start(self) -> None:
        """Begin to listen. Raises Conflict when the port is taken."""
        await self._listener.start(self._protocol)

    async def stop(self) -> None:
        """Stop listening, and store what was accepted."""
        self._listener.close()
        await self._group.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """One mail has come. The answer is for the sender's log."""
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        subject, message_id = summary(raw)
        mails = [
            ReceivedMail(
                mail_from=_address(envelope.mail_from or ""),
                recipient=_address(recipient),
                raw=raw,
                subject=subject,
                message_id=message_id,
            )
            for recipient in dict.fromkeys(envelope.rcpt_tos)
        ]
        try:
            await self._group.submit(mails)
        except Unavailable:
            _log.warning("the dev inbox cannot store mail: the database does not answer")
            return "451 4.3.0 The inbox cannot store mail at the moment, try again"
        return f"250 2.0.0 Stored in the dev inbox for {len(mails)} recipient{'s' if len(mails) > 1 else ''}"

    def _protocol(self) -> SMTP:
        return SMTP(
            self,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            decode_data=False,
            hostname="inbox.localhost",
            ident=_IDENTITY,
            timeout=300,
            loop=asyncio.get_running_loop(),
        )

    async def _write(self, batch: Sequence[Sequence[ReceivedMail]]) -> list[None]:
        await self._inbox.add([mail for mails in batch for mail in mails])
        return [None] * len(batch)


def _address(text: str) -> str:
    """An address of the envelope as it is stored: bounded, without NUL and lone surrogates."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return whole[:_LONGEST_ADDRESS]
