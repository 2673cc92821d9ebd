"""The benchmarks of quality: what they read from reports, and that peers are told no more than models may know."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import peers, peers_apart
from benchmarks import quality as quality_benchmark
from benchmarks.bars import BARS
from benchmarks.peers import export
from benchmarks.peers_apart import quality, read
from benchmarks.quality import FIGURES, curve_margin, figures_of
from reco_sdk.evaluation.dataset import Dataset, make_log
from reco_sdk.evaluation.replay import Answers
from reco_sdk.evaluation.scorecard import Yardstick
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
    def point(beside_content, beside_popularity):
        return {
            "rows": [
                row("fusion", 0.2),
                row("content", 0.2, difference=beside_content),
                row("popularity", 0.2, difference=beside_popularity),
                row("linear", 0.9, difference=(-0.7, -0.8, -0.6)),
            ]
        }

    assert (
        curve_margin({"curve": [point((0.1, 0.0, 0.2), (0.0, -0.1, 0.1)), point((-0.1, -0.2, -0.05), (0.3, 0.2, 0.4))]}) == -0.05
    )


@pytest.fixture
def made(tmp_path):
    """Return a log, a split and what was exported of them for peers."""
    generator = np.random.default_rng(0)
    users, items = (generator.integers(0, n, 300).astype(np.int32) for n in (20, 30))
    log, _ = make_log(users, items, np.arange(300.0), users, kinds="view_item", n_users=20, n_items=30)
    data = Dataset("made", tuple(map(str, range(30))), Items(30), None, log, timed=True)
    split, tried = (make_split(data, "random-split", part=part) for part in ("test", "validation"))
    export(log, split, tried, tmp_path / "given.npz")
    return log, split, tried, np.load(tmp_path / "given.npz")


def test_peers_are_given_what_may_be_known(made):
    log, split, tried, given = made
    assert len(given["users"]) == split.fit.sum()
    assert given["known"].sum() == tried.fit.sum()
    assert not len(given["test_0_came"])
    for part, cases in (("test", split.cases[0]), ("validation", tried.cases[0])):
        asked = read(given, f"{part}_0").asked
        assert len(asked) == len(cases)
        for case in range(len(cases)):
            shown = asked.shown[asked.offsets[case] : asked.offsets[case + 1]]
            assert shown.tolist() == cases.shown(case, log)[0].tolist()
        assert asked.users.tolist() == cases.units.tolist()


def test_settings_are_chosen_by_the_measure_of_the_table(made):
    log, _, tried, given = made
    cases = tried.cases[0]
    rows = np.random.default_rng(1).permuted(np.tile(np.arange(30, dtype=np.int32), (len(cases), 1)), axis=1)[:, :20]
    card = Yardstick(log, log.take(tried.fit), cases, np.zeros((30, 1), np.float32), 0).score(Answers(rows, np.zeros(len(cases))))
    assert quality(rows, read(given, "validation_0")) == pytest.approx(card.means()["NDCG@10"])


def test_the_best_settings_answer_and_see_no_more_than_they_may(made, monkeypatch):
    _, split, tried, given = made
    fits = []

    def fit_peer(peer, pairs, settings, seconds):
        fits.append((settings["K"], len(pairs.items)))
        popular = np.argsort(-np.bincount(pairs.items, minlength=30), kind="stable")[:20]
        return lambda asked: np.tile(popular if settings["K"] == 2 else popular[::-1], (len(asked), 1))

    monkeypatch.setattr(peers_apart, "fit_peer", fit_peer)
    monkeypatch.setitem(peers_apart.GRID, "made", [{"K": 1}, {"K": 2}])
    rows, settings = peers_apart.answer("made", given, 60.0)
    assert fits[:2] == [(1, tried.fit.sum()), (2, tried.fit.sum())]
    assert fits[2:] == [(settings[0]["K"], split.fit.sum())]
    assert len(rows[0]) == len(split.cases[0])


def test_a_peer_is_asked_once(made, tmp_path, monkeypatch):
    monkeypatch.setenv("RECO_PEERS_PYTHON", "/bin/false")
    assert "left_out" in peers._ask("implicit_als", tmp_path, "digest", 60.0)
    (tmp_path / "implicit_als.done.json").write_text(
        json.dumps({"state": f"digest {json.dumps(peers_apart.GRID['implicit_als'])}", "settings": [{}]})
    )
    assert peers._ask("implicit_als", tmp_path, "digest", 60.0)["settings"] == [{}]
    assert "left_out" in peers._ask("implicit_als", tmp_path, "of other data", 60.0)


def test_a_table_says_what_was_left_out():
    facts = {
        "implicit_als": {"left_out": "it took over 18 minutes"},
        "implicit_bpr": {"settings": [{"iterations": 100}], "seconds": 3},
    }
    rows = [
        ("implicit_bpr", 0.1, (0.0, 0.2), 0.3, (0.2, 0.1, 0.3), facts["implicit_bpr"], 0),
        ("fusion", 0.3, (0.2, 0.4), 0.5, None, {}, 0),
    ]
    lines = peers.table("made", rows, facts).splitlines()
    assert lines[2].startswith("| **fusion** | 0.3000")
    assert "knows users as they were fitted" in lines[3]
    assert "it took over 18 minutes" in lines[4]


def test_what_was_evaluated_is_kept_by_options_and_code(tmp_path, monkeypatch):
    calls = []

    def run(command, **_):
        calls.append(command)
        Path(command[-1]).write_text('{"rows": []}')
        return SimpleNamespace(returncode=len(calls) > 2)

    monkeypatch.setattr(quality_benchmark.subprocess, "run", run)
    for _ in range(2):
        assert quality_benchmark._evaluate(tmp_path / "a.json", tmp_path, "--curve") == {"rows": []}
    assert len(calls) == 1
    assert quality_benchmark._evaluate(tmp_path / "a.json", tmp_path) == {"rows": []}
    assert len(calls) == 2
    assert quality_benchmark._evaluate(tmp_path / "b.json", tmp_path) is None
