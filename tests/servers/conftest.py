import sys

import pytest

from tests.servers.databases import PostgresShop, SqliteShop
from tests.servers.running import TAIL_LINES, Running

# Only an orderly end writes what was recorded then: what is stored afterwards was not lost at it.
WRITES_AT_THE_END = {"flush_interval_seconds": 3_600.0}


@pytest.fixture(scope="session")
def sqlite_filled(tmp_path_factory):
    """A shop with products, orders and a snapshot. Nobody writes to it: tests take copies."""
    return SqliteShop(tmp_path_factory.mktemp("sqlite")).fill()


@pytest.fixture(scope="session")
def postgres_filled(tmp_path_factory, postgres_server):
    """The same in PostgreSQL."""
    return PostgresShop(tmp_path_factory.mktemp("postgres"), postgres_server, postgres_server.create()).fill()


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request, tmp_path):
    """This test's own shop, in each kind of database."""
    filled = request.getfixturevalue(f"{request.param}_filled")
    made = filled.copy_to(tmp_path / "shop", CONFIG=WRITES_AT_THE_END)
    yield made
    made.remove()


@pytest.fixture
def start(tmp_path, shop):
    """Start servers; each is ended with its test, and its log is shown where the test failed."""
    started = []

    def start(command, shop, *, serves=True, **environment):
        server = Running(command, {**shop.environment, **environment}, tmp_path / f"server-{len(started)}.log")
        started.append(server)
        if serves:
            server.wait_for_start()
        return server

    yield start
    for server in started:
        server.end()
        sys.stdout.write(f"{server.log}:\n" + "\n".join(server.said().splitlines()[-TAIL_LINES:]) + "\n")
