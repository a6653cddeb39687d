"""One prepared message to 1,000 recipients, as a shop sends it: until the answer, and until the last mail is out.

Over HTTP through eSputnik's API, each recipient with data of its own; half of them are known, half become contacts. The
express sender delivers into a sink that notes when each mail's body is there. Medians of several calls.
"""

from __future__ import annotations

import asyncio
import json
import time

import httpx2 as httpx

from bench import house as at
from bench.figures import Figure, median
from bench.transactional import quick_sender, watch
from syncom.accounts.model import Role
from syncom.accounts.service import machine_principal
from syncom.content.model import Dialect, TemplateInput

RECIPIENTS = 1000
CALLS = 7
_LETTER = TemplateInput(
    name="Order",
    subject="Order $!data.get('number')",
    source="<p>Dear %FIRSTNAME|friend%, order $!data.get('number'):</p>#foreach($item in $data.get('items'))"
    "<p>$!item.get('name') $!item.get('price')</p>#end<a href=\"https://shop.example/orders\">Your orders</a>",
    dialect=Dialect.VELOCITY,
)


async def run() -> list[Figure]:
    async with at.house() as house, watch() as (port, arrivals):
        account = (await house.app.accounts.create_account(at.BY, name="Bench")).account_id
        by = machine_principal(account)
        key = (await house.app.accounts.create_api_key(by, name="bench", role=Role.ADMIN)).key
        await quick_sender(house, account, port)
        template = (await house.app.content.create(account, _LETTER)).template_id
        await at.wear_in(house.app.database.dsn)
        async with (
            at.process(*at.syncom("run", "web"), environment=house.environment),
            at.process(*at.syncom("run", "sender", "--lane", "express"), environment=house.environment),
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{house.settings.port}", auth=("x", key), timeout=60
            ) as client,
        ):
            await at.listening(house.settings.port)
            runs = [await _call(client, template, number, arrivals) for number in range(CALLS + 1)][1:]
    accept, last = median([one for one, _ in runs]), median([one for _, one in runs])
    return [
        Figure(
            issue="02",
            name="smartsend to 1,000 recipients, accept",
            measured=accept,
            floor=None,
            unit=f"s (last mail in the sink after {last:.2f})",
            must=1.0,
            aim=0.3,
            better="lower",
        )
    ]


async def _call(client: httpx.AsyncClient, template: int, run: int, arrivals: dict[str, float]) -> tuple[float, float]:
    """Seconds from the request to its answer, and to the last of its mails."""
    wanted = {f"{run}-{number}" for number in range(RECIPIENTS)}
    # Half of each call's people are those of the call before.
    addresses = [f"p{run * RECIPIENTS // 2 + number}@bench.example" for number in range(RECIPIENTS)]
    body = {
        "recipients": [
            {
                "locator": address,
                "jsonParam": json.dumps({"number": number, "items": [{"name": "Lamp", "price": "12"}] * 3}),
            }
            for address, number in zip(addresses, sorted(wanted), strict=True)
        ],
        "email": True,
    }
    content = json.dumps(body).encode()
    began = time.perf_counter()
    headers = {"Content-Type": "application/json"}
    answer = await client.post(f"/api/v1/message/{template}/smartsend", content=content, headers=headers)
    answered = time.perf_counter()
    rows = answer.json()["results"]
    assert len(rows) == RECIPIENTS
    assert all(row["status"] == "OK" for row in rows), rows[0]
    async with asyncio.timeout(60):
        while not wanted <= arrivals.keys():
            await asyncio.sleep(0.005)
    return answered - began, max(arrivals[name] for name in wanted) - began
