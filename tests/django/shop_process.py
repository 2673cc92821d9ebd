"""A process of a shop that is told what to do: ``python -m tests.django.shop_process``, its settings in the environment.

Each line it reads is a JSON list, a command and its arguments; each answer is one line of JSON.
"""

import json
import os
import sys
import threading
import time


def served():
    """Titles as the recommender knows them, without a look at the shop's own tables."""
    from django_reco.recommender import process

    backend = process.backend()
    if backend is None:
        return None
    view = backend.facade.core.engine.state.view
    return sorted(view.title(row) for row in range(len(view)) if view.alive[row])


watched = {}


def watch(*titles):
    """Note from now on when each title is first served here."""
    wanted = set(titles)

    def look():
        while wanted:
            for title in wanted & set(served() or ()):
                watched[title] = time.time()
                wanted.discard(title)
            time.sleep(0.005)

    threading.Thread(target=look, daemon=True).start()


def seen():
    return watched


def rows(strategy="new_arrivals"):
    """Titles on a page."""
    import django_reco as reco

    return [product.title for product in reco.recommend(None, strategy, n=100)]


def similar(title):
    import django_reco as reco
    from tests.django.shops.plain.models import Product

    return [product.title for product in reco.recommend(None, "similar_items", seeds=[Product.objects.get(title=title)], n=8)]


def save(title, new=None):
    """Make a product, or rename one; return when it was committed."""
    from tests.django.shops.plain.models import Product

    product = Product.objects.filter(title=title).first() or Product(slug="s", price=1)
    product.title = new or title
    product.save()
    return time.time()


def rename_silently(title, new):
    from tests.django.shops.plain.models import Product

    return Product.objects.filter(title=title).update(title=new)


def bulk(count, word):
    from tests.django.shops.plain.models import Product

    Product.objects.bulk_create([Product(title=f"{word} {n}", slug="s", price=1) for n in range(count)], batch_size=500)


def delete(title):
    from tests.django.shops.plain.models import Product

    Product.objects.get(title=title).delete()


def rolled_back(title):
    from django.db import transaction

    from tests.django.shops.plain.models import Product

    with transaction.atomic():
        Product.objects.create(title=title, slug="s", price=1)
        transaction.set_rollback(True)


def order(title):
    from tests.django.shops.plain.models import Order, OrderLine, Product

    OrderLine.objects.create(order=Order.objects.create(), product=Product.objects.get(title=title), price=1)


def purchases():
    """How many the store has."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reco_interaction WHERE kind = 'purchase'")
        return cursor.fetchone()[0]


def holds():
    """Whether this process indexes."""
    from django_reco.recommender import process

    process.backend()
    return process._poller is not None and process._poller.holder.lease is not None


def base():
    """The snapshot that this process maps."""
    from django_reco.recommender import process

    path = process.backend().facade.core._follower.base.path
    return None if path is None else path.name


def vectors():
    """How many of the items have a vector."""
    from django_reco.recommender import process

    view = process.backend().facade.core.engine.state.view
    return int((view.has_vector & view.alive).sum())


reached, go = threading.Event(), threading.Event()


def hold_writes():
    """Let the indexer read an item, and stop before it writes it until it is let go."""
    from django_reco.keeper import StoreKeeper

    write = StoreKeeper.upsert

    def held(keeper, items):
        reached.set()
        go.wait(60)
        write(keeper, items)

    StoreKeeper.upsert = held


def is_held():
    return reached.wait(30)


def let_go():
    go.set()


def counts():
    from django_reco import metrics

    return metrics.counts()


def stop():
    from django_reco.recommender import process

    process.stop()


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.servers.shop.settings")
    import django

    django.setup()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = globals()[name](*arguments)
        except Exception as error:  # noqa: BLE001  it is told to the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
