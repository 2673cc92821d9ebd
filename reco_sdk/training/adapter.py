"""Trains the map of :mod:`reco_sdk.sources.adapter` with torch, on a GPU where there is one.

Contrastive: each item's partner is told apart from the partners of the rest of the batch, and from texts that are near but did
not go with it (van den Oord et al.: Representation learning with contrastive predictive coding, 2018; the temperature is learnt,
as in Radford et al.: CLIP, 2021; hard negatives as in Karpukhin et al.: Dense passage retrieval, EMNLP 2020). Held back are
pairs of items that the training never sees, so that what is measured is what holds for new items.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput
from reco_sdk.sources.adapter import Adapter
from reco_sdk.sources.item_rows import ItemRows, RowTable
from reco_sdk.training.content_pairs import ContentPairs, content_pairs
from reco_sdk.training.lazy_torch import load_torch
from reco_sdk.training.model import Items, Log
from reco_sdk.training.row_tables import best_of_blocks, neighbour_table
from reco_sdk.types import Floats, Rows, Vectors

__all__ = ["AdapterSettings", "adapted_rows", "fit_adapter", "pair_quality", "train_adapter"]

CUTOFF: Final = 10
ROWS: Final = 100
LEAST_PAIRS: Final = 500
LEAST_HELD: Final = 50
SURE: Final = 2.0
"""The map must be better than text alone by so many standard errors on what is held back."""
_FIRST_SCALE: Final = 5.0
_NEAR: Final = 30
_NO_LOSS: Final = 1e9

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """How the map is trained.

    Parameters
    ----------
    learning_rate
        Of AdamW.
    batch_size
        Pairs at once.
    turned
        How often a pair is taken the other way round: what goes with an item may or may not be what it goes with.
    hard
        Near texts that each pair is told apart from as well.
    seconds
        No step is begun later.
    most_rounds
        Looks at what is held back, one after every pair was shown once.
    patience
        Rounds without a better one, after which training ends.
    """

    learning_rate: float = 5e-4
    batch_size: int = 1_024
    turned: float = 0.5
    hard: int = 0
    seconds: float = 120.0
    most_rounds: int = 30
    patience: int = 3


def fit_adapter(
    log: Log, items: Items, settings: AdapterSettings | None = None, *, seed: int = 0, progress: Progress | None = None
) -> Adapter | None:
    """Train on what followed what in a log; ``None`` where there is too little, or text alone is as good.

    Raises
    ------
    MissingExtra
        Without torch.
    """
    if items.vectors is None:
        return None
    pairs = content_pairs(log, np.any(items.vectors != 0.0, axis=1), seed=seed)
    return train_adapter(pairs, items.vectors, settings, seed=seed, progress=progress)


def pair_quality(queries: Vectors, vectors: Vectors, pairs: Rows) -> Floats:
    """Return the NDCG@10 of each pair: its second item's place among all, seen from its first.

    Parameters
    ----------
    queries, vectors
        float32 ``(n, d)``: what is looked for from each item, and where each item lies.
    """
    out = np.zeros(len(pairs))
    for start in range(0, len(pairs), 256):
        first, second = pairs[start : start + 256].T
        likeness = queries[first] @ vectors.T
        rows = np.arange(len(first))
        likeness[rows, first] = -np.inf
        ahead = (likeness > likeness[rows, second][:, None]).sum(axis=1)
        out[start : start + 256] = np.where(ahead < CUTOFF, 1.0 / np.log2(ahead + 2.0), 0.0)
    return out


def train_adapter(
    pairs: ContentPairs,
    vectors: Vectors,
    settings: AdapterSettings | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Adapter | None:
    """Train until half of what is held back gets no better; keep the map only if the other half says that it helps.

    Parameters
    ----------
    pairs
        What goes together.
    vectors
        float32 ``(n, d)``, unit rows or zero.
    progress
        Called with a stage, rounds done and rounds at most.

    Raises
    ------
    InvalidInput
        When the vectors are not finite.
    MissingExtra
        Without torch.
    """
    settings = settings or AdapterSettings()
    if not np.isfinite(vectors).all():
        raise InvalidInput("vectors", "hold NaN or infinite values")
    if len(pairs) < LEAST_PAIRS or len(pairs.held) < LEAST_HELD:
        return None
    started = time.perf_counter()
    stops, decides = pairs.held[::2], pairs.held[1::2]
    best, of_best, bad, rounds = float(pair_quality(vectors, vectors, stops).mean()), None, 0, 0
    for matrix in _rounds(pairs.learnt, vectors, settings, seed, started + settings.seconds):
        rounds += 1
        found = float(pair_quality(Adapter(matrix, {}).transform(vectors), vectors, stops).mean())
        bad = 0 if found > best else bad + 1
        if not bad:
            best, of_best = found, matrix
        if progress is not None:
            progress("adapter", rounds, settings.most_rounds)
        if bad >= settings.patience:
            break
    if of_best is None:
        return None
    alone = pair_quality(vectors, vectors, decides)
    adapted = pair_quality(Adapter(of_best, {}).transform(vectors), vectors, decides)
    gain = adapted - alone
    if float(gain.mean()) <= SURE * float(gain.std()) / len(gain) ** 0.5:
        return None
    facts = {
        "pairs": len(pairs),
        "held": len(pairs.held),
        "rounds": rounds,
        "text_alone": round(float(alone.mean()), 5),
        "adapted": round(float(adapted.mean()), 5),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return Adapter(of_best, facts)


def _rounds(
    pairs: Rows, vectors: Vectors, settings: AdapterSettings, seed: int, until: float
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the map after each round, as long as there is time."""
    torch = load_torch()
    functional = torch.nn.functional
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    text = torch.from_numpy(np.ascontiguousarray(vectors)).to(device)
    matrix = torch.eye(vectors.shape[1], device=device).requires_grad_()
    scale = torch.tensor(float(np.log(_FIRST_SCALE)), device=device).requires_grad_()
    optimizer: Any = torch.optim.AdamW(
        [{"params": [matrix]}, {"params": [scale], "lr": 0.02}], lr=settings.learning_rate, weight_decay=0.0
    )
    near = _near(pairs, vectors) if settings.hard else None
    size = min(settings.batch_size, max(len(pairs) // 8, 32))
    generator = np.random.default_rng(seed)
    for _ in range(settings.most_rounds):
        order = generator.permutation(len(pairs))
        for start in range(0, len(order) - size + 1, size):
            if time.perf_counter() > until:
                return
            batch = pairs[order[start : start + size]]
            turned = generator.random(size) < settings.turned
            first = np.where(turned, batch[:, 1], batch[:, 0])
            second = np.where(turned, batch[:, 0], batch[:, 1])
            asked, right = torch.from_numpy(first).long().to(device), torch.from_numpy(second).long().to(device)
            queries = functional.normalize(text[asked] @ matrix, dim=1)
            odds = queries @ text[right].T
            own = torch.arange(size, device=device)
            same = right[None, :] == right[:, None]
            same[own, own] = False
            odds = odds.masked_fill(same | (right[None, :] == asked[:, None]), -_NO_LOSS)
            if near is not None:
                hard = near[first[:, None], generator.integers(0, near.shape[1], (size, settings.hard))]
                rows = torch.from_numpy(np.maximum(hard, 0)).long().to(device)
                close = torch.einsum("bd,bhd->bh", queries, text[rows])
                wrong = torch.from_numpy(hard < 0).to(device) | (rows == right[:, None])
                odds = torch.cat((odds, close.masked_fill(wrong, -_NO_LOSS)), dim=1)
            loss = functional.cross_entropy(odds * scale.exp(), own)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield matrix.detach().cpu().numpy().copy()


def _near(pairs: Rows, vectors: Vectors) -> Rows:
    """Return int32 ``(n, m)``: near texts of each item that never went with it, −1 where there is none."""
    table: RowTable = neighbour_table(vectors, _NEAR)
    n = table.n
    item = np.repeat(np.arange(n), np.diff(table.offsets))
    met = np.unique(
        np.concatenate((pairs[:, 0].astype(np.int64) * n + pairs[:, 1], pairs[:, 1].astype(np.int64) * n + pairs[:, 0]))
    )
    strange = ~np.isin(item * n + table.rows, met)
    place = np.arange(len(item)) - table.offsets[item]
    out = np.full((n, _NEAR), -1, np.int32)
    out[item[strange], place[strange]] = table.rows[strange]
    return out


def adapted_rows(items: Items, adapter: Adapter | None) -> ItemRows:
    """Return the nearest texts to where the map puts each item; none without a map."""
    table = RowTable(np.zeros(len(items) + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    if adapter is not None and items.vectors is not None:
        vectors, queries = items.vectors, adapter.transform(items.vectors)
        table = best_of_blocks(len(items), lambda start, stop: queries[start:stop] @ vectors.T, ROWS)
    return ItemRows("adapted_rows", table, decays=(0.7,), max_items=10)
