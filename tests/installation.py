"""A whole installation of its own: ``syncom up`` as a process, on free ports, in a fresh data folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from syncom.processes import PARENT_FD

#: Patience only: everything is asked for again and again until it is there.
_PATIENCE = 90.0


class Installation:
    """``syncom up`` from start to Ctrl-C. Its environment is ``environment``; use as a context manager."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        """``settings`` are further environment variables."""
        # Not pytest's folder: an embedded server that runs as another user could not enter it.
        self.folder = Path(tempfile.mkdtemp(prefix="syncom-up-"))
        self.folder.chmod(0o755)
        self.port, self.inbox_port = _free_ports(2)
        self.output = self.folder / "output"
        self._arguments = arguments
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        #: Our end of a pipe: `syncom up` ends when it closes, also because this run was killed.
        self._alive = -1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SYNCOM_")}
        return kept | {
            "SYNCOM_DATA_DIR": str(self.folder / "data"),
            "SYNCOM_PORT": str(self.port),
            "SYNCOM_INBOX_PORT": str(self.inbox_port),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "120",
            "MEMBRANE_API_URI": f"{self.url}/membrane",
            "MEMBRANE_HOME": str(self.folder / "membrane"),
            # Working out what every shipped action means would keep a core busy for a minute.
            "SYNCOM_INTENT_MODEL": "off",
            **self._settings,
        }

    def __enter__(self) -> Installation:
        watched, self._alive = os.pipe()
        with self.output.open("wb") as output, os.fdopen(watched, "rb"):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "syncom", "up", *self._arguments],
                env={**self.environment, PARENT_FD: str(watched)},
                pass_fds=[watched],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        os.close(self._alive)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_for(self, text: str) -> str:
        """All that was printed, once ``text`` is among it."""
        assert self._process is not None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            printed = self.output.read_text("utf-8", errors="replace")
            if text in printed:
                return printed
            assert self._process.poll() is None, printed
            time.sleep(0.1)
        raise AssertionError(f"{text!r} was not printed:\n{self.output.read_text('utf-8', errors='replace')}")

    def processes(self) -> Sequence[psutil.Process]:
        """The process and everything below it."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def stop(self) -> int:
        """Ctrl-C; returns the exit code. What does not end is killed."""
        assert self._process is not None
        if self._process.poll() is None:
            everybody = self.processes()
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                for process in everybody:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                self._process.wait()
        return self._process.returncode


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
