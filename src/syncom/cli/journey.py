"""``syncom journey``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid

app = App(name="journey", help="Who is where in a workflow, and why.")
_DEFAULT = Options()


@app.command
async def steps(workflow: int, *, version: int | None = None, options: Options = _DEFAULT) -> None:
    """Show how many are at each step, went on, left, and are parked.

    Parameters
    ----------
    workflow
        Its id.
    version
        Left out: the newest.
    """
    async with here(options) as services:
        found = await services.app.journeys.figures(services.account_id, workflow, version)
    rows = [(one.step_id, one.type, one.waiting, one.passed, one.exited, one.failed) for one in found.steps]
    columns = ("step", "type", "waiting", "passed", "exited", "failed")
    show(found, json=options.json, human=lambda: table(columns, rows, empty="No steps."))


@app.command
async def path(contact: int, *, workflow: int | None = None, options: Options = _DEFAULT) -> None:
    """Show the path of a contact: step by step, what happened and when.

    Parameters
    ----------
    contact
        Its id.
    workflow
        Only in this one.
    """
    async with here(options) as services:
        found = await services.app.journeys.of_contact(services.account_id, contact, workflow)
    rows = [
        (one.workflow_id, entry.at.isoformat(timespec="seconds"), entry.step_id or "", entry.what)
        for one in found
        for entry in (*one.path,)
    ]
    rows += [(one.workflow_id, "", one.step_id, f"{one.state}: {one.reason}") for one in found if one.reason]
    empty = f"Contact {contact} took no step of a workflow."
    show(found, json=options.json, human=lambda: table(("workflow", "when", "step", "what"), rows, empty=empty))


@app.command
async def migrate(
    workflow: int, *, version: int, step: list[str] | None = None, yes: bool = False, options: Options = _DEFAULT
) -> None:
    """Move those inside an older version to the newest one. Shows who would go where, and does it with --yes.

    Parameters
    ----------
    workflow
        Its id.
    version
        The older version.
    step
        OLD=NEW: a step and the one it leads to; may be repeated. Steps that keep their ids need none.
    yes
        Do it.
    """
    mapping: dict[str, str] = {}
    for one in step or ():
        source, sign, target = one.partition("=")
        if not sign:
            raise Invalid("step", f"'{one}' must be OLD=NEW")
        mapping[source] = target
    async with here(options) as services:
        found = await services.app.journeys.migrate(services.account_id, workflow, version, mapping, do=yes)
    rows = [(one.from_step, one.to_step or f"stays: {one.reason}", one.contacts) for one in found]
    show(found, json=options.json, human=lambda: table(("from", "to", "journeys"), rows, empty="Nobody is inside."))


@app.command
async def retry(workflow: int, *, step: str = "", contact: int | None = None, options: Options = _DEFAULT) -> None:
    """Do the step again at which journeys failed.

    Parameters
    ----------
    workflow
        Its id.
    step
        Only those at this step.
    contact
        Only those of this contact.
    """
    async with here(options) as services:
        found = await services.app.parked.retry(services.account_id, workflow, step=step, contact_id=contact)
    show({"journeys": found}, json=options.json, human=lambda: print(f"{found} journeys try again."))


@app.command
async def skip(workflow: int, *, step: str = "", contact: int | None = None, options: Options = _DEFAULT) -> None:
    """Let journeys that failed go on behind the step.

    Parameters
    ----------
    workflow
        Its id.
    step
        Only those at this step.
    contact
        Only those of this contact.
    """
    async with here(options) as services:
        found = await services.app.parked.skip(services.account_id, workflow, step=step, contact_id=contact)
    show({"journeys": found}, json=options.json, human=lambda: print(f"{found} journeys go on."))


@app.command
async def calls(workflow: int, *, contact: int | None = None, limit: int = 100, options: Options = _DEFAULT) -> None:
    """Show the calls that steps made, with their attempts.

    Parameters
    ----------
    workflow
        Its id.
    contact
        Only this contact's.
    limit
        At most so many, up to 500.
    """
    async with here(options) as services:
        page = await services.app.parked.calls(services.account_id, workflow, contact_id=contact, limit=limit)
    rows = [
        (
            one.contact_id,
            one.step_id,
            one.what,
            one.state.replace("_", " "),
            len(one.attempts),
            one.attempts[-1].error if one.attempts else "",
        )
        for one in page.calls
    ]
    columns = ("contact", "step", "what", "state", "attempts", "last error")
    show(page.calls, json=options.json, human=lambda: table(columns, rows, empty="No calls."))
