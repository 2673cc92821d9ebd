"""A shop in a process of its own: a database in a file, poll mode, threads and forks as in production.

``python -m tests.django.process SCENARIO FOLDER`` prints one JSON object.
"""

import json
import os
import sys
import time
from pathlib import Path

SCENARIO, FOLDER = sys.argv[1], Path(sys.argv[2])


def setup():
    from django.conf import settings

    from tests.django import settings as base

    options = {name: getattr(base, name) for name in dir(base) if name.isupper()}
    options["DATABASES"] = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(FOLDER / "shop.sqlite3"),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    }
    options["RECO"] = {
        "ITEMS": "plain.Product",
        "ORDERS": {"model": "plain.OrderLine", "item": "product", "group": "order", "at": "order.created_at"},
        "MODEL": "hashing",
        "CONSENT": "tests.django.consent.says_cookie",
        "POLL_SECONDS": 0.1,
        "ORDERS_SECONDS": 0.2,
        "SWEEP_SECONDS": 1.0,
        "START_SECONDS": 30.0,
        **json.loads(os.environ.get("SHOP_RECO", "{}")),
    }
    settings.configure(**options)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, run_syncdb=True)


def browser():
    from django.test import Client

    from tests.django.conftest import BROWSER

    client = Client(headers={"user-agent": BROWSER})
    client.cookies["consent"] = "yes"
    return client


def until(condition, seconds=20.0):
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        if condition():
            return time.perf_counter() - started
        time.sleep(0.02)
    return None


def shown(strategy="new_arrivals"):
    import django_reco as reco

    return {product.title for product in reco.recommend(None, strategy, n=100)}


def fresh():
    """What is saved, bulk-written, deleted, rolled back and bought, and when rows know it."""
    from django.db import transaction

    from tests.django.conftest import make_products
    from tests.django.shops.plain.models import Order, OrderLine, Product

    products = make_products()
    found = {"start": until(lambda: len(shown()) == 12)}
    teapot = Product.objects.create(title="Teapot", slug="t", price=1)
    found["save"] = until(lambda: "Teapot" in shown())
    try:
        with transaction.atomic():
            Product.objects.create(title="Phantom", slug="p", price=1)
            raise RuntimeError
    except RuntimeError:
        pass
    teapot.delete()
    found["hidden"] = "Teapot" not in shown()
    Product.objects.bulk_create([Product(title="Bulk", slug="b", price=1)])
    found["bulk"] = until(lambda: "Bulk" in shown())
    found["phantom"] = "Phantom" in shown()
    for _ in range(3):
        order = Order.objects.create()
        OrderLine.objects.create(order=order, product=products[7], price=1)
    import django_reco as reco

    found["order"] = until(lambda: reco.recommend(None, "bestsellers", n=1)[0] == products[7])
    client = browser()
    before = client.get("/").content.decode()
    client.get(f"/p/{products[0].pk}/")
    found["view"] = "Recently viewed" not in before and "Recently viewed" in client.get("/").content.decode()
    return found


def torch_free():
    """A page served by the default configuration."""
    from tests.django.conftest import make_products

    products = make_products()
    client = browser()
    pages = [client.get(f"/p/{products[0].pk}/"), client.get("/")]
    heavy = [name for name in ("torch", "sentence_transformers", "transformers", "aiohttp") if name in sys.modules]
    return {"status": [page.status_code for page in pages], "rows": until(lambda: len(shown()) == 12), "heavy": heavy}


def forked():
    """The parent serves, forks, and both go on."""
    from django.db import connections

    from tests.django.conftest import make_products
    from tests.django.shops.plain.models import Product

    make_products()
    until(lambda: len(shown()) == 12)
    connections.close_all()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            Product.objects.create(title="By the child", slug="c", price=1)
            took = until(lambda: "By the child" in shown())
            client = browser()
            client.get(f"/p/{Product.objects.first().pk}/")
            viewed = "Recently viewed" in client.get("/").content.decode()
            os.write(writing, json.dumps({"child": took, "viewed": viewed}).encode())
            from django_reco.recommender import process

            process.stop()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as told:
        found = json.loads(told.read() or "{}")
    found["exit"] = os.waitpid(child, 0)[1]
    found["parent"] = until(lambda: "By the child" in shown())
    return found


def recorded():
    """What visitors did is in the store when the process ends."""
    from tests.django.conftest import make_products

    products = make_products()
    until(lambda: len(shown()) == 12)
    client = browser()
    for product in products[:5]:
        client.get(f"/p/{product.pk}/")
    return {"file": str(FOLDER / "shop.sqlite3")}


def broken():
    """The store cannot be opened at first, and can later."""
    from django_reco import metrics, recommender
    from tests.django.conftest import make_products

    recommender.RETRY_SECONDS = 0.2
    products = make_products()
    client = browser()
    found = {"first": client.get(f"/p/{products[0].pk}/").status_code, "errors": metrics.counts().get("start.error")}
    (FOLDER / "later").mkdir()
    found["mended"] = until(lambda: len(shown()) == 12)
    return found


def doctor():
    """Before and after the first sync, with the product page fetched."""
    import io

    from django.core.management import CommandError, call_command

    from tests.django.conftest import make_products
    from tests.django.shops.plain.models import Order, OrderLine

    products = make_products()
    for _ in range(3):
        order = Order.objects.create()
        for product in products[:3]:
            OrderLine.objects.create(order=order, product=product, price=1)

    def call(name):
        out = io.StringIO()
        try:
            call_command(name, stdout=out, no_color=True)
        except CommandError as error:
            return {"code": error.returncode, "out": out.getvalue()}
        return {"code": 0, "out": out.getvalue()}

    return {"before": call("reco_doctor"), "sync": call("reco_sync"), "after": call("reco_doctor")}


def ruled():
    """What the admin saves holds in a process that polls."""
    from django.contrib.auth.models import User
    from django.test import Client

    from tests.django.conftest import make_products

    products = make_products()
    until(lambda: len(shown()) == 12)
    client = Client()
    client.force_login(User.objects.create_superuser("anna"))
    given = {"action": "hide", "enabled": "on", "priority": "0", "items": f"plain.product:{products[0].pk}"}
    saved = client.post("/admin/django_reco/rule/add/", given).status_code
    hidden = until(lambda: products[0].title not in shown())
    page = client.get("/admin/django_reco/storeditem/dashboard/")
    facts = {name: dict(pairs) for name, pairs in page.context_data["groups"]}
    client.post("/admin/django_reco/rule/hide/delete/", {"post": "yes"})
    return {"saved": saved, "hidden": hidden, "back": until(lambda: products[0].title in shown()), "facts": facts["Catalogue"]}


def idle():
    """Nothing is read, opened or started by importing and setting up."""
    import threading

    return {
        "threads": threading.active_count(),
        "numpy": "numpy" in sys.modules,
        "files": sorted(path.name for path in FOLDER.iterdir()),
    }


if __name__ == "__main__":
    setup()
    result = {f.__name__: f for f in (fresh, torch_free, doctor, forked, recorded, broken, ruled, idle)}[SCENARIO]()
    sys.stdout.write(json.dumps(result))
