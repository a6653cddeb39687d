"""Help that teaches: what a verb does, an example, the next step."""

from __future__ import annotations

import shutil
import textwrap

from syncom.cli.membrane.grammar import Flag, Grammar, Kind, Verb
from syncom.cli.membrane.verbs import GROUPS

_BEGINNING = """\
From an app's name to a done thing:

  membrane login --tenant
  membrane search esputnik --elementType=connector --json
  membrane connect --connectorId=ID --json
  membrane action list --intent="add a contact" --connectionId=ID --json
  membrane action run --connectionId=ID ACTION --json --input '{"email": "anna@example.com"}'
  membrane request ID /v1/account/info
"""

_EXITS = """\
Exit codes: 0 done, 1 failed, 2 wrong command line, 3 a person must act first (log in, connect).
With --json an error is {"error": {type, key, message}} on standard output, too.
"""


def guide(grammar: Grammar, words: str, *, program: str) -> str:
    """The help of a verb, of a group of verbs, or of everything."""
    verb = grammar.verbs.get(words)
    below = [one for one in grammar.group(words) if one is not verb and not one.hidden]
    if verb is None and not words:
        return _overview(program)
    told = [_verb(grammar, verb, program)] if verb else []
    if below:
        told.append(_group(below, words, program))
    return "\n".join(told) or f"{program} {words}: not on this server.\n"


def _overview(program: str) -> str:
    lines = [
        f"Usage: {program} COMMAND [WORDS] [--flags]",
        "",
        "The integration layer: find an app's actions in words and run them, with credentials that stay on the server.",
        "",
        "Commands:",
        *_columns([(name, text) for name, text in GROUPS.items()]),
        "",
    ]
    more = (
        f"`{program} COMMAND --help` tells more. Every command knows --json, --apiUri, --workspaceKey, --tenantKey.\n"
    )
    return "\n".join(lines) + f"\n{_named(_BEGINNING, program)}\n{more}{_EXITS}"


def _group(verbs: list[Verb], words: str, program: str) -> str:
    rows = [(" ".join((verb.name, *verb.arguments)), verb.help) for verb in verbs]
    return "\n".join([f"Commands of `{program} {words}`:", *_columns(rows), ""])


def _verb(grammar: Grammar, verb: Verb, program: str) -> str:
    own = [grammar.flags[name] for name in verb.flags]
    everywhere = [flag for name, flag in grammar.flags.items() if name in grammar.everywhere]
    lines = [
        f"Usage: {' '.join((program, verb.name, *verb.arguments))} [--flags]",
        "",
        *textwrap.wrap(verb.help, _width()),
        "",
        f"Example:  {_named(verb.example, program)}",
        *([f"Next:     {_named(verb.afterwards, program)}"] if verb.afterwards else []),
        "",
        *(["Flags:", *_columns([_flag(flag) for flag in own]), ""] if own else []),
        "Flags of every command:",
        *_columns([_flag(flag) for flag in everywhere]),
        "",
    ]
    return "\n".join(lines) + f"\n{_EXITS}"


def _flag(flag: Flag) -> tuple[str, str]:
    takes = flag.kind in (Kind.VALUE, Kind.MANY)
    return (f"-{flag.short}, " if flag.short else "") + flag.spelled + (f"={flag.value}" if takes else ""), flag.help


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = min(max(len(name) for name, _ in rows), 34)
    lines: list[str] = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, max(_width() - width - 4, 20)) or [""]
        if len(name) > width:
            lines.append(f"  {name}")
            name = ""
        lines.append(f"  {name:<{width}}  {wrapped[0]}")
        lines += [" " * (width + 4) + line for line in wrapped[1:]]
    return lines


def _named(text: str, program: str) -> str:
    """Examples say ``membrane``; under another name they say that."""
    return text.replace("membrane ", f"{program} ")


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 120)
