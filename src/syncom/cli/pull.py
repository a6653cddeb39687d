"""``syncom pull``."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import KEYS, KeyName, Many, Switch, condition, pairs
from syncom.cli.output import facts, show, table
from syncom.cli.scheduled import Scheduled
from syncom.cli.services import Here, Options, here
from syncom.contacts.model import MergeMode
from syncom.pulls.model import Pull, PullInput, PullKind

app = App(name="pull", help="Contacts and orders pulled out of connected apps, on a schedule.")
_DEFAULT = Options()


@app.command
async def add(
    name: str,
    *,
    kind: PullKind,
    connection: str,
    action: str,
    tenant: str = "default",
    rows: str = "$",
    map: Annotated[Many, Parameter(negative="")] = (),  # noqa: A002 - the option is named so
    input: str = "{}",  # noqa: A002
    mapping: str = "{}",
    key: KeyName = "email",
    fill_blanks: Switch = False,
    list_id: Annotated[tuple[int, ...], Parameter(negative="")] = (),
    subscribed: Switch = False,
    every: int = 3600,
    preview: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Pull rows of an action out of a connection, now and again and again.

    Parameters
    ----------
    name
        What to call it.
    kind
        contacts or orders.
    connection
        The connection's id; `membrane connection list` shows it.
    action
        Key of the action that lists the rows, such as list-customers. It must be one that only reads.
    tenant
        Key of the tenant whose connection it is; the account's default one unless given.
    rows
        Where the rows are in the action's output: $.customers; $ is the output itself.
    map
        MEMBER=PATH: what becomes of a row, such as first_name=$.row.properties.firstname. May be repeated.
    input
        The action's input as JSON, or @FILE. {"$var": "$.since"} stands for when the last pull began.
    mapping
        Formulas for members that a path does not reach, as JSON, or @FILE.
    key
        By what a contact is recognised.
    fill_blanks
        Keep what a known contact has; fill in the rest.
    list_id
        A list that every contact joins. May be repeated.
    subscribed
        New contacts may be written to: only when they agreed to it.
    every
        Seconds between pulls; 0: only `syncom pull run`.
    preview
        Show what the first rows would become, and save nothing.
    """
    paths = {member: {"$var": path} for member, path in pairs("map", map).items()}
    async with here(options) as services:
        given = PullInput(
            name=name,
            kind=kind,
            connection_id=connection,
            tenant=tenant,
            action=action,
            input=condition("input", input),
            rows=rows,
            mapping={**condition("mapping", mapping), **paths},
            key=KEYS[key],
            mode=MergeMode.FILL_BLANKS if fill_blanks else MergeMode.OVERWRITE,
            list_ids=list_id,
            subscribed=subscribed,
            every=every,
        )
        if preview:
            await _preview(services, given, json=options.json)
            return
        saved = await services.app.pulls.add(services.account_id, given)
    show(saved, json=options.json, human=lambda: _describe(saved))


@app.command(name="list")
async def list_pulls(*, options: Options = _DEFAULT) -> None:
    """List the pulls and how they go."""
    async with here(options) as services:
        found = await services.app.pulls.list(services.account_id)
    rows = [
        (
            one.pull_id,
            one.name,
            one.kind.value,
            one.action,
            one.enabled,
            one.last_run_at,
            one.last_result.rows if one.last_result else None,
            one.next_at,
            one.last_error,
        )
        for one in found
    ]
    columns = ("id", "name", "kind", "action", "on", "last", "rows", "next", "problem")
    empty = "No pulls. Add one: `syncom pull add NAME --kind contacts --connection ID --action KEY`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command
async def run(pull: int, *, options: Options = _DEFAULT) -> None:
    """Pull now, and wait for it.

    Parameters
    ----------
    pull
        Its id.
    """
    async with here(options) as services:
        found = await services.app.pulls.run_now(services.account_id, pull)
    show(found, json=options.json, human=lambda: _describe(found))


async def _preview(services: Here, given: PullInput, *, json: bool) -> None:
    rows, problems = await services.app.pulls.preview(services.account_id, given)
    shown: list[dict[str, Any]] = [msgspec.to_builtins(row) for row in rows]

    def human() -> None:
        for row in shown:
            print(", ".join(f"{name}: {value}" for name, value in row.items() if value not in ("", [], {})))
        for problem in problems:
            print(f"row {problem.row}: {problem.field} {problem.reason}")
        if not shown and not problems:
            print("The action gave no rows.")

    show({"rows": shown, "problems": problems}, json=json, human=human)


def _describe(pull: Pull) -> None:
    result = pull.last_result
    facts(
        [
            ("id", pull.pull_id),
            ("name", pull.name),
            ("kind", pull.kind.value),
            ("connection", pull.connection_id),
            ("action", pull.action),
            ("every", f"{pull.every} s" if pull.every else "on demand"),
            ("on", pull.enabled),
            ("last", pull.last_run_at),
            ("rows", result.rows if result else None),
            ("created", result.created if result else None),
            ("updated", result.updated if result else None),
            ("refused", result.refused if result else None),
            ("next", pull.next_at),
            ("problem", pull.last_error),
        ]
    )
    for problem in result.problems if result else ():
        print(f"row {problem.row}: {problem.field} {problem.reason}")


Scheduled(
    service=lambda app: app.pulls,
    describe=_describe,
    shows="Show one pull.",
    pauses="Pull no more until it is resumed.",
    resumes="Go on pulling.",
    removes="Remove a pull. What it brought stays.",
    removed=lambda ident, _: ({}, f"Pull {ident} is removed."),
).add_commands(app)
