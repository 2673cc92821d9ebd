"""Metrics of ranked lists, a value for each case; vectorised over all of them.

With the first ``k`` of a list, the set of relevant items ``T`` and ``hit(i)`` for whether place ``i`` (from 1) holds one:

* HitRate: whether there is a hit; Precision: hits / k; Recall: hits / ``|T|``; F1: their harmonic mean
* MAP: ``Σ hit(i) · (hits up to i) / i``, divided by ``min(k, |T|)``
* MRR: 1 / place of the first hit, 0 without one
* NDCG: ``Σ hit(i) / log2(i + 1)``, divided by the most that ``min(k, |T|)`` hits could give

A list shorter than ``k`` counts as one whose other places hold nothing relevant.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats, Rows

__all__ = ["CUTOFFS", "RANKING", "find_hits", "ranking_metrics", "relevant"]

CUTOFFS: Final = (5, 10, 20)
RANKING: Final = ("HitRate", "Precision", "Recall", "F1", "MAP", "MRR", "NDCG")

Ints = npt.NDArray[np.int64]


def relevant(items: Rows, cases: Ints, n_cases: int, n_items: int) -> tuple[Ints, Ints]:
    """Return the relevant items as a set for each case.

    Parameters
    ----------
    items, cases
        Integers ``(t,)``: targets and the case of each; a target may stand several times.

    Returns
    -------
    keys
        int64, ascending: ``case × n_items + item``.
    sizes
        int64 ``(n_cases,)``.
    """
    keys = np.unique(cases * n_items + items)
    return keys, np.bincount(keys // n_items, minlength=n_cases)


def find_hits(rows: npt.NDArray[np.int32], keys: Ints, n_items: int) -> npt.NDArray[np.bool_]:
    """Return which places hold something relevant.

    Parameters
    ----------
    rows
        int32 ``(c, k)``: items by place, -1 where the list has ended.
    keys
        Of :func:`relevant`.
    """
    if not len(keys) or not rows.size:
        return np.zeros(rows.shape, np.bool_)
    wanted = np.arange(len(rows))[:, None] * n_items + rows
    found: npt.NDArray[np.bool_] = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
    return found & (rows >= 0)


def ranking_metrics(hits: npt.NDArray[np.bool_], sizes: Ints, cutoffs: tuple[int, ...] = CUTOFFS) -> dict[str, Floats]:
    """Return each metric at each cut-off, float64 ``(c,)``, named as ``HitRate@5`` is.

    Parameters
    ----------
    hits
        bool ``(c, k)``; ``k`` is at least the greatest cut-off.
    sizes
        ``(c,)``: how many items are relevant, at least one.
    """
    width = hits.shape[1]
    places = np.arange(1, width + 1, dtype=np.float64)
    running = np.cumsum(hits, axis=1)
    gains = 1.0 / np.log2(places + 1.0)
    discounted = np.cumsum(hits * gains, axis=1)  # in the order in which the best is summed: a perfect list is 1, not nearly
    best_gains = np.append(0.0, np.cumsum(gains))
    first = np.where(hits.any(axis=1), np.argmax(hits, axis=1), width)
    out: dict[str, Floats] = {}
    for k in cutoffs:
        count = running[:, k - 1].astype(np.float64)
        precision, recall = count / k, count / sizes
        both = precision + recall
        most = np.minimum(k, sizes)
        values = {
            "HitRate": (count > 0).astype(np.float64),
            "Precision": precision,
            "Recall": recall,
            "F1": np.divide(2.0 * precision * recall, both, out=np.zeros(len(hits)), where=both > 0),
            "MAP": (hits[:, :k] * running[:, :k] / places[:k]).sum(axis=1) / most,
            "MRR": np.where(first < k, 1.0 / (first + 1.0), 0.0),
            "NDCG": discounted[:, k - 1] / best_gains[most],
        }
        out |= {f"{name}@{k}": value for name, value in values.items()}
    return out
