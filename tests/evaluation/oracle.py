"""Metrics as textbooks write them, one case at a time."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np


def ranking(rows: list[int], wanted: set[int], k: int) -> dict[str, float]:
    first = rows[:k]
    flags = [row in wanted for row in first]
    hits = sum(flags)
    precision, recall = hits / k, hits / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    ap = sum(sum(flags[: i + 1]) / (i + 1) for i, flag in enumerate(flags) if flag) / min(k, len(wanted))
    mrr = next((1 / (i + 1) for i, flag in enumerate(flags) if flag), 0.0)
    dcg = sum(1 / math.log2(i + 2) for i, flag in enumerate(flags) if flag)
    ideal = sum(1 / math.log2(i + 2) for i in range(min(k, len(wanted))))
    return {
        "HitRate": float(hits > 0), "Precision": precision, "Recall": recall, "F1": f1, "MAP": ap, "MRR": mrr, "NDCG": dcg / ideal,
    }  # fmt: skip


def diversity(rows: list[int], vectors: np.ndarray) -> float:
    known = [row for row in rows if np.any(vectors[row])]
    pairs = [1 - float(vectors[a] @ vectors[b]) for a, b in combinations(known, 2)]
    return sum(pairs) / len(pairs) if pairs else math.nan


def novelty(rows: list[int], popularity: list[int]) -> float:
    total = sum(popularity) + len(popularity)
    return sum(-math.log2((popularity[row] + 1) / total) for row in rows) / len(rows) if rows else math.nan
