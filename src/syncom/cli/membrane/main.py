"""``membrane``: reads the command line, runs the verb, says how it ended.

Exit codes (membrane-api, 15 item 3): 0 done, 1 failed, 2 wrong command line, 3 a person must act first,
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import cast

import syncom
from syncom.cli.membrane.errors import DONE, FAILED, INTERRUPTED, MISUSED, Failed, Misuse
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.verbs import GRAMMAR
from syncom.errors import SyncomError


def main() -> None:
    """The command that is installed as ``membrane``."""
    raise SystemExit(run())


def run(arguments: Sequence[str] | None = None, *, program: str = "membrane") -> int:
    """Run one command; returns the exit code."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(tokens, program)
    except Misuse as error:
        # Whether JSON was asked for is only known of a command line that can be read.
        return _explain(error, program, json="--json" in tokens)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(tokens: Sequence[str], program: str) -> int:
    if "--version" in tokens:
        print(syncom.__version__)
        return DONE
    read = GRAMMAR.read(tokens, program=program)
    if isinstance(read, str):
        from syncom.cli.membrane.guide import guide

        sys.stdout.write(guide(GRAMMAR, read, program=program))
        return DONE
    try:
        return _loaded(read.verb.place)(read)
    except SyncomError as error:
        return _explain(error, program, json=read.json)


def _loaded(place: str) -> Callable[[Given], int]:
    from importlib import import_module

    module, _, function = place.partition(":")
    return cast(Callable[[Given], int], getattr(import_module(f"syncom.cli.membrane.{module}"), function))


def _explain(error: SyncomError, program: str, *, json: bool) -> int:
    """One line on standard error; with ``--json`` also the error object on standard output."""
    from syncom.cli.membrane.output import one_line, write_json

    if json:
        document = (
            error.error
            if isinstance(error, Failed)
            else {"type": "bad_request", "key": error.code, "message": error.message}
        )
        write_json({"error": document} | (error.beside if isinstance(error, Failed) else {}))
    print(f"{program}: {one_line(error.message)}", file=sys.stderr)
    return MISUSED if isinstance(error, Misuse) else FAILED
