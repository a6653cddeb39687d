"""What messages of a channel have beside their text: a picture, a button, how long they are worth delivering.

Members keep the names that integrations give them. The known ones are checked; others are kept as they came, so that
whoever stored one reads it back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from syncom.contacts.model import Channel
from syncom.content.model import Notification, PushAction, Rich
from syncom.errors import Invalid
from syncom.targets import web_address

#: Bytes of JSON of all members together.
MAX_MEMBERS: Final = 32 * 1024
_LONGEST_WORDS: Final = 1000
_LONGEST_URL: Final = 2000
_LONGEST_TTL: Final = 14 * 86_400
#: Browsers show two buttons.
_MAX_ACTIONS: Final = 2
_LONGEST_BUTTON: Final = 100
#: A mail is either made of blocks in the designer, or written: what is written is never passed through the designer.
_EDITORS: Final = ("blocks", "code")
_URGENCIES: Final = ("very-low", "low", "normal", "high")
#: RFC 8030, 5.4.
_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


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


def notification_of(channel: Channel, members: Mapping[str, Any]) -> Notification | None:
    """What a web push message has beside its title and text, as its author wrote it; None for other channels.

    Raises Invalid naming the member: some may be stored from before they were checked.
    """
    if channel is not Channel.WEBPUSH:
        return None
    members = checked_members(channel, members)
    return Notification(
        link=members.get("link", ""),
        actions=tuple(
            PushAction(title=one["title"], link=one.get("link") or one["url"]) for one in members.get("actions", ())
        ),
        icon=members.get("icon", ""),
        image=members.get("image", ""),
        ttl_seconds=members.get("ttlSeconds", 0),
        urgency=members.get("urgency", ""),
        topic=members.get("topic", ""),
        require_interaction=members.get("requireInteraction", False),
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


def _target(name: str, value: Any) -> str:
    """Where a link leads; there may be tags in it."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL or not value.startswith(("https://", "http://")):
        raise Invalid(name, f"must begin with https:// or http:// and have at most {_LONGEST_URL:,} characters")
    return value


def _actions(name: str, value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) > _MAX_ACTIONS:
        raise Invalid(name, f"must be a list of at most {_MAX_ACTIONS} buttons")
    found: list[dict[str, str]] = []
    for place, one in enumerate(cast("list[Any]", value)):
        at = f"{name}.{place}"
        if not isinstance(one, dict) or set(cast("dict[str, Any]", one)) not in ({"title", "link"}, {"title", "url"}):
            raise Invalid(at, "must have 'title' and 'link', and nothing else")
        button = cast("dict[str, Any]", one)
        title = button["title"]
        if not isinstance(title, str) or not title.strip() or len(title) > _LONGEST_BUTTON:
            raise Invalid(f"{at}.title", f"must have 1 to {_LONGEST_BUTTON} characters")
        # `url` is how some write it; a member is read back as it was written.
        key = "link" if "link" in button else "url"
        found.append({"title": title, key: _target(f"{at}.{key}", button[key])})
    return found


def _urgency(name: str, value: Any) -> str:
    if value not in _URGENCIES:
        raise Invalid(name, f"must be one of {', '.join(_URGENCIES)}")
    return value


def _topic(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _TOPIC.fullmatch(value):
        raise Invalid(name, "must have 1 to 32 letters (a-z), digits, dashes or underlines")
    return value


def _editor(name: str, value: Any) -> str:
    if value not in _EDITORS:
        raise Invalid(name, f"must be one of {', '.join(_EDITORS)}")
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
    Channel.EMAIL: {"editor": _editor},
    Channel.SMS: {"trackUrls": _flag},
    Channel.VIBER: {
        "img": _url,
        "caption": _words,
        "action": _url,
        "ttlSeconds": _seconds,
        "iosExpirityText": _words,
        "trackUrls": _flag,
    },
    Channel.WEBPUSH: {
        **_PUSH,
        "link": _target,
        "actions": _actions,
        "urgency": _urgency,
        "topic": _topic,
        "requireInteraction": _flag,
    },
    Channel.MOBILEPUSH: {**_PUSH, "link": _words},
    Channel.APPINBOX: {**_PUSH, "link": _words},
    Channel.TELEGRAM: {"image": _url},
    Channel.INAPP: {"title": _words, "image": _url, "link": _words},
}
