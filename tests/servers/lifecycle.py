"""What every server must make possible, whatever it does with processes, threads and loops."""

import json

VIEWS = 6
NEWEST = "/reco/recommend/?strategy=new_arrivals&n=100"
PRODUCT = "from tests.django.shops.plain.models import Product"


def titles(body):
    return {item["title"] for item in json.loads(body)["items"]}


def lives_through(server, shop, *, workers, code=0, awaits=True):
    """Serve, change, follow, stop; ``awaits``: whether the server can run async views."""
    processes = server.every_worker(workers, NEWEST, lambda body: len(titles(body)) == 12, "rows")
    for path in ("/", "/p/1/", *(("/async/1/", "/awaited/1/") if awaits else ())):
        if ("<p>" if path == "/awaited/1/" else "reco-card") not in server.page(path).body:
            server.fail(f"{path} shows no row")

    changes_are_seen(server, shop, workers=workers, processes=processes)
    looks(server)
    server.stop(code)
    nothing_was_lost(server, shop)


def changes_are_seen(server, shop, *, workers, processes=frozenset(), name=""):
    """Save in a worker and in a process of the shop's own; each worker shows both, and none of what is gone."""
    saved = server.page("/save/", post={"title": f"Saved by a worker {name}"}).body
    shop.shell(f"{PRODUCT}\nProduct.objects.create(title='Saved elsewhere {name}', slug='s', price=1)")
    wanted = {f"Saved by a worker {name}", f"Saved elsewhere {name}"}
    server.every_worker(workers, NEWEST, lambda body: wanted <= titles(body), f"{wanted} recommended", processes)
    shop.shell(f"{PRODUCT}\nProduct.objects.get(pk={saved}).delete()")
    if f"Saved by a worker {name}" in titles(server.page(NEWEST).body):
        server.fail("a deleted product is shown")


def looks(server):
    """Let a visitor look at a product several times."""
    visitor = {"consent": "yes"}
    for _ in range(VIEWS):
        visitor |= server.page("/p/1/", cookies=visitor).cookies


def nothing_was_lost(server, shop, *, times=1):
    """See that each look was stored by the time the server had ended."""
    stored = shop.value("SELECT count(*) FROM reco_interaction WHERE kind = 'view_item'")
    if stored != times * VIEWS:
        server.fail(f"{stored} of {times * VIEWS} recorded views were stored when it ended")
