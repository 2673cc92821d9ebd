"""One computation for many who ask at once; and scores that are the sum of what their sources gave."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco_sdk.cache import AnswerCache
from reco_sdk.ports import Candidates
from reco_sdk.ranking.fusion import fuse
from reco_sdk.snapshot.view import top


def test_an_answer_is_computed_once_and_kept():
    cache, calls = AnswerCache(10, 60), []
    answers = [cache.get_or_compute("k", "s", lambda: calls.append(1) or "answer", wait_seconds=1) for _ in range(3)]
    assert (answers, len(calls), cache.hits, cache.misses) == (["answer"] * 3, 1, 2, 1)


def test_an_empty_answer_is_an_answer():
    cache, calls = AnswerCache(10, 60), []
    for _ in range(2):
        assert cache.get_or_compute("k", "s", lambda: calls.append(1) or (), wait_seconds=1) == ()
    assert len(calls) == 1


def test_time_ends_an_answer_but_it_stays_as_the_stale_one():
    cache = AnswerCache(10, 0.02)
    assert cache.get_or_compute("k", "s", lambda: 1, wait_seconds=1) == 1
    time.sleep(0.05)
    assert cache.get_or_compute("k", "s", lambda: 2, wait_seconds=1) == 2
    assert cache.stale("s") == 2
    cache.clear()
    assert cache.stale("s") is None


def test_zero_seconds_keep_nothing_but_the_stale_answer():
    cache = AnswerCache(10, 0)
    assert [cache.get_or_compute("k", "s", lambda n=n: n, wait_seconds=1) for n in range(3)] == [0, 1, 2]
    assert cache.stale("s") == 2
    assert cache.hits == 0


def test_the_size_is_bounded():
    cache = AnswerCache(5, 60)
    for n in range(50):
        cache.get_or_compute(n, n, lambda n=n: n, wait_seconds=1)
    assert sum(cache.stale(n) is not None for n in range(50)) == 5


def test_many_threads_share_one_computation():
    cache, calls, gate = AnswerCache(10, 60), [], threading.Event()

    def compute():
        calls.append(1)
        gate.wait(10)
        return object()

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(cache.get_or_compute, "k", "s", compute, wait_seconds=30) for _ in range(8)]
        while not calls:
            time.sleep(0.001)
        gate.set()
        answers = {id(future.result()) for future in waiting}
    assert len(calls) == len(answers) == 1


def test_who_cannot_wait_computes_alone():
    cache, gate, begun = AnswerCache(10, 60), threading.Event(), threading.Event()

    def slow():
        begun.set()
        gate.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get_or_compute, "k", "s", slow, wait_seconds=0)
        begun.wait(10)
        assert cache.get_or_compute("k", "s", lambda: "quick", wait_seconds=0.001) == "quick"
        gate.set()
        assert first.result() == "slow"


def test_an_error_reaches_its_own_caller_and_frees_the_key():
    cache = AnswerCache(10, 60)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("k", "s", lambda: 1 / 0, wait_seconds=1)
    assert cache.get_or_compute("k", "s", lambda: "well", wait_seconds=1) == "well"


def test_a_waiter_computes_when_the_first_fails():
    cache, gate, begun = AnswerCache(10, 60), threading.Event(), threading.Event()

    def failing():
        begun.set()
        gate.wait(10)
        raise ValueError("mine alone")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get_or_compute, "k", "s", failing, wait_seconds=1)
        begun.wait(10)
        second = pool.submit(cache.get_or_compute, "k", "s", lambda: "well", wait_seconds=10)
        gate.set()
        with pytest.raises(ValueError, match="mine alone"):
            first.result()
        assert second.result() == "well"


# -- fusion

parts = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 20), st.floats(0, 1, width=32), max_size=10), st.floats(0.01, 1)), max_size=4
)


@given(parts)
def test_a_fused_score_is_the_sum_of_weight_times_score(given_parts):
    totals = {}
    for scores, weight in given_parts:
        for row, score in scores.items():
            totals[row] = totals.get(row, 0.0) + weight * score
    best_first = [(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0])), weight) for scores, weight in given_parts]
    fused = fuse(
        [
            (Candidates(np.asarray([r for r, _ in pairs], np.int32), np.asarray([s for _, s in pairs], np.float32)), weight)
            for pairs, weight in best_first
        ]
    )
    assert len(fused.rows) == len(totals)
    np.testing.assert_allclose(fused.scores, [totals[row] for row in fused.rows.tolist()], atol=1e-9)
    np.testing.assert_allclose(fused.contributions.sum(axis=1), fused.scores, atol=1e-9)
    keys = list(zip((-fused.scores).tolist(), fused.rows.tolist(), strict=True))
    assert keys == sorted(keys)


@given(st.lists(st.integers(0, 5)), st.integers(1, 12))
def test_the_top_is_the_head_of_a_plain_sort(scores, k):
    rows = np.arange(len(scores), dtype=np.int32)
    found, best = top(rows, np.asarray(scores, np.float32), k)
    wanted = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:k]
    assert found.tolist() == wanted
    assert best.tolist() == [scores[row] for row in wanted]
