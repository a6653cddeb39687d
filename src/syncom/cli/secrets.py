"""Secrets that a command is given: on its line, better by standard input or a variable, or typed when asked."""

from __future__ import annotations

import getpass
import os
import sys

import msgspec


def secret_of(given: str | None, *, stdin: bool, variable: str, prompt: str) -> str | msgspec.UnsetType:
    """What was said of a secret; UNSET: nothing.

    ``stdin``: it is the first line there. ``prompt``: what to ask for at a terminal, such as "Password of olena";
    empty: do not ask.
    """
    if given is not None:
        return given
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if found := os.environ.get(variable):
        return found
    if prompt and sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ")
    return msgspec.UNSET
