"""A training in a process of its own: it says what it came to and what went wrong, and can be killed at any point."""

import asyncio
import os
import signal
from dataclasses import replace

import psutil
import pytest

from reco_sdk.errors import BuildInProgress, SnapshotError, TrainingFailed
from reco_sdk.items.text import DEFAULT_RECIPE, TextRecipe
from reco_sdk.learning.apart import CHILD, TrainingApart
from reco_sdk.ranking.model_files import ModelFolder
from tests.learning.shops import CONFIG

CART = "bought_together"
MINUTES = 1.0  # more than this shop takes: with less, a stage may be over before it can be ended


def apart(folder):
    return TrainingApart(
        CONFIG.with_settings(store=f"sqlite:///{folder}/shop.sqlite3", placements={"cart": CART}),
        folder / "state",
        DEFAULT_RECIPE,
    )


def children():
    return [child for child in psutil.Process().children() if CHILD in child.cmdline()]


class Stages:
    """What was told, and what is done once a stage begins."""

    def __init__(self, name="", then=lambda: None):
        self.names = []
        self._name = name
        self._then = then

    def __call__(self, stage, done, total):
        self.names.append(stage)
        if stage == self._name:
            self._then()


async def test_killed_frozen_and_told_to_end_it_goes_on_where_it_was(shop):
    models = ModelFolder(shop / "state")
    with pytest.raises(TrainingFailed, match="was killed"):
        await apart(shop)(minutes=MINUTES, progress=Stages(f"{CART}: compares", lambda: children().pop().kill()))
    assert models.interrupted
    reached = asyncio.Event()
    again = Stages(f"{CART}: compares", reached.set)
    training = asyncio.create_task(apart(shop)(minutes=MINUTES, progress=again))
    await asyncio.wait_for(reached.wait(), 60)
    [child] = children()
    child.send_signal(signal.SIGTERM)  # as an init system tells it to all
    child.send_signal(signal.SIGSTOP)
    training.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(training, 10)
    assert not children()
    assert f"{CART}: asks" not in again.names
    last = Stages()
    done = await apart(shop)(minutes=MINUTES, progress=last)
    assert f"{CART}: fits" not in last.names
    assert done.to_dict()["resumed"] >= 2
    assert not models.interrupted
    assert models.last["verdicts"] == done.to_dict()["verdicts"]
    assert all(f"{verdict['strategy']}: " in done.to_text() for verdict in models.last["verdicts"])
    assert (models.open().name if models.open() else None) == done.to_dict()["model"]


async def test_what_went_wrong_there_is_told_here(shop, tmp_path):
    models = ModelFolder(shop / "state")
    models.root.mkdir()
    with models.folder.build_lock(), pytest.raises(BuildInProgress, match=str(os.getpid())):
        await apart(shop)(minutes=MINUTES)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotError, match="run sync"):
        await apart(tmp_path / "empty")(minutes=MINUTES)
    assert not children()


def test_a_recipe_of_the_shops_own_code_stays_here():
    class Own(TextRecipe):
        pass

    assert TrainingApart.travels(replace(DEFAULT_RECIPE, description_chars=100))
    assert not TrainingApart.travels(TextRecipe(build=lambda item: item.title))
    assert not TrainingApart.travels(Own())
