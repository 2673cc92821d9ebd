"""Fill the shop: ``python -m benchmarks.bigshop.prepare COUNT`` with ``BIGSHOP_VAR`` and ``DJANGO_SETTINGS_MODULE`` set."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from typing import Any

import django

BATCH = 2_000


def products(count: int) -> Iterator[list[Any]]:
    """Yield unsaved products in batches; their titles name the planted vector."""
    from benchmarks.bigshop.models import Product
    from benchmarks.data import cluster_of

    clusters = cluster_of(count)
    prices = random.Random(3)
    for start in range(0, count, BATCH):
        yield [
            Product(
                title=f"Item {row:06d}",
                category=f"Department {clusters[row] % 20} > Shelf {clusters[row]}",
                price=f"{prices.lognormvariate(3, 1) % 9_000 + 0.5:.2f}",
            )
            for row in range(start, min(start + BATCH, count))
        ]


def main(count: int) -> None:
    """Make the database, the catalogue, the vectors and the snapshot."""
    django.setup()
    from django.core.management import call_command

    from benchmarks.bigshop.models import Product
    from benchmarks.data import PlantedEmbedder
    from django_reco.conf import get_settings
    from django_reco.places import store_url
    from django_reco.registry import adapters
    from reco_sdk import Config, Recommender

    call_command("migrate", verbosity=0)
    for batch in products(count):
        Product._default_manager.bulk_create(batch)  # noqa: SLF001 - known to the type checker
    (adapter,) = adapters().values()

    async def build(catalogue: list[list[Any]]) -> None:
        config = Config(store=store_url(get_settings()), state_dir=get_settings().state_dir, delta_limit=10 * count)
        async with Recommender.open(config=config, embedder=PlantedEmbedder(count)) as reco:
            for items in catalogue:
                await reco.store.upsert_items(items)
            await reco.sync()

    found = list(adapter.index_queryset().order_by("pk"))
    asyncio.run(build([adapter.items(found[start : start + BATCH])[0] for start in range(0, len(found), BATCH)]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
