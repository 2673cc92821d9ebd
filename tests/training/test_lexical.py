"""Items whose words are alike."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.training.lexical import fit_lexical, lexical_table

TEXTS = (
    "Nivea hand cream 50 ml",
    "Hand cream with olive oil",
    "Nivea sun lotion",
    "Café lamp, brass",
    "cafe chair",
    "",
    "Zyx",
)


def near(item: int, texts=TEXTS) -> list[int]:
    table = lexical_table(texts)
    return table.rows[table.offsets[item] : table.offsets[item + 1]].tolist()


def test_shared_words_make_items_alike_and_shared_pairs_more_so():
    assert near(0) == [1, 2]
    assert near(1) == [0]


def test_accents_and_capitals_make_no_difference():
    assert near(3) == [4]


@pytest.mark.parametrize("item", [5, 6])
def test_what_shares_no_word_is_alike_to_nothing(item):
    assert near(item) == []


def test_weights_are_cosines_and_fall():
    table = lexical_table([*TEXTS, TEXTS[0]])
    for item in range(len(TEXTS) + 1):
        weights = table.weights[table.offsets[item] : table.offsets[item + 1]]
        assert np.all(np.diff(weights) <= 0)
        assert np.all((weights > 0) & (weights <= 1 + 1e-6))
    assert table.rows[table.offsets[0]] == len(TEXTS)
    assert table.weights[table.offsets[0]] == pytest.approx(1.0)


def test_a_word_of_many_texts_tells_nothing():
    assert near(0, [f"shoe {place}" for place in range(60)]) == []
    assert near(0, ["shoe red", "shoe blue", "hat"]) == [1]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a"], ["same"] * 30])
def test_without_words_that_tell_nothing_is_near(texts):
    table = lexical_table(texts)
    assert table.n == len(texts)
    assert len(table.rows) == 0


def test_the_source_sums_the_last_items():
    source = fit_lexical(lexical_table(TEXTS))
    found = source.scores(np.asarray([3, 0], np.int32), np.arange(2.0), 10)
    assert found.scores[found.rows.tolist().index(1)] > found.scores[found.rows.tolist().index(2)]
    assert set(found.rows.tolist()) == {1, 2, 4}
