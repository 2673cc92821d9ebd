"""Serves the gift shop through Django's test client, one JSON question a line on standard input.

Started by :class:`benchmarks.shop.ShopProcess`; the environment says whether with recommendations or without.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings

from benchmarks.shop_templates import choose_templates

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


@cache
def _visitor() -> Any:
    """Return this process's one visitor."""
    return browser()


def paths(n: int) -> list[str]:
    """Return the addresses of the ``n`` best-sold products' pages."""
    from shop.models import Product

    return [product.get_absolute_url() for product in Product.objects.filter(stock__gt=0).order_by("-order_count", "pk")[:n]]


def pages(addresses: list[str]) -> dict[str, list[float]]:
    """Visit pages; return the milliseconds, the queries and the bytes of each."""
    from django.db import connection

    client = _visitor()
    took: list[float] = []
    queries: list[float] = []
    lengths: list[float] = []
    gc.collect()
    gc.disable()
    for address in addresses:
        counter = Counter()
        with connection.execute_wrapper(counter):
            started = time.perf_counter_ns()
            response = client.get(address)
            took.append((time.perf_counter_ns() - started) / 1e6)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
        queries.append(counter.count)
        lengths.append(len(response.content))
    gc.enable()
    return {"ms": took, "queries": queries, "bytes": lengths}


def parts(addresses: list[str]) -> dict[str, list[float]]:
    """Visit pages; return the milliseconds of each part of each. From then on this process times its parts."""
    from benchmarks.shop_parts import of_pages

    return of_pages(_visitor(), addresses)


def rows(addresses: list[str]) -> dict[str, list[str]]:
    """Visit pages; return the stock codes that the row of each shows."""
    return {address: re.findall(r'data-code="([^"]+)"', _visitor().get(address).content.decode()) for address in addresses}


def take_rows(shown: dict[str, list[str]]) -> None:
    """Have the plain rows show these from now on."""
    from django.urls import resolve
    from shop.models import Product

    from benchmarks.plain_row import ROWS

    keys = dict(Product.objects.values_list("stock_code", "pk"))
    for address, codes in shown.items():
        ROWS[resolve(address).kwargs["stock_code"]] = [keys[code] for code in codes]


def memory(outside: str) -> dict[str, float]:
    """Return resident bytes, mapped pages below ``outside`` aside, and which torch modules are loaded."""
    from benchmarks.measure import resident_bytes

    gc.collect()
    torch = [name for name in sys.modules if name.partition(".")[0] == "torch"]
    return {"resident": resident_bytes(Path(outside)), "torch_modules": len(torch)}


def main() -> None:
    # The model may be in the page's process, and the tag is alone on the page.
    if hasattr(settings, "RECO"):
        settings.RECO["EMBED_IN_WEB"] = os.environ.get("BENCH_EMBEDS") == "1"
        if os.environ.get("BENCH_ORDERS") == "0":
            settings.RECO.pop("ORDERS", None)
    choose_templates()
    django.setup()
    from shop import context

    from benchmarks import shop_fresh

    # Kept for a minute otherwise: now and then a page would have one query more than its twin.
    context.DEPARTMENTS_SECONDS = 86_400

    known: dict[str, Callable[..., Any]] = {
        "paths": paths,
        "pages": pages,
        "parts": parts,
        "rows": rows,
        "take_rows": take_rows,
        "memory": memory,
        "saved_product": shop_fresh.saved_product,
        "view_changes": shop_fresh.view_changes,
        "warm_model": shop_fresh.warm_model,
        "lend_model": shop_fresh.lend_model,
        "encode": shop_fresh.encode,
        "sync": shop_fresh.sync,
    }
    answer_questions(known)


def answer_questions(known: dict[str, Callable[..., Any]]) -> None:
    """Answer one JSON question a line, as long as somebody asks; whatever else is printed goes to standard error."""
    answers = sys.stdout
    sys.stdout = sys.stderr
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
