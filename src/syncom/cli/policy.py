"""``syncom policy``."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from cyclopts import App

from syncom.cli.given import Many, Switch
from syncom.cli.output import facts, show
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.messages.policy.model import Cap, Policy, QuietHours

app = App(name="policy", help="When marketing messages rest, and how many a contact may get.")
_DEFAULT = Options()
Read = TypeVar("Read")
_QUIET = re.compile(r"(?:([a-z,]+):)?(\d\d:\d\d)-(\d\d:\d\d)(?:/([a-z,]+))?", re.ASCII)
_CAP = re.compile(r"(?:([a-z]+):)?(\d{1,6})/(\d{1,6})", re.ASCII)
_LIMIT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)(?:/(\d{1,8}))?", re.ASCII)


@app.command(name="show")
async def show_policy(*, options: Options = _DEFAULT) -> None:
    """Show what holds for the account's marketing messages."""
    async with here(options) as services:
        found = await services.app.policies.get(services.account_id)
    show(found, json=options.json, human=lambda: facts(_lines(found)))


@app.command(name="set")
async def set_policy(
    *,
    quiet: Many = (),
    no_quiet: Switch = False,
    cap: Many = (),
    no_caps: Switch = False,
    bounces: str | None = None,
    complaints: str | None = None,
    content: str | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Change it; what is not named stays. In force within seconds.

    Parameters
    ----------
    quiet
        Quiet hours in the contact's zone: 21:00-09:00, sms:20:00-10:00, or 00:00-00:00/sat,sun for whole days. May be
        repeated; takes the place of all quiet hours there were.
    no_quiet
        No quiet hours any more.
    cap
        How many messages in how many days: 3/7, or sms:1/7 for one channel. May be repeated; replaces all caps.
    no_caps
        No caps any more.
    bounces
        Campaigns pause themselves from this percentage of bounces on, after so many messages: 5/200; off: never.
    complaints
        The same for complaints: 0.3/1000.
    content
        The same for mails that servers refuse for what is in them: 5/50.
    """
    async with here(options) as services:
        policy = await services.app.policies.get(services.account_id)
        if quiet or no_quiet:
            policy = msgspec.structs.replace(policy, quiet_hours=tuple(_quiet(one) for one in quiet))
        if cap or no_caps:
            policy = msgspec.structs.replace(policy, caps=tuple(_cap(one) for one in cap))
        limits: dict[str, Any] = {}
        for name, given in (("bounces", bounces), ("complaints", complaints), ("content", content)):
            if given is not None:
                limits |= _limit(name, given)
        policy = msgspec.structs.replace(policy, limits=msgspec.structs.replace(policy.limits, **limits))
        saved = await services.app.policies.put(services.account_id, policy)
    show(saved, json=options.json, human=lambda: facts(_lines(saved)))


def _quiet(given: str) -> QuietHours:
    found = _QUIET.fullmatch(given)
    if found is None:
        raise Invalid("quiet", f"{given!r} must be written like 21:00-09:00, sms:20:00-10:00 or 00:00-00:00/sat,sun")
    channels, begin, end, weekdays = found.groups()
    return _read(
        "quiet",
        QuietHours,
        {"begin": begin, "end": end, "channels": _names(channels), "weekdays": _names(weekdays)},
    )


def _cap(given: str) -> Cap:
    found = _CAP.fullmatch(given)
    if found is None:
        raise Invalid("cap", f"{given!r} must be written like 3/7 (messages/days) or sms:1/7")
    channel, messages, days = found.groups()
    return _read("cap", Cap, {"messages": int(messages), "days": int(days), "channel": channel})


def _limit(name: str, given: str) -> dict[str, Any]:
    if given == "off":
        return {f"{name}_percent": None}
    found = _LIMIT.fullmatch(given)
    if found is None:
        raise Invalid(name, f"{given!r} must be written like 5/200 (percent/messages), or off")
    percent, after = found.groups()
    return {f"{name}_percent": float(percent)} | ({f"{name}_after": int(after)} if after else {})


def _read(option: str, kind: type[Read], given: dict[str, Any]) -> Read:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise Invalid(option, str(error)) from None


def _names(given: str | None) -> list[str]:
    return given.split(",") if given else []


def _lines(policy: Policy) -> list[tuple[str, object]]:
    limits = policy.limits
    return [
        *(("quiet hours", told) for told in [_told_quiet(rule) for rule in policy.quiet_hours] or ["none"]),
        *(("at most", told) for told in [_told_cap(cap) for cap in policy.caps] or ["any number of messages"]),
        ("pauses at", _told_limit(limits.bounces_percent, limits.bounces_after, "bounces")),
        ("pauses at", _told_limit(limits.complaints_percent, limits.complaints_after, "complaints")),
        ("pauses at", _told_limit(limits.content_percent, limits.content_after, "refusals of content")),
    ]


def _told_quiet(rule: QuietHours) -> str:
    days = f" from {', '.join(rule.weekdays)}" if rule.weekdays else ""
    return f"{', '.join(rule.channels) or 'all channels'}: {rule.begin} to {rule.end}{days}"


def _told_cap(cap: Cap) -> str:
    return f"{cap.messages} messages{f' by {cap.channel}' if cap.channel else ''} in {cap.days} days"


def _told_limit(percent: float | None, after: int, what: str) -> str:
    return f"any number of {what}" if percent is None else f"{percent:g} % {what} of at least {after:,} messages"
