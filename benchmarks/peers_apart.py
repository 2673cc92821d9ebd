"""One peer, fitted and asked: ``python -m benchmarks.peers_apart PEER GIVEN.npz OUT SECONDS``, in the peers' own environment.

Settings that matter most are tried on the protocol's validation part, as ours are chosen too, and by the same measure: defaults
that suit other data would be unfair. The best of each way of asking are fitted again on everything, where that is more. Writes
``OUT.npz``, the rows by way of asking, and ``OUT.json``, what was chosen and how long it took.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers_models import BY_TIME_LIMIT, Asked, Pairs, fit_peer

__all__ = ["GRID", "Question", "answer", "quality", "read"]

SHARE_OF_TRIES = 0.5
"""Of the time, after which no other settings are tried."""
SHARE_OF_LEARNING = 0.5
"""Of the time, for what learns as long as it is given; the answers take time too."""

GRID: dict[str, list[dict[str, Any]]] = {
    "implicit_als": [{"regularization": r, "alpha": a} for a in (1.0, 4.0) for r in (3.0, 30.0, 0.01)],
    "implicit_bm25": [{"K": k} for k in (100, 20, 200)],
    "implicit_cosine": [{"K": k} for k in (100, 20, 200)],
    "implicit_bpr": [{"iterations": n, "learning_rate": 0.05} for n in (100, 300)],
    "implicit_lmf": [{"iterations": n} for n in (30, 100)],
    "lenskit_item_knn": [{"max_nbrs": k} for k in (20, 100)],
    "lenskit_user_knn": [{"max_nbrs": k} for k in (100, 30)],
    "lenskit_als": [{"regularization": r, "weight": w} for w in (40.0, 2.0) for r in (0.1, 10.0)],
    "lenskit_ease": [{"regularization": r} for r in (100.0, 500.0, 1.0)],
    "recpack_item_knn": [{"K": k, "similarity": s} for s in ("cosine", "conditional_probability") for k in (200, 50)],
    "recpack_stan": [
        {"K": 200, "interaction_decay": i, "session_decay": 0.0, "distance_from_match_decay": d}
        for i, d in ((0.5, 0.5), (0.1, 0.1), (0.0, 0.0))
    ],
    "rectools_sasrec": [{"n_factors": 128, "n_heads": 2, "loss": "sampled_softmax", "n_negatives": 256}],
}


class Question(NamedTuple):
    """Cases of one way of asking, and what came: items of case ``c`` at ``offsets[c]:offsets[c + 1]``."""

    asked: Asked
    came: np.ndarray
    offsets: np.ndarray


def read(given: Any, prefix: str) -> Question:
    """Return what was exported under a prefix; ``came`` is empty for what is no peer's to know."""
    asked = Asked(
        *(given[f"{prefix}_{name}"] for name in ("shown", "times", "offsets", "users")), bool(given[f"{prefix}_exclude"])
    )
    return Question(asked, given[f"{prefix}_came"], given[f"{prefix}_came_offsets"])


def quality(rows: np.ndarray, question: Question) -> float:
    """Return the mean NDCG@10."""
    gains = 1.0 / np.log2(np.arange(2, 12))
    total = 0.0
    for case, row in enumerate(rows):
        came = np.unique(question.came[question.offsets[case] : question.offsets[case + 1]])
        total += float(gains @ np.isin(row[:10], came)) / float(gains[: len(came)].sum())
    return total / max(len(rows), 1)


def answer(peer: str, given: Any, seconds: float) -> tuple[list[np.ndarray], list[dict[str, Any]]]:
    """Return the rows and the settings of each way of asking."""
    started = time.monotonic()
    everything = Pairs(given["users"], given["items"], given["times"], int(given["n_users"]), int(given["n_items"]))
    ways = range(int(given["ways"]))
    known = given["known"]
    before = everything._replace(**{name: given[name][known] for name in ("users", "items", "times")})
    tests = [read(given, f"test_{way}").asked for way in ways]
    tries = [read(given, f"validation_{way}") for way in ways]
    found: list[tuple[float, dict[str, Any], np.ndarray | None]] = [(-1.0, {}, None) for _ in ways]
    grid = GRID[peer]
    for place, settings in enumerate(grid):
        if place and time.monotonic() - started > SHARE_OF_TRIES * seconds:
            _say(f"{place} of {len(grid)} settings were tried; the time is needed for the best")
            break
        if len(grid) == 1 and not known.all():
            found = [(0.0, settings, None) for _ in ways]
            break
        ask = fit_peer(peer, before, settings, SHARE_OF_LEARNING * seconds)
        for way in ways:
            value = quality(ask(tries[way].asked), tries[way]) if len(grid) > 1 else 0.0
            _say(f"{settings}: {value:.4f} ({place + 1} of {len(grid)})")
            if value > found[way][0]:
                found[way] = (value, settings, ask(tests[way]) if known.all() else None)
    rows = [of_way for _, _, of_way in found]
    for settings in [one for place, one in enumerate(grid) if any(chosen == one for _, chosen, _ in found)]:
        which = [way for way in ways if rows[way] is None and found[way][1] == settings]
        if which:
            ask = fit_peer(peer, everything, settings, SHARE_OF_LEARNING * seconds)
            for way in which:
                rows[way] = ask(tests[way])
    return [row for row in rows if row is not None], [settings for _, settings, _ in found]


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    peer, source, out, limit = sys.argv[1:]
    started = time.monotonic()
    rows, settings = answer(peer, np.load(source), float(limit))
    np.savez(f"{out}.npz", *rows)
    facts = {"settings": settings, "seconds": round(time.monotonic() - started, 1), "timed": peer in BY_TIME_LIMIT}
    Path(f"{out}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
