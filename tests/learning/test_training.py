"""A model ships only if it wins on the shop's own last days; and what training writes, whole or not at all."""

from dataclasses import replace

import numpy as np
import pytest

from reco_sdk.errors import BuildInProgress, SnapshotError
from reco_sdk.learning import run
from reco_sdk.ranking.model_files import ModelFolder
from reco_sdk.request import Request
from reco_sdk.snapshot.publisher import SnapshotFolder
from reco_sdk.storage.sqlite import SqliteStore
from reco_sdk.training.ranker import fit_ranker
from tests.core.support import FakeClock, purchase, recommender
from tests.learning.shops import CONFIG, item_id, orders, trained

CART = "bought_together"


def verdict_of(training, strategy=CART):
    return next(verdict for verdict in training.verdicts if verdict.strategy == strategy)


def content(folder):
    """Return the bytes of a model's tables, and what its manifest says beside the time."""
    model = ModelFolder(folder / "state").open()
    meta = {name: value for name, value in model.to_meta().items() if name not in {"store", "created_at"}}
    return {name: array.tobytes() for name, array in model.to_arrays().items()}, meta


def shuffled(examples, *args):
    """Fit on labels that were dealt out by lot among the candidates of each question."""
    draw, stops = np.random.default_rng(0), np.cumsum(examples.sizes)
    labels = [draw.permutation(examples.labels[stop - size : stop]) for stop, size in zip(stops, examples.sizes, strict=True)]
    return fit_ranker(replace(examples, labels=np.concatenate(labels)), *args)


def shop_of(folder):
    return recommender(f"sqlite:///{folder}/shop.sqlite3", state_dir=str(folder / "state"))


async def test_what_wins_serves_and_says_so(shop):
    async with shop_of(shop) as reco:
        before = reco.engine.recommend(Request(strategy=CART, seeds=(item_id(0),)))
        assert reco.engine.state.model.fusions == {}
        training = await trained(shop)
        verdict = verdict_of(training)
        assert verdict.decision == "ships", verdict
        rows = {row.name: row for row in verdict.table}
        assert rows["serves now"].low > 0.0
        assert {"candidate", "content alone", "popularity alone", "serves now"} == set(rows)
        assert await reco.refresh()
        assert reco.engine.state.model.name == training.model
        after = reco.engine.recommend(Request(strategy=CART, seeds=(item_id(0),)))
        assert [item.contributions for item in after] != [item.contributions for item in before]
        for item in after:
            assert sum(item.contributions.values()) == pytest.approx(item.score, abs=1e-6)
            assert all(value >= 0.0 for value in item.contributions.values())
        assert after.ids[0] == item_id(3)
        facts = (await reco.doctor()).facts["ranking"]
        assert facts["model"] == training.model
        assert facts["serves"][CART] == verdict.reason
        assert facts["last_training"][CART].startswith("ships")
    text = training.to_text()
    assert "bought_together: serves from now on" in text
    assert "popularity alone" in text


async def test_training_again_is_held_against_the_model_that_serves(won):
    first = ModelFolder(won / "state").open().name
    second = verdict_of(await trained(won))
    assert second.decision == "refused", second
    assert {row.name for row in second.table} == {
        "candidate", "content alone", "popularity alone", "serves now", "weights set by hand"
    }  # fmt: skip
    assert ModelFolder(won / "state").open().name == first


async def test_one_seed_gives_the_same_bytes(shop, won):
    await trained(shop)
    assert content(shop) == content(won)


async def test_what_learnt_nothing_is_refused(shop, monkeypatch):
    monkeypatch.setattr(run, "fit_ranker", shuffled)
    training = await trained(shop)
    assert verdict_of(training).decision == "refused"
    assert training.model is None
    assert ModelFolder(shop / "state").open() is None
    assert ModelFolder(shop / "state").last["verdicts"]


class KilledError(Exception):
    pass


async def test_a_training_that_was_killed_goes_on_where_it_was(shop, won):
    def killed(name, done, total):
        if name == f"{CART}: compares":
            raise KilledError

    with pytest.raises(KilledError):
        await trained(shop, progress=killed)
    models = ModelFolder(shop / "state")
    assert models.interrupted
    assert models.open() is None
    store = SqliteStore(shop / "shop.sqlite3")
    await store.open()
    await store.append_interactions([purchase(item_id(1), "late", event_id="late")])  # the shop goes on meanwhile
    await store.aclose()
    asked = []
    training = await trained(shop, progress=lambda name, done, total: asked.append(name))
    assert training.resumed == 2
    assert f"{CART}: asks" not in asked
    assert content(shop) == content(won)
    assert not models.interrupted


async def test_a_dry_run_writes_nothing(shop):
    training = await trained(shop, dry_run=True)
    assert verdict_of(training).decision == "ships"
    assert training.model is None
    assert not (shop / "state" / "models").exists()
    assert "would serve" in training.to_text(dry_run=True)


async def test_a_damaged_model_is_refused_and_told(won):
    manifest = ModelFolder(won / "state").current() / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1'))
    async with shop_of(won) as reco:
        assert reco.engine.state.model.fusions == {}
        found = await reco.doctor()
        assert any("run train to make another" in problem for problem in found.problems)


async def test_a_model_of_another_store_is_refused(won):
    name = ModelFolder(won / "state").current().name
    store = SqliteStore(won / "shop.sqlite3")
    await store.open()
    await store.put_state("store.id", "f" * 32)
    await store.aclose()
    async with shop_of(won) as reco:
        assert reco.engine.state.model.name == ""
        assert any(name in problem for problem in (await reco.doctor()).problems)


async def test_one_process_trains_at_a_time_and_a_snapshot_is_needed(shop, tmp_path):
    models = ModelFolder(shop / "state")
    models.root.mkdir()
    with models.folder.build_lock(), pytest.raises(BuildInProgress):
        await trained(shop)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SnapshotError, match="run sync"):
        await trained(empty)


async def test_a_worker_trains_when_enough_happened(shop):
    from functools import partial

    from reco_sdk.items.text import DEFAULT_RECIPE
    from reco_sdk.retraining import Retraining

    clock, folder = FakeClock(), SnapshotFolder(shop / "state")
    config = CONFIG.with_settings(train_after_interactions=200, train_hours=24.0)
    store = SqliteStore(shop / "shop.sqlite3")
    await store.open()
    trainer = partial(run.train, store, folder, config, recipe=DEFAULT_RECIPE, clock=clock)
    work = Retraining(store, folder, config, clock, trainer)
    assert await work.why_due() == "nothing was learnt yet"
    await work.when_due()
    assert work.count == 1
    clock.turn(hours=30)
    assert await work.why_due() is None, "nothing happened since"
    more = [replace(line, event_id=f"more:{line.event_id}") for line in orders(150, seed=5)]
    await store.append_interactions(more)
    assert "came since the last training" in await work.why_due()
    clock.turn(hours=-20)
    assert await work.why_due() is None, "not twice a day"
    assert await Retraining(store, folder, config.with_settings(train_hours=0.0), clock, trainer).why_due() is None
    await store.aclose()
