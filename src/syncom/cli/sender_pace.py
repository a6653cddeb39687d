"""How fast a sender sends: limits of receiving domains, and what these asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from syncom.cli.given import Switch
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, here
from syncom.errors import Invalid, NotFound
from syncom.messages.model import DestinationLimit
from syncom.messages.warming.model import Plan, Standing

_DEFAULT = Options()
_LIMIT = re.compile(r"([a-z0-9.-]{1,255})=(\d{1,6}(?:\.\d{1,4})?)?(?:/(\d{1,4}))?", re.ASCII)


def destination_limits(given: Sequence[str]) -> tuple[DestinationLimit, ...]:
    """Limits as they are written on the command line. Raises Invalid."""
    if list(given) == ["none"]:
        return ()
    return tuple(map(_limit, given))


def _limit(given: str) -> DestinationLimit:
    found = _LIMIT.fullmatch(given)
    if found is None or not (found[2] or found[3]):
        raise Invalid("destination", f"{given!r} must be written like gmail=5, gmail=5/2 or gmail=/2")
    return DestinationLimit(
        name=found[1],
        rate_per_second=float(found[2]) if found[2] else None,
        connections=int(found[3]) if found[3] else None,
    )


def told_limit(limit: DestinationLimit) -> str:
    rate = f"{limit.rate_per_second:g} a second" if limit.rate_per_second else "any rate"
    return f"{limit.name}: {rate}" + (f", {limit.connections} at once" if limit.connections else "")


async def destinations(sender: int, *, options: Options = _DEFAULT) -> None:
    """Show receiving domains that asked a sender for less, or that it rests for. `sender update` ends it.

    Parameters
    ----------
    sender
        Its id.
    """
    async with here(options) as services:
        found = await services.app.senders.pressed(services.account_id, sender)
        now = services.app.clock.now()
    rows = [
        (
            one.destination,
            one.rests_until if one.rests_until > now else None,
            f"{one.rate:.1f} a second" if one.rate is not None else None,
            one.problem,
        )
        for one in found
    ]
    columns = ("destination", "rests until", "slowed to", "its words")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="No receiving domain asked for less."))


async def warm_up(
    sender: int,
    *,
    first: int | None = None,
    growth: float | None = None,
    target: int | None = None,
    off: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Let a new sender send a few messages a day, more each day; without options show where it stands.

    Parameters
    ----------
    sender
        Its id.
    first
        Messages of the first day: 50 unless given.
    growth
        How many times as many each day as on the day before: 1.5 unless given.
    target
        The warm-up is over on the day that would allow so many: 20000 unless given.
    off
        End it: the sender sends as much as it can.
    """
    named = {"first": first, "growth": growth, "target": target}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    async with here(options) as services:
        warm_ups = services.app.warm_ups
        if off:
            await warm_ups.delete(services.account_id, sender)
            done = f"Sender {sender} sends as much as it can."
            show({"sender_id": sender, "warm_up": None}, json=options.json, human=lambda: print(done))
            return
        if given:
            plan = await _present(services, sender)
            standing = await warm_ups.put(services.account_id, sender, msgspec.structs.replace(plan, **given))
        else:
            standing = await warm_ups.get(services.account_id, sender)
    show(standing, json=options.json, human=lambda: facts(_lines(standing)))


async def _present(services: Here, sender: int) -> Plan:
    try:
        return (await services.app.warm_ups.get(services.account_id, sender)).plan
    except NotFound:
        return Plan()


def _lines(standing: Standing) -> list[tuple[str, object]]:
    plan, allowed = standing.plan, standing.allowed_today
    today = "no limit: the warm-up is over" if allowed is None else f"{standing.sent_today:,} of {allowed:,} sent"
    return [
        ("plan", f"{plan.first:,} messages on {standing.started_on}, each day {plan.growth:g} times as many"),
        ("today", today),
        ("over on", standing.ends_on.isoformat()),
    ]
