"""What a server can, and the commands of a mail for it."""

from __future__ import annotations

import msgspec

from syncom.errors import Invalid
from syncom.messages.channels.email.address import addr_spec
from syncom.messages.channels.email.model import Mail, Phase, Reply


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """What the server announced after EHLO."""

    pipelining: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    starttls: bool = False
    size_known: bool = False
    #: Largest message in octets (RFC 1870); 0 is no limit.
    max_size: int = 0
    #: Upper-case SASL mechanisms.
    auth: frozenset[str] = frozenset()


def parse_extensions(raw: bytes) -> Extensions:
    """What an EHLO reply announces (RFC 5321 4.1.1.1). Unknown words are ignored."""
    words: dict[str, list[str]] = {}
    for line in raw.split(b"\n")[1:]:
        # AUTH=PLAIN is the spelling before RFC 2554; some servers still send both.
        keyword, *values = line[4:].decode("ascii", "replace").upper().replace("AUTH=", "AUTH ").split() or [""]
        words.setdefault(keyword, []).extend(values)
    size = words.get("SIZE", ["0"])
    return Extensions(
        pipelining="PIPELINING" in words,
        eight_bit="8BITMIME" in words,
        # RFC 6531 3.1: a server with SMTPUTF8 must take 8-bit bodies too; one that does not is not believed.
        smtputf8="SMTPUTF8" in words and "8BITMIME" in words,
        starttls="STARTTLS" in words,
        size_known="SIZE" in words,
        max_size=int(size[0]) if size and size[0].isdecimal() and len(size[0]) < 20 else 0,
        auth=frozenset(words.get("AUTH", ())),
    )


def commands(mail: Mail, can: Extensions) -> bytes | Reply:
    """MAIL, RCPT and DATA of a mail, or why it cannot go through this server."""
    try:
        sender, sender_utf8 = addr_spec(mail.mail_from) if mail.mail_from else ("", False)
    except Invalid as error:
        return _refusal(553, "5.1.7", f"The sender {error.message}")
    try:
        recipient, recipient_utf8 = addr_spec(mail.rcpt_to)
    except Invalid as error:
        return _refusal(553, "5.1.3", f"The recipient {error.message}")
    size = len(mail.data)
    parameters = ""
    if mail.needs_smtputf8 or sender_utf8 or recipient_utf8:
        if not can.smtputf8:
            return _refusal(553, "5.6.7", "The server does not take addresses outside ASCII (no SMTPUTF8)")
        parameters = " SMTPUTF8"
    if mail.needs_8bit:
        if can.eight_bit:
            parameters += " BODY=8BITMIME"
        elif mail.encode_7bit is None:
            return _refusal(554, "5.6.3", "The server does not take 8-bit mail (no 8BITMIME)")
    if can.size_known:
        if 0 < can.max_size < size:
            return _refusal(552, "5.3.4", f"The mail has {size} bytes, the server takes {can.max_size} at most")
        parameters += f" SIZE={size}"
    return f"MAIL FROM:<{sender}>{parameters}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()


def _refusal(code: int, enhanced: str, text: str) -> Reply:
    """Our own no, in the server's language."""
    return Reply(code, enhanced, text, Phase.MAIL, local=True)
