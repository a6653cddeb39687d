"""What a hit's User-Agent and address say about where mail is read: device, mail client, system, country.

The rules for mail clients are data (`agents.toml`), browsers and systems are ua-parser's, countries are those to which
the regional registries assigned the address (iptocc carries them). Each agent and address is looked at once in a
process. It is pure: no clock, no database, no network.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import msgspec
from iptocc import country_code
from ua_parser import Result, parse

from syncom.activity.model import Hit


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """Families of a User-Agent; empty: not known."""

    #: 'desktop', 'phone', 'tablet', 'tv'.
    device: str = ""
    #: A mail client such as 'Gmail', or the browser.
    client: str = ""
    #: The operating system, without its version.
    os: str = ""
    #: Servers of the mail provider asked in the reader's place: the address is theirs.
    is_proxy: bool = False


def described(hits: Sequence[Hit]) -> list[Hit]:
    """The hits with what their agents and addresses say."""
    return [_described(hit) if hit.user_agent or hit.ip else hit for hit in hits]


def _described(hit: Hit) -> Hit:
    agent = read_agent(hit.user_agent or "")
    country = "" if agent.is_proxy or not hit.ip else country_of(hit.ip)
    return msgspec.structs.replace(hit, device=agent.device, client=agent.client, os=agent.os, country=country)


@lru_cache(maxsize=16384)
def country_of(address: str) -> str:
    """ISO 3166-1 alpha-2 of an IP address; empty: private, or assigned to nobody."""
    return country_code(address) or ""


@lru_cache(maxsize=8192)
def read_agent(user_agent: str) -> Agent:
    """What a User-Agent says."""
    if not user_agent:
        return Agent()
    rule = _rule(user_agent)
    if rule is not None and rule.proxy:
        return Agent(client=rule.name, is_proxy=True)
    found = parse(user_agent)
    system = found.os.family if found.os else ""
    browser = found.user_agent.family if found.user_agent else ""
    return Agent(
        device=_device(user_agent, system, found),
        client=rule.name if rule else _CLIENTS.get(browser, browser),
        os=_SYSTEMS.get(system, system),
    )


#: ua-parser's names for what people call otherwise.
_CLIENTS = {
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "App on iOS",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "App on Android",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Opera Mobile": "Opera",
}
_SYSTEMS = {"Mac OS X": "macOS", "Ubuntu": "Linux", "Debian": "Linux", "Fedora": "Linux"}
_DESKTOPS = frozenset(("Windows", "Mac OS X", "Linux", "Ubuntu", "Debian", "Fedora", "Chrome OS", "FreeBSD", "OpenBSD"))


def _device(user_agent: str, system: str, found: Result) -> str:
    family = found.device.family if found.device else ""
    lower = user_agent.lower()
    if family == "iPad" or "tablet" in lower:
        return "tablet"
    if "tv" in lower.replace("/", " ").replace("-", " ").split() or system in ("tvOS", "webOS", "Tizen"):
        return "tv"
    if system in ("iOS", "Windows Phone", "KaiOS"):
        return "phone"
    if system == "Android":
        # developer.chrome.com/docs/multidevice/user-agent: phones say Mobile, tablets do not.
        return "phone" if "mobile" in lower else "tablet"
    return "desktop" if system in _DESKTOPS else ""


class _Client(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    source: str
    exact: str = ""
    contains: str = ""
    proxy: bool = False


def _rule(user_agent: str) -> _Client | None:
    lower = user_agent.lower()
    for rule in _RULES:
        if (user_agent == rule.exact) if rule.exact else (rule.contains.lower() in lower):
            return rule
    return None


def _load() -> tuple[_Client, ...]:
    text = resources.files("syncom.activity").joinpath("agents.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["client"], tuple[_Client, ...])


_RULES = _load()
