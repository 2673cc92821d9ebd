"""What the gift shop's process is asked about freshness and embedding; see ``shop_process.py``."""

from __future__ import annotations

import random
import time
from io import StringIO
from itertools import pairwise
from typing import Any, Final

__all__ = ["encode", "lend_model", "saved_product", "sync", "view_changes", "warm_model"]

PATIENCE_SECONDS: Final = 20.0
LOOK_EVERY_SECONDS: Final = 0.01


def warm_model() -> None:
    """Start the recommender and let its model embed once, in its own thread."""
    from django_reco.recommender import process

    backend = process.backend()
    while backend is None:
        time.sleep(0.1)
        backend = process.backend()
    embedder = backend.facade.core.embedder
    if embedder is None:
        raise RuntimeError("this process has no text model; RECO['EMBED_IN_WEB'] is off")
    backend.facade.run(embedder.embed(["a warm model"]))


def _slate(client: Any, **query: Any) -> list[str]:
    """Return the ids of a slate, as the shop's JSON view answers."""
    answer = client.get("/reco/recommend/", query)
    if answer.status_code != 200:
        raise RuntimeError(f"{query} answered {answer.status_code}: {answer.content[:300]!r}")
    return [item["id"] for item in answer.json()["items"]]


def saved_product(number: int) -> float:
    """Save a product that is much like another; return the seconds from its commit until it is shown beside it."""
    from shop.models import Product

    from benchmarks.shop_process import browser

    client = browser(consent=False)
    like = Product.objects.filter(stock__gt=0, group_code="").order_by("-order_count", "pk")[number]
    seed = f"shop.product:{like.pk}"
    _slate(client, strategy="similar_items", item=seed, n=8)
    time.sleep(random.Random(number).uniform(0.0, 1.5))  # anywhere between two looks of the indexer
    code = f"NEW{number}"
    new = Product(
        stock_code=code, slug=code.lower(), title=f"{like.title} New", category=like.category, price=like.price, stock=9
    )
    new.save()
    committed = time.perf_counter()
    wanted = f"shop.product:{new.pk}"
    while wanted not in _slate(client, strategy="similar_items", item=seed, n=8):
        if time.perf_counter() - committed > PATIENCE_SECONDS:
            raise RuntimeError(f"{new.title!r} was not recommended within {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_EVERY_SECONDS)
    return time.perf_counter() - committed


def view_changes(number: int) -> bool:
    """Return whether each of two views of a new visitor changed the very next slate."""
    from shop.models import Product

    from benchmarks.shop_process import browser

    client = browser()
    client.get("/")
    products = Product.objects.filter(stock__gt=0).order_by("-order_count", "pk")[50 + 2 * number : 52 + 2 * number]
    slates = [_slate(client, strategy="recommended_for_you", n=8)]
    for product in products:
        client.get(product.get_absolute_url())
        slates.append(_slate(client, strategy="recommended_for_you", n=8))
    return all(before != after for before, after in pairwise(slates))


class Warm:
    """An embedder that was used before, and that outlives the recommender it is lent to."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.embedder, name)

    async def aclose(self) -> None:
        """Stay open for the next one."""


def lend_model() -> None:
    """Load the shop's text model once; every recommender opened from here on is lent it, so that no sync pays for loading."""
    import asyncio

    from reco_sdk import wiring
    from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder

    warm = Warm(SentenceTransformerEmbedder())
    asyncio.run(warm.embed(["a warm model"]))
    wiring.make_embedder = lambda _config: warm


def encode() -> float:
    """Return the seconds of one ``encode`` call on the catalogue's texts, with the model of the shop."""
    from sentence_transformers import SentenceTransformer

    from django_reco.registry import adapters
    from reco_sdk.embedding.sentence_transformer import SentenceTransformerEmbedder
    from reco_sdk.items.text import DEFAULT_RECIPE

    (adapter,) = adapters().values()
    made, _refused = adapter.items(adapter.index_queryset())
    texts = [DEFAULT_RECIPE.text(item) for item in made]
    model = SentenceTransformer(str(SentenceTransformerEmbedder().folder), device="cpu")
    model.encode(["a warm model"])
    started = time.perf_counter()
    model.encode(texts, normalize_embeddings=True, convert_to_numpy=True)
    return time.perf_counter() - started


def sync() -> dict[str, float]:
    """Run ``reco_sync``: read products and orders, embed, build the snapshot."""
    from django.core.management import call_command

    before = _vectors()
    started = time.perf_counter()
    call_command("reco_sync", stdout=StringIO(), stderr=StringIO())
    return {"seconds": time.perf_counter() - started, "embedded": _vectors() - before}


def _vectors() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reco_vector")
        return int(cursor.fetchone()[0])
