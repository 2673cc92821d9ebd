"""Whitening: better neighbours, and no blow-up on small or degenerate catalogues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reco_sdk.errors import InvalidInput, SnapshotCorrupt
from reco_sdk.snapshot.whitening import MIN_FIT, Whitening


def cone(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    """Unit vectors in a narrow cone with a few strong axes, as sentence embeddings have."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, d)) * np.geomspace(1.0, 0.05, d) + 3.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_the_mean_goes_and_the_axes_are_equal():
    vectors = cone(5_000)
    whitening = Whitening.fit(vectors, shrinkage=0.0)
    spread = np.linalg.eigvalsh(np.cov(((vectors - whitening.mean) @ whitening.matrix).T))
    assert spread.max() / spread.min() < 1.2
    before = np.linalg.eigvalsh(np.cov(vectors.T))[1:]
    assert before.max() / before.min() > 20
    out = whitening.transform(vectors)
    assert abs(float((out[:500] @ out[500:1000].T).mean())) < 0.02 < float((vectors[:500] @ vectors[500:1000].T).mean())


def test_it_is_zca_and_so_symmetric():
    matrix = Whitening.fit(cone(500)).matrix
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-4)


def test_rows_are_float32_unit_vectors_and_one_vector_is_like_a_row():
    vectors = cone(300)
    whitening = Whitening.fit(vectors)
    out = whitening.transform(vectors.astype(np.float64))
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(whitening.transform(vectors[7]), out[7], atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2, MIN_FIT - 1])
def test_a_handful_of_items_is_left_as_it_is(n):
    vectors = cone(n)
    np.testing.assert_allclose(Whitening.fit(vectors).transform(vectors), vectors, atol=1e-6)


@pytest.mark.parametrize("n", [MIN_FIT, 100, 383])
def test_fewer_items_than_dimensions_neither_explode_nor_forget(n):
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(5, 384)) + 2.0
    labels = np.arange(n) % 5
    vectors = centres[labels] + 0.5 * rng.normal(size=(n, 384))
    whitening = Whitening.fit(vectors)
    assert np.abs(whitening.matrix).max() < 10
    out = whitening.transform(vectors)
    scores = out @ out.T
    np.fill_diagonal(scores, -2)
    assert (labels[scores.argmax(axis=1)] == labels).mean() > 0.95
    # An item that comes later lands near its kind too.
    later = whitening.transform(centres + 0.5 * rng.normal(size=(5, 384)))
    assert (labels[(later @ out.T).argmax(axis=1)] == np.arange(5)).all()


def test_identical_vectors_stay_identical_and_finite():
    vectors = np.tile(cone(1), (500, 1))
    np.testing.assert_allclose(Whitening.fit(vectors).transform(vectors), vectors, atol=1e-5)


def test_zero_vectors_come_out_as_zeros_and_do_not_sway_the_fit():
    vectors = cone(200)
    padded = np.concatenate([vectors, np.zeros((300, 16), np.float32)])
    whitening = Whitening.fit(padded)
    np.testing.assert_allclose(whitening.mean, Whitening.fit(vectors).mean, atol=1e-6)
    out = whitening.transform(padded)
    assert (out[200:] == 0).all()
    assert np.isfinite(out).all()


def test_the_mean_itself_is_finite():
    whitening = Whitening.fit(cone(200))
    assert np.isfinite(whitening.transform(whitening.mean)).all()


def test_the_same_vectors_give_the_same_map_even_when_sampled():
    vectors = cone(3_000)
    one, two = Whitening.fit(vectors, max_sample=500), Whitening.fit(vectors, max_sample=500)
    np.testing.assert_array_equal(one.matrix, two.matrix)
    whole = Whitening.fit(vectors).transform(vectors)
    assert float((one.transform(vectors) * whole).sum(axis=1).mean()) > 0.9


def test_length_of_the_input_does_not_matter():
    vectors = cone(300)
    whitening = Whitening.fit(vectors)
    np.testing.assert_allclose(whitening.transform(vectors * 7.0), whitening.transform(vectors), atol=1e-5)


def test_it_survives_the_snapshot():
    whitening = Whitening.fit(cone(300))
    again = Whitening.from_arrays(whitening.to_arrays())
    vectors = cone(20, seed=3)
    np.testing.assert_array_equal(again.transform(vectors), whitening.transform(vectors))


@pytest.mark.parametrize("name", ["whitening_mean", "whitening_matrix"])
def test_a_snapshot_without_one_array_is_refused(name):
    arrays = Whitening.fit(cone(300)).to_arrays()
    del arrays[name]
    with pytest.raises(SnapshotCorrupt, match=name):
        Whitening.from_arrays(arrays)


def test_a_snapshot_of_another_shape_or_with_nan_is_refused():
    arrays = Whitening.fit(cone(300)).to_arrays()
    with pytest.raises(SnapshotCorrupt):
        Whitening.from_arrays(arrays | {"whitening_mean": arrays["whitening_mean"][:3]})
    with pytest.raises(SnapshotCorrupt):
        Whitening.from_arrays(arrays | {"whitening_mean": arrays["whitening_mean"] * np.nan})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(bad):
    vectors = cone(100)
    whitening = Whitening.fit(vectors)
    vectors[3, 2] = bad
    with pytest.raises(InvalidInput, match="NaN or infinite"):
        Whitening.fit(vectors)
    with pytest.raises(InvalidInput, match="NaN or infinite"):
        whitening.transform(vectors)


def test_arguments_are_checked():
    vectors = cone(100)
    for shrinkage in (-0.1, 1.1, np.nan):
        with pytest.raises(InvalidInput, match="shrinkage"):
            Whitening.fit(vectors, shrinkage=shrinkage)
    with pytest.raises(InvalidInput, match="max_sample"):
        Whitening.fit(vectors, max_sample=0)
    with pytest.raises(InvalidInput, match="shape"):
        Whitening.fit(vectors[0])
    with pytest.raises(InvalidInput, match="shape"):
        Whitening.fit(vectors).transform(vectors[:, :5])


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 120), st.integers(1, 6)), elements=st.floats(-1e3, 1e3, width=32)),
)
def test_whatever_comes_out_is_finite_and_at_most_unit(vectors):
    out = Whitening.fit(vectors).transform(vectors)
    assert np.isfinite(out).all()
    assert (np.linalg.norm(out, axis=1) < 1.0 + 1e-4).all()
