"""gunicorn in each of its ways."""

import pytest

from tests.servers.databases import ROOT
from tests.servers.documented import OURS, commands, example, runnable
from tests.servers.lifecycle import lives_through

WORKERS = 2


def way(line):
    """Return what tells a line from the others: its worker class, and whether it preloads."""
    words = line.split()
    kind = words[words.index("--worker-class") + 1] if "--worker-class" in words else "sync"
    return f"{kind}-preload" if "--preload" in words else kind


@pytest.mark.parametrize("line", commands("gunicorn"), ids=way)
def test_gunicorn(line, shop, start):
    server = start(runnable(line, "--workers", str(WORKERS), "--bind", "127.0.0.1:{port}"), shop)
    # The page says why Django has no async views there.
    lives_through(server, shop, workers=WORKERS, awaits="gevent" not in line)


def test_no_way_is_forgotten():
    assert {way(line) for line in commands("gunicorn")} >= {"sync", "gthread", "sync-preload", "gevent", "gevent-preload"}


def test_the_patched_master_is_the_documented_one():
    assert (ROOT / OURS.replace(".", "/") / "patched.py").read_text().endswith(example("patch_all"))
