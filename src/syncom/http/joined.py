"""Head and body of a small answer leave in one piece.

Uvicorn writes them one after the other, and the loop hands each write to the system at once: two system calls and two
packets, which wake the reader twice. Here a small write waits for the next one, at most until the loop's next turn.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Longer writes are not copied.
_SMALL = 16 * 1024


class JoinedWrites(asyncio.Transport):
    """A transport as uvicorn uses it, over the real one."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        held = self._held
        if held:
            self._held = b""
            if len(data) <= _SMALL:
                self._inner.write(held + data)
                return
            self._inner.write(held)
        if held or len(data) > _SMALL:
            self._inner.write(data)
        else:
            self._held = bytes(data)
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._inner.is_closing():
            self._inner.write(held)

    def close(self) -> None:
        self._flush()
        self._inner.close()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner.set_protocol(protocol)


class JoiningProtocol(HttpToolsProtocol):
    """Uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(JoinedWrites(transport, self.loop))
