"""``syncom segment``."""

from __future__ import annotations

from typing import Any

import msgspec
from cyclopts import App

from syncom.cli.contact import show_contacts
from syncom.cli.given import condition as read_condition
from syncom.cli.given import segment_ids
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, here
from syncom.errors import Invalid
from syncom.segments.model import Count, Explanation, Membership, Segment
from syncom.segments.schema import CONDITION_SCHEMA

app = App(name="segment", help="Saved conditions that contacts match or not.")
_DEFAULT = Options()
_PAGE = 1000
#: Days of growth that are shown: two years.
_MOST_DAYS = 731


@app.command
async def add(name: str, *, condition: str, options: Options = _DEFAULT) -> None:
    """Save a condition.

    Parameters
    ----------
    name
        What to call it.
    condition
        JSON as in docs/segments.md, or @FILE.
    """
    tree = read_condition("condition", condition)
    async with here(options) as services:
        made = await services.app.segments.create(services.account_id, name, tree)
        count = await services.app.segments.count(services.account_id, tree)
        said = await services.app.segments.sentence(services.account_id, tree)
    human = f"Segment {made.segment_id}: {said}. {count} contacts now."
    show(made, json=options.json, human=lambda: print(human))


@app.command(name="list")
async def list_segments(*, options: Options = _DEFAULT) -> None:
    """List the segments."""
    async with here(options) as services:
        found = await services.app.segments.list(services.account_id)
        kept = await services.app.membership.many(services.account_id)
    rows = [(one.segment_id, one.name, _size(kept.get(one.segment_id)), one.updated_at) for one in found]
    empty = "No segment yet: `syncom segment add NAME --condition JSON` saves one."
    show(found, json=options.json, human=lambda: table(("id", "name", "members", "changed"), rows, empty=empty))


@app.command(name="show")
async def show_segment(segment: str, *, options: Options = _DEFAULT) -> None:
    """Show a segment with its condition.

    Parameters
    ----------
    segment
        Its id or name.
    """
    async with here(options) as services:
        found = await _find(services, segment)
        said = await services.app.segments.sentence(services.account_id, found.condition)
        kept = await services.app.membership.get(services.account_id, found.segment_id)
    pairs = [
        ("id", found.segment_id),
        ("name", found.name),
        ("means", said),
        ("condition", found.condition),
        ("members", _size(kept)),
        ("changed", found.updated_at),
    ]
    show(found, json=options.json, human=lambda: facts(pairs))


@app.command
async def count(
    segment: str | None = None, *, condition: str | None = None, estimate: bool = False, options: Options = _DEFAULT
) -> None:
    """How many contacts match a segment or a condition now.

    Parameters
    ----------
    segment
        Its id or name.
    condition
        Instead of a segment: JSON as in docs/segments.md, or @FILE.
    estimate
        Answer within a third of a second, from a part of the contacts where counting all takes longer.
    """
    async with here(options) as services:
        tree = await _tree(services, segment, condition)
        if estimate:
            found = await services.app.segments.estimate(services.account_id, tree)
        else:
            found = Count(contacts=await services.app.segments.count(services.account_id, tree))
    human = (
        f"{found.contacts} contacts."
        if found.is_exact
        else f"About {found.contacts} contacts, give or take {found.error}."
    )
    show(found, json=options.json, human=lambda: print(human))


@app.command
async def contacts(
    segment: str | None = None, *, condition: str | None = None, limit: int = 100, options: Options = _DEFAULT
) -> None:
    """List the contacts that match a segment or a condition now.

    Parameters
    ----------
    segment
        Its id or name.
    condition
        Instead of a segment: JSON as in docs/segments.md, or @FILE.
    limit
        How many at most.
    """
    async with here(options) as services:
        tree = await _tree(services, segment, condition)
        contact_ids: list[int] = []
        while len(contact_ids) < limit:
            wanted = min(_PAGE, limit - len(contact_ids))
            after = contact_ids[-1] if contact_ids else 0
            page = await services.app.segments.page(services.account_id, tree, after=after, limit=wanted)
            contact_ids += page
            if len(page) < wanted:
                break
        people = await services.app.contacts.get_many(services.account_id, contact_ids)
    show_contacts(people, options, empty="Nobody matches.")


