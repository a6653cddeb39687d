"""Verbs of other servers of this API that have nothing behind them here. They say so, and what there is instead."""

from __future__ import annotations

from typing import NoReturn

from syncom.cli.membrane.errors import Failed
from syncom.cli.membrane.grammar import Given


def agents(given: Given) -> NoReturn:
    """``agent-session``: no agent lives on the server."""
    raise Failed(
        "this server has no agents of its own: find an action with `membrane action list --intent=TEXT`, or make one"
        " with `membrane action create --key --type --config`",
        key="not_available",
        kind="configuration",
    )


def workspaces(given: Given) -> NoReturn:
    """``workspace init|pull|push|diff``: connectors are files, and are added with the server's own command."""
    raise Failed(
        "this server keeps no workspace as files: connectors are added with `syncom connector add`, actions with"
        " `membrane action create`",
        key="not_available",
        kind="configuration",
    )
