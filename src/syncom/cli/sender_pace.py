"""How fast a sender sends: limits of receiving domains, and what these asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.messages.model import DestinationLimit

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
