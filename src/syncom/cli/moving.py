"""``syncom import esputnik``: an account from eSputnik or from another installation, with one command."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from syncom.cli.given import Switch
from syncom.cli.output import show, table
from syncom.cli.services import Here, Options, here
from syncom.errors import Invalid
from syncom.moving.model import Move, MoveOptions, Step
from syncom.moving.service import MoveService
from syncom.moving.source import EsputnikSource
from syncom.outbound import OutboundClient

_DEFAULT = Options()
#: Whoever may run commands on this machine may name any host.
_ANYWHERE = "0.0.0.0/0, ::/0"


async def esputnik(
    *,
    key: str = "",
    key_stdin: Annotated[
        Switch, Parameter(help="Read the key from standard input: it shows in no process list.")
    ] = False,
    url: str = "https://esputnik.com",
    cards: Annotated[bool, Parameter(help="Fetch every contact's additional fields, one call each.")] = True,
    history_months: int = 36,
    unsubscribed: Path | None = None,
    restart: Switch = False,
    options: Options = _DEFAULT,
) -> int:
    """Pull an account: fields, unsubscribed addresses, contacts, segments, templates. Run again, it goes on.

    Parameters
    ----------
    key
        API key of the account there, with full access.
    url
        Host there; another Syncom works too, such as https://old.example.
    history_months
        How far back unsubscriptions, complaints and hard bounces are looked for.
    unsubscribed
        File with further unsubscribed addresses, one a line or in a column of a CSV.
    restart
        Begin anew though the last run got further.
    """
    key = sys.stdin.readline().strip() if key_stdin else key.strip()
    if not key:
        raise Invalid("key", "is missing: give --key-stdin and the key of the other account")
    if history_months < 0:
        raise Invalid("history-months", "must not be negative")
    addresses = _addresses(unsubscribed) if unsubscribed else []
    wanted = MoveOptions(cards=cards, history_months=history_months, restart=restart)
    async with here(options) as services:
        client = OutboundClient(_ANYWHERE)
        try:
            source = EsputnikSource(client, services.app.clock, url=url, key=key)
            move = await _followed(services, source, wanted, addresses)
        finally:
            await client.close()
    show(move, json=options.json, human=lambda: _summarise(move))
    return 0


async def moves(*, options: Options = _DEFAULT) -> None:
    """Moves from other accounts, and how far they got."""
    async with here(options) as services:
        found = await _service(services).moves(services.account_id)
    show(
        found,
        json=options.json,
        human=lambda: table(
            ("id", "from", "step", "changed", "left out"),
            ((one.move_id, one.source, one.step or "done", one.changed_at, one.problems) for one in found),
            empty="Nothing was moved here yet. `syncom import esputnik --key-stdin` does.",
        ),
    )


async def move_problems(move_id: int, *, options: Options = _DEFAULT) -> None:
    """What a move left out, and why.

    Parameters
    ----------
    move_id
        Number of the move, from `syncom import moves`.
    """
    async with here(options) as services:
        found = await _service(services).problems(services.account_id, move_id)
    show(
        found,
        json=options.json,
        human=lambda: table(("what", "why"), ((one.what, one.reason) for one in found), empty="Nothing was left out."),
    )


def _service(services: Here) -> MoveService:
    app = services.app
    return MoveService(app.database, app.contacts, app.content, app.senders, app.clock)


async def _followed(services: Here, source: EsputnikSource, wanted: MoveOptions, addresses: list[str]) -> Move:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[what]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        lines = {step: bar.add_task(step.value, total=None, what="", visible=False) for step in Step}

        def report(step: Step, what: str, done: int, total: int | None) -> None:
            shown = escape("".join(letter for letter in what if letter.isprintable())[:40])
            bar.update(lines[step], completed=done, total=total, what=shown, visible=True)

        return await _service(services).run(
            services.account_id, source, wanted, unsubscribed=addresses, on_progress=report
        )


def _addresses(file: Path) -> list[str]:
    """Everything in the file that looks like an address: a line each, or a column of any CSV."""
    try:
        text = file.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise Invalid("unsubscribed", f"{file} cannot be read: {error.strerror}") from None
    return [cell.strip(" \"'<>") for cell in re.split(r"[,;|\s]+", text) if "@" in cell]


def _summarise(move: Move) -> None:
    print(
        f"Moved from {move.source}: "
        + (", ".join(f"{n:,} {name}" for name, n in move.counts.items()) or "nothing new")
        + "."
    )
    if move.problems:
        print(f"{move.problems:,} things were left out: `syncom import move-problems {move.move_id}` lists them.")
    print("Dynamic segments came as lists of their members of today: build their conditions with `syncom segment add`.")
