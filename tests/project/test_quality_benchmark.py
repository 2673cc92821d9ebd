"""The benchmarks of quality: what they read from reports, and that peers are told no more than models may know."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import peers_apart
from benchmarks.bars import BARS
from benchmarks.peers import PEERS, export
from benchmarks.quality import FIGURES, curve_margin, figures_of
from reco_sdk.evaluation.dataset import Dataset, make_log
from reco_sdk.evaluation.splitting import make_split
from reco_sdk.training.model import Items


def row(source, ndcg, asked="", interval=None, difference=None):
    out = {"source": source, "metrics": {"NDCG@10": ndcg}, "latency_ms": {"p90": 1.0}}
    if asked:
        out["asked"] = asked
    if interval:
        out["interval"] = {"NDCG@10": interval}
    if difference:
        out["difference"] = {"NDCG@10": difference}
    return out


def test_every_figure_has_its_bar():
    assert {figure for figure, *_ in FIGURES} <= {bar.figure for bar in BARS["quality"]}


def test_a_table_tells_its_figures():
    assert figures_of("ml100k", {"rows": [row("fusion", 0.5)]}) == {"ml100k_ndcg10": 0.5, "ml100k_p90_ms": 1.0}


def test_ahead_is_of_the_best_single_source():
    rows = [row("fusion", 0.5, asked) for asked in ("with repeats", "without repeats")]
    rows += [
        row("a", 0.4, "with repeats", difference=(0.1, 0.05, 0.2)),
        row("b", 0.45, "with repeats", difference=(0.05, -0.01, 0.1)),
    ]
    rows += [row("a", 0.4, "without repeats", difference=(0.1, 0.05, 0.2))]
    assert figures_of("retail", {"rows": rows}) == {"retail_ahead": -0.01, "retail_new_ahead": 0.05}


def test_a_curve_is_as_good_as_its_worst_part():
    def point(fusion, high, content, popularity):
        return {"rows": [row("fusion", fusion, interval=(0.0, high)), row("content", content), row("popularity", popularity)]}

    assert curve_margin({"curve": [point(0.3, 0.4, 0.1, 0.2), point(0.1, 0.2, 0.25, 0.1)]}) == pytest.approx(-0.05)


def test_peers_are_given_what_may_be_known_and_answer_each_case(tmp_path):
    generator = np.random.default_rng(0)
    users, items = (generator.integers(0, n, 300).astype(np.int32) for n in (20, 30))
    log, _ = make_log(users, items, np.arange(300.0), users, kinds="view_item", n_users=20, n_items=30)
    data = Dataset("made", tuple(map(str, range(30))), Items(30), None, log, timed=True)
    split = make_split(data, "random-split")
    export(log.take(split.fit), log, split.cases[0], tmp_path / "in.npz")
    given = np.load(tmp_path / "in.npz")
    assert len(given["users"]) == split.fit.sum()
    assert len(given["offsets"]) == len(split.cases[0]) + 1
    for case in range(len(split.cases[0])):
        shown = given["shown"][given["offsets"][case] : given["offsets"][case + 1]]
        assert shown.tolist() == split.cases[0].shown(case, log)[0].tolist()
    assert set(peers_apart.GRID) == set(PEERS)
