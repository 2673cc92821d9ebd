"""Rules that boost and bury: products looked up by bytes of bits, and each rule's part, against a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco_sdk.ranking.fusion import Fused
from reco_sdk.ranking.rules import Rule
from reco_sdk.ranking.weighing import RULES, Weighing

ROWS = 12
factors = st.sampled_from([0.25, 0.5, 1.5, 2.0, 4.0])
rules = st.lists(st.tuples(factors, st.sets(st.integers(0, ROWS - 1)), st.booleans()), min_size=1, max_size=20)


def made(drawn):
    out = []
    for number, (factor, _, _) in enumerate(drawn):
        out.append(Rule(id=f"r{number}", action="boost" if factor > 1 else "bury", items=("any",), factor=factor))
    rows = [np.asarray(sorted(named), np.int32) for _, named, _ in drawn]
    return out, Weighing(out, rows, ROWS)


@given(rules, st.lists(st.floats(-1, 1), min_size=1, max_size=ROWS), st.sets(st.integers(0, 19)))
@settings(max_examples=200, deadline=None)
def test_scores_and_parts_are_those_of_a_plain_loop(drawn, scores, varying):
    asked, weighing = made(drawn)
    meant = [number for number, (_, _, on) in enumerate(drawn) if on and number not in varying]
    masks = {n: np.isin(np.arange(ROWS), list(drawn[n][1])) for n in varying if n < len(drawn)}
    fused = Fused.of(np.arange(len(scores), dtype=np.int32), np.asarray(scores)[:, None])
    before = dict(zip(fused.rows.tolist(), fused.scores.tolist(), strict=True))
    weights = weighing.meant(meant)
    after = weighing.weigh(fused, weights, masks)
    acting = {row: [n for n in sorted({*meant, *masks}) if row in drawn[n][1]] for row in before}
    for row, score in zip(after.rows.tolist(), after.scores.tolist(), strict=True):
        product = np.prod([drawn[n][0] for n in acting[row]])
        assert score == pytest.approx(before[row] * product if before[row] >= 0 else before[row] / product, abs=1e-9)
    if RULES not in after.properties:
        assert not any(acting.values())
        return
    parts = [dict(zip(("source", RULES), part, strict=True)) for part in after.contributions.tolist()]
    told = weighing.told_apart(parts, after.rows, weights, masks)
    for row, score, told_of in zip(after.rows.tolist(), after.scores.tolist(), told, strict=True):
        assert set(told_of) == {"source", *(f"rule:{asked[n].id}" for n in acting[row])}
        assert sum(told_of.values()) == pytest.approx(score, abs=1e-9)
        reached = before[row]
        for number in acting[row]:
            step = told_of[f"rule:{asked[number].id}"]
            factor = drawn[number][0]
            assert reached + step == pytest.approx(reached * factor if reached >= 0 else reached / factor, abs=1e-9)
            reached += step


def test_what_nothing_weighs_is_left_as_it_is():
    _, weighing = made([(2.0, {1}, True)])
    fused = Fused.of(np.asarray([0, 2], np.int32), np.asarray([[0.5], [0.4]]))
    assert weighing.meant([]) is None
    assert weighing.weigh(fused, weighing.meant([0]), {}) is fused
    assert weighing.weigh(fused, None, {}) is fused


def test_two_that_cancel_each_other_are_both_named():
    _, weighing = made([(2.0, {0}, True), (0.5, {0}, True)])
    weights = weighing.meant([0, 1])
    after = weighing.weigh(Fused.of(np.asarray([0], np.int32), np.asarray([[0.5]])), weights, {})
    assert after.scores.tolist() == [0.5]
    assert weighing.told_apart([{"source": 0.5, RULES: 0.0}], after.rows, weights, {}) == [
        {"source": 0.5, "rule:r0": 0.5, "rule:r1": -0.5}
    ]
