"""A shop with no, few and many orders, and no setting changed: rows as good as content alone and popularity alone, or better."""

import numpy as np
import pytest

from reco_sdk.evaluation.intervals import Bootstrap
from reco_sdk.trace import Trace
from reco_sdk.training.examples import CONTENT, POPULARITY, Past, Question
from tests.core.support import NOON
from tests.learning.shops import CONFIG, baskets, open_shop, trained

ASKED = 150
CART = "bought_together"


@pytest.mark.parametrize("count", [0, 50, 5_000])
async def test_rows_are_sensible_at_any_number_of_orders(tmp_path, count):
    reco = await open_shop(tmp_path, count)
    training = await trained(tmp_path)
    await reco.refresh()
    decision = next(verdict.decision for verdict in training.verdicts if verdict.strategy == CART)
    assert decision == ("ships" if count == 5_000 else "nothing to learn")
    past = Past(reco._follower.base, CONFIG)
    past.serve(reco.engine.state.model)
    figures = {"ours": [], CONTENT: [], POPULARITY: []}
    for number, (first, other) in enumerate(baskets(ASKED, seed=99)):
        question = Question(NOON.timestamp(), (), (first,), (other,), number)
        trace = Trace()
        ours = past.ask(CART, question, trace)
        assert len(ours) == len(set(ours)) == 10
        for name, answer in {"ours": ours, **past.alone(trace)}.items():
            figures[name].append(past.ndcg(answer, question))
    await reco.aclose()
    by_name = {name: np.asarray(values) for name, values in figures.items()}
    bootstrap = Bootstrap(np.arange(len(by_name["ours"]), dtype=np.int32))
    # Of a shop without orders nothing is known to be popular: that list is the catalogue's order.
    for name in (CONTENT, POPULARITY) if count else (CONTENT,):
        ((_, high),) = bootstrap.of((by_name["ours"] - by_name[name])[:, None])
        assert high >= 0.0, (name, {name: values.mean() for name, values in by_name.items()})
    if count == 5_000:
        assert by_name["ours"].mean() > 0.5
