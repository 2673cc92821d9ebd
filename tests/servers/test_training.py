"""While a worker trains, what is saved is recommended as soon as ever; and however the training ends, it goes on later."""

import sys

import psutil
import pytest

from reco_sdk.learning.apart import CHILD
from reco_sdk.ranking.model_files import ModelFolder
from tests.servers.databases import MANAGE
from tests.servers.lifecycle import NEWEST, titles
from tests.servers.outages import heals, stops
from tests.servers.running import LEFT_SECONDS

WORKERS = 2
GUNICORN = [sys.executable, "-m", "gunicorn", "tests.servers.shop.wsgi", "--no-control-socket", "--bind", "127.0.0.1:{port}"]
WORKER = [sys.executable, str(MANAGE), "reco_worker"]
TRAINS_SOON = {"train_after_interactions": 1, "lease_seconds": 1.0}
# Enough that a training takes far longer than what is done beside it.
ORDERS = """
from datetime import timedelta
from decimal import Decimal
from random import Random
from django.core.management import call_command
from django.utils import timezone
from tests.django.shops.plain.models import Order, OrderLine, Product
draw, now, products = Random(1), timezone.now(), list(Product.objects.all())
orders = Order.objects.bulk_create(Order() for _ in range(6_000))
for number, order in enumerate(orders):
    order.created_at = now - timedelta(minutes=number, seconds=30)
Order.objects.bulk_update(orders, ["created_at"], batch_size=1_000)
OrderLine.objects.bulk_create(
    OrderLine(order=order, product=product, price=Decimal(9)) for order in orders for product in draw.sample(products, 3)
)
call_command("reco_sync", verbosity=0)
"""


@pytest.fixture
def shop(postgres_filled, tmp_path):
    made = postgres_filled.copy_to(tmp_path / "shop", CONFIG=TRAINS_SOON)
    made.shell(ORDERS)
    yield made
    made.remove()


def trains(worker, models):
    """Wait until a worker trains; return the process that does."""
    found = []

    def begun():
        found[:] = [child for child in worker.own_processes() if CHILD in child.cmdline()]
        return found and models.interrupted

    worker.until(begun, "it trains")
    return found[0]


@pytest.mark.slow
def test_saved_while_it_trains(shop, start):
    models = ModelFolder(shop.folder / "state")
    server = start([*GUNICORN, "--workers", str(WORKERS)], shop)
    server.every_worker(WORKERS, NEWEST, lambda body: len(titles(body)) == 12, "rows")

    worker = start(WORKER, shop, serves=False)
    training = trains(worker, models)
    heals(server, workers=WORKERS, name="Saved meanwhile")
    assert training.is_running()
    assert training.nice() > psutil.Process(worker.process.pid).nice() > 0
    worker.process.kill()  # nobody tells the one that trains
    assert psutil.wait_procs([training], LEFT_SECONDS)[0]
    assert models.interrupted

    worker = start(WORKER, shop, serves=False)
    training = trains(worker, models)
    worker.until(lambda: "a training was interrupted" in worker.said(), "it goes on")
    stops(worker)
    assert not training.is_running()
    assert models.interrupted
    assert models.last is None
    server.stop()
