"""What goes wrong with a shop's database: a way to it that is slow or cut, and what a server must do meanwhile and after."""

import asyncio
import signal
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import psutil

from tests.servers.lifecycle import NEWEST, titles
from tests.servers.running import LEFT_SECONDS, STOP_SECONDS

CHUNK = 65_536
LINES_AN_OUTAGE = 8  # one for each kind of work
LEVELS = ("WARNING", "ERROR", "CRITICAL")


class Way:
    """A socket that leads to a PostgreSQL, as slow as is wanted, or nowhere; or one that takes everything and says nothing.

    Parameters
    ----------
    dsn
        Of the database behind it, reached through a socket.
    folder
        Where its own socket is made; what a URL names as ``host``.
    """

    def __init__(self, dsn, folder):
        self.folder = folder
        self.seconds = 0.0
        self._behind = f"{parse_qs(urlsplit(dsn).query)['host'][0]}/.s.PGSQL.5432"
        self._open = True
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._do(asyncio.start_unix_server(self._serve, self.folder / ".s.PGSQL.5432"))
        return self

    def __exit__(self, *_):
        self.speak()
        self.cut()
        self._server.close()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self):
        """End every connection, and let none be made."""
        self._open = False
        self._do(self._cut())

    def mend(self):
        self._open = True

    def hush(self):
        """Take connections and what is sent, and pass nothing on."""
        self._loop.call_soon_threadsafe(self._speaks.clear)

    def speak(self):
        """Pass on what came meanwhile, too."""
        self._loop.call_soon_threadsafe(self._speaks.set)

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _cut(self):
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self):
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})  # what was cut ends by itself

    async def _serve(self, reader, writer):
        if not self._open:
            writer.transport.abort()
            return
        await self._speaks.wait()
        with suppress(OSError):
            answers, asks = await asyncio.open_unix_connection(self._behind)
            self._writers |= {writer, asks}
            await asyncio.gather(self._pass_on(reader, asks), self._pass_on(answers, writer))
            self._writers -= {writer, asks}

    async def _pass_on(self, reader, writer):
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await asyncio.sleep(self.seconds)
                await self._speaks.wait()
                writer.write(data)
            writer.close()


def shows_rows(server, *, workers, count=24):
    """Ask for pages that the shop can serve by itself: each is there, with its rows, and shows nobody an error."""
    answered = Counter()
    visitor = {"consent": "yes"}
    for number in range(count):
        page = server.page("/" if number % 2 else NEWEST, cookies=visitor)
        visitor |= page.cookies
        answered[page.process] += 1
        if "Traceback" in page.body or "Error" in page.body:
            server.fail("a page shows an error")
        if number % 2 and page.body.count("reco-card") < 4:
            server.fail(f"a page without its rows: {page.body}")
        if not number % 2 and len(titles(page.body)) < 12:
            server.fail(f"a row of {len(titles(page.body))} instead of 12")
    if len(answered) > workers:
        server.fail(f"{len(answered)} processes answered")


def look(server, times):
    """Let a visitor look at something on pages that need no database."""
    cookies = {"consent": "yes"}
    for _ in range(times):
        cookies |= server.page("/look/1/", cookies=cookies).cookies


def views(shop):
    return shop.value("SELECT count(*) FROM reco_interaction WHERE kind = 'view_item'")


def heals(server, *, workers, name):
    """See that what one worker saves now reaches every other."""
    server.page("/save/", post={"title": name})
    server.every_worker(workers, NEWEST, lambda body: name in titles(body), f"{name!r} recommended")


def says_little(server, *, outages=1):
    """See that each process said each thing once an outage, without a traceback. gunicorn's own lines aside."""
    said = server.said()
    if "Traceback" in said:
        server.fail("it shows a traceback")
    lines = defaultdict(list)
    for line in said.splitlines():
        level, _, rest = line.partition(" ")
        logger, _, rest = rest.partition(" ")
        if level in LEVELS and logger.startswith(("reco_sdk", "django_reco")):
            process, _, text = rest.partition(" ")
            lines[process].append(text)
    for process, texts in lines.items():
        if len(texts) > outages * LINES_AN_OUTAGE:
            server.fail(f"process {process} said {len(texts)} lines")
    return lines


def stops(*servers):
    """End them as an init system does, at once; what they said before is looked at elsewhere."""
    for server in servers:
        server.process.send_signal(signal.SIGTERM)
    for server in servers:
        if (code := server.process.wait(STOP_SECONDS)) != 0:
            server.fail(f"it ended with {code}")
        psutil.wait_procs(server.own_processes(), timeout=LEFT_SECONDS)
        if left := server.own_processes():
            server.fail(f"it left processes behind: {left}")
        if "Traceback" in server.said():
            server.fail("it shows a traceback")
