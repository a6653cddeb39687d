"""Personalised, tracked mail into a local sink, against postfix's own load generator into the same sink.

Ours: 100,000 recipients, 5 KB, six merge fields, eight tracked links, pixel, one-click unsubscribe, one durable
ledger row and the contact's and the campaign's statistics for each; as many sending processes as `syncom up` starts
(one for each core but one), PostgreSQL and the sink on the same machine. Floor: ``smtp-source``, the same number of
connections and bytes, no personalisation, no ledger.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from bench import house as at
from bench.figures import Figure, median
from syncom.campaigns.jobs import CampaignKeeper
from syncom.campaigns.model import Audience, CampaignInput, CampaignState
from syncom.content.model import TemplateInput
from syncom.messages.channels.email.model import Security
from syncom.messages.model import SenderConfig
from syncom.messages.senders import SenderInput

CONNECTIONS = 20
SIZE = 5000
ROUNDS = 3

_LINKS = "".join(
    f'<p>Offer {n}: <a href="https://shop.example/offers/{n}?utm_source=mail">see the offer</a>.</p>\n'
    for n in range(8)
)
#: About 5 KB once it is a mail.
LETTER = TemplateInput(
    name="Letter",
    subject="{{ first_name }}, the news of this week",
    source=(
        "<html><body><h1>Hello {{ first_name }} {{ last_name }}</h1>\n"
        "<p>You live in {{ city }}, {{ country }}; we write in {{ language }} to {{ email }}.</p>\n"
        f"{_LINKS}<p>{('A few words about the week. ' * 3 + chr(10)) * 4}</p>\n"
        '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'
    ),
    text=(
        "Hello {{ first_name }} {{ last_name }}\n\nThe news of this week: https://shop.example/news\n\n"
        "Unsubscribe: {{ unsubscribe_url }}\n"
    ),
)


async def run(recipients: int = 100_000) -> list[Figure]:
    source = at.tool("smtp-source")
    ours: list[float] = []
    theirs: list[float] = []
    async with at.house() as house, sink() as port:
        account = (await house.app.accounts.create_account(at.BY, name="Bench")).account_id
        await at.add_contacts(house.app.database.dsn, account, recipients)
        await prepare(house, account, port)
        size = None
        for _ in range(ROUNDS):
            started = time.perf_counter()
            generator = await asyncio.create_subprocess_exec(
                source, "-s", str(CONNECTIONS), "-l", str(size or SIZE), "-m", str(recipients), f"127.0.0.1:{port}"
            )
            await generator.wait()
            theirs.append(recipients / (time.perf_counter() - started))
            ours.append(await campaign(house, account, recipients))
    return [
        Figure(
            issue="01",
            name="send personalised tracked mail",
            measured=median(ours),
            floor=median(theirs),
            unit="mails/s",
            must=0.8,
            aim=2.0,
        )
    ]


@asynccontextmanager
async def sink() -> AsyncGenerator[int]:
    """postfix's smtp-sink: accepts everything and throws it away."""
    port = at.free_port()
    become = ("-u", "nobody") if os.geteuid() == 0 else ()
    async with at.process(at.tool("smtp-sink"), *become, f"127.0.0.1:{port}", "1000"):
        await at.listening(port)
        yield port


async def prepare(house: at.House, account: int, port: int) -> None:
    """A template and a sender into the sink."""
    await house.app.content.create(account, LETTER)
    await house.app.senders.add(
        account,
        SenderInput(
            name="Sink",
            from_email="news@brand.example",
            from_name="Brand",
            config=SenderConfig(
                host="127.0.0.1",
                port=port,
                security=Security.PLAIN,
                max_connections=CONNECTIONS // house.settings.senders,
                messages_per_connection=1_000_000,
            ),
        ),
    )


async def start(house: at.House, account: int) -> int:
    """Launch a campaign to everybody and freeze its audience; returns its id. Nothing sends yet."""
    app = house.app
    template = (await app.content.list(account)).templates[0]
    campaign = await app.campaigns.create(
        account, CampaignInput(name="Bench", template_id=template.template_id, audience=Audience(everyone=True))
    )
    await app.campaigns.start(account, campaign.campaign_id)
    keeper = CampaignKeeper(app.database, app.segments, app.content, app.clock)
    while (await app.campaigns.get(account, campaign.campaign_id)).state is CampaignState.EXPANDING:
        await keeper.step()
    return campaign.campaign_id


async def campaign(house: at.House, account: int, recipients: int) -> float:
    """Mails a second of one campaign, from the first to the last ledger row."""
    campaign_id = await start(house, account)
    command = at.syncom("run", "sender", "--lane", "bulk")
    async with AsyncExitStack() as senders:
        for _ in range(house.settings.senders):
            await senders.enter_async_context(at.process(*command, environment=house.environment))
        rate = await finished(house, campaign_id, recipients)
    await CampaignKeeper(house.app.database, house.app.segments, house.app.content, house.app.clock).step()
    state = (await house.app.campaigns.get(account, campaign_id)).state
    assert state is CampaignState.FINISHED, state
    return rate


async def finished(house: at.House, campaign_id: int, recipients: int) -> float:
    """Wait until the queue is empty; the rate is by the ledger's own times."""
    while True:
        await asyncio.sleep(0.25)
        async with house.app.database.system() as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM campaign_chunks WHERE campaign_id = %s", (campaign_id,)
            )
            row = await cursor.fetchone()
            if row is not None and row[0] == 0:
                break
    async with house.app.database.system() as connection:
        cursor = await connection.execute(
            "SELECT count(*), extract(epoch FROM max(settled_at) - min(settled_at))::float8 FROM ledger"
            " WHERE campaign_id = %s AND state = 1",
            (campaign_id,),
        )
        row = await cursor.fetchone()
    assert row is not None
    assert row[0] == recipients, row
    return recipients / row[1]
