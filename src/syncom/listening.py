"""A TCP server of one of our own protocols, on a port that an operator chose, and its certificate."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid

_log = logging.getLogger(__name__)

#: Seconds between looks at the files of a certificate.
_LOOK: Final = 60.0


class Listener:
    """Listens on ``host`` and ``port`` (0: any free one) between :meth:`start` and :meth:`close`."""

    def __init__(self, host: str, port: int, *, name: str, advice: str) -> None:
        """``name``: what listens there, for people; ``advice``: what to do when the port cannot be had."""
        self._host = host
        self._name = name
        self._advice = advice
        self._server: asyncio.Server | None = None
        #: Where it listens.
        self.port = port

    async def start(self, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Begin to listen. Raises Conflict when the port is taken or not ours to take."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(protocol, self._host, self.port)
        except OSError as error:
            raise Conflict(
                f"{self._name} cannot listen on {self._host}:{self.port}: {error.strerror or error}. {self._advice}"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening; conversations that are under way go on."""
        if self._server is not None:
            self._server.close()
            self._server = None


def tls_of(certificate: Path, key: Path, *, setting: str) -> ssl.SSLContext:
    """What a server speaks TLS with. Raises Invalid naming ``setting`` when the PEM files do not hold that."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise Invalid(setting, f"{path} cannot be read: {error.strerror}") from error
    try:
        # A key with a password would otherwise ask for it on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Invalid(setting, f"{key} is not the key of the certificate in {certificate}") from error
        raise Invalid(setting, f"{certificate} and {key} are no PEM certificate and key without a password") from error
    return context


class ServerCertificate:
    """Certificate and key of a server, in PEM files. Renewed ones are taken up by themselves."""

    def __init__(self, certificate: Path, key: Path, clock: Clock, *, setting: str) -> None:
        """Raises Invalid naming ``setting`` when the files do not hold a certificate and its key."""
        self._files = (certificate, key)
        self._clock = clock
        self._setting = setting
        self._seen = self._state()
        self._context = tls_of(certificate, key, setting=setting)
        self._looked = clock.monotonic()

    def context(self) -> ssl.SSLContext:
        """The present one. While the files are no good, as in the middle of a renewal, the one before stays."""
        now = self._clock.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            state = self._state()
            if state != self._seen:
                try:
                    self._context = tls_of(*self._files, setting=self._setting)
                except Invalid as error:
                    _log.warning("the certificate stays the one before: %s", error.message)
                else:
                    self._seen = state
        return self._context

    def _state(self) -> tuple[tuple[int, int], ...]:
        """Changes when the files do."""
        found: list[tuple[int, int]] = []
        for path in self._files:
            try:
                status = path.stat()
            except OSError:
                found.append((0, 0))
            else:
                found.append((status.st_mtime_ns, status.st_size))
        return tuple(found)
