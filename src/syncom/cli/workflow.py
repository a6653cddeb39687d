"""``syncom workflow``."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from syncom.attribution.model import Source
from syncom.cli.given import Many, Switch
from syncom.cli.given import condition as read_object
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.cli.workflow_simulate import simulate
from syncom.contacts.model import IdentityKind
from syncom.errors import Invalid
from syncom.ids import uuid7
from syncom.workflows.language import SegmentTrigger
from syncom.workflows.model import Workflow, WorkflowStatus
from syncom.workflows.results import WorkflowResults
from syncom.workflows.schema import definition_schema
from syncom.workflows.uplift import Uplift
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
        ("definition", msgspec.json.encode(found.definition).decode()),
        *named.items(),
        *((f"orders {one.currency}".strip(), f"{one.orders}, {one.net} after refunds") for one in revenue),
    ]
    show({"workflow": found, "counts": named, "revenue": revenue}, json=options.json, human=lambda: facts(pairs))


@app.command
async def schema() -> None:
    """Print the JSON Schema of definitions."""
    print(msgspec.json.format(msgspec.json.encode(definition_schema())).decode())


@app.command
async def draft(
    workflow: int,
    *,
    definition: str = "",
    from_version: int | None = None,
    drop: Switch = False,
    options: Options = _DEFAULT,
) -> None:
    """Save a draft beside what runs, or show it, with what keeps it from being published.

    Parameters
    ----------
    workflow
        Its id.
    definition
        JSON as in docs/workflows.md, or @FILE. Left out: show the draft.
    from_version
        The version it began from. Left out: as before, else the newest.
    drop
        Forget the draft.
    """
    async with here(options) as services:
        drafts, account_id = services.app.drafts, services.account_id
        if drop:
            await drafts.drop(account_id, workflow)
            show({"dropped": True}, json=options.json, human=lambda: print("The draft is forgotten."))
            return
        if definition:
            given = read_object("definition", definition)
            found = await drafts.save(account_id, workflow, given, from_version=from_version)
        else:
            found = await drafts.get(account_id, workflow)
    rows = [(one.field, one.reason) for one in found.problems]
    empty = f"Nothing is wrong with it: `syncom workflow publish {workflow}` makes it the newest version."
    show(found, json=options.json, human=lambda: table(("field", "problem"), rows, empty=empty))


@app.command
async def publish(
    workflow: int, *, version: int | None = None, overwrite: Switch = False, options: Options = _DEFAULT
) -> None:
    """Make the draft the newest version; or an older version anew.

    Parameters
    ----------
    workflow
        Its id.
    version
        The older version. Left out: the draft.
    overwrite
        Also over a version that was published after the draft was begun.
    """
    async with here(options) as services:
        drafts, account_id = services.app.drafts, services.account_id
        if version is None:
            found = await drafts.publish(account_id, workflow, overwrite=overwrite)
        else:
            found = await drafts.revert(account_id, workflow, version)
    said = f"Version {found.version} of workflow {workflow} is published; who is inside stays on theirs."
    show(found, json=options.json, human=lambda: print(said))


@app.command
async def versions(workflow: int, *, version: int | None = None, options: Options = _DEFAULT) -> None:
    """List the versions, or show one with its definition.

    Parameters
    ----------
    workflow
        Its id.
    version
        Its number. Left out: list all.
    """
    async with here(options) as services:
        if version is None:
            found = await services.app.drafts.versions(services.account_id, workflow)
            rows = [(one.version, one.published_at.isoformat(timespec="seconds")) for one in found]
            show(found, json=options.json, human=lambda: table(("version", "published"), rows, empty="None."))
            return
        one = await services.app.drafts.version(services.account_id, workflow, version)
    pairs = [("version", one.version), ("published", one.published_at), ("definition", one.definition)]
    show(one, json=options.json, human=lambda: facts(pairs))


@app.command
async def results(
    workflow: int, *, since: date | None = None, until: date | None = None, options: Options = _DEFAULT
) -> None:
    """Show conversions, revenue, messages by step, and what those held out did without it.

    Parameters
    ----------
    workflow
        Its id.
    since
        First day (UTC). Left out: 90 days.
    until
        Last day. Left out: today.
    """
    async with here(options) as services:
        found = await services.app.workflow_results.of_workflow(services.account_id, workflow, since=since, until=until)
    show(found, json=options.json, human=lambda: _tell_results(found))


def _tell_results(found: WorkflowResults) -> None:
    journeys = found.journeys
    way = "the goal" if found.conversion == "goal" else "an order"
    pairs: list[tuple[str, object]] = [
        ("period", f"{found.since} to {found.until}"),
        ("entered", journeys.entered),
        ("finished", journeys.finished),
        ("exited", journeys.exited),
        (
            "converted",
            f"{journeys.converted} ({journeys.conversion_rate:.2%}): {way} within {found.conversion_days} days",
        ),
        *((f"attributed {one.currency}".strip(), f"{one.orders} orders, {one.net}") for one in found.attributed),
    ]
    if found.holdout is not None:
        for name, group in (("went in", found.holdout.went_in), ("held out", found.holdout.held_out)):
            money = ", ".join(f"{one.per_contact} {one.currency}".strip() + " each" for one in group.money)
            told = f"{group.converted} of {group.contacts} ({group.conversion_rate:.2%})"
            pairs.append((name, f"{told}, {money}" if money else told))
        pairs.append(("uplift", _told_uplift(found.holdout.uplift)))
    facts(pairs)
    rows = [(one.step_id, one.queued, one.sent, one.opened, one.clicked, one.unsubscribed) for one in found.messages]
    if rows:
        table(("step", "queued", "sent", "opened", "clicked", "unsubscribed"), rows, empty="")


def _told_uplift(found: Uplift | None) -> str:
    if found is None:
        return "nobody to compare with"
    interval = found.absolute_interval
    sure = "significant" if found.significant else "not significant"
    relative = "" if found.relative is None else f", {found.relative:+.1%} of theirs"
    return f"{found.absolute:+.2%} ({interval.low:+.2%} to {interval.high:+.2%}{relative}), {sure}"


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
