"""Turns a recipient into a mail: one render, one join of byte pieces. What is the same for all is done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from syncom.content.model import AttachedFile, CompiledContent
from syncom.content.render import Renderer
from syncom.messages.channels.email.mime import Attachment, MimeFrame
from syncom.messages.channels.email.model import Mail
from syncom.messages.identity.signing import Identity
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
        identity: Callable[[], Identity],
        clock: Callable[[], datetime],
    ) -> None:
        """``custom_fields`` maps merge names to field ids; ``campaign_id`` is 0 for single messages; ``identity`` tells
        who the sender's mails are from at this moment."""
        self._sender = sender
        self._compiled = compiled
        self._content_id = content_id
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._identity = identity
        self._readers = readers(compiled.fields, custom_fields)
        self._domain = sender.from_email.rpartition("@")[2].encode("idna").decode("ascii")
        self._now = clock
        self._headers = _static_headers(sender, campaign_id, self._domain)
        self._attachments = [
            Attachment(filename=item.file_name, content_type=item.content_type, data=item.content)
            for item in attachments
        ]
        #: Frames of messages with a sender's name of their own, by that name.
        self._named: dict[str, MimeFrame] = {}
        self._become(identity())

    def _become(self, identity: Identity) -> None:
        """Make the mails of this identity from now on."""
        self._own = identity
        self._links = identity.tracking_url or self._base_url
        self._renderer = Renderer(self._compiled, base_url=self._links, tokens=self._tokens)
        # RFC 8058 3.1: one-click wants https. A tracking host without a certificate leaves it to the installation.
        self._one_click_base = next((base for base in (self._links, self._base_url) if _one_click(base)), "")
        self._named.clear()
        self._frame = self._framed(self._compiled.from_name or self._sender.from_name)

    def compose(self, work: Work, /) -> Mail:
        """The mail of one recipient.

        Raises Invalid (RenderError, or a value that cannot stand in a header) naming the field.
        """
        own = self._identity()
        if own is not self._own:
            self._become(own)
        fields = {name: read(work) for name, read in self._readers}
        rendered = self._renderer.render(
            work.account_id,
            self._content_id,
            work.contact_id,
            work.message_id,
            fields,
            work.params,
            work.products,
            category_ids=work.category_ids,
        )
        headers: dict[str, str] = {}
        if self._one_click_base:
            url = rendered.unsubscribe_url
            headers = {
                "List-Unsubscribe": f"<{self._one_click_base}{url[len(self._links) :]}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        frame = self._frame if not work.from_name else self._frame_of(work.from_name)
        now = self._now()
        data, needs_8bit, needs_smtputf8 = frame.build(
            to_address=work.address,
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            message_id=f"<{work.message.hex()}@{self._domain}>",
            date=now,
            extra_headers=headers,
        )
        if own.signer is not None:
            data = own.signer.sign(data, now) + data
        mail_from = self._sender.from_email
        if own.return_path:
            local = self._tokens.bounce(work.account_id, work.contact_id, work.message_id, now)
            mail_from = f"{local}@{own.return_path}"
        return Mail(
            key=work,
            mail_from=mail_from,
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
            # A server on the way may encode eight bits anew, which breaks a signature (RFC 6376 5.3).
            seven_bit=self._own.signer is not None,
        )


def _one_click(base: str) -> bool:
    """Whether addresses that begin so may stand in List-Unsubscribe; plain HTTP is for trials on this machine."""
    return base.startswith("https://") or "://127.0.0.1" in base or "://localhost" in base


def _static_headers(sender: Sender, campaign_id: int, domain: str) -> dict[str, str]:
    """List-Id (RFC 2919) of the sender's stream, and Feedback-ID, by which Gmail groups complaints.

    The latter is campaign, sender and stream, then a sender id of 5 to 15 characters; no two parts may be the same.
    """
    stream = "campaign" if campaign_id else "single"
    campaign = f"c{campaign_id}" if campaign_id else "transactional"
    headers = {"Feedback-ID": f"{campaign}:s{sender.sender_id}:{stream}:syncom{sender.account_id}"}
    if campaign_id:
        headers["List-Id"] = f"<{stream}.{sender.sender_id}.{domain}>"
    return headers
