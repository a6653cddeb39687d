"""What the verbs print: exact JSON for programs, tables for people, remarks on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from syncom.cli.membrane.document import list_of, object_of
from syncom.cli.membrane.grammar import Given


def write_json(value: object) -> None:
    """Indented JSON on standard output. A lone surrogate, which UTF-8 cannot say, is written as its escape."""
    write(json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n")


def write(piece: bytes) -> None:
    """Bytes on standard output, at once."""
    sys.stdout.flush()
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def remark(text: str) -> None:
    """Words beside the answer: standard output is for answers."""
    print(text, file=sys.stderr, flush=True)


def show(given: Given, value: object, human: Callable[[], None]) -> None:
    """Print ``value`` as JSON, or let ``human`` print it and name the next step."""
    show_unfinished(given, value, human)
    if given.verb.afterwards and not given.json:
        remark(f"Next: {given.verb.afterwards}")


def show_unfinished(given: Given, value: object, human: Callable[[], None]) -> None:
    """The same where the next step is another one."""
    if given.json:
        write_json(value)
    else:
        human()


def show_list(given: Given, answer: Mapping[str, Any], columns: Mapping[str, str], *, empty: str) -> None:
    """A page of things. ``columns``: heading to member, or members separated by spaces, the first that is there."""
    items = [item for one in list_of(answer.get("items")) if (item := object_of(one)) is not None]

    def human() -> None:
        from syncom.cli.output import table

        table(list(columns), [[member(item, places) for places in columns.values()] for item in items], empty=empty)
        if answer.get("cursor"):
            remark(f"There is more: --cursor={answer['cursor']}")

    if given.json or items:
        show(given, answer, human)
    else:
        human()


def show_thing(given: Given, thing: object, members: Sequence[str]) -> None:
    """One thing: those of its members that are there, a line each."""
    found = object_of(thing) or {}
    show(given, thing, lines((name, member(found, name)) for name in members))


def one_line(text: str) -> str:
    """Words of a server without what would steer the terminal or begin another line."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def member(item: Mapping[str, Any], places: str) -> object:
    """The first of the members that is there; ``a.b`` is inside. Objects become JSON."""
    for place in places.split():
        value: Any = item
        for name in place.split("."):
            value = (object_of(value) or {}).get(name)
        if value not in (None, "", [], {}):
            return _plain(value)
    return None


def _plain(value: Any) -> object:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    items = list_of(value)
    return ", ".join(str(_plain(one)) for one in items) if items else value


def lines(pairs: Iterable[tuple[str, object]]) -> Callable[[], None]:
    """Prints one thing, a member a line; members without a value are left out."""
    shown = [(name, value) for name, value in pairs if value not in (None, "")]

    def human() -> None:
        from syncom.cli.output import facts

        facts(shown)

    return human
