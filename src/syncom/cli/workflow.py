"""``syncom workflow``."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from syncom.attribution.model import Source
from syncom.cli.given import Many
from syncom.cli.given import condition as read_object
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.cli.workflow_simulate import simulate
from syncom.contacts.model import IdentityKind
from syncom.errors import Invalid
from syncom.ids import uuid7
from syncom.workflows.language import SegmentTrigger
from syncom.workflows.model import Workflow, WorkflowStatus
from syncom.workflows.watches import event_of

app = App(name="workflow", help="What is done with a contact after something happened.")
_DEFAULT = Options()
Ids = Annotated[tuple[int, ...], Parameter(negative=(), show_default=False)]
app.command(simulate)


@app.command
async def add(name: str, *, definition: str, options: Options = _DEFAULT) -> None:
    """Save a workflow. Nobody enters until it is started.

    Parameters
    ----------
    name
        What to call it.
    definition
        JSON as in docs/workflows.md, or @FILE.
    """
    given = read_object("definition", definition)
    async with here(options) as services:
        made = await services.app.workflows.create(services.account_id, name, given)
    said = f"Workflow {made.workflow_id} is saved: `syncom workflow start {made.workflow_id}` lets contacts in."
    show(made, json=options.json, human=lambda: print(said))


def begins_with(workflow: Workflow) -> str:
    """What lets a contact in, in words."""
    trigger = workflow.definition.trigger
    if isinstance(trigger, SegmentTrigger):
        return f"{'entering' if trigger.when == 'enters' else 'leaving'} segment {trigger.segment_id}"
    event_type = event_of(trigger)
    return f"the event '{event_type}'" if event_type else str(trigger.__struct_config__.tag)


@app.command(name="list")
async def list_workflows(*, options: Options = _DEFAULT) -> None:
    """List the workflows."""
    async with here(options) as services:
        found, _ = await services.app.workflows.page(services.account_id)
    rows = [(one.workflow_id, one.name, one.status, begins_with(one)) for one in found]
    empty = "No workflow yet: `syncom workflow add NAME --definition @FILE` saves one."
    show(found, json=options.json, human=lambda: table(("id", "name", "status", "starts with"), rows, empty=empty))


@app.command(name="show")
async def show_workflow(workflow: int, *, options: Options = _DEFAULT) -> None:
    """Show a workflow, and how many journeys are where.

    Parameters
    ----------
    workflow
        Its id.
    """
    async with here(options) as services:
        found = await services.app.workflows.get(services.account_id, workflow)
        counts = await services.app.workflows.counts(services.account_id, workflow)
        revenue = await services.app.attribution.revenue(services.account_id, Source.WORKFLOW, workflow)
    named = {state.name.lower(): number for state, number in counts.items()}
    pairs = [
        ("id", found.workflow_id),
        ("name", found.name),
        ("status", found.status),
        ("version", found.version),
        ("definition", found.definition),
        *named.items(),
        *((f"orders {one.currency}".strip(), f"{one.orders}, {one.net} after refunds") for one in revenue),
    ]
    show({"workflow": found, "counts": named, "revenue": revenue}, json=options.json, human=lambda: facts(pairs))


@app.command
async def start(workflow: int, *, options: Options = _DEFAULT) -> None:
    """Let contacts in from now on, and let go on who was inside.

    Parameters
    ----------
    workflow
        Its id.
    """
    async with here(options) as services:
        found = await services.app.workflows.start(services.account_id, workflow)
    said = f"Workflow {workflow} is started: {begins_with(found)} lets a contact in."
    show(found, json=options.json, human=lambda: print(said))


@app.command
async def pause(workflow: int, *, options: Options = _DEFAULT) -> None:
    """Let nobody in, and nobody go on, until it is started again.

    Parameters
    ----------
    workflow
        Its id.
    """
    async with here(options) as services:
        found = await services.app.workflows.pause(services.account_id, workflow)
    show(found, json=options.json, human=lambda: print(f"Workflow {workflow} is paused."))


@app.command
async def drain(workflow: int, *, options: Options = _DEFAULT) -> None:
    """Let nobody in; those inside go on to their ends, and then it is stopped.

    Parameters
    ----------
    workflow
        Its id.
    """
    async with here(options) as services:
        found = await services.app.workflows.drain(services.account_id, workflow)
    is_over = found.status is WorkflowStatus.STOPPED
    said = (
        "is stopped: nobody was inside." if is_over else "lets nobody in, and is stopped when all have come to an end."
    )
    show(found, json=options.json, human=lambda: print(f"Workflow {workflow} {said}"))


@app.command
async def stop(workflow: int, *, options: Options = _DEFAULT) -> None:
    """Let nobody in, and let everybody inside leave.

    Parameters
    ----------
    workflow
        Its id.
    """
    async with here(options) as services:
        found = await services.app.workflows.stop(services.account_id, workflow)
    show(found, json=options.json, human=lambda: print(f"Workflow {workflow} is stopped: those inside leave."))


@app.command
async def run(
    workflow: int,
    *,
    contact: Ids = (),
    email: Many = (),
    external_id: Many = (),
    params: str = "{}",
    run_id: str = "",
    options: Options = _DEFAULT,
) -> None:
    """Let contacts in, by the rules of entry, whatever lets others in.

    Parameters
    ----------
    workflow
        Its id.
    contact
        Id of a contact; may be repeated.
    email
        Address of a contact; may be repeated.
    external_id
        Your id of a contact; may be repeated.
    params
        What steps and templates read as `data`: JSON, or @FILE.
    run_id
        A UUID that names the call: with the same one nobody comes in twice.
    """
    given = read_object("params", params)
    try:
        named = UUID(run_id) if run_id else uuid7()
    except ValueError:
        raise Invalid("run-id", "must be a UUID") from None
    async with here(options) as services:
        contact_ids = list(contact)
        for kind, values, at in (
            (IdentityKind.EMAIL, email, "email"),
            (IdentityKind.EXTERNAL_ID, external_id, "external-id"),
        ):
            contact_ids += await services.app.contacts.require_ids(services.account_id, kind, values, at)
        entered = await services.app.workflows.run(
            services.account_id, workflow, contact_ids, params=given, run_id=named
        )
    said = f"{entered} of {len(set(contact_ids))} came into workflow {workflow}."
    show({"run_id": named, "entered": entered}, json=options.json, human=lambda: print(said))
