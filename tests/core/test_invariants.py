"""What must hold whatever else changes: the request path reads memory, serving needs no torch, importing is free."""

import inspect
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reco_sdk import Filters
from reco_sdk.ports import Store
from reco_sdk.strategies import STRATEGIES
from tests.core.support import WARDROBE, purchase, recommender, view

ROOT = Path(__file__).parents[2]


def python(script):
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("url", ["memory://", "sqlite"])
async def test_the_request_path_never_reaches_the_store_the_model_or_the_snapshot_folder(url, tmp_path, monkeypatch):
    async with recommender(url if url != "sqlite" else f"sqlite:///{tmp_path}/shop.sqlite3") as reco:
        await reco.upsert_items(WARDROBE)
        await reco.sync()
        reached = []

        def refuse(name):
            def method(*args, **kwargs):
                reached.append(name)
                raise AssertionError(f"a request reached {name}")

            return method

        with monkeypatch.context() as patched:
            for name, _ in inspect.getmembers(Store, inspect.isfunction):
                if not name.startswith("_"):
                    patched.setattr(type(reco.store), name, refuse(f"store.{name}"))
            for owner in (reco.embedder, reco.folder):
                for name, _ in inspect.getmembers(type(owner), inspect.isroutine):
                    if not name.startswith("_"):
                        patched.setattr(type(owner), name, refuse(name))
            patched.setattr("builtins.open", refuse("open"))
            patched.setattr("sqlite3.connect", refuse("sqlite3"))
            await reco.record_many([view("boots"), purchase("rake")])
            for name, strategy in STRATEGIES.items():
                seeds = ["red-dress"] if strategy.needs_seed else []
                slate = await reco.recommend(strategy=name, seeds=seeds, visitor_id="v1", n=3, filters=Filters(price_max=150))
                few = {"recently_viewed": 1, "buy_again": 0, "on_sale": 0, "cross_category": 2}
                assert len(slate) == few.get(name, 3)
            assert len(await reco.similar_items("red-dress")) == 7
        assert reached == []


async def test_a_request_waits_for_no_lock_that_a_writer_holds():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await reco.record_many([view("boots"), purchase("rake")])
        locks = [reco._follower._apply_lock, reco.tracker._lock, reco.engine.state.live._lock, reco.recorder._lock]
        for lock in locks:
            assert lock.acquire(timeout=1)
        slates = []
        asking = threading.Thread(
            target=lambda: slates.extend(reco.recommend_now(request) for request in requests()), daemon=True
        )
        asking.start()
        asking.join(20)
        for lock in locks:
            lock.release()
        assert len(slates) == 2


def requests():
    from reco_sdk import Request

    return [Request(visitor_id="v1", n=3), Request(strategy="similar_items", seeds=("boots",), n=3)]


def test_importing_is_light():
    heavy = [
        "torch",
        "numpy",
        "aiohttp",
        "asyncpg",
        "sqlite3",
        "django",
        "sentence_transformers",
        "hnswlib",
        "pyarrow",
        "asyncio",
    ]
    assert python(f"import reco_sdk, sys; print([m for m in {heavy} if m in sys.modules])") == "[]"
    heavy = ["torch", "aiohttp", "asyncpg", "django", "sentence_transformers", "pyarrow", "scipy", "pandas"]
    script = f"from reco_sdk import *; import sys, threading; print([m for m in {heavy} if m in sys.modules], threading.active_count())"
    assert python(script) == "[] 1"


def test_serving_needs_no_torch(tmp_path):
    script = f"""
import sys
from reco_sdk import Config, Interaction, Item, Recommender
with Recommender.open_blocking("sqlite:///{tmp_path}/shop.sqlite3", config=Config()) as reco:
    reco.upsert_items([Item(id=f"i{{n}}", title=f"Red dress {{n}}") for n in range(9)], embed=False)
    reco.record(Interaction.view_item("i1", visitor_id="v1"))
    assert len(reco.recommend(visitor_id="v1", n=3)) == 3
    assert len(reco.similar_items("i1", n=3)) == 3
    reco.flush(), reco.refresh(), reco.doctor()
    print([m for m in ("torch", "transformers", "sentence_transformers", "django") if m in sys.modules])
"""
    assert python(script) == "[]"
