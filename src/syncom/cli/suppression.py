"""``syncom suppression``."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import msgspec
from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.contacts.imports.suppressions import suppressions_csv
from syncom.contacts.model import Channel, SuppressionEntry, SuppressionFilter
from syncom.errors import Invalid

app = App(name="suppression", help="Addresses that nothing is sent to, whoever they belong to.")
_DEFAULT = Options()
_PAGE = 1000


@app.command
async def add(
    *addresses: str,
    channel: Channel = Channel.EMAIL,
    detail: str = "",
    until: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Never send to these addresses.

    Parameters
    ----------
    addresses
        Email addresses, or numbers.
    channel
        What kind of addresses these are.
    detail
        Why.
    until
        When it ends, such as 2027-01-31T00:00:00Z; never unless given.
    """
    if not addresses:
        raise Invalid("addresses", "name at least one address")
    if until is not None and until.tzinfo is None:
        raise Invalid("until", "must say its offset, such as Z or +03:00")
    async with here(options) as services:
        await services.app.contacts.consents.suppress(
            services.account_id, channel, addresses, detail=detail, source=services.by.actor, expires_at=until
        )
    show({"suppressed": addresses}, json=options.json, human=lambda: print(f"{len(addresses)} suppressed."))


@app.command(name="list")
async def list_suppressions(
    *,
    channel: Channel = Channel.EMAIL,
    reason: str = "",
    prefix: str = "",
    limit: int = 1000,
    options: Options = _DEFAULT,
) -> None:
    """List suppressed addresses, in their order: why, by what, until when.

    Parameters
    ----------
    channel
        Which kind of addresses.
    reason
        Only of this reason: 'hard bounce', complaint, unsubscribed, manual.
    prefix
        Only addresses that begin so.
    limit
        How many at most.
    """
    chosen = SuppressionFilter(reason=reason, prefix=prefix)
    found: list[SuppressionEntry] = []
    async with here(options) as services:
        while len(found) < limit:
            wanted = min(_PAGE, limit - len(found))
            page = await services.app.contacts.consents.suppressions(
                services.account_id, channel, chosen, after=found[-1].address if found else "", limit=wanted
            )
            found += page
            if len(page) < wanted:
                break
    rows = [
        (entry.address, entry.reason, entry.detail, entry.source or None, entry.created_at, entry.expires_at)
        for entry in found
    ]
    columns = ("address", "reason", "detail", "by", "since", "until")
    show(
        [_shown(entry) for entry in found],
        json=options.json,
        human=lambda: table(columns, rows, empty="No address is suppressed."),
    )


@app.command
async def export(
    *, channel: Channel = Channel.EMAIL, reason: str = "", prefix: str = "", options: Options = _DEFAULT
) -> None:
    """Write suppressed addresses as CSV to standard output: why, by what, until when.

    Parameters
    ----------
    channel
        Which kind of addresses.
    reason
        Only of this reason: 'hard bounce', complaint, unsubscribed, manual.
    prefix
        Only addresses that begin so.
    """
    chosen = SuppressionFilter(reason=reason, prefix=prefix)
    async with here(options) as services:
        consents = services.app.contacts.consents
        async for piece in suppressions_csv(consents, services.account_id, channel, chosen):
            sys.stdout.buffer.write(piece)
    sys.stdout.flush()


@app.command
async def remove(address: str, *, channel: Channel = Channel.EMAIL, options: Options = _DEFAULT) -> None:
    """Allow an address again.

    Parameters
    ----------
    address
        As in `syncom suppression list`.
    channel
        What kind of address this is.
    """
    async with here(options) as services:
        await services.app.contacts.consents.unsuppress(services.account_id, channel, address)
    show({"removed": address}, json=options.json, human=lambda: print(f"{address} may be sent to again."))


def _shown(entry: SuppressionEntry) -> dict[str, Any]:
    return msgspec.to_builtins(entry) | {"channel": entry.channel.name.lower()}
