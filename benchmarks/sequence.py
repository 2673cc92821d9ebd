"""The sequence model's forward pass in numpy over 50 items, beside its bare matrix products, in turn."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from benchmarks.measure import alternate, p50, time_each
from reco_sdk.sources.sequence import BLOCK_ARRAYS, SequenceModel

SIZES: Final = {"d": 64, "f": 128, "heads": 2, "length": 50}
BLOCKS: Final = 2
ITEMS: Final = 20_000
CALLS: Final = 200
ROUNDS: Final = 7


def model() -> SequenceModel:
    """Return a model of the default size, drawn by lot: what it says costs the same."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)

    arrays = {"norm": drawn(SIZES["d"]), "shift": drawn(SIZES["d"])}
    for block in range(BLOCKS):
        arrays |= {f"{block}.{name}": drawn(*(SIZES[size] for size in shape)) for name, shape in BLOCK_ARRAYS.items()}
    return SequenceModel(drawn(ITEMS, SIZES["d"]), arrays)


def products(one: SequenceModel) -> int:
    """Compute what no implementation can leave out: each block's products, of the last item alone in the last block."""
    x = one.table[: SIZES["length"]]
    heads, size = SIZES["heads"], SIZES["d"] // SIZES["heads"]
    for block in range(BLOCKS):
        a = {name: one.arrays[f"{block}.{name}"] for name in BLOCK_ARRAYS}
        keys = (x @ a["key"]).reshape(len(x), heads, size).transpose(1, 2, 0)
        values = (x @ a["value"]).reshape(len(x), heads, size).transpose(1, 0, 2)
        rows = x if block < BLOCKS - 1 else x[-1:]
        asked = (rows @ a["ask"]).reshape(len(rows), heads, size).transpose(1, 0, 2)
        seen = (asked @ keys @ values).transpose(1, 0, 2).reshape(rows.shape)
        inner = (seen @ a["out"] + rows @ a["gate_a"]) @ a["swish"] + rows @ a["up"]
        x = inner @ a["down"] + rows @ a["gate_f"]
    return len(x)


def run() -> dict[str, Any]:
    """Measure."""
    one = model()
    rng = np.random.default_rng(1)
    histories = [rng.integers(0, ITEMS, SIZES["length"]).astype(np.int32) for _ in range(CALLS)]
    with np.errstate(all="ignore"):
        took = alternate(
            ROUNDS,
            forward=lambda _: p50(time_each(one.state, histories)),
            products=lambda _: p50(time_each(lambda _items: products(one), histories)),
            every_item=lambda _: p50(time_each(lambda items: one.table @ one.table[items[0]], histories)),
        )
    forward, bare = p50(took["forward"]), p50(took["products"])
    return {
        "forward_50_p50_ms": forward,
        "products_p50_ms": bare,
        "forward_over_products": forward / bare,
        "score_20k_items_p50_ms": p50(took["every_item"]),
    }
