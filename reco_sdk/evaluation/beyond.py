"""What a list is like beside being right: how much of the catalogue it shows, how new, varied and popular that is.

* coverage: share of all items that stand in at least one list
* novelty: mean of ``-log2((interactions + 1) / (all interactions + items))``, in bits (Vargas, Castells: Rank and relevance
  in novelty and diversity metrics, RecSys 2011)
* diversity: mean of ``1 - cosine`` over all pairs of a list (Ziegler et al.: Improving recommendation lists through topic
  diversification, WWW 2005)
* popularity bias: mean popularity of what is recommended / mean popularity of what was then chosen, less 1; 0 is neutral
  (after the popularity lift of Abdollahpouri et al., 2020)
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.training.model import Log
from reco_sdk.types import Floats, Vectors

__all__ = ["coverage", "diversity", "mean_popularity", "novelty", "popularity_bias", "taste_vectors"]

_DIRECTIONS: Final = 128
_CASES_AT_ONCE: Final = 4_096

Lists = npt.NDArray[np.int32]


def coverage(rows: Lists, n_items: int) -> float:
    """Return the share of the catalogue that stands in ``rows``, int32 ``(c, k)``, -1 for nothing."""
    return float(len(np.unique(rows[rows >= 0])) / n_items) if n_items else 0.0


def novelty(rows: Lists, popularity: npt.NDArray[np.int64]) -> Floats:
    """Return the mean self-information of each list, NaN for an empty one.

    Parameters
    ----------
    popularity
        int64 ``(n_items,)``: interactions that models were fitted on.
    """
    bits = -np.log2((popularity + 1.0) / (popularity.sum() + len(popularity)))
    return _mean(bits, rows)


def mean_popularity(rows: Lists, popularity: npt.NDArray[np.int64]) -> Floats:
    """Return the mean popularity of each list, NaN for an empty one; for :func:`popularity_bias`."""
    return _mean(popularity.astype(np.float64), rows)


def popularity_bias(recommended: Floats, chosen: Floats) -> Floats:
    """Return the bias for mean popularities of what was recommended and of what was chosen."""
    ratio: Floats = np.divide(recommended, chosen, out=np.full(np.shape(recommended), np.nan), where=np.asarray(chosen) > 0)
    return ratio - 1.0


def diversity(rows: Lists, vectors: Vectors) -> Floats:
    """Return the mean distance of all pairs of each list, NaN where fewer than two items have a vector.

    Parameters
    ----------
    vectors
        float32 ``(n_items, d)``, rows of length 1, or 0 for an item of which nothing is known.
    """
    out = np.full(len(rows), np.nan)
    lengths = np.linalg.norm(vectors, axis=1) > 0.5
    for start in range(0, len(rows), _CASES_AT_ONCE):
        part = rows[start : start + _CASES_AT_ONCE]
        known = (part >= 0) & lengths[part]
        # The sum over all pairs is what the square of the sum holds beside the squares.
        total = np.zeros((len(part), vectors.shape[1]), np.float64)
        for place in range(part.shape[1]):
            total += np.where(known[:, place, None], vectors[part[:, place]], 0.0)
        count = known.sum(axis=1).astype(np.float64)
        pairs = count * (count - 1.0)
        cosines = np.einsum("ij,ij->i", total, total) - count
        np.divide(cosines, pairs, out=cosines, where=pairs > 0)
        out[start : start + len(part)] = np.where(pairs > 0, 1.0 - cosines, np.nan)
    return out


def taste_vectors(log: Log, seed: int = 0) -> Vectors:
    """Return vectors of items from who did something with them, for catalogues without texts.

    Each user is a random direction, an item the sum of its users: cosines are those of the users' sets, nearly
    (Achlioptas: Database-friendly random projections, 2003).
    """
    signs = np.random.default_rng(seed).integers(0, 2, (log.n_users, _DIRECTIONS), np.int8)
    pairs = np.unique(log.users.astype(np.int64) * log.n_items + log.items)
    users, items = pairs // max(log.n_items, 1), pairs % max(log.n_items, 1)
    out = np.empty((log.n_items, _DIRECTIONS), np.float32)
    for direction in range(_DIRECTIONS):
        out[:, direction] = np.bincount(items, 2.0 * signs[users, direction] - 1.0, minlength=log.n_items)
    lengths = np.linalg.norm(out, axis=1, keepdims=True)
    unit: Vectors = np.divide(out, lengths, out=np.zeros_like(out), where=lengths > 0)
    return unit


def _mean(values: Floats, rows: Lists) -> Floats:
    known = rows >= 0
    count = known.sum(axis=1)
    total = np.where(known, values[rows], 0.0).sum(axis=1)
    means: Floats = np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)
    return means
