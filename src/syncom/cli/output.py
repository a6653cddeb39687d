"""What commands print: tables for people, exact JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec


def show(value: object, *, json: bool, human: Callable[[], None]) -> None:
    """Print ``value`` as JSON, or let ``human`` print it."""
    if json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
        sys.stdout.buffer.flush()
    else:
        human()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table; ``empty`` is what to say when there are no rows, with the next step."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        # Text, so that square brackets of users' words are not taken for markup.
        drawn.add_row(*(Text(_cell(value)) for value in row))
        count += 1
    if count:
        Console().print(drawn)
    else:
        print(empty)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Print one thing, a member a line."""
    lines = [(name, _cell(value)) for name, value in pairs]
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        print(f"{name:<{width}}  {value}")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, Enum):
        return str(value.value)
    # A control character in a name would steer the terminal.
    return "".join(character if character.isprintable() else " " for character in str(value))
