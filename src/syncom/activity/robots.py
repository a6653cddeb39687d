"""Tells people from machines among those who open and click.

Mail is opened and its links are followed by privacy relays, security scanners, link previews and programs.
The rules are data (`robots.toml`, each with its source); this module applies them. It is pure: no clock,
no database.
"""

from __future__ import annotations

import tomllib
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import Any
from uuid import UUID

import msgspec
from ua_parser import parse_device

from syncom.activity.model import HONEYPOT_LINK, ActivityKind, HitClass


class Verdict(msgspec.Struct, frozen=True):
    """A class, and why."""

    hit_class: HitClass
    #: Empty for a person without any sign against them.
    reason: str


class Visit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known about one request for a pixel or a link."""

    kind: ActivityKind
    user_agent: str = ""
    #: `Sec-Purpose`, `Purpose` or `X-Moz`, whichever came.
    purpose: str = ""
    has_language: bool = True
    link: int | None = None
    #: Since the message was sent, where its id tells.
    seconds_since_sent: float | None = None
    #: Other links of the same message that were asked for lately: (link, seconds ago).
    recent_links: tuple[tuple[int, float], ...] = ()


_HUMAN = Verdict(HitClass.HUMAN, "")


def classify(visit: Visit) -> Verdict:
    """Who made this visit. Certain signs decide alone; the others add up."""
    if visit.link == HONEYPOT_LINK or any(link == HONEYPOT_LINK for link, _ in visit.recent_links):
        return Verdict(HitClass.MACHINE, "invisible link")
    if "prefetch" in visit.purpose or "preview" in visit.purpose:
        return Verdict(HitClass.MACHINE, "prefetch")
    agent = classify_agent(visit.user_agent)
    if agent.hit_class is HitClass.MACHINE or visit.kind is not ActivityKind.CLICKED:
        return agent
    score, reasons = _score(visit)
    if score >= _RULES.machine:
        return Verdict(HitClass.MACHINE, ", ".join(reasons))
    if score >= _RULES.unknown and agent.hit_class is HitClass.HUMAN:
        return Verdict(HitClass.UNKNOWN, ", ".join(reasons))
    return agent


def _score(visit: Visit) -> tuple[float, list[str]]:
    score = 0.0
    reasons: list[str] = []
    for burst in _RULES.bursts:
        links = {link for link, ago in visit.recent_links if ago <= burst.seconds}
        links.add(visit.link if visit.link is not None else -1)
        if len(links) >= burst.links:
            score += burst.points
            reasons.append(burst.reason)
            break
    early = _RULES.early
    if visit.seconds_since_sent is not None and visit.seconds_since_sent < early.seconds:
        score += early.points
        reasons.append(early.reason)
    if not visit.has_language:
        score += _RULES.no_language.points
        reasons.append(_RULES.no_language.reason)
    return score, reasons


@lru_cache(maxsize=8192)
def classify_agent(user_agent: str) -> Verdict:
    """What the User-Agent alone says."""
    if not user_agent:
        return Verdict(HitClass.MACHINE, "no User-Agent")
    lower = user_agent.lower()
    for rule in _RULES.agents:
        if (user_agent == rule.exact) if rule.exact else (rule.contains in lower):
            return Verdict(rule.hit_class, rule.reason)
    device = parse_device(user_agent)
    if device is not None and device.family == "Spider":
        return Verdict(HitClass.MACHINE, "crawler")
    return _HUMAN


class RecentLinks:
    """The links of each message that were asked for lately, for the newest ``size`` messages."""

    def __init__(self, size: int = 20_000, seconds: float = 30.0, links: int = 8) -> None:
        self._size = size
        self._seconds = seconds
        self._links = links
        #: By the message id's number: a UUID's own hash is computed in Python.
        self._seen: OrderedDict[int, list[tuple[int, float]]] = OrderedDict()

    def seen(self, message_id: UUID, link: int, now: float) -> tuple[tuple[int, float], ...]:
        """Note this link, and return the others noted before it: (link, seconds ago).

        ``now`` is monotonic.
        """
        message = message_id.int
        known = self._seen.get(message)
        if known is None:
            self._seen[message] = [(link, now)]
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)
            return ()
        self._seen.move_to_end(message)
        recent = tuple((other, now - at) for other, at in known if other != link and now - at <= self._seconds)
        # The honeypot is remembered first: whoever touched it stays a machine while the message is known.
        kept = [(other, at) for other, at in known if other != link]
        kept.append((link, now))
        kept.sort(key=lambda seen: (seen[0] != HONEYPOT_LINK, -seen[1]))
        self._seen[message] = kept[: self._links]
        return recent


class _Agent(msgspec.Struct, frozen=True, kw_only=True):
    exact: str
    contains: str
    hit_class: HitClass
    reason: str


class _Sign(msgspec.Struct, frozen=True, kw_only=True):
    points: float
    reason: str
    seconds: float = 0.0
    links: int = 0


class _Rules(msgspec.Struct, frozen=True, kw_only=True):
    agents: tuple[_Agent, ...]
    bursts: tuple[_Sign, ...]
    early: _Sign
    no_language: _Sign
    machine: float
    unknown: float


_CLASSES = {"human": HitClass.HUMAN, "machine": HitClass.MACHINE, "unknown": HitClass.UNKNOWN}


def _load() -> _Rules:
    data = tomllib.loads(resources.files("syncom.activity").joinpath("robots.toml").read_text("utf-8"))
    score: dict[str, Any] = data["score"]
    return _Rules(
        agents=tuple(_agents(data["agent"])),
        # The stronger sign first: only one of them counts.
        bursts=(msgspec.convert(score["many_links"], _Sign), msgspec.convert(score["two_links"], _Sign)),
        early=msgspec.convert(score["early"], _Sign),
        no_language=msgspec.convert(score["no_language"], _Sign),
        machine=float(score["machine"]),
        unknown=float(score["unknown"]),
    )


def _agents(rows: Iterable[dict[str, str]]) -> Iterable[_Agent]:
    for row in rows:
        yield _Agent(
            exact=row.get("exact", ""),
            contains=row.get("contains", "").lower(),
            hit_class=_CLASSES[row["class"]],
            reason=row["reason"],
        )


_RULES = _load()
