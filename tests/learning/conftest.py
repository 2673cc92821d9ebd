import asyncio
import shutil

import pytest

from reco_sdk.learning import run
from tests.learning.shops import make_shop, trained


def _quickly(patch):
    patch.setattr(run, "MOST_LEARNT", 500)
    patch.setattr(run, "MOST_ASKED", 200)
    patch.setattr(run, "_LEARNT", ("bought_together",))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One strategy and fewer questions than in earnest; what is tested does not depend on how many."""
    _quickly(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    make_shop(folder, 2_000)
    return folder


@pytest.fixture(scope="module")
def learnt(made, tmp_path_factory):
    """The same shop, trained once; not to be changed."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("learnt") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        _quickly(patch)
        asyncio.run(trained(folder))
    return folder


@pytest.fixture
def shop(made, tmp_path):
    """The folder of a shop with 2,000 orders, a store and a snapshot in it."""
    return shutil.copytree(made, tmp_path / "shop")


@pytest.fixture
def won(learnt, tmp_path):
    """The folder of a shop whose trained model serves."""
    return shutil.copytree(learnt, tmp_path / "won")
