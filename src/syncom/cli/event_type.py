"""``syncom event-type``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Many, Switch, pairs
from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.events.model import EventType, TypeParameter
from syncom.events.parameters import Kind

app = App(name="event-type", help="Kinds of events, and what each of them brings and does.")
_DEFAULT = Options()


@app.command(name="list")
async def list_types(*, options: Options = _DEFAULT) -> None:
    """List the types of events."""
    async with here(options) as services:
        found = await services.app.events.types.all(services.account_id)
    rows = [(one.event_type_id, one.key, "yes" if one.creates_contacts else "no", _brings(one)) for one in found]
    columns = ("id", "key", "makes contacts", "parameters")
    empty = "No event yet: a type appears with its first event."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_type(key: str, *, options: Options = _DEFAULT) -> None:
    """Show what events of a type bring: types of parameters, values that do not fit them, the newest time, an example.

    Parameters
    ----------
    key
        Key of the type.
    """
    async with here(options) as services:
        found = await services.app.events.parameters(services.account_id, key)
    rows = [
        (
            one.name,
            f"{one.type} (declared)" if one.declared else one.type,
            ", ".join(f"{kind} {count:,}" for kind, count in one.seen.items()),
            one.conflicts or "",
            one.last_seen_at or "",
            "" if one.example is None else msgspec.json.encode(one.example).decode()[:60],
        )
        for one in found
    ]
    columns = ("parameter", "type", "seen", "conflicts", "newest", "example")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="No event has brought anything yet."))


@app.command(name="set")
async def set_type(
    key: str,
    *,
    creates_contacts: Literal["yes", "no"] | None = None,
    require: Many = (),
    allow: Many = (),
    anything: Switch = False,
    type_: Annotated[Many, Parameter(name="--type")] = (),
    options: Options = _DEFAULT,
) -> None:
    """Set what events of a type bring and do.

    Parameters
    ----------
    key
        Key of the type, which may have had no event yet.
    creates_contacts
        Whether somebody an event names and nobody knows becomes a contact.
    require
        A parameter that events must bring. May be repeated.
    allow
        A parameter that events may bring beside those. May be repeated.
    anything
        Events may bring anything, as they may at first.
    type_
        What a parameter is, as NAME=TYPE: boolean, number, datetime, string, array or object; events that bring
        anything else in it are refused. NAME= takes that back. May be repeated.
    """
    if anything and (require or allow):
        raise Invalid("anything", "cannot be asked together with require and allow")
    wanted = [TypeParameter(name=name) for name in require]
    wanted += [TypeParameter(name=name, required=False) for name in allow]
    declared = {name: _kind(name, kind) for name, kind in pairs("type", type_).items()}
    async with here(options) as services:
        changed = await services.app.events.types.change(
            services.account_id,
            key,
            creates_contacts=None if creates_contacts is None else creates_contacts == "yes",
            parameters=None if anything else wanted or msgspec.UNSET,
            declared=declared,
        )
    said = f"Events of {changed.key} bring {_brings(changed)}"
    said += " and make contacts." if changed.creates_contacts else " and make no contacts."
    show(changed, json=options.json, human=lambda: print(said))


def _kind(name: str, text: str) -> Kind | None:
    try:
        return Kind(text) if text else None
    except ValueError:
        raise Invalid("type", f"of {name} must be one of {', '.join(Kind)}, or nothing") from None


def _brings(event_type: EventType) -> str:
    if event_type.parameters is None:
        return "anything"
    return ", ".join(one.name if one.required else f"{one.name}?" for one in event_type.parameters) or "nothing"
