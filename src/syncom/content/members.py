"""What messages of a channel have beside their text: a picture, a button, how long they are worth delivering.

Members keep the names that integrations give them. The known ones are checked; others are kept as they came, so that
whoever stored one reads it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from syncom.contacts.model import Channel
from syncom.content.model import Rich
from syncom.errors import Invalid
from syncom.targets import web_address

#: Bytes of JSON of all members together.
MAX_MEMBERS: Final = 32 * 1024
_LONGEST_WORDS: Final = 1000
_LONGEST_URL: Final = 2000
_LONGEST_TTL: Final = 14 * 86_400


def checked_members(channel: Channel, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members without empty ones. Raises Invalid naming the member."""
    found: dict[str, Any] = {}
    for name, value in members.items():
        if value is None or value == "":
            continue
        check = _KNOWN.get(channel, {}).get(name)
        found[name] = value if check is None else check(name, value)
    if len(msgspec.json.encode(found)) > MAX_MEMBERS:
        raise Invalid("members", f"must be at most {MAX_MEMBERS} bytes of JSON")
    return found


def rich_of(channel: Channel, members: Mapping[str, Any]) -> Rich | None:
    """What a Viber message has beside its text; None for other channels."""
    if channel is not Channel.VIBER:
        return None
    return Rich(
        image=members.get("img", ""),
        caption=members.get("caption", ""),
        action=members.get("action", ""),
        ttl_seconds=members.get("ttlSeconds", 0),
        ios_text=members.get("iosExpirityText", ""),
    )


def _words(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_WORDS:
        raise Invalid(name, f"must be a text of at most {_LONGEST_WORDS} characters")
    return value


def _url(name: str, value: Any) -> str:
    found = web_address(value) if isinstance(value, str) and len(value) <= _LONGEST_URL else None
    if found is None:
        raise Invalid(name, "must be a web address that begins with https:// or http://")
    return found


def _seconds(name: str, value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LONGEST_TTL:
        raise Invalid(name, f"must be 1 to {_LONGEST_TTL} seconds")
    return value


def _flag(name: str, value: Any) -> bool:
    if value in ("true", "false"):
        value = value == "true"
    if not isinstance(value, bool):
        raise Invalid(name, "must be true or false")
    return value


_Check = Callable[[str, Any], Any]
_PUSH: Final[Mapping[str, _Check]] = {
    "title": _words,
    "icon": _url,
    "image": _url,
    "link": _url,
    "ttlSeconds": _seconds,
}
_KNOWN: Final[Mapping[Channel, Mapping[str, _Check]]] = {
    Channel.SMS: {"trackUrls": _flag},
    Channel.VIBER: {
        "img": _url,
        "caption": _words,
        "action": _url,
        "ttlSeconds": _seconds,
        "iosExpirityText": _words,
        "trackUrls": _flag,
    },
    Channel.WEBPUSH: _PUSH,
    Channel.MOBILEPUSH: {**_PUSH, "link": _words},
    Channel.APPINBOX: {**_PUSH, "link": _words},
    Channel.TELEGRAM: {"image": _url},
    Channel.INAPP: {"title": _words, "image": _url, "link": _words},
}
