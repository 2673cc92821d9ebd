"""Item-based collaborative filtering: items are alike when the same users chose them.

Sarwar et al.: Item-based collaborative filtering recommendation algorithms, WWW 2001; Deshpande, Karypis: Item-based top-N
recommendation algorithms, TOIS 2004. The cosine of the items' users, of whom those who chose much say less, as in BM25.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from reco_sdk.errors import MissingExtra
from reco_sdk.sources.item_rows import ItemRows, RowTable
from reco_sdk.training.model import Items, Log

__all__ = ["fit_item_cf"]

ROWS: Final = 200
HISTORY: Final = 500
USER_ITEMS: Final = 500
"""Items of one user that are paired, the latest: their pairs grow with the square."""
RECENT_DECAY: Final = 0.8
_BLOCK: Final = 1_024


def fit_item_cf(log: Log, items: Items) -> ItemRows:  # noqa: ARG001 -- every fit has the same form
    """Keep the most alike of each item; what was done twice counts once.

    Raises
    ------
    MissingExtra
        Without SciPy.
    """
    try:
        from scipy import sparse  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("scipy", "train") from error
    order = np.argsort(log.users, kind="stable")
    users, chosen = log.users[order], log.items[order]
    ends = np.cumsum(np.bincount(users, minlength=log.n_users))
    late = ends[users] - np.arange(len(users)) <= USER_ITEMS
    x: Any = sparse.csr_matrix(
        (np.ones(int(late.sum()), np.float32), (users[late], chosen[late])), shape=(log.n_users, log.n_items)
    )
    x.sum_duplicates()
    x.data[:] = 1.0
    sizes = np.diff(x.indptr)
    x = sparse.diags_array((1.0 / np.sqrt(np.maximum(sizes, 1) + sizes.mean())).astype(np.float32)) @ x
    norms = np.sqrt(np.asarray(x.multiply(x).sum(axis=0)).ravel())
    x = (x @ sparse.diags_array(1.0 / np.maximum(norms, 1e-9).astype(np.float32))).tocsr()
    across = x.T.tocsr()
    kept_sizes, rows, weights = [np.zeros(1, np.int64)], [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    for start in range(0, log.n_items, _BLOCK):
        block = (across[start : start + _BLOCK] @ x).tocsr()
        item = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        other = block.indices != item + start
        item, found, alike = item[other], block.indices[other], block.data[other]
        best = np.lexsort((found, -alike, item))
        begins = np.searchsorted(item, np.arange(block.shape[0]))
        best = best[np.arange(len(best)) - begins[item[best]] < ROWS]
        kept_sizes.append(np.bincount(item[best], minlength=block.shape[0]))
        rows.append(found[best].astype(np.int32))
        weights.append(alike[best].astype(np.float32))
    table = RowTable(np.cumsum(np.concatenate(kept_sizes)), np.concatenate(rows), np.concatenate(weights))
    return ItemRows("item_cf", table, decays=(1.0, RECENT_DECAY), max_items=HISTORY)
