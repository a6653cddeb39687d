"""Mail addresses as the wire and the headers need them."""

from __future__ import annotations

import re
from binascii import b2a_base64
from functools import lru_cache

import idna

from syncom.errors import Invalid

#: The common case: a dot-atom and a host name in ASCII (RFC 5322 3.4.1, RFC 5321 4.1.2).
_PLAIN = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
).fullmatch
_DOT_ATOM = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
).fullmatch
_HOST = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
).fullmatch
_LITERAL = re.compile(r"\[[A-Za-z0-9.:]+\]").fullmatch
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"').fullmatch
#: C0 and C1 controls, DEL, and the two line separators that some parsers obey.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search
#: What may never stand in MAIL or RCPT: a way to end the path or the line.
_FORBIDDEN = re.compile("[\x00-\x20\x7f-\x9f<>\u2028\u2029\ud800-\udfff]").search
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch

#: RFC 5321 4.5.3.1.3: a path has at most 256 octets with its angle brackets.
MAX_ADDRESS = 254
#: RFC 2047 2: an encoded word has at most 75 characters, a line that holds one at most 76.
_WORD = len("=?utf-8?b??=")


def has_control(value: str) -> bool:
    """Whether the text holds a character that could end or hide a header line."""
    # isprintable is one pass in C; it is False for some harmless characters too (a no-break space).
    return not value.isprintable() and _CONTROL(value) is not None


@lru_cache(maxsize=4096)
def normalise_domain(domain: str) -> str:
    """The domain in lower-case A-labels (RFC 5890), so that it needs no SMTPUTF8.

    Raises:
        Invalid: field ``domain``, when it is no domain.
    """
    if domain.isascii():
        if not _HOST(domain) and not _LITERAL(domain):
            raise Invalid("domain", "is not a domain name")
        name = domain.lower()
    else:
        try:
            name = idna.encode(domain, uts46=True, transitional=False).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError) as error:
            raise Invalid("domain", "is not a domain name") from error
    if len(name) > 253:
        raise Invalid("domain", "is longer than 253 characters")
    return name


def addr_spec(address: str) -> tuple[str, bool]:
    """An address as it stands in ``MAIL FROM:<...>`` and in a header, and whether it needs SMTPUTF8.

    The domain becomes A-labels, an unusual local part is quoted; only a local part outside ASCII needs
    SMTPUTF8 (RFC 6531).

    Raises:
        Invalid: field ``address``, when it is no address or could break out of its place.
    """
    if _PLAIN(address) and len(address) <= MAX_ADDRESS:
        return address, False
    if _FORBIDDEN(address):
        raise Invalid("address", "must not contain spaces, angle brackets or control characters")
    local, at, domain = address.rpartition("@")
    if not at or not local:
        raise Invalid("address", "must look like name@example.com")
    try:
        domain = normalise_domain(domain)
    except Invalid as error:
        raise Invalid("address", "has a domain that does not exist in this form") from error
    if not _DOT_ATOM(local) and not _QUOTED(local):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    spec = f"{local}@{domain}"
    if len(spec.encode()) > MAX_ADDRESS:
        raise Invalid("address", f"is longer than {MAX_ADDRESS} bytes")
    return spec, not local.isascii()


def format_mailbox(name: str, address: str) -> str:
    """``Name <address>`` as a header value, folded; see :func:`mailbox`."""
    return mailbox(name, address, field="address", column=6)[0]


def mailbox(name: str, address: str, *, field: str, column: int) -> tuple[str, bool]:
    """A mailbox as a header value, and whether it needs SMTPUTF8.

    Args:
        name: display name, may be empty.
        address: the bare address.
        field: what an error names.
        column: how many characters stand on the line before the value.

    Raises:
        Invalid: a control character in the name, or no address.
    """
    try:
        spec, utf8 = addr_spec(address)
    except Invalid as error:
        raise Invalid(field, error.fields[0].reason) from error
    if not name:
        return spec, utf8
    if has_control(name):
        raise Invalid(f"{field}_name", "must not contain line breaks or other control characters")
    if not name.isascii() or "=?" in name or len(name) > 60:
        phrase = encoded_words(name, field=f"{field}_name", column=column)
    elif _PHRASE(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    last = len(phrase) - phrase.rfind("\n") - 1 if "\n" in phrase else column + len(phrase)
    fold = "\r\n " if last + len(spec) + 3 > 78 else " "
    return f"{phrase}{fold}<{spec}>", utf8


def encoded_words(value: str, *, field: str, column: int) -> str:
    """The value as RFC 2047 encoded words in UTF-8, folded into lines of at most 76 characters.

    No character is ever split between two words (RFC 2047 5). ``column`` characters stand before it.

    Raises:
        Invalid: the text holds half of a surrogate pair.
    """
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise Invalid(field, "holds half a character (a lone surrogate)") from error
    # Three octets become four characters.
    room = max(6, (76 - max(column, 1) - _WORD) // 4 * 3)
    if len(data) <= room:
        return f"=?utf-8?b?{b2a_base64(data, newline=False).decode('ascii')}?="
    words: list[str] = []
    start = 0
    while start < len(data):
        end = min(start + room, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b2a_base64(data[start:end], newline=False).decode("ascii"))
        start = end
        room = 45
    return "=?utf-8?b?" + "?=\r\n =?utf-8?b?".join(words) + "?="
