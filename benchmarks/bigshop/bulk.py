"""Insert products that no signal tells of: ``python -m benchmarks.bigshop.bulk FIRST COUNT``."""

from __future__ import annotations

import sys

import django

BATCH = 1_000
COLOURS = ("red", "blue", "green", "white", "black", "rose", "brass", "oak")
THINGS = ("lamp", "teapot", "bunting", "clock", "basket", "candle", "doormat", "frame", "bowl", "lantern", "tray", "hook")


def main(first: int, count: int) -> None:
    """Insert them, each batch committed on its own."""
    django.setup()
    from benchmarks.bigshop.models import Product

    for start in range(first, first + count, BATCH):
        rows = range(start, min(start + BATCH, first + count))
        Product._default_manager.bulk_create(  # noqa: SLF001 - known to the type checker
            Product(
                title=f"{COLOURS[row % 8]} {THINGS[row // 8 % 12]} no. {row}",
                category=f"Department {row % 20} > Shelf {row % 400}",
                price=f"{row % 90 + 0.5:.2f}",
            )
            for row in rows
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
