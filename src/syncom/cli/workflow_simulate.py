"""``syncom workflow simulate``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Final

import msgspec

from syncom.cli.given import Many, pairs
from syncom.cli.given import condition as read_object
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.errors import Invalid
from syncom.workflows.simulation.past import Simulation
from syncom.workflows.simulation.tracing import Trace, TracedStep

_DEFAULT = Options()
_AFTER: Final = re.compile(r"after\s+(\d{1,6})\s*([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


async def simulate(
    workflow: int | None = None,
    *,
    contact: int | None = None,
    params: str = "",
    branch: Many = (),
    happens: Many = (),
    since: datetime | None = None,
    until: datetime | None = None,
    definition: str = "",
    options: Options = _DEFAULT,
) -> None:
    """Say what a workflow would do, and do none of it: for one contact from now on, or for the events of a time.

    Parameters
    ----------
    workflow
        Its id, whatever its status is.
    contact
        Id of the contact to follow; unless given, the events of a time are taken.
    params
        JSON, or @FILE: parameters of the event that lets the contact in.
    branch
        STEP=NEXT: the way a split leads; by chance unless given. May be repeated.
    happens
        STEP=after 2h, or 30m, 45s, 1d: when the event that a step waits for happens; or STEP=never, as it is unless
        given. May be repeated.
    since
        First moment of the time, such as 2026-01-31T00:00:00Z; 30 days before its end unless given.
    until
        Moment behind the last; now unless given.
    definition
        JSON as in docs/workflows.md, or @FILE: simulate this instead of what is saved.
    """
    given = read_object("definition", definition) if definition else None
    async with here(options) as services:
        simulations = services.app.simulations
        if contact is None:
            for option, value in (("params", params), ("branch", branch), ("happens", happens)):
                if value:
                    raise Invalid(option, "is for one contact: name it with --contact")
            past = await simulations.of_past(
                services.account_id, workflow_id=workflow, definition=given, since=since, until=until
            )
            show(past, json=options.json, human=lambda: _tell_past(past))
            return
        if since is not None or until is not None:
            raise Invalid("since", "is for the events of a time: leave --contact out")
        trace = await simulations.of_contact(
            services.account_id,
            contact,
            workflow_id=workflow,
            definition=given,
            params=read_object("params", params or "{}"),
            branches=pairs("branch", branch),
            happens={step: _delay(step, text) for step, text in pairs("happens", happens).items()},
        )
    show(trace, json=options.json, human=lambda: _tell(trace))


def _delay(step: str, text: str) -> timedelta | None:
    if text.strip() == "never":
        return None
    found = _AFTER.fullmatch(text.strip())
    if found is None:
        raise Invalid("happens", f"'{step}={text}' must be such as {step}=after 2h, or {step}=never")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _tell(trace: Trace) -> None:
    rows = [
        (
            f"{one.at:%Y-%m-%d %H:%M:%S}",
            one.step_id,
            _what(one),
            "" if one.until is None else f"{one.until:%Y-%m-%d %H:%M:%S}",
            one.next or "",
        )
        for one in trace.steps
    ]
    if trace.refused:
        print(f"An event would not let contact {trace.contact_id} in now ({trace.refused}). Else:")
    table(("when (UTC)", "step", "what", "until", "next"), rows, empty="No step is taken.")
    print(f"{trace.state}: {trace.reason}")
    for note in trace.notes:
        print(f"Note: {note}.")


def _what(step: TracedStep) -> str:
    """What a step does, and what came of it."""
    said = [step.type, *(str(step.does[name]) for name in ("subject", "text", "url", "action") if name in step.does)]
    if step.type in ("update_contact", "add_to_list", "remove_from_list", "generate_event", "jump"):
        said.append(msgspec.json.encode(step.does).decode())
    if step.chances:
        said.append(", ".join(f"{one.percent:g} % {one.next}" for one in step.chances))
    said += [text for text in (step.what if step.what != "passed" else "", step.note) if text]
    return ": ".join(said)


def _tell_past(past: Simulation) -> None:
    print(f"From {past.since:%Y-%m-%d %H:%M} to {past.until:%Y-%m-%d %H:%M} (UTC):")
    print(f"would have enrolled {past.enrolled:,}, sent {past.sent:,}.")
    facts(
        [
            ("events that fit", f"{past.events:,}"),
            ("of nobody known", f"{past.of_nobody:,}"),
            *((f"refused: {rule}", f"{count:,}") for rule, count in past.refused.items()),
            ("held out", f"{past.held_out:,}"),
            ("not sent", f"{past.held_back:,}"),
            ("finished", f"{past.finished:,}"),
            ("exited", f"{past.exited:,}"),
            ("failed", f"{past.failed:,}"),
            ("still inside", f"{past.inside:,}"),
            ("reached a goal", f"{past.reached_goal:,}"),
            ("asked as of now", f"{past.asked_as_of_now:,}"),
        ]
    )
    sent: Counter[str] = Counter()
    held_back: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in past.sends:
        sent[one.step_id] += one.sent
        held_back[one.step_id].update(one.held_back)
    rows = [
        (
            one.step_id,
            one.type,
            one.waiting,
            one.passed,
            one.exited,
            sent.get(one.step_id, ""),
            ", ".join(f"{why} {count:,}" for why, count in held_back[one.step_id].items()),
        )
        for one in past.figures.steps
    ]
    table(("step", "type", "waiting", "passed", "exited", "sent", "not sent"), rows, empty="No steps.")
    for note in past.notes:
        print(f"Note: {note}.")
