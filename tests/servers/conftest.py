import sys

import pytest

from tests.servers.databases import KINDS
from tests.servers.running import TAIL_LINES, Running


@pytest.fixture(scope="session", params=list(KINDS))
def filled(request, tmp_path_factory):
    """A shop with products, orders and a snapshot. Nobody writes to it: tests take copies."""
    return KINDS[request.param](tmp_path_factory.mktemp(request.param)).fill()


@pytest.fixture
def shop(filled, tmp_path):
    """This test's own shop. Only an orderly end writes what was recorded: what is stored afterwards was not lost at it."""
    return filled.copy_to(tmp_path / "shop", CONFIG={"flush_interval_seconds": 3_600.0})


@pytest.fixture
def start(tmp_path):
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
