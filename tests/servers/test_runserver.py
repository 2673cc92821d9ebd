"""Django's own server, with the reloader that restarts it."""

import os

from tests.servers.documented import commands, runnable
from tests.servers.lifecycle import NEWEST, changes_are_seen, looks, nothing_was_lost, titles


def reloads(server, watched, before):
    """Change a file; wait for the process that the reloader starts then."""
    later = watched.stat().st_mtime + 5
    os.utime(watched, (later, later))

    def is_new():
        try:
            return {server.ask("/").process} != before
        except OSError:
            return False  # between the two

    server.until(is_new, "a new process after a file changed")


def test_runserver_reloads(shop, start, tmp_path):
    watched = tmp_path / "watched.py"
    watched.write_text("")
    environment = {"PYTHONPATH": str(tmp_path), "SHOP_IMPORTS": "watched"}
    server = start(runnable(*commands("python"), "127.0.0.1:{port}"), shop, **environment)
    before = server.every_worker(1, NEWEST, lambda body: len(titles(body)) == 12, "rows")
    changes_are_seen(server, shop, workers=1, processes=before)
    looks(server)

    reloads(server, watched, before)
    after = server.every_worker(1, NEWEST, lambda body: len(titles(body)) == 13, "rows")
    assert before != after
    changes_are_seen(server, shop, workers=1, processes=after, name="again")
    looks(server)

    # Not by Ctrl-C: the reloader kills its child a quarter of a second after that, whatever it still does.
    reloads(server, watched, after)
    nothing_was_lost(server, shop, times=2)
    server.interrupt()
