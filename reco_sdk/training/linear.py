"""A linear item-item model in closed form.

EASE (Steck: Embarrassingly shallow autoencoders for sparse data, WWW 2019): the ridge regression of each item on all
others, ``B = I - P · diag(1 / diag P)`` with ``P = (XᵀX + λI)⁻¹``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput, MissingExtra
from reco_sdk.sources.item_matrix import ItemMatrix
from reco_sdk.sources.item_rows import ItemRows
from reco_sdk.training.model import Items, Log
from reco_sdk.training.row_tables import best_of_blocks

__all__ = ["MAX_ITEMS", "fit_linear", "linear_weights"]

MAX_ITEMS: Final = 13_000
"""More take over half a minute, and over 2 GiB, to invert."""
RIDGE: Final = 8.0
"""λ in interactions of the average item: a ridge that means the same in a sparse log and in a dense one."""
DENSE_ITEMS: Final = 2_000
"""Up to so many every weight is kept, 16 MB."""
ROWS: Final = 250
HISTORY: Final = 500
RECENT_DECAY: Final = 0.6


def linear_weights(log: Log, ridge: float = RIDGE) -> npt.NDArray[np.float32]:
    """Return float32 ``(n_items, n_items)``: row ``i`` is what having item ``i`` says of every other.

    Raises
    ------
    InvalidInput
        For more items than can be inverted.
    MissingExtra
        Without SciPy.
    """
    if log.n_items > MAX_ITEMS:
        raise InvalidInput("items", f"are {log.n_items:,}; a linear model takes {MAX_ITEMS:,}")
    try:
        from scipy import linalg, sparse  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("scipy", "train") from error
    shape = (log.n_users, log.n_items)
    x = sparse.csr_matrix((np.ones(len(log), np.float32), (log.users, log.items)), shape=shape)
    x.sum_duplicates()
    x.data[:] = 1.0
    gram = (x.T @ x).toarray().astype(np.float32)
    counts = gram.diagonal()
    known = int((counts > 0).sum())
    gram[np.diag_indices_from(gram)] += ridge * max(float(counts.sum()) / max(known, 1), 1.0)
    factor, _ = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    lower = np.tril(linalg.get_lapack_funcs(("potri",), (factor,))[0](factor, lower=True, overwrite_c=True)[0])
    diagonal = lower.diagonal().copy()
    lower += np.tril(lower, -1).T
    lower /= -diagonal
    np.fill_diagonal(lower, 0.0)
    return np.asarray(lower, np.float32)


def fit_linear(log: Log, items: Items) -> ItemRows | ItemMatrix:  # noqa: ARG001 -- every fit has the same form
    """Keep the greatest weights of each item; all of them where there are few items."""
    weights = linear_weights(log)
    decays = (1.0, RECENT_DECAY)
    if log.n_items <= DENSE_ITEMS:
        return ItemMatrix("linear", weights, decays, HISTORY)
    table = best_of_blocks(log.n_items, lambda start, stop: weights[start:stop].copy(), ROWS)
    return ItemRows("linear", table, decays=decays, max_items=HISTORY)
