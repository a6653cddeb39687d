"""What a server's refusal means: for the recipient, for the sender, and for the next attempt.

The rules are data: ``replies.toml``, a source for each row.
"""

from __future__ import annotations

import enum
import re
import tomllib
from functools import lru_cache
from importlib.resources import files

import msgspec

from syncom.clock import Clock
from syncom.messages.channels.email.model import Phase, Reply


class BounceClass(enum.Enum):
    """Why a mail was refused."""

    UNKNOWN_MAILBOX = "unknown_mailbox"
    UNKNOWN_HOST = "unknown_host"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_DISABLED = "mailbox_disabled"
    GREYLISTED = "greylisted"
    THROTTLED = "throttled"
    #: SPF, DKIM, DMARC, reverse DNS: of our domain, not of the recipient.
    AUTHENTICATION = "authentication"
    REPUTATION = "reputation"
    CONTENT = "content"
    POLICY = "policy"
    SIZE_OR_SYNTAX = "size_or_syntax"
    RELAY_LOGIN = "relay_login"
    TLS = "tls"
    LOOP = "loop"
    EXPIRED = "expired"
    #: There was no answer: the connection failed.
    LOST_ANSWER = "lost_answer"
    #: 4xx that no rule explains.
    TEMPORARY = "temporary"
    #: 5xx that no rule explains.
    PERMANENT = "permanent"


class Action(enum.Enum):
    """What the sender does about it."""

    #: Try this mail again later, see :func:`retry_delay`.
    RETRY = "retry"
    #: This mail has failed.
    STOP = "stop"
    #: Try again later, and halve rate and connections to this destination.
    SLOW_DOWN = "slow_down"
    #: Hold everything for this destination and tell the operator: it is about us. The mail is tried again.
    PAUSE_DESTINATION = "pause_destination"
    #: The sender's credentials or rights are broken: hold it and tell the operator. The mail is tried again.
    PAUSE_SENDER = "pause_sender"
    #: This mail has failed; hold the campaign when too many of its mails fail so.
    PAUSE_CAMPAIGN = "pause_campaign"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal means."""

    kind: BounceClass
    action: Action
    #: Whether the address gets no more mail, from this verdict alone.
    suppress: bool
    #: Suppress after that many verdicts of this kind in 30 days; 0 is never.
    strikes: int
    #: For people.
    reason: str
    #: The row of ``replies.toml``; empty when only the basic code spoke.
    rule: str

    @property
    def try_again(self) -> bool:
        """Whether this mail is still to be sent."""
        return self.action not in (Action.STOP, Action.PAUSE_CAMPAIGN)


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    kind: BounceClass
    action: Action
    reason: str
    source: str
    family: str | None = None
    code: frozenset[int] = frozenset()
    enhanced: frozenset[str] = frozenset()
    phase: frozenset[Phase] = frozenset()
    text: str = ""
    #: Words decide only where the server gives no enhanced code, which would say it better.
    without_enhanced: bool = False
    strikes: int = 0

    def fits(self, reply: Reply, family: str | None) -> bool:
        if self.family is not None and self.family != family:
            return False
        if self.code and reply.code not in self.code:
            return False
        if self.without_enhanced and reply.enhanced is not None:
            return False
        if self.enhanced and not self._fits_enhanced(reply.enhanced):
            return False
        if self.phase and reply.phase not in self.phase:
            return False
        return not self.text or _expression(self.text).search(reply.text) is not None

    def _fits_enhanced(self, enhanced: str | None) -> bool:
        if enhanced is None:
            return False
        return enhanced in self.enhanced or enhanced.rpartition(".")[0] + ".*" in self.enhanced


class _Table(msgspec.Struct, frozen=True):
    families: dict[str, list[str]]
    rule: list[_Rule]


def classify(reply: Reply, mx_family: str | None = None) -> Verdict:
    """What this refusal means.

    Evidence counts in this order: the provider's own rule, the enhanced code, the basic code, the phase.
    5.7.x alone never suppresses anybody: providers use it with meanings of their own, and it is about us.

    Args:
        reply: a 4xx or 5xx, or one without code, where the connection failed.
        mx_family: who operates the recipient's mail exchanger, see :func:`mx_family_of`.

    Raises:
        ValueError: the reply is no refusal.
    """
    if reply.code == 0:
        return _verdict(BounceClass.LOST_ANSWER, Action.RETRY, "The connection failed before the answer")
    if reply.code < 400:
        raise ValueError(f"{reply.code} is not a refusal")
    temporary = reply.code < 500
    for rule in _table().rule:
        if rule.fits(reply, mx_family):
            # 4xx says "not now", whatever the words: a rule that stops needs the server's 5xx.
            stops = rule.action in (Action.STOP, Action.PAUSE_CAMPAIGN)
            action = Action.RETRY if temporary and stops else rule.action
            suppress = rule.strikes == 1 and not temporary and not reply.local
            return Verdict(
                kind=rule.kind,
                action=action,
                suppress=suppress,
                strikes=0 if reply.local or (temporary and rule.strikes == 1) else rule.strikes,
                reason=rule.reason,
                rule=rule.name,
            )
    if temporary:
        return _verdict(BounceClass.TEMPORARY, Action.RETRY, "The server asks to try later")
    return _verdict(BounceClass.PERMANENT, Action.STOP, "The server refused the mail")


def mx_family_of(host: str) -> str | None:
    """Who operates this mail exchanger, as the rules name it; None when no rule is about them."""
    name = host.rstrip(".").lower()
    for family, domains in _table().families.items():
        if any(name == domain or name.endswith("." + domain) for domain in domains):
            return family
    return None


#: Minutes to wait before the second, third ... attempt; then the last one again and again.
_STEPS = (5, 15, 30, 60, 120, 240)
#: A throttled mail did nothing wrong: the destination's rate is lowered, the mail may follow soon.
_THROTTLED_STEPS = (1, 5, 15, 30, 60)


def retry_delay(attempt: int, verdict: Verdict, clock: Clock) -> float:
    """Seconds until the next attempt, a fifth more or less so that mails do not come back in step.

    Args:
        attempt: how many were made, from 1.
        verdict: of the last one.
        clock: for the jitter.

    The deadline is the caller's.
    """
    steps = _THROTTLED_STEPS if verdict.kind is BounceClass.THROTTLED else _STEPS
    return steps[min(max(attempt, 1), len(steps)) - 1] * 60 * clock.jitter(0.8, 1.2)


def _verdict(kind: BounceClass, action: Action, reason: str) -> Verdict:
    return Verdict(kind=kind, action=action, suppress=False, strikes=0, reason=reason, rule="")


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = files(__package__ or "").joinpath("replies.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(data), _Table)


@lru_cache(maxsize=256)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
