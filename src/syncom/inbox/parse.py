"""Reads a mail the way a mail client does: headers, text, HTML, names of files."""

from __future__ import annotations

import re
from base64 import b64encode
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser

from syncom.inbox.model import Attachment, ParsedMail

_POLICY = policy.default.clone(raise_on_defect=False)
#: PostgreSQL refuses NUL, and lone surrogates cannot be written as UTF-8.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LONGEST_HEADER = 2000


def summary(raw: bytes) -> tuple[str, str]:
    """Subject and Message-ID, decoded and bounded; empty where absent or broken."""
    head = raw[:256_000].split(b"\r\n\r\n", 1)[0]
    message = BytesHeaderParser(policy=_POLICY).parsebytes(head)
    return _header(message, "Subject"), _header(message, "Message-ID")


def parse(raw: bytes) -> ParsedMail:
    """Everything the inbox shows. Never raises for a broken mail: what cannot be read is left out."""
    message = BytesParser(policy=_POLICY).parsebytes(raw)
    html, text = "", ""
    attachments: list[Attachment] = []
    pictures: dict[str, str] = {}
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        content = _content(part)
        identity = str(part.get("Content-ID", "")).strip().strip("<>")
        if part.get_content_disposition() != "attachment" and kind == "text/html" and not html:
            html = _decoded(part, content)
        elif part.get_content_disposition() != "attachment" and kind == "text/plain" and not text:
            text = _decoded(part, content)
        else:
            name = _file_name(part) or kind
            attachments.append(Attachment(file_name=name, content_type=kind, size=len(content)))
            if identity and kind.startswith("image/"):
                pictures[identity] = f"data:{kind};base64,{b64encode(content).decode()}"
    for identity, data in pictures.items():
        html = html.replace(f"cid:{identity}", data)
    return ParsedMail(headers=_headers(message), html=html, text=text, attachments=attachments)


def _headers(message: EmailMessage) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in message.keys():  # noqa: SIM118 - a message has each name as often as the mail
        nth = sum(1 for known, _ in found if known.lower() == name.lower())
        values = _all(message, name)
        found.append((_storable(name), values[nth] if nth < len(values) else ""))
    return found


def _all(message: EmailMessage, name: str) -> list[str]:
    try:
        return [_storable(str(value)) for value in message.get_all(name, [])]
    except Exception:  # noqa: BLE001 - the header parser raises many kinds of errors for broken headers
        return ["(this header cannot be read)"]


def _header(message: EmailMessage, name: str) -> str:
    values = _all(message, name)
    return " ".join(values[0].split())[:_LONGEST_HEADER] if values else ""


def _file_name(part: EmailMessage) -> str:
    try:
        return _storable(part.get_filename() or "")
    except Exception:  # noqa: BLE001 - as above, for its parameters
        return ""


def _content(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: EmailMessage, content: bytes) -> str:
    try:
        return _storable(content.decode(part.get_content_charset("utf-8"), "replace"))
    except LookupError:  # a charset that does not exist
        return _storable(content.decode("utf-8", "replace"))


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
