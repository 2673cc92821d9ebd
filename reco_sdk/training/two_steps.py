"""Two steps over the graph of items: what came with what came with an item, and text before or after one such step.

Random walks reach items that never met, which matters most where there is little of each (Paudel et al.: Updatable,
accurate, diverse, and scalable recommendations for interactive applications, TiiS 2017). A step over texts lets an item
without sales borrow those of its like.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import MissingExtra
from reco_sdk.sources.item_rows import ItemRows, RowTable
from reco_sdk.training.model import Items, Log
from reco_sdk.training.pairs import count_pairs

__all__ = ["fit_co_then_co", "fit_co_then_text", "fit_text_then_co"]

STEPS: Final = 50
TEXTS: Final = 20
ROWS: Final = 100
BACKWARD: Final = 0.5
DECAY: Final = 0.6
_BLOCK: Final = 1_024


def fit_co_then_co(log: Log, items: Items) -> ItemRows:  # noqa: ARG001 -- every fit has the same form
    """Take two steps over what came with an item."""
    steps = _co_steps(log)
    return _product("co_then_co", steps, steps)


def fit_text_then_co(log: Log, texts: RowTable) -> ItemRows:
    """Step to the nearest texts, then over what came with those."""
    return _product("text_then_co", _text_steps(texts), _co_steps(log))


def fit_co_then_text(log: Log, texts: RowTable) -> ItemRows:
    """Step over what came with an item, then to the nearest texts of that."""
    return _product("co_then_text", _co_steps(log), _text_steps(texts))


def _sparse() -> Any:
    try:
        from scipy import sparse  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra("scipy", "train") from error
    return sparse


def _co_steps(log: Log) -> Any:
    """Return pair counts over the root of both popularities, the greatest of each item."""
    counts = count_pairs(log, log.users)
    item = np.repeat(np.arange(counts.n), np.diff(counts.offsets))
    popularity = np.maximum(np.bincount(log.items, minlength=log.n_items), 1)
    weights = (counts.after + BACKWARD * counts.before) / np.sqrt(popularity[item] * popularity[counts.rows])
    return _matrix(_best(item, counts.rows, weights.astype(np.float32), counts.n, STEPS))


def _text_steps(texts: RowTable) -> Any:
    item = np.repeat(np.arange(texts.n), np.diff(texts.offsets))
    return _matrix(_best(item, texts.rows, texts.weights**2, texts.n, TEXTS))


def _matrix(table: RowTable) -> Any:
    return _sparse().csr_matrix((table.weights, table.rows, table.offsets), shape=(table.n, table.n))


def _product(name: str, first: Any, second: Any) -> ItemRows:
    """Return the best rows of a product, block by block: whole, it would be a hundred times as large."""
    n = first.shape[0]
    tables = []
    for start in range(0, n, _BLOCK):
        block = first[start : start + _BLOCK] @ second
        item = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        other = item + start != block.indices
        tables.append(_best(item[other], block.indices[other], block.data[other], block.shape[0], ROWS))
    sizes = [np.diff(table.offsets) for table in tables]
    offsets = np.zeros(n + 1, np.int64)
    if tables:
        np.cumsum(np.concatenate(sizes), out=offsets[1:])
    rows = np.concatenate([table.rows for table in tables] or [np.empty(0, np.int32)])
    weights = np.concatenate([table.weights for table in tables] or [np.empty(0, np.float32)])
    return ItemRows(name, RowTable(offsets, rows, weights), decays=(DECAY,), max_items=10)


def _best(
    item: npt.NDArray[np.int64], rows: npt.NDArray[np.int32], weights: npt.NDArray[np.float32], n: int, limit: int
) -> RowTable:
    """Return the ``limit`` greatest of each item; items ascend."""
    order = np.lexsort((rows, -weights, item))
    begins = np.searchsorted(item, np.arange(n))
    kept = order[np.arange(len(order)) - begins[item] < limit]
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(item[kept], minlength=n), out=offsets[1:])
    return RowTable(offsets, rows[kept].astype(np.int32), weights[kept].astype(np.float32))
