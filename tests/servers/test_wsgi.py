"""gunicorn in each of its ways."""

import pytest

from tests.servers.lifecycle import lives_through
from tests.servers.running import python

WAYS = {
    "sync": ["--workers", "2"],
    "gthread": ["--workers", "2", "--worker-class", "gthread", "--threads", "4"],
    "gevent": ["--workers", "2", "--worker-class", "gevent"],
    "gevent-preload": [
        "--workers",
        "2",
        "--worker-class",
        "gevent",
        "--preload",
        "--config",
        "python:tests.servers.shop.patched",
    ],
    "preload": ["--workers", "2", "--preload"],
}


@pytest.mark.parametrize("way", WAYS)
def test_gunicorn(way, shop, start):
    command = python("-m", "gunicorn", "--bind", "127.0.0.1:{port}", *WAYS[way], "tests.servers.shop.wsgi")
    lives_through(start(command, shop), shop, workers=2, awaits="gevent" not in way)
