"""Mails rendered from a Velocity template a second and core: subject, HTML of 10 KB and the text made from it.

The mail has eight tracked links, four of them personal ones in a loop over what was ordered, conditions, merge fields
and values that come with the message. Measured in time of the processor, because the machine may be busy otherwise.
"""

from __future__ import annotations

import time
from uuid import UUID

from bench.figures import Figure, median
from syncom.content.compile import compile_content
from syncom.content.model import Dialect, TemplateInput
from syncom.content.render import Renderer
from syncom.security import Keyring
from syncom.tokens import MessageTokens

ROUNDS = 5
RENDERS = 5_000
SIZE = 10_000

_ROW = (
    '<tr><td style="padding:8px;border-bottom:1px solid #eeeeee"><a href="https://shop.example/p/$!item.get(\'id\')'
    "?n=%FIRSTNAME%\">$!item.get('name')</a></td><td>$!item.get('quantity')</td>\n"
    "<td>#if($!item.get('old'))<s>$!item.get('old')</s> #end$!item.get('price') UAH</td></tr>\n"
)
_LINKS = "".join(f'<p><a href="https://shop.example/news/{number}">News {number}</a></p>\n' for number in range(4))
_PARAGRAPH = f'<p style="margin:0 0 16px;font-size:14px;line-height:20px">{"A few words about the week. " * 12}</p>\n'
LETTER = TemplateInput(
    name="Order",
    subject="Order $!data.get('number') for %FIRSTNAME|you%",
    dialect=Dialect.VELOCITY,
    source=(
        "<html><body><h1>Hello %FIRSTNAME|friend%</h1>\n"
        "#if($!data.get('vip') && $data.get('vip') != '')\n<p>You are a VIP in %TOWN|your town%.</p>\n#end\n"
        "#set($total = 0)\n<table>\n#foreach($item in $!data.get('items'))\n" + _ROW + "#set($total = $total"
        " + $item.quantity * $item.price)\n#end\n</table>\n"
        "<p>#if($total > 1000)Delivery is free.#{else}Delivery costs 60 UAH.#end In all $total UAH.</p>\n"
        + _LINKS
        + _PARAGRAPH * 19
        + '<p><a href="https://esputnik.com/unsubscribe">Unsubscribe</a></p></body></html>'
    ),
)
FIELDS = {"first_name": "Olena", "city": "Lviv"}
PARAMS = {
    "number": "A-500",
    "vip": "yes",
    "items": [
        {"id": number, "name": f"Lamp {number}", "quantity": number, "price": 99.9, "old": number % 2 and 120}
        for number in range(1, 5)
    ],
}


async def run() -> list[Figure]:
    tokens = MessageTokens(Keyring(b"k" * 32))
    renderer = Renderer(compile_content(LETTER, ()), base_url="https://mail.example", tokens=tokens)
    size = len(renderer.render(1, 2, 3, UUID(int=1), FIELDS, PARAMS).html)
    if size < SIZE:
        raise AssertionError(f"the mail has {size} characters, {SIZE} are wanted")
    rates = [_rate(renderer) for _ in range(ROUNDS)]
    return [
        Figure(
            issue="02",
            name="render a Velocity mail of 10 KB",
            measured=median(rates),
            floor=None,
            unit="renders/s a core",
            must=5_000,
            aim=10_000,
        )
    ]


def _rate(renderer: Renderer) -> float:
    started = time.process_time()
    for number in range(RENDERS):
        renderer.render(1, 2, 3, UUID(int=number), FIELDS, PARAMS)
    return RENDERS / (time.process_time() - started)
