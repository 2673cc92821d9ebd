"""The benchmarks' own arithmetic: bars, verdicts, alternation, the data."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bars import BARS, Bar
from benchmarks.data import PlantedEmbedder, items, shares, vectors
from benchmarks.measure import alternate, p50, p99, resident_bytes, time_each
from benchmarks.report import judge
from benchmarks.run import MODULES
from benchmarks.shop_parts import PARTS, Parts, settled
from tests.project.documents import ROOT


@pytest.mark.parametrize(("sense", "good", "bad"), [("<=", 1.0, 1.1), (">=", 1.0, 0.9), ("==", 1.0, 2.0)])
def test_a_bar_holds_or_does_not(sense, good, bad):
    bar = Bar("x", sense, 1.0, "")
    assert bar.holds(good)
    assert not bar.holds(bad)
    assert not bar.holds(float("nan"))


def test_a_missing_figure_is_a_failure():
    assert judge("snapshot", {})["passed"] is False
    assert judge("snapshot", {"first_answer_ms": 100.0})["passed"] is True
    assert judge("snapshot", {"first_answer_ms": 301.0})["passed"] is False


@pytest.mark.parametrize("name", list(BARS))
def test_every_benchmark_has_a_module(name):
    pytest.importorskip("hnswlib")
    assert callable(importlib.import_module(MODULES[name]).run)


def test_contenders_take_turns_in_turning_order():
    seen: list[str] = []
    answers = alternate(3, a=lambda n: seen.append(f"a{n}") or n, b=lambda n: seen.append(f"b{n}") or -n)
    assert seen == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert answers == {"a": [0, 1, 2], "b": [0, -1, -2]}


def test_percentiles():
    assert p50([3, 1, 2]) == 2
    assert p99(list(range(101))) == 99


def test_each_call_is_timed():
    assert len(time_each(lambda _: None, range(5))) == 5


class Shop:
    """What is timed: a method, a static one, a property, and a query that begins in one call and ends in another."""

    def page(self, name):
        return self.fixed(name) + self.made

    @staticmethod
    def fixed(name):
        return f"<{name}>"

    @property
    def made(self):
        return "made"

    def begin(self):
        return self.end() or self.end()

    def end(self):
        return None


def test_parts_are_timed_and_keep_running():
    class Watched(Shop):
        page, fixed, made, begin, end = (Shop.__dict__[name] for name in ("page", "fixed", "made", "begin", "end"))

    parts = Parts()
    parts.watch(Watched, "page", "page", lambda _, name: name != "unseen")
    parts.watch(Watched, "fixed", "fixed")
    parts.watch(Watched, "made", "made")
    parts.watch_from_to((Watched, "begin"), (Watched, "end"), "query")
    shop = Watched()
    assert shop.page("unseen") == "<unseen>made"
    assert "page" not in parts.ms
    assert shop.page("seen") == "<seen>made"
    assert shop.begin() is None
    assert set(parts.ms) == {"page", "fixed", "made", "query"}
    assert parts.ms["page"] > 0
    with pytest.raises(TypeError):
        shop.fixed()


def test_our_own_time_is_the_tag_and_the_middleware_without_query_and_cards():
    ms = {"page": 9.0, "tag": 5.0, "middleware": 0.1, "engine": 1.0, "request": 0.2, "hydrate": 1.1, "query": 1.0}
    ms |= {"template": 2.0, "drawn": 1.8, "token": 0.3, "view": 0.4}
    part = settled(ms)
    assert part["own"] == pytest.approx(5.0 + 0.1 - 1.0 - (1.8 - 0.3))
    assert part["own"] == pytest.approx(sum(part[name] for name in PARTS))
    assert part["template"] == pytest.approx(2.0 - 1.5)
    assert part["rest"] == pytest.approx(0.3)
    assert settled({"page": 4.0, "query": 1.0, "drawn": 0.5}) == {"page": 4.0, "query": 1.0, "cards": 0.5}


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs /proc")
def test_mapped_files_are_left_out(tmp_path):
    path = tmp_path / "big.npy"
    np.save(path, np.ones(5_000_000))
    mapped = np.load(path, mmap_mode="r")
    assert mapped.sum() == 5_000_000
    assert resident_bytes() - resident_bytes(outside=tmp_path) > 30_000_000


def test_the_data_is_what_it_says():
    count = 2_000
    made = vectors(count)
    assert made.shape == (count, 384)
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert np.array_equal(made, vectors(count))
    marks = shares(count)
    assert {name: int(mark.sum()) for name, mark in marks.items()} == {
        "random-0.1": 2, "near-0.1": 2, "random-1": 20, "near-1": 20, "random-10": 200, "near-10": 200,
        "random-50": 1000, "near-50": 1000, "random-100": 2000, "near-100": 2000,
    }  # fmt: skip


async def test_the_planted_embedder_finds_its_row():
    from reco_sdk.items.text import DEFAULT_RECIPE

    texts = [DEFAULT_RECIPE.text(item) for item in items(300)[250:253]]
    assert np.array_equal(await PlantedEmbedder(300).embed(texts), vectors(300)[250:253])


def test_the_list_names_every_bar():
    command = [sys.executable, "-m", "benchmarks.run", "--list"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert len(done.stdout.splitlines()) == sum(len(bars) for bars in BARS.values())
