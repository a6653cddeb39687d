"""``syncom event``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Many, Switch, pairs
from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.events.model import EventInput
from syncom.events.replays import check_span

app = App(name="event", help="What happened in other systems.")
_DEFAULT = Options()


@app.command
async def send(
    type_key: str,
    *,
    key: str = "",
    dedupe_key: str = "",
    param: Many = (),
    contact: int | None = None,
    at: datetime | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Record an event.

    Parameters
    ----------
    type_key
        Its type, such as invoicePaid; made when there is none.
    key
        Your own name for what it is about, such as an invoice's number.
    dedupe_key
        Your own name for this one event: another one of its type with this key is not recorded.
    param
        A parameter as NAME=VALUE, such as sum=120.50. May be repeated.
    contact
        Id of the contact it is about; unless given, whoever a parameter such as EmailAddress names.
    at
        When it happened, such as 2026-01-31T12:00:00Z; now unless given.
    """
    if at is not None and at.tzinfo is None:
        raise Invalid("at", "must say its offset, such as Z or +03:00")
    event = EventInput(
        type_key=type_key,
        key=key,
        dedupe_key=dedupe_key,
        params=dict(pairs("param", param)),
        contact_id=contact,
        occurred_at=at,
    )
    async with here(options) as services:
        [recorded] = await services.app.events.record(services.account_id, [event], once=True, create_contacts=True)
    about = f"of contact {recorded.contact_id}" if recorded.contact_id else "of nobody who is known"
    said = "It was recorded before." if recorded.repeated else f"Recorded, {about}."
    show(recorded, json=options.json, human=lambda: print(said))


@app.command(name="list")
async def list_events(
    *,
    contact: int | None = None,
    type_: Annotated[str | None, Parameter(name="--type")] = None,
    limit: int = 100,
    options: Options = _DEFAULT,
) -> None:
    """List the events of a contact or of a type, newest first.

    Parameters
    ----------
    contact
        Id of the contact.
    type_
        Key of the type.
    limit
        How many at most.
    """
    async with here(options) as services:
        if contact is not None:
            await services.app.contacts.get(services.account_id, contact)
            page = await services.app.events.of_contact(services.account_id, contact, limit=limit)
        elif type_ is not None:
            page = await services.app.events.of_type(services.account_id, type_, limit=limit)
        else:
            raise Invalid("contact", "is missing: name a contact or a type")
    found = [one for one in page.events if type_ is None or one.type_key == type_]
    rows = [(one.occurred_at, one.type_key, one.key, one.contact_id or "") for one in found]
    empty = "No event yet: `syncom event send TYPE --param NAME=VALUE` records one."
    show(found, json=options.json, human=lambda: table(("happened", "type", "key", "contact"), rows, empty=empty))


_From = Annotated[datetime, Parameter(name="--from")]
_To = Annotated[datetime | None, Parameter(name="--to")]


@app.command
async def export(
    *,
    type_: Annotated[str, Parameter(name="--type")],
    from_: _From,
    to: _To = None,
    options: Options = _DEFAULT,
) -> None:
    """Print events, one in JSON a line, newest first, as `POST /syncom/v1/events/batch` of another account takes them.

    Each has its id as its dedupe_key, so that they may be sent again.

    Parameters
    ----------
    type_
        Type of the events.
    from_
        First moment they happened at, such as 2026-01-31T12:00:00Z.
    to
        Moment behind the last; now unless given.
    """
    until = to or datetime.now(UTC)
    check_span(from_, until)
    async with here(options) as services:
        async for events in services.app.events.between(services.account_id, type_, from_, until):
            for event in events:
                given = EventInput(
                    type_key=event.type_key,
                    key=event.key,
                    dedupe_key=str(event.event_id),
                    params=event.params,
                    occurred_at=event.occurred_at,
                )
                print(msgspec.json.encode(given).decode())


@app.command
async def replay(
    *,
    type_: Annotated[str, Parameter(name="--type")],
    from_: _From,
    to: _To = None,
    anew: Switch = False,
    rate: int = 100,
    dry_run: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Start what events would have started, in the background. What they did start is left.

    Parameters
    ----------
    type_
        Type of the events.
    from_
        First moment they happened at, such as 2026-01-31T12:00:00Z.
    to
        Moment behind the last; now unless given.
    anew
        Start also what these events started before: their contacts go through it once more.
    rate
        Events a second.
    dry_run
        Only say what would happen.
    """
    until = to or datetime.now(UTC)
    async with here(options) as services:
        if dry_run:
            found = await services.app.workflows.rehearse(services.account_id, type_, from_, until)
            rows = [
                (
                    one.workflow_id,
                    one.name,
                    one.events,
                    one.started_before,
                    one.events - one.started_before * (not anew),
                )
                for one in found
            ]
            columns = ("workflow", "name", "events", "started before", "would start")
            empty = f"No workflow that is started begins with events {type_}."
            show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))
            return
        begun = await services.app.events.replays.start(
            services.account_id, type_, since=from_, until=until, anew=anew, rate=rate
        )
    said = f"Replay {begun.replay_id} of {begun.events:,} events has begun: `syncom event replays` shows how far it is."
    show(begun, json=options.json, human=lambda: print(said))


@app.command
async def replays(*, options: Options = _DEFAULT) -> None:
    """List replays, newest first."""
    async with here(options) as services:
        found = await services.app.events.replays.all(services.account_id)
    rows = [
        (
            one.replay_id,
            one.type_key,
            one.since,
            one.until,
            "yes" if one.anew else "no",
            one.status,
            f"{one.replayed:,} of {one.events:,}",
        )
        for one in found
    ]
    columns = ("id", "type", "from", "to", "anew", "status", "events")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="Nothing was replayed yet."))


@app.command
async def cancel_replay(replay_id: int, *, options: Options = _DEFAULT) -> None:
    """Stop a replay. What it started goes on.

    Parameters
    ----------
    replay_id
        Its id, of `syncom event replays`.
    """
    async with here(options) as services:
        found = await services.app.events.replays.cancel(services.account_id, replay_id)
    show(found, json=options.json, human=lambda: print(f"Replay {found.replay_id} is {found.status}."))