@app.command
async def moves(segment: str, *, limit: int = 50, options: Options = _DEFAULT) -> None:
    """List who entered and left a segment, and why; the newest first.

    Parameters
    ----------
    segment
        Its id or name.
    limit
        How many at most.
    """
    async with here(options) as services:
        one = await _find(services, segment)
        found = await services.app.membership.moves(services.account_id, one.segment_id, limit=limit)
    rows = [(move.moved_at, move.contact_id, "entered" if move.entered else "left", move.cause.value) for move in found]
    show(found, json=options.json, human=lambda: table(("when", "contact", "what", "why"), rows, empty="Nobody moved."))


@app.command
async def growth(segment: str, *, days: int = 30, options: Options = _DEFAULT) -> None:
    """Show how a segment grew, day by day (UTC).

    Parameters
    ----------
    segment
        Its id or name.
    days
        How many, today included.
    """
    if not 1 <= days <= _MOST_DAYS:
        raise Invalid("days", f"must be from 1 to {_MOST_DAYS}")
    async with here(options) as services:
        one = await _find(services, segment)
        found = await services.app.membership.growth(services.account_id, one.segment_id, days=days)
    rows = [(day.day, day.members, day.entered, day.left) for day in found]
    show(found, json=options.json, human=lambda: table(("day", "members", "entered", "left"), rows, empty=""))


@app.command
async def rebuild(segment: str | None = None, *, options: Options = _DEFAULT) -> None:
    """Work the members of a segment, or of all, out from the start. The worker does it; nobody is kept waiting.

    Parameters
    ----------
    segment
        Its id or name; all of them when left out.
    """
    async with here(options) as services:
        one = None if segment is None else await _find(services, segment)
        found = await services.app.membership.rebuild(services.account_id, one.segment_id if one else None)
    human = f"{len(found)} segments are worked out anew: `syncom segment list` shows how far they are."
    show(found, json=options.json, human=lambda: print(human))


@app.command
async def verify(*, options: Options = _DEFAULT) -> None:
    """Count all segments plainly and compare with their kept members. Takes a look at the whole account for each."""
    async with here(options) as services:
        found = await services.app.membership.verify(services.account_id)
    rows = [(one.segment_id, one.missing, one.surplus, one.size_off) for one in found]
    empty = "Every segment is kept as it should be."
    show(found, json=options.json, human=lambda: table(("id", "missing", "surplus", "size off"), rows, empty=empty))


@app.command
async def explain(segment: str | None = None, *, condition: str | None = None, options: Options = _DEFAULT) -> None:
    """Show how a segment or a condition is understood and answered.

    Parameters
    ----------
    segment
        Its id or name.
    condition
        Instead of a segment: JSON as in docs/segments.md, or @FILE.
    """
    async with here(options) as services:
        tree = await _tree(services, segment, condition)
        found = await services.app.segments.explain(services.account_id, tree)
    show(found, json=options.json, human=lambda: _show_explanation(found))


def _show_explanation(found: Explanation) -> None:
    print(f"{found.sentence}\n")
    table(
        ("part", "looks at", "served by"), [(leaf.at, leaf.facet.value, leaf.index) for leaf in found.leaves], empty=""
    )
    print(f"\n{found.statement}\n")
    for name, value in found.values.items():
        print(f"  {name} = {value}")
    print()
    for line in found.plan:
        print(line)


@app.command
async def schema() -> None:
    """Print the JSON Schema of the condition language."""
    print(msgspec.json.format(msgspec.json.encode(CONDITION_SCHEMA)).decode())


@app.command
async def delete(segment: str, *, options: Options = _DEFAULT) -> None:
    """Delete a segment that no other one uses.

    Parameters
    ----------
    segment
        Its id or name.
    """
    async with here(options) as services:
        found = await _find(services, segment)
        await services.app.segments.delete(services.account_id, found.segment_id)
    show(found, json=options.json, human=lambda: print(f"Segment {found.segment_id} is deleted."))


async def _tree(services: Here, segment: str | None, condition: str | None) -> dict[str, Any]:
    """The condition of a segment, or the one that is given instead."""
    if segment is not None and condition is None:
        return (await _find(services, segment)).condition
    if condition is not None and segment is None:
        return read_condition("condition", condition)
    raise Invalid("segment", "give a segment, or --condition with a tree")


def _size(kept: Membership | None) -> str:
    if kept is None:
        return "not counted yet"
    if kept.problem:
        return f"{kept.members}, no longer kept: {kept.problem}"
    return str(kept.members) if kept.is_complete else f"{kept.members}, {kept.progress} % worked out"


async def _find(services: Here, given: str) -> Segment:
    (segment_id,) = await segment_ids(services, (given,))
    return await services.app.segments.get(services.account_id, segment_id)
