"""eSputnik's merge tags: ``%FIRSTNAME%``, ``%FIRSTNAME|friend%``, ``%PERSONAL.BIRTHDAY|%``.

The text after the bar is printed when the field is empty. Standard names are listed below. Any other name is a
custom field by its key, in any case; a key written with its group (``GROUP.KEY``) is looked up as ``group_key``,
then as ``key``. Per cent signs of other origin stay: widths in CSS, and percent-encoded addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from syncom.content.expression import quoted
from syncom.content.fields import OWN_URLS, STANDARD, UNSUBSCRIBE_URL, VIEW_URL
from syncom.content.language import quoted_tag, tags

#: Merge Tags Cheat Sheet of the vendor's documentation. MESSAGENAME is the template's own name.
NAMES = {
    "FIRSTNAME": "first_name",
    "LASTNAME": "last_name",
    "EMAIL": "email",
    "SMS": "phone",
    "EXTERNAL_CUSTOMER_ID": "external_id",
    "TOWN": "city",
    "ADDRESS": "address",
    "COUNTY": "region",
    "POSTCODE": "postcode",
}
_MESSAGE_NAME = "MESSAGENAME"
_TAG = re.compile(r"%([A-Z][A-Z0-9_]{1,99}(?:\.[A-Z0-9_]{1,100})?)(?:\|([^%<>\r\n]{0,500}))?%")
#: `%D0%9F`: what looks like a tag between two per cent signs of an encoded address.
_ENCODED = re.compile(r"[0-9A-F]{2}")
#: The vendor's addresses that stand for the personal ones.
_OWN = re.compile(r"(?<=[\"'])https?://(?:www\.)?(?:esputnik\.com|yespo\.io)/(unsubscribe|viewInBrowser)/?(?=[\"'])")
#: The same where no quotes stand around them: in plain text.
_OWN_ANYWHERE = re.compile(
    r"(?<![\w/.@-])https?://(?:www\.)?(?:esputnik\.com|yespo\.io)/(unsubscribe|viewInBrowser)/?(?![\w/?&#=.-]*\w)"
)
_OWN_NAMES = {"unsubscribe": UNSUBSCRIBE_URL, "viewInBrowser": VIEW_URL}
#: The name of the segment that a broadcast goes to. A message has no segment here: the fallback is printed.
_NOTHING = "GROUP.NAME"

#: Writes a merge field in another language: its name (empty: none, only the fallback) and the fallback.
Write = Callable[[str, str], str]


def translate(source: str, known_fields: Collection[str], template_name: str) -> str:
    """The source with the vendor's tags and its special addresses written in our language. Lines stay lines."""
    if "%" not in source and not _OWN.search(source):
        return source
    keys = {key.lower(): key for key in known_fields}
    pieces: list[str] = []
    at = 0
    for tag in tags(source):
        pieces += (_translated(source[at : tag.start()], keys, template_name), tag.group())
        at = tag.end()
    pieces.append(_translated(source[at:], keys, template_name))
    return "".join(pieces)


def write_fields(source: str, known_fields: Collection[str], template_name: str, write: Write) -> str:
    """The source with each of the vendor's tags as ``write`` puts it. Lines stay lines."""
    keys = {key.lower(): key for key in known_fields}

    def replace(match: re.Match[str]) -> str:
        name, fallback = match[1], match[2] or ""
        if name in (_MESSAGE_NAME, _NOTHING):
            return write("", template_name if name == _MESSAGE_NAME else fallback)
        field = _field(name, keys)
        return match.group() if field is None else write(field, fallback)

    return _TAG.sub(replace, source)


def write_own_addresses(source: str, write: Write) -> str:
    """The source with the vendor's special addresses as ``write`` puts our own ones."""
    return _OWN_ANYWHERE.sub(lambda match: write(_OWN_NAMES[match[1]], ""), source)


def known_field(name: str, known_fields: Collection[str]) -> str | None:
    """The contact's field that a name of the vendor's stands for, such as FIRSTNAME; None when there is none."""
    field = _field(name, {key.lower(): key for key in known_fields})
    return field if field in STANDARD or field in known_fields else None


def _translated(text: str, keys: dict[str, str], template_name: str) -> str:
    def replace(match: re.Match[str]) -> str:
        name, fallback = match[1], match[2]
        if name == _MESSAGE_NAME:
            return quoted_tag(template_name)
        field = _field(name, keys)
        if field is None:
            return match.group()
        return f"{{{{ {field} }}}}" if fallback is None else f"{{{{ {field}|default({quoted(fallback)}) }}}}"

    return _TAG.sub(replace, _OWN.sub(lambda match: f"{{{{ {_OWN_NAMES[match[1]]} }}}}", text))


def _field(name: str, keys: dict[str, str]) -> str | None:
    if name in NAMES:
        return NAMES[name]
    key = name.lower()
    if key in STANDARD or key in OWN_URLS:
        return key
    found = keys.get(key.replace(".", "_")) or keys.get(key.rpartition(".")[2])
    if found:
        return found
    if _ENCODED.match(name) and "." not in name:
        return None
    unknown = key.rpartition(".")[2]
    return unknown if unknown[0].isalpha() else f"_{unknown}"
