"""ASGI servers with several workers."""

import pytest

from tests.servers.lifecycle import lives_through
from tests.servers.running import python

COMMANDS = {
    "uvicorn": (python("-m", "uvicorn", "--port", "{port}", "--workers", "2", "tests.servers.shop.asgi:application"), 0),
    "hypercorn": (
        python("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "--workers", "2", "tests.servers.shop.asgi:application"),
        0,
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_asgi_server(name, shop, start):
    command, code = COMMANDS[name]
    lives_through(start(command, shop), shop, workers=2, code=code)
