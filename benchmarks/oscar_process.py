"""Serves the bookshop through Django's test client, one JSON question a line on standard input.

Started by :class:`benchmarks.oscar.BookshopProcess`; the environment says whether with recommendations or without.
"""

from __future__ import annotations

import gc
import time

import django

from benchmarks.shop_process import Counter, answer_questions, browser


def paths(n: int) -> list[str]:
    """Return the addresses of the first ``n`` books' pages."""
    from oscar.core.loading import get_model

    books = get_model("catalogue", "Product").objects.filter(structure="standalone", is_public=True).order_by("pk")
    return [book.get_absolute_url() for book in books[:n]]


def pages(addresses: list[str]) -> dict[str, list[float]]:
    """Visit pages, each as another visitor; return the milliseconds, the queries, the bytes and the row's cards of each."""
    from django.db import connection

    found: dict[str, list[float]] = {"ms": [], "queries": [], "bytes": [], "cards": []}
    gc.collect()
    gc.disable()
    for address in addresses:
        counter, client = Counter(), browser(consent=False)
        with connection.execute_wrapper(counter):
            started = time.perf_counter_ns()
            response = client.get(address)
            found["ms"].append((time.perf_counter_ns() - started) / 1e6)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
        found["queries"].append(counter.count)
        found["bytes"].append(len(response.content))
        found["cards"].append(response.content.count(b'class="reco-card"'))
    gc.enable()
    return found


if __name__ == "__main__":
    django.setup()
    answer_questions({"paths": paths, "pages": pages})
