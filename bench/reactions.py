"""From an event to its mail: `POST /v1/event` starts a workflow, whose first step sends. The system is idle otherwise.

Measured from before the request until the sink has the body of the mail, each process (web, worker, sender) run
as by `syncom up`. Events come one by one, at times that know nothing of the keeper's looks.
"""

from __future__ import annotations

import asyncio
import json
import random
import time

import httpx2 as httpx

from bench import house as at
from bench.figures import Figure
from bench.transactional import quick_sender, watch
from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.content.model import TemplateInput

EVENTS = 300
CONTACTS = 10_000
_LETTER = TemplateInput(name="Order", subject="Order {{ data.number }}", source="<p>Order {{ data.number }}</p>")


async def run(events: int = EVENTS) -> list[Figure]:
    async with at.house() as house, watch() as (port, arrivals):
        app = house.app
        account = (await app.accounts.create_account(at.BY, name="Bench")).account_id
        key = (await app.accounts.create_api_key(machine_principal(account), name="bench", role=Role.ADMIN)).key
        await at.add_contacts(app.database.dsn, account, CONTACTS)
        sender_id = await quick_sender(house, account, port)
        template_id = (await app.content.create(account, _LETTER)).template_id
        definition = {
            "trigger": {"type": "event", "event_type": "ordered"},
            "steps": [{"type": "send_email", "template_id": template_id, "sender_id": sender_id}],
        }
        workflow = await app.workflows.create(account, "Receipt", definition)
        await app.workflows.start(account, workflow.workflow_id)
        await at.wear_in(app.database.dsn)
        async with (
            at.process(*at.syncom("run", "web"), environment=house.environment),
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{house.settings.port}", auth=("x", key), timeout=60
            ) as client,
        ):
            await at.listening(house.settings.port)
            async with (
                at.process(*at.syncom("run", "worker"), environment=house.environment),
                at.process(*at.syncom("run", "sender", "--lane", "express"), environment=house.environment),
            ):
                await _waits(client, 20, arrivals, "warm")
                waits = await _waits(client, events, arrivals, "idle")
    middle, most = waits[len(waits) // 2], waits[int(len(waits) * 0.99) - 1]
    return [
        Figure(
            issue="05",
            name="an event to its mail, p99",
            measured=most * 1000,
            floor=None,
            unit=f"ms (half of them within {middle * 1000:.0f})",
            must=1_000,
            aim=250,
            better="lower",
        )
    ]


async def _waits(client: httpx.AsyncClient, count: int, arrivals: dict[str, float], name: str) -> list[float]:
    """Seconds from each event to its mail, in their order."""
    dice = random.Random(1)
    sent: dict[str, float] = {}
    for number in range(count):
        order = f"{name}-{number}"
        params = [{"name": "contactId", "value": str(1 + number)}, {"name": "number", "value": order}]
        body = {"eventTypeKey": "ordered", "keyValue": order, "params": params}
        headers = {"Content-Type": "application/json"}
        sent[order] = time.perf_counter()
        answer = await client.post("/api/v1/event", content=json.dumps(body).encode(), headers=headers)
        assert answer.is_success, answer.text
        await asyncio.sleep(0.05 + dice.random() * 0.2)
    async with asyncio.timeout(180):  # the worker may still be on its way up
        while not sent.keys() <= arrivals.keys():
            await asyncio.sleep(0.01)
    return sorted(arrivals[order] - moment for order, moment in sent.items())
