"""Steps that call what is outside: written down here, made after the transaction (``calls``)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from yarl import URL

from syncom.errors import Invalid
from syncom.ids import workflow_effect_id
from syncom.workflows import store
from syncom.workflows.language import Action, Call, Webhook
from syncom.workflows.passing import Place
from syncom.workflows.steps.filling import Filler, contacts_of
from syncom.workflows.steps.tools import Tools

#: Bytes of a call, filled in.
REQUEST_LIMIT: Final = 256 * 1024


async def webhook(place: Place, step: Webhook, tools: Tools) -> None:
    # Nothing is filled in before the end of the host (``checking``).
    host = URL(step.url.partition("{")[0]).host or ""
    await _call(place, tools, host, *request_of(step))


async def action(place: Place, step: Action, tools: Tools) -> None:
    await _call(place, tools, step.connection, *request_of(step))


def request_of(step: Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is filled in for each contact, and what is the same for all."""
    if isinstance(step, Webhook):
        document = {"url": step.url, "headers": step.headers, "body": _body(step)}
        return document, {"type": "webhook", "method": step.method}
    return {"input": step.input}, {"type": "action", "connection": step.connection, "action": step.action}


async def _call(place: Place, tools: Tools, target: str, document: dict[str, Any], plan: dict[str, Any]) -> None:
    """Write down one call for each, and let them rest until it is settled."""
    if place.where.resting:
        # Woken without an answer: the call stays what it was.
        await place.change("rest", until=store.FOREVER)
        return
    filler = Filler(document)
    those = await place.those()
    about = await contacts_of(place, tools, those) if filler.needs_contact else {}
    where = place.where
    calls = [
        store.NewCall(
            bucket=one.bucket,
            call_id=workflow_effect_id(one.event_id, where.workflow_id, one.turn, one.who),
            contact_id=one.contact_id,
            workflow_id=where.workflow_id,
            event_id=one.event_id,
            version=where.version,
            step=where.step,
            turn=one.turn,
            target=target,
            request=_encoded({**plan, **filler.filled(one, about.get(one.who))}),
        )
        for one in those
    ]
    await store.add_calls(place.connection, where.account_id, calls, now=place.now)
    await place.change("rest", until=store.FOREVER)


def _encoded(request: dict[str, Any]) -> str:
    encoded = msgspec.json.encode(request)
    if len(encoded) > REQUEST_LIMIT:
        raise Invalid("request", f"is longer than {REQUEST_LIMIT:,} bytes")
    return encoded.decode()


def _body(step: Webhook) -> Any:
    """What is said where the step says nothing: who, and what let them in."""
    if step.body is not None or step.method in ("GET", "DELETE"):
        return step.body
    return {
        "contact": {"id": "{{ contact_id }}", "email": "{{ contact.email }}", "phone": "{{ contact.phone }}"},
        "event_id": "{{ event_id }}",
        "data": "{{ data }}",
    }
