"""Small servers of IMAP (RFC 3501) and POP3 (RFC 1939) with one mailbox, as far as reading one takes."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Box:
    """A mailbox: mails by UID."""

    mails: dict[int, bytes] = field(default_factory=dict[int, bytes])
    moved: dict[int, bytes] = field(default_factory=dict[int, bytes])
    validity: int = 1
    capabilities: str = "IMAP4rev1 UIDPLUS MOVE"
    password: str = "secret"
    #: UIDs that were asked for, in order.
    fetched: list[int] = field(default_factory=list[int])
    #: Break the connection at this command.
    breaks_at: str = ""
    next_uid: int = 1

    def put(self, raw: bytes) -> int:
        uid, self.next_uid = self.next_uid, self.next_uid + 1
        self.mails[uid] = raw
        return uid


@asynccontextmanager
async def imap(box: Box, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of an IMAP server."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        deleted: set[int] = set()
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            tag, _, rest = line.partition(" ")
            words = rest.split(" ")
            command = " ".join(words[:2]).upper() if words[0].upper() == "UID" else words[0].upper()
            if box.breaks_at and command == box.breaks_at:
                break
            answer = "OK done"
            if command == "CAPABILITY":
                writer.write(f"* CAPABILITY {box.capabilities}\r\n".encode())
            elif command == "LOGIN":
                answer = "OK in" if rest.endswith(f'"{box.password}"') else "NO wrong password"
            elif command == "SELECT":
                if words[1] != '"INBOX"':
                    answer = "NO there is no such folder"
                writer.write(f"* {len(box.mails)} EXISTS\r\n* OK [UIDVALIDITY {box.validity}] x\r\n".encode())
            elif command == "UID SEARCH":
                first = int(words[3].partition(":")[0])
                # `*` is the last one, so there is always one.
                found = {uid for uid in box.mails if uid >= first} | ({max(box.mails)} if box.mails else set())
                writer.write(f"* SEARCH {' '.join(map(str, sorted(found)))}\r\n".encode())
            elif command == "UID FETCH":
                uid = int(words[2])
                box.fetched.append(uid)
                limit = re.search(r"<0\.(\d+)>", rest)
                raw = box.mails.get(uid, b"")[: int(limit[1]) if limit else None]
                if uid in box.mails:
                    writer.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
            elif command == "UID STORE":
                deleted |= {int(one) for one in words[2].split(",")}
            elif command in ("UID EXPUNGE", "EXPUNGE"):
                for uid in deleted:
                    box.mails.pop(uid, None)
            elif command == "UID MOVE":
                for one in words[2].split(","):
                    if int(one) in box.mails:
                        box.moved[int(one)] = box.mails.pop(int(one))
            elif command == "UID COPY":
                for one in words[2].split(","):
                    box.moved[int(one)] = box.mails[int(one)]
            elif command == "LOGOUT":
                writer.write(f"* BYE\r\n{tag} OK bye\r\n".encode())
                break
            writer.write(f"{tag} {answer}\r\n".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def pop3(box: Box, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a POP3 server."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK ready\r\n")
        uids = list(box.mails)
        deleted: set[int] = set()
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            words = line.split(" ")
            command = words[0].upper()
            if box.breaks_at and command == box.breaks_at:
                break
            answer = b"+OK\r\n"
            if command == "PASS":
                answer = b"+OK\r\n" if words[1] == box.password else b"-ERR wrong password\r\n"
            elif command == "UIDL":
                lines = "".join(f"{place + 1} id-{uid}\r\n" for place, uid in enumerate(uids))
                answer = f"+OK\r\n{lines}.\r\n".encode()
            elif command == "TOP":
                uid = uids[int(words[1]) - 1]
                box.fetched.append(uid)
                body = box.mails[uid].replace(b"\r\n.", b"\r\n..")
                answer = b"+OK\r\n" + body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"
            elif command == "DELE":
                deleted.add(uids[int(words[1]) - 1])
            elif command == "QUIT":
                for uid in deleted:
                    box.mails.pop(uid, None)
                writer.write(answer)
                break
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
