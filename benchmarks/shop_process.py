"""Serves the gift shop through Django's test client, one JSON question a line on standard input.

Started by :class:`benchmarks.shop.ShopProcess`; the environment says whether with recommendations or without.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings

BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"


class Counter:
    """Counts the queries of one page."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """As Django's ``execute_wrapper`` calls it."""
        self.count += 1
        return execute(sql, params, many, context)


def browser(*, consent: bool = True) -> Any:
    from django.test import Client

    client = Client(headers={"user-agent": BROWSER})
    if consent:
        client.cookies["consent"] = "accepted"
    return client


CLIENT: Any = None


def paths(n: int) -> list[str]:
    """Return the addresses of the ``n`` best-sold products' pages."""
    from shop.models import Product

    return [product.get_absolute_url() for product in Product.objects.filter(stock__gt=0).order_by("-order_count", "pk")[:n]]


def pages(addresses: list[str]) -> dict[str, list[float]]:
    """Visit pages; return the milliseconds, the queries and the bytes of each."""
    from django.db import connection

    global CLIENT  # noqa: PLW0603 - one visitor a process
    CLIENT = CLIENT or browser()
    took: list[float] = []
    queries: list[float] = []
    lengths: list[float] = []
    gc.collect()
    gc.disable()
    for address in addresses:
        counter = Counter()
        with connection.execute_wrapper(counter):
            started = time.perf_counter_ns()
            response = CLIENT.get(address)
            took.append((time.perf_counter_ns() - started) / 1e6)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
        queries.append(counter.count)
        lengths.append(len(response.content))
    gc.enable()
    return {"ms": took, "queries": queries, "bytes": lengths}


def card_query(rounds: int, size: int) -> list[float]:
    """Return the milliseconds of fetching ``size`` products as a row of cards does, without us."""
    import random

    from shop.models import Product, shown_products

    keys = list(Product.objects.filter(stock__gt=0).values_list("pk", flat=True))
    chooser = random.Random(5)
    took = []
    for _ in range(rounds):
        wanted = chooser.sample(keys, size)
        started = time.perf_counter_ns()
        list(shown_products(None).filter(pk__in=wanted).order_by())
        took.append((time.perf_counter_ns() - started) / 1e6)
    return took


def cards(addresses: list[str]) -> list[float]:
    """Return the milliseconds that the shop's own template takes to draw a row of cards, the slate being there."""
    from django.template.loader import select_template
    from django.test import RequestFactory
    from django.urls import resolve
    from shop.models import Product

    from django_reco import recommend
    from django_reco.rendering import template_names

    request = RequestFactory().get("/", headers={"user-agent": BROWSER})
    request.session = {}  # type: ignore[assignment]
    template = select_template(list(template_names("you_may_also_like", "item")))
    took = []
    for address in addresses:
        product = Product.objects.get(stock_code=resolve(address).kwargs["stock_code"])
        slate = recommend(request, "you_may_also_like", seeds=[product], n=6)
        context = {"slate": slate, "objects": slate.objects, "title": "You may also like", "placement": "item"}
        started = time.perf_counter_ns()
        template.render({**context, "strategy": "you_may_also_like"}, request)
        took.append((time.perf_counter_ns() - started) / 1e6)
    return took


def memory(outside: str) -> dict[str, float]:
    """Return resident bytes, mapped pages below ``outside`` aside, and which torch modules are loaded."""
    from benchmarks.measure import resident_bytes

    gc.collect()
    torch = [name for name in sys.modules if name.partition(".")[0] == "torch"]
    return {"resident": resident_bytes(Path(outside)), "torch_modules": len(torch)}


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr
    # The model may be in the page's process, and the tag is alone on the page.
    if hasattr(settings, "RECO"):
        settings.RECO["EMBED_IN_WEB"] = os.environ.get("BENCH_EMBEDS") == "1"
        if os.environ.get("BENCH_ORDERS") == "0":
            settings.RECO.pop("ORDERS", None)
    if os.environ.get("BENCH_ONE_ROW") == "1":
        settings.TEMPLATES[0]["DIRS"].insert(0, Path(__file__).parent / "templates")
    if os.environ.get("BENCH_PLAIN_ROW") == "1":
        settings.TEMPLATES[0]["DIRS"].insert(0, Path(__file__).parent / "templates_plain")
        settings.TEMPLATES[0]["OPTIONS"].setdefault("libraries", {})["plain_row"] = "benchmarks.plain_row"
    django.setup()
    from benchmarks import shop_fresh

    known: dict[str, Callable[..., Any]] = {
        "paths": paths,
        "pages": pages,
        "card_query": card_query,
        "cards": cards,
        "memory": memory,
        "saved_product": shop_fresh.saved_product,
        "view_changes": shop_fresh.view_changes,
        "warm_model": shop_fresh.warm_model,
        "lend_model": shop_fresh.lend_model,
        "encode": shop_fresh.encode,
        "sync": shop_fresh.sync,
    }
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"answer": known[question.pop("what")](**question)}
        except Exception:  # noqa: BLE001 - reported to whoever asked
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
