"""``syncom sender group``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from syncom.cli.given import Many, Switch
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.messages.groups import GroupMember, SenderGroup, SenderGroupInput

app = App(name="group", help="Several senders under one name: by weight, and others when one cannot send.")
_DEFAULT = Options()
_MEMBER = "ID, ID:WEIGHT or ID:WEIGHT:PRIORITY. Repeat it for each."


@app.command
async def add(
    *,
    name: str,
    member: Annotated[Many, Parameter(help=_MEMBER)] = (),
    failover_after: float = 30.0,
    default: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Add a group. It may be named wherever a sender may.

    Parameters
    ----------
    name
        What to call it.
    failover_after
        Seconds for which a member may be in trouble before others get what lies with it.
    default
        Send everything of its channel through it that names no sender.
    """
    given = SenderGroupInput(
        name=name, members=_members(member), failover_after=failover_after, is_default=bool(default)
    )
    async with here(options) as services:
        added = await services.app.sender_groups.add(services.account_id, given)
    said = f"Group {added.sender_id}: name it as a sender, as in `syncom campaign create --sender {added.sender_id}`."
    show(added, json=options.json, human=lambda: print(said))


@app.command(name="list")
async def list_groups(*, options: Options = _DEFAULT) -> None:
    """List the groups."""
    async with here(options) as services:
        found = await services.app.sender_groups.list(services.account_id)
    rows = [
        (
            one.sender_id,
            one.name,
            one.channel.name.lower(),
            len(one.members),
            sum(member.is_able for member in one.members),
            one.is_default,
        )
        for one in found
    ]
    columns = ("id", "name", "channel", "members", "can send", "default")
    empty = "No group yet: `syncom sender group add --name NAME --member ID --member ID`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_group(group: int, *, options: Options = _DEFAULT) -> None:
    """Show a group and its members.

    Parameters
    ----------
    group
        Its id.
    """
    async with here(options) as services:
        found = await services.app.sender_groups.get(services.account_id, group)
    show(found, json=options.json, human=lambda: _describe(found))


@app.command
async def update(
    group: int,
    *,
    name: str = "",
    member: Annotated[Many, Parameter(help=f"{_MEMBER} Others leave.")] = (),
    failover_after: float | None = None,
    default: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Change what is named; the rest stays.

    Parameters
    ----------
    group
        Its id.
    name
        What to call it.
    failover_after
        Seconds for which a member may be in trouble before others get what lies with it.
    default
        Send everything of its channel through it that names no sender.
    """
    async with here(options) as services:
        groups = services.app.sender_groups
        stored = await groups.get(services.account_id, group)
        kept = tuple(
            GroupMember(sender_id=one.sender_id, weight=one.weight, priority=one.priority) for one in stored.members
        )
        given = SenderGroupInput(
            name=name or stored.name,
            members=_members(member) if member else kept,
            failover_after=stored.failover_after if failover_after is None else failover_after,
            is_default=bool(default) or stored.is_default,
        )
        changed = await groups.update(services.account_id, group, given)
    show(changed, json=options.json, human=lambda: _describe(changed))


def _members(given: Many) -> tuple[GroupMember, ...]:
    return tuple(_member(one) for one in given)


def _member(text: str) -> GroupMember:
    """Raises Invalid."""
    parts = text.split(":")
    if not 1 <= len(parts) <= 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise Invalid("member", f"'{text}' must be {_MEMBER}")
    sender_id, weight, priority = (int(part) for part in (*parts, "1", "1")[:3])
    return GroupMember(sender_id=sender_id, weight=weight, priority=priority)


def _describe(group: SenderGroup) -> None:
    facts(
        [
            ("group", group.sender_id),
            ("name", group.name),
            ("channel", group.channel.name.lower()),
            ("default", group.is_default),
            ("failover after", f"{group.failover_after:g} seconds"),
        ]
    )
    rows = [
        (one.sender_id, one.name, one.weight, one.priority, one.is_able, one.problem or None) for one in group.members
    ]
    table(("sender", "name", "weight", "priority", "can send", "problem"), rows, empty="")
