"""Turns a recipient into a mail: one render, one join of byte pieces. What is the same for all is done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from syncom.content.model import AttachedFile, CompiledContent
from syncom.content.render import Renderer
from syncom.messages.channels.email.mime import Attachment, MimeFrame
from syncom.messages.channels.email.model import Mail
from syncom.messages.model import Sender
from syncom.messages.sending.merge_fields import readers
from syncom.messages.sending.work import Work
from syncom.tokens import MessageTokens

#: Frames kept for messages with a sender's name of their own; each holds the encoded attachments.
_FRAMES = 16


class MailComposer:
    """Makes the mails of one content by one sender."""

    def __init__(
        self,
        *,
        sender: Sender,
        compiled: CompiledContent,
        content_id: int,
        campaign_id: int,
        custom_fields: Mapping[str, int],
        attachments: tuple[AttachedFile, ...],
        base_url: str,
        tokens: MessageTokens,
        clock: Callable[[], datetime],
    ) -> None:
        """``custom_fields`` maps merge names to field ids; ``campaign_id`` is 0 for single messages."""
        self._sender = sender
        self._content_id = content_id
        self._renderer = Renderer(compiled, base_url=base_url, tokens=tokens)
        self._one_click = base_url.startswith("https://") or "://127.0.0.1" in base_url or "://localhost" in base_url
        self._readers = readers(compiled.fields, custom_fields)
        self._domain = sender.from_email.rpartition("@")[2].encode("idna").decode("ascii")
        self._now = clock
        self._headers = _static_headers(sender, campaign_id, self._domain)
        self._attachments = [
            Attachment(filename=item.file_name, content_type=item.content_type, data=item.content)
            for item in attachments
        ]
        self._frame = self._framed(compiled.from_name or sender.from_name)
        #: Frames of messages with a sender's name of their own, by that name.
        self._named: dict[str, MimeFrame] = {}

    def compose(self, work: Work, /) -> Mail:
        """The mail of one recipient.

        Raises Invalid (RenderError, or a value that cannot stand in a header) naming the field.
        """
        fields = {name: read(work) for name, read in self._readers}
        rendered = self._renderer.render(
            work.account_id, self._content_id, work.contact_id, work.message_id, fields, work.params, work.products
        )
        headers: dict[str, str] = {}
        if self._one_click:
            headers = {
                "List-Unsubscribe": f"<{rendered.unsubscribe_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        frame = self._frame if not work.from_name else self._frame_of(work.from_name)
        data, needs_8bit, needs_smtputf8 = frame.build(
            to_address=work.address,
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            message_id=f"<{work.message.hex()}@{self._domain}>",
            date=self._now(),
            extra_headers=headers,
        )
        return Mail(
            key=work,
            mail_from=self._sender.from_email,
            rcpt_to=work.address,
            data=data,
            needs_8bit=needs_8bit,
            needs_smtputf8=needs_smtputf8,
            encode_7bit=(lambda: frame.to_7bit(data)) if needs_8bit else None,
        )

    def _frame_of(self, from_name: str) -> MimeFrame:
        frame = self._named.get(from_name)
        if frame is None:
            if len(self._named) >= _FRAMES:
                self._named.clear()
            frame = self._named[from_name] = self._framed(from_name)
        return frame

    def _framed(self, from_name: str) -> MimeFrame:
        return MimeFrame(
            from_address=self._sender.from_email,
            from_name=from_name,
            reply_to=self._sender.reply_to,
            headers=self._headers,
            attachments=self._attachments,
        )


def _static_headers(sender: Sender, campaign_id: int, domain: str) -> dict[str, str]:
    """List-Id (RFC 2919) of the sender's stream; Feedback-ID (Gmail) as campaign:account:stream:sender."""
    stream = "campaign" if campaign_id else "single"
    headers = {"Feedback-ID": f"{campaign_id or 'single'}:{sender.account_id}:{stream}:syncom"}
    if campaign_id:
        headers["List-Id"] = f"<{stream}.{sender.sender_id}.{domain}>"
    return headers
