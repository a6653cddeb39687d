"""A TCP server of one of our own protocols, on a port that an operator chose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from syncom.errors import Conflict


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
