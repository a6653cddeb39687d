"""`python -m bench [--only NAME]`: run the figures, print the table, keep the results."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from collections.abc import Sequence

import uvloop
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Skipped, save

#: Name for ONLY=, module with `async def run() -> list[Figure]`.
BENCHES = {
    "import": "bench.imports",
    "send": "bench.sending",
    "upsert": "bench.upsert",
    "clicks": "bench.clicks",
    "bulk_contacts": "bench.bulk_contacts",
    "event": "bench.events",
    "transactional": "bench.transactional",
    "velocity": "bench.velocity",
    "dkim": "bench.dkim",
    "smartsend": "bench.smartsend",
    "activity": "bench.activity",
    "activity_store": "bench.activity_store",
    "intents": "bench.intents",
    "cli": "bench.cli",
    "proxy": "bench.proxy",
    "push": "bench.push",
    "smpp": "bench.smpp",
    "bounces": "bench.bounces",
    "segments": "bench.segments",
    "membership": "bench.membership",
    "orders": "bench.orders",
    "product_feed": "bench.product_feed",
    "workflows": "bench.workflows",
    "reaction": "bench.reactions",
    "web": "bench.web",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES), action="append", help="run one figure; may be repeated")
    chosen = parser.parse_args().only or list(BENCHES)
    console = Console()
    figures: list[Figure] = []
    for name in chosen:
        console.print(f"[bold]{name}[/] ...")
        try:
            figures += uvloop.run(_run(name))
        except Skipped as reason:
            console.print(f"  skipped: {reason}")
    if figures:
        console.print(_table(figures))
        save(figures)
    return 0 if all(figure.met for figure in figures) else 1


async def _run(name: str) -> list[Figure]:
    module = importlib.import_module(BENCHES[name])
    found: Sequence[Figure] = await module.run()
    await asyncio.sleep(0)
    return list(found)


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("figure", "measured", "floor", "unit", "ratio", "must", "aim", "met")
    for figure in figures:
        sign = "≥" if figure.better == "higher" else "≤"
        table.add_row(
            figure.name,
            f"{figure.measured:,.1f}",
            f"{figure.floor:,.1f}" if figure.floor is not None else "",
            figure.unit,
            f"{figure.ratio:.2f}",
            f"{sign} {figure.must:g}",
            f"{figure.aim:g}",
            "yes" if figure.met else "NO",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
