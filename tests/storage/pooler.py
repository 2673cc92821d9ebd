"""A pooler that shares sessions by transaction, as pgbouncer does, but never gives the same session twice in a row.

Reads the protocol only as far as it must: what the server says between two ``ReadyForQuery`` goes to the client, and
after one that says "idle" the session is given back. Sessions authenticate by trust.
"""

import asyncio
import struct
from collections import deque
from urllib.parse import parse_qs, urlsplit

IDLE = b"I"
ENDS = (b"Q", b"S", b"F")  # what the server answers with one ReadyForQuery each
GONE = b""
SESSIONS = 3


class Pooler:
    """In front of the database that ``dsn`` names; its own address is :attr:`dsn`."""

    def __init__(self, dsn, folder):
        parts = urlsplit(dsn)
        self._socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._start_up = b"user\0" + parts.username.encode() + b"\0database\0" + parts.path[1:].encode() + b"\0\0"
        self._path = folder / ".s.PGSQL.5432"
        self.dsn = f"postgresql://{parts.username}@/{parts.path[1:]}?host={folder}"
        self.sessions = 0
        self._free = deque()
        self._greeting = b""
        self._clients = {}

    async def __aenter__(self):
        for _ in range(SESSIONS):
            self._free.append(await self._open())
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for asked in self._clients.values():
            asked.put_nowait(GONE)
        await asyncio.gather(*self._clients, return_exceptions=True)
        for _, writer in self._free:
            writer.close()
        await self._server.wait_closed()

    async def _open(self):
        reader, writer = await asyncio.open_unix_connection(self._socket)
        writer.write(struct.pack("!ii", len(self._start_up) + 8, 196_608) + self._start_up)
        said = []
        while True:
            message = await self._message(reader)
            # The key for cancelling is the pooler's own, and so is the process that it names.
            said.append(message[:5] + struct.pack("!i", 2**31 - 1) + message[9:] if message[:1] == b"K" else message)
            if message[:1] == b"Z":
                break
        self._greeting = b"".join(said)  # AuthenticationOk, ParameterStatus…, BackendKeyData, ReadyForQuery
        return reader, writer

    async def _message(self, reader):
        head = await reader.readexactly(5)
        return head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)

    async def _serve(self, reader, writer):
        asked = self._clients[asyncio.current_task()] = asyncio.Queue()
        listening = asyncio.create_task(self._take(reader, asked))
        try:
            writer.write(self._greeting)
            while (message := await asked.get())[:1] not in (b"X", GONE):
                session = self._free.popleft()  # from the front, and given back at the end: never the same twice
                self.sessions += 1
                await self._transaction(message, asked, writer, session)
                self._free.append(session)
        finally:
            listening.cancel()
            del self._clients[asyncio.current_task()]
            writer.close()

    async def _take(self, reader, asked):
        try:
            length = struct.unpack("!i", await reader.readexactly(4))[0]
            await reader.readexactly(length - 4)
            while True:
                asked.put_nowait(await self._message(reader))
        except asyncio.IncompleteReadError:
            asked.put_nowait(GONE)

    async def _transaction(self, message, asked, writer, session):
        """Pass messages on until the server is idle and has answered all that was asked."""
        answers, asks = session
        asking = asyncio.create_task(asked.get())
        answering = asyncio.create_task(self._message(answers))
        open_asks = 0
        try:
            while True:
                if message is not None:
                    open_asks += message[:1] in ENDS
                    asks.write(message)
                await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
                if answering.done():
                    answer = answering.result()
                    writer.write(answer)
                    open_asks -= answer[:1] == b"Z"
                    if answer[:1] == b"Z" and answer[5:] == IDLE and not open_asks and not asking.done():
                        return
                    answering = asyncio.create_task(self._message(answers))
                message = asking.result() if asking.done() else None
                if message is not None:
                    asking = asyncio.create_task(asked.get())
        finally:
            asking.cancel()
