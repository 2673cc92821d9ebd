"""A whole evaluation: figures as they must be, the JSON's shape, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from reco_sdk.embedding.hashing import HashingEmbedder
from reco_sdk.errors import ConfigError, InvalidInput, Leakage
from reco_sdk.evaluation.contenders import Contender, fusion, simple_sources
from reco_sdk.evaluation.folders import read_folder
from reco_sdk.evaluation.run import FRACTIONS, evaluate
from reco_sdk.evaluation.splitting import make_split
from reco_sdk.evaluation.vectors import embed_dataset
from reco_sdk.ports import Candidates
from reco_sdk.storage.memory import MemoryStore

from . import folders, oracle


@pytest.fixture
async def shop(tmp_path):
    store = MemoryStore()
    await store.open()
    return await embed_dataset(read_folder(folders.shop(tmp_path / "shop")), store, HashingEmbedder())


class Constant:
    """Answers the same rows to everybody, whatever is allowed."""

    name = "constant"

    def __init__(self, *rows: int) -> None:
        self.rows = np.asarray(rows, np.int32)
        self.asked: list[tuple[list[int], list[float]]] = []

    def scores(self, history_items, history_times, k, mask=None):
        self.asked.append((history_items.tolist(), history_times.tolist()))
        rows = self.rows if mask is None else self.rows[mask[self.rows]]
        return Candidates(rows[:k], np.linspace(1, 0, len(rows[:k]), dtype=np.float32))


def contender(model, name=None):
    return Contender(name or model.name, lambda *_: model)


async def test_content_beats_popularity_where_titles_tell(shop):
    report = evaluate(shop, make_split(shop, "leave-one-out"), simple_sources(shop))
    by_source = {row.source: row for row in report.rows}
    assert set(by_source) == {"content", "lexical", "popularity", "random"}
    assert {row.source for row in report.rows[:2]} == {"content", "lexical"}
    # Four items of the group are left to choose from among those that were not shown.
    assert by_source["content"].metrics["HitRate@5"] == 1.0
    assert by_source["content"].metrics["NDCG@10"] > 2 * by_source["popularity"].metrics["NDCG@10"]
    assert by_source["content"].metrics["Diversity@10"] < by_source["random"].metrics["Diversity@10"]
    assert by_source["random"].metrics["Coverage@10"] == 1.0


async def test_figures_are_those_of_the_oracle(shop):
    split = make_split(shop, "leave-one-out")
    report = evaluate(shop, split, [contender(Constant(*range(40)))])
    metrics = report.rows[0].metrics
    cases = split.cases[0]
    expected: dict[str, list[float]] = {}
    for case in range(len(cases)):
        shown, _ = cases.shown(case, shop.log)
        rows = [item for item in range(40) if item not in shown][:20]
        for k in (5, 10, 20):
            for name, value in oracle.ranking(rows, {int(shop.log.items[cases.targets[case]])}, k).items():
                expected.setdefault(f"{name}@{k}", []).append(value)
    for name, values in expected.items():
        assert metrics[name] == pytest.approx(np.mean(values), abs=1e-12)


async def test_a_model_is_shown_the_past_and_nothing_else(shop):
    split = make_split(shop, "leave-one-out")
    model = Constant(0)
    evaluate(shop, split, [contender(model)])
    asked = model.asked[-60:]
    by_user = {user: shop.log.items[shop.log.users == user].tolist() for user in range(60)}
    assert [items for items, _ in asked] == [by_user[user][:-1] for user in range(60)]
    assert all(times == sorted(times) for _, times in asked)


async def test_the_json_is_what_was_agreed(shop):
    report = evaluate(shop, make_split(shop, "leave-one-out"), simple_sources(shop), seed=3)
    out = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (out["data"], out["protocol"], out["seed"], out["part"]) == ("shop", "leave-one-out", 3, "test")
    for row in out["rows"]:
        assert set(row["latency_ms"]) == {"p50", "p90", "p99"}
        assert row["latency_ms"]["p50"] <= row["latency_ms"]["p90"] <= row["latency_ms"]["p99"]
        assert {"HitRate@10", "NDCG@10", "MRR@20", "Coverage@10"} <= set(row["metrics"])
        for name, (low, high) in row["interval"].items():
            assert low - 1e-6 <= row["metrics"][name] <= high + 1e-6
        assert row["fit_seconds"] >= 0
        assert row["peak_mib"] > 1
        assert row["cases"] == 60
    first, *others = out["rows"]
    assert "difference" not in first
    for row in others:
        value, low, high = row["difference"]["NDCG@10"]
        assert low <= value <= high
        assert value == pytest.approx(first["metrics"]["NDCG@10"] - row["metrics"]["NDCG@10"], abs=1e-5)


async def test_the_table_says_it_all(shop):
    text = evaluate(shop, make_split(shop, "leave-one-out"), simple_sources(shop), curve=True).to_text()
    for word in ("content", "HitRate@5", "F1@20", "Coverage@10", "PopularityBias@10", "p99 ms", "fit s", "peak MiB", "30%"):
        assert word in text


async def test_the_fusion_stands_first(shop):
    report = evaluate(shop, make_split(shop, "leave-one-out"), [*simple_sources(shop), contender(Constant(0, 1), "fusion")])
    assert report.rows[0].source == "fusion"


async def test_the_learning_curve_begins_with_nothing(shop):
    report = evaluate(shop, make_split(shop, "leave-one-out"), simple_sources(shop), curve=True)
    assert tuple(point.fraction for point in report.curve) == FRACTIONS
    sizes = [point.interactions for point in report.curve]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (0, 240)
    last = {row.source: row.metrics["NDCG@10"] for row in report.curve[-1].rows}
    whole = {row.source: row.metrics["NDCG@10"] for row in report.rows}
    assert last["content"] == whole["content"]
    assert last["popularity"] == whole["popularity"]


async def test_a_log_that_leaks_is_never_fitted(shop):
    split = make_split(shop, "leave-one-out")
    split.fit[split.cases[0].targets[0]] = True
    fitted = []
    with pytest.raises(Leakage):
        evaluate(shop, split, [Contender("x", lambda *given: fitted.append(given))])
    assert not fitted


@pytest.mark.parametrize(
    ("rows", "reason"),
    [((0, 0), "names an item twice"), ((99,), "beyond the 40"), (tuple(range(21)), "not allowed, or with too much")],
)
def test_answers_that_cannot_be_are_refused(tmp_path, rows, reason):
    class Wrong(Constant):
        def scores(self, history_items, history_times, k, mask=None):
            return Candidates(self.rows, np.ones(len(self.rows), np.float32))

    lines = [" ".join(map(str, range(40)))]
    data = read_folder(folders.session_lines(tmp_path, lines, ["1 2\t3"]))
    with pytest.raises(InvalidInput, match=reason):
        evaluate(data, make_split(data, "next-item"), [contender(Wrong(*rows))])


async def test_what_was_shown_may_not_come_back(shop):
    class Stubborn(Constant):
        def scores(self, history_items, history_times, k, mask=None):
            return Candidates(history_items[:1].astype(np.int32), np.ones(1, np.float32))

    with pytest.raises(InvalidInput, match="not allowed"):
        evaluate(shop, make_split(shop, "leave-one-out"), [contender(Stubborn())])


async def test_a_spent_budget_leaves_the_rest_out_and_says_so(shop):
    import time

    slow = Contender("slow", lambda *_: time.sleep(0.02) or Constant(0))
    report = evaluate(shop, make_split(shop, "leave-one-out"), [slow, contender(Constant(1))], budget_minutes=0.0001)
    assert [row.source for row in report.rows] == ["slow"]
    assert report.notes[-1] == "constant is left out: the time for fitting was spent"


async def test_a_sample_of_the_cases(shop):
    split = make_split(shop, "leave-one-out")
    rows = [evaluate(shop, split, [contender(Constant(0))], most_cases=10, seed=seed).rows[0] for seed in (1, 1, 2)]
    assert rows[0].cases == 10
    assert rows[0].to_dict()["metrics"] == rows[1].to_dict()["metrics"]
    with pytest.raises(ConfigError, match="not above 0"):
        evaluate(shop, split, [contender(Constant(0))], most_cases=0)


async def test_nothing_to_evaluate(shop):
    with pytest.raises(ConfigError, match="no source"):
        evaluate(shop, make_split(shop, "leave-one-out"), [])


def test_ratings_are_predicted_and_decided(tmp_path):
    generator = np.random.default_rng(0)
    # Even items are liked, odd ones are not: a mean by item tells it all.
    rows = [
        (user, item, user * 100 + item, 5 if item % 2 == 0 else 1)
        for user in range(30)
        for item in generator.permutation(20)[:10]
    ]
    rows = [tuple(map(int, row)) for row in rows]
    folder = folders.interactions(tmp_path, rows, ("user_id", "item_id", "timestamp", "rating"))
    data = read_folder(folder)
    report = evaluate(data, make_split(data, "random-split"), simple_sources(data))
    row = next(row for row in report.rows if row.source == "mean_ratings")
    assert row.metrics["accuracy"] == 1.0
    assert row.metrics["F1"] == 1.0
    assert 0 < row.metrics["MAE"] <= row.metrics["RMSE"] < 1.0
    low, high = row.interval["RMSE"]
    assert low <= row.metrics["RMSE"] <= high
    assert 0 < row.latency_ms["p50"] <= row.latency_ms["p99"]
    assert report.ratings["mean_ratings"].shape == (60, 2)
    assert "like or dislike" in report.to_text()


def test_with_and_without_repeats(tmp_path):
    rows = [(str(day * 10 + c), f"1000{(day // 4 + c) % 4}", "x", 1, day, 1.0, c) for day in range(0, 120, 4) for c in range(3)]
    data = read_folder(folders.order_lines(tmp_path, rows))
    report = evaluate(data, make_split(data, "time-split", days=30), [contender(Constant(0, 1, 2, 3))])
    assert [row.asked for row in report.rows] == ["with repeats"]
    rows.append(("999", "10009", "new", 1, 119, 1.0, 1))
    data = read_folder(folders.order_lines(tmp_path, rows))
    report = evaluate(data, make_split(data, "time-split", days=30), [contender(Constant(0, 1, 2, 3, 4))])
    assert [(row.asked, row.to_dict().get("asked")) for row in report.rows] == [("with repeats",) * 2, ("without repeats",) * 2]
    assert report.rows[1].metrics["HitRate@5"] == 1.0
    assert "new items" not in report.rows[1].segments, "all cases are of new items: no segment"
    assert report.rows[0].segments["new items"].cases == 1


def test_targets_that_were_shown_are_said(tmp_path):
    data = read_folder(folders.interactions(tmp_path, [(1, 5, 0), (1, 6, 1), (1, 7, 2), (1, 5, 3)]))
    report = evaluate(data, make_split(data, "leave-one-out"), [contender(Constant(0))])
    assert "1 of 1 targets stand in their own input, and cannot be hit" in report.notes
    assert report.rows[0].metrics["HitRate@20"] == 0.0


async def test_a_second_embedding_embeds_nothing(tmp_path):
    class Counting(HashingEmbedder):
        count = 0

        async def embed(self, texts):
            type(self).count += len(texts)
            return await super().embed(texts)

    store = MemoryStore()
    await store.open()
    data = read_folder(folders.shop(tmp_path))
    told = []
    first = await embed_dataset(data, store, Counting(), lambda done, total: told.append((done, total)))
    assert Counting.count == 40
    assert told[-1] == (40, 40)
    second = await embed_dataset(data, store, Counting())
    assert Counting.count == 40
    np.testing.assert_array_equal(first.items.vectors, second.items.vectors)
    assert np.allclose(np.linalg.norm(first.items.vectors, axis=1), 1, atol=1e-5)


async def test_the_fusion_is_asked_like_any_source_and_stands_at_the_head(shop):
    split = make_split(shop, "leave-one-out")
    report = evaluate(shop, split, [*simple_sources(shop), fusion(shop, ordered=split.ordered)], budget_minutes=5)
    by_source = {row.source: row for row in report.rows}
    assert report.rows[0].source == "fusion"
    best = max(by_source["content"].metrics["NDCG@10"], by_source["popularity"].metrics["NDCG@10"])
    assert by_source["fusion"].metrics["NDCG@10"] >= 0.9 * best


async def test_the_fusion_never_sees_what_is_withheld(shop):
    """Whatever the held back items are, what was fitted without them answers the same."""
    split = make_split(shop, "leave-one-out")
    log = shop.log
    changed = log.items.copy()
    changed[~split.fit] = np.roll(changed[~split.fit], 1)
    answers = []
    for items in (log.items, changed):
        fitted = replace(log, items=items).take(split.fit)
        model = fusion(shop).fit(fitted, shop.items, 60.0)
        answers.append([model.scores(fitted.items[:n], fitted.times[:n], 10).rows.tolist() for n in range(1, 6)])
    assert answers[0] == answers[1]


async def test_the_fusion_is_never_surely_worse_than_content_or_popularity(shop):
    plain = [one for one in simple_sources(shop) if one.name in ("content", "popularity")]
    report = evaluate(shop, make_split(shop, "leave-one-out"), [fusion(shop), *plain], curve=True)
    for point in report.curve:
        by_source = {row.source: row for row in point.rows}
        for one in plain:
            _, _, high = by_source[one.name].difference["NDCG@10"]
            assert high >= 0.0, (point.fraction, one.name)
    nothing = {row.source: row for row in report.curve[0].rows}
    assert nothing["fusion"].interval["NDCG@10"] == nothing["content"].interval["NDCG@10"]
