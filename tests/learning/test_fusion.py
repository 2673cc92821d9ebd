"""The learned fusion: scores are sums of what each source gives, trees are tables to the last step, little evidence moves little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.engine import asked_of
from reco_sdk.ports import Candidates
from reco_sdk.ranking.features import ITEM_FEATURES
from reco_sdk.ranking.learned import LearnedFusion, RankingModel, Table
from reco_sdk.request import Request
from reco_sdk.training.examples import NOWHERE, Examples
from reco_sdk.training.ranker import _columns, _fit_tables, fit_weights, predict
from tests.core.support import WARDROBE, recommender, view

SOURCES = ("co_purchase", "similar_items")


def edges(draw, most):
    return np.unique(draw(st.lists(st.floats(0.0, most), max_size=4)))


@st.composite
def fusions(draw):
    """Return a fusion as training would have made it: nothing negative, and 0 for what was not proposed."""
    tables = {}
    for name in SOURCES:
        axes = (edges(draw, 20.0), edges(draw, 1.0), edges(draw, 50.0))
        shape = tuple(len(axis) + 1 for axis in axes)
        values = np.random.default_rng(draw(st.integers(0, 99))).random(shape)
        values[:, 0, -1] = 0.0
        tables[name] = Table(axes, values)
    for name in draw(st.sets(st.sampled_from(ITEM_FEATURES))):
        axes = (edges(draw, 20.0), edges(draw, 100.0))
        tables[name] = Table(axes, np.random.default_rng(7).random(tuple(len(axis) + 1 for axis in axes)))
    weights = {name: draw(st.floats(0.01, 10.0)) for name in SOURCES}
    return LearnedFusion(weights, draw(st.floats(0.1, 10.0)), tables)


@pytest.fixture(scope="module")
def asked():
    import asyncio

    async def make():
        async with recommender() as reco:
            await reco.upsert_items(WARDROBE)
            await reco.record_many([view("boots"), view("rake", "v2")])
            await reco._follower.rank()
            from reco_sdk.trace import Trace

            trace = Trace()
            reco.engine.recommend(Request(strategy="you_may_also_like", seeds=("boots",), visitor_id="v1"), trace)
            return asked_of(trace.context)

    return asyncio.run(make())


def candidates(draw):
    rows = draw(st.lists(st.integers(0, len(WARDROBE) - 1), unique=True, min_size=1))
    scores = sorted(draw(st.lists(st.floats(0.0078125, 1.0, width=32), min_size=len(rows), max_size=len(rows))), reverse=True)
    return Candidates(np.asarray(rows, np.int32), np.asarray(scores, np.float32))


@settings(max_examples=40)
@given(fusion=fusions(), data=st.data())
def test_contributions_sum_to_the_score_and_belong_to_whoever_proposed(asked, fusion, data):
    parts = [(candidates(data.draw), 1.0) for _ in (*SOURCES, "later")]
    names = (*SOURCES, "later")
    fused = fusion.fuse(parts, names, asked)
    np.testing.assert_allclose(fused.contributions.sum(axis=1), fused.scores, atol=1e-6)
    assert (fused.contributions >= 0.0).all()
    assert (np.diff(fused.scores) <= 0.0).all()
    assert sorted(fused.rows.tolist()) == sorted({row for part, _ in parts for row in part.rows.tolist()})
    for column, (part, _) in enumerate(parts):
        others = ~np.isin(fused.rows, part.rows)
        assert (fused.contributions[others, column] == 0.0).all()
    assert set(fused.properties) == set(fusion.tables) & set(ITEM_FEATURES)


@settings(max_examples=20)
@given(fusion=fusions())
def test_what_is_written_is_what_is_read(fusion):
    model = RankingModel({"bought_together": fusion})
    arrays, meta = model.to_arrays(), model.to_meta()
    again = LearnedFusion.of(meta["fusions"]["bought_together"], arrays.__getitem__, "bought_together")
    assert again.to_meta() == fusion.to_meta()
    assert {name: a.tobytes() for name, a in again.to_arrays("x").items()} == {
        name: a.tobytes() for name, a in fusion.to_arrays("x").items()
    }


def examples(questions, seed=0, *, good=0):
    """Return questions whose right candidate is the one that a source names first."""
    draw = np.random.default_rng(seed)
    size = 12
    features = np.zeros((questions * size, 2 * len(SOURCES) + len(ITEM_FEATURES) + 1), np.float32)
    labels = np.zeros(questions * size, np.bool_)
    for question in range(questions):
        rows = slice(question * size, (question + 1) * size)
        for source in range(len(SOURCES)):
            scores = draw.random(size)
            proposed = draw.random(size) < 0.7
            features[rows, 2 * source] = np.where(proposed, scores, 0.0)
            features[rows, 2 * source + 1] = np.where(proposed, np.argsort(np.argsort(-scores)), NOWHERE)
        features[rows, 2 * len(SOURCES) : -1] = draw.random((size, len(ITEM_FEATURES)))
        features[rows, -1] = draw.integers(0, 4)
        labels[question * size + int(np.argmax(features[rows, 2 * good]))] = True
    return Examples(SOURCES, (1.0, 1.0), features, labels, np.full(questions, size), np.arange(questions) % 5 == 0, questions)


def test_weights_stay_where_they_were_set_without_evidence_and_move_with_it():
    few, many = fit_weights(examples(2)), fit_weights(examples(400))
    nothing = fit_weights(examples(2).part(np.zeros(2, np.bool_)))
    ratios = [fusion.weights["co_purchase"] / fusion.weights["similar_items"] for fusion in (nothing, few, many)]
    assert ratios[0] == pytest.approx(1.0)
    assert 1.0 < ratios[1] < 1.6
    assert ratios[2] > 5.0


def test_tables_are_the_trees_to_the_last_step():
    lightgbm = pytest.importorskip("lightgbm")
    made = examples(120)
    weights = fit_weights(made)
    boosters = []
    train = lightgbm.train

    def kept(*args, **options):
        boosters.append(train(*args, **options))
        return boosters[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lightgbm, "train", kept)
        tables = _fit_tables(made.part(~made.held), made.part(made.held), weights, 0)
    assert tables
    of_tables = predict(LearnedFusion({}, 1.0, tables), made)
    of_trees = boosters[0].predict(made.features, num_iteration=boosters[0].best_iteration)
    start = 0
    for size in made.sizes.tolist():  # what all candidates of a question share is no matter of ranking
        part = slice(start, start + size)
        np.testing.assert_allclose(of_tables[part] - of_tables[start], of_trees[part] - of_trees[start], atol=1e-9)
        start += size
    for name in set(tables) & set(SOURCES):
        assert (tables[name].values >= 0.0).all()
        absent = tables[name].at(1.0, np.zeros(1), np.asarray([NOWHERE]))
        assert absent[0] == 0.0
    assert _columns(made, "co_purchase") == (0, 1, made.features.shape[1] - 1)


async def test_another_strategys_model_changes_nothing_to_the_last_bit():
    async with recommender() as reco:
        await reco.upsert_items(WARDROBE)
        await reco.record_many([view("boots"), view("rake"), view("hose", "v2")])
        await reco._follower.rank()
        answers = []
        for model in (RankingModel(), RankingModel({"bought_together": LearnedFusion({}, 1.0)}, name="other")):
            from dataclasses import replace

            reco.engine.state = replace(reco.engine.state, model=model)
            slate = reco.engine.recommend(Request(strategy="recommended_for_you", visitor_id="v1"))
            answers.append([(item.id, item.score, dict(item.contributions), item.reason) for item in slate])
        assert answers[0] == answers[1]
