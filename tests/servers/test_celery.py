"""Tasks in the forked children of a celery worker."""

import json

from tests.servers.documented import commands, runnable
from tests.servers.lifecycle import PRODUCT

ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
COMMAND = runnable(*commands("celery"), "--concurrency", "2", "--loglevel", "WARNING", *ALONE)
PURCHASES = 6


def test_celery_prefork(shop, start, tmp_path):
    done = tmp_path / "done"
    done.touch()
    server = start(COMMAND, shop, serves=False, SHOP_DONE=str(done))

    def answers(name):
        lines = done.read_bytes().rpartition(b"\n")[0].splitlines()
        return [(child, result) for told, child, result in map(json.loads, lines) if told == name]

    def in_every_child(title):
        told = len(answers("newest"))

        def everywhere():
            nonlocal told
            if len(answers("newest")) == told:  # two at once, so that both children have one
                told += 2
                server.tell("newest")
                server.tell("newest")
            last = dict(answers("newest"))
            return len(last) == 2 and all(title in titles for titles in last.values())

        server.until(everywhere, f"{title!r} recommended in both children", 60)
        return set(dict(answers("newest")))

    children = in_every_child("Ceramic coffee mug A")
    assert server.process.pid not in children
    shop.shell(f"{PRODUCT}\nProduct.objects.create(title='Saved elsewhere', slug='s', price=1)")
    assert in_every_child("Saved elsewhere") == children
    for number in range(PURCHASES):
        server.tell(f"bought {number + 1}")
    server.until(lambda: len(answers("bought")) == PURCHASES, "purchases recorded")
    assert all(recorded for _, recorded in answers("bought"))
    server.stop()
    assert shop.value("SELECT count(*) FROM reco_interaction WHERE kind = 'purchase' AND user_id = '7'") == PURCHASES
