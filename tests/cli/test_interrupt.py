"""Ctrl-C in the middle of an import."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.cli.command import Command

_ROWS = 80_000


async def test_an_interrupted_import_says_how_to_go_on_and_does_without_doubles(
    syncom: Command, tmp_path: Path
) -> None:
    file = tmp_path / "many.csv"
    file.write_text("Email,City\n" + "".join(f"p{row}@example.com,Kyiv\n" for row in range(_ROWS)), "utf-8")
    command = [sys.executable, "-m", "syncom", "import", "contacts", str(file)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True
    )
    while not any(one["rows_done"] for one in await syncom.json("import", "list")):
        assert process.returncode is None
        await asyncio.sleep(0.05)
    # As a terminal does: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    (stopped,) = await syncom.json("import", "list")
    assert 0 < stopped["rows_done"] < _ROWS
    assert f"`syncom import resume {stopped['import_id']}` goes on" in err.decode()
    assert "Traceback" not in err.decode()
    done = await syncom.json("import", "resume", stopped["import_id"])
    assert (done["state"], done["created"], done["rows_done"]) == ("finished", _ROWS, _ROWS)
