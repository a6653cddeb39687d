"""The person's browser: opened where there is one."""

from __future__ import annotations

import os
import sys


def has_browser() -> bool:
    """Whether this session has a browser with windows: one that draws in the terminal would take it over."""
    if os.environ.get("BROWSER") or sys.platform in ("darwin", "win32"):
        return True
    import webbrowser

    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def show_page(url: str) -> None:
    """Open a page. A process of its own, so that a browser that stays in the foreground holds nothing up, and nothing
    it says gets into our answer; isolated, so that no file of this folder is taken for the library."""
    import subprocess

    quiet = subprocess.DEVNULL
    subprocess.Popen(
        [sys.executable, "-I", "-m", "webbrowser", url], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )


def may_ask(given_non_interactive: bool) -> bool:
    """Whether somebody sits there: not with ``--non-interactive``, and not where the input is no terminal."""
    return not given_non_interactive and sys.stdin is not None and sys.stdin.isatty()
