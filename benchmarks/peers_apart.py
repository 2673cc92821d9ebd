"""One peer, fitted and asked: ``python peers_apart.py PEER IN.npz OUT.npy``. Needs the peer's package, and nothing of ours.

Settings that matter most are tried on a fifth of what it may know, drawn by lot, as it would be unfair to hold defaults that suit
other data against a fusion that looks for its own; the best are fitted again on everything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

K = 20
TRIED_USERS = 1_000


class Pairs(NamedTuple):
    """What a peer is fitted on, in order of time."""

    users: np.ndarray
    items: np.ndarray
    n_users: int
    n_items: int


class Asked(NamedTuple):
    """Histories, newest last, those of case ``c`` at ``offsets[c]:offsets[c + 1]``; and whether they may be answered with."""

    shown: np.ndarray
    offsets: np.ndarray
    exclude: bool

    def cases(self) -> np.ndarray:
        """Return the case of each of what is shown."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


Ask = Callable[[Asked], np.ndarray]

GRID: dict[str, list[dict[str, Any]]] = {
    "implicit_als": [{"regularization": r, "alpha": a} for r in (0.01, 3.0, 30.0) for a in (1.0, 4.0)],
    "implicit_bm25": [{"K": k} for k in (20, 100, 200)],
    "implicit_cosine": [{"K": k} for k in (20, 100, 200)],
    "lenskit_item_knn": [{"max_nbrs": k} for k in (20, 100)],
    "lenskit_als": [{"regularization": r, "weight": w} for r in (0.1, 10.0) for w in (2.0, 40.0)],
    "lenskit_ease": [{"regularization": r} for r in (1.0, 100.0, 500.0)],
    "rectools_sasrec": [{}],
}


def implicit_model(name: str, pairs: Pairs, settings: dict[str, Any]) -> Ask:
    """Fit a model of ``implicit``; a case is a row of its own, solved or summed anew."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
    from scipy import sparse

    def matrix(rows: np.ndarray, columns: np.ndarray, count: int) -> Any:
        out = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(count, pairs.n_items))
        out.sum_duplicates()
        return out

    if name == "implicit_als":
        model: Any = AlternatingLeastSquares(factors=64, random_state=0, use_gpu=False, **settings)
    else:
        model = (BM25Recommender if name == "implicit_bm25" else CosineRecommender)(**settings)
    model.fit(matrix(pairs.users, pairs.items, pairs.n_users), show_progress=False)

    def ask(asked: Asked) -> np.ndarray:
        count = len(asked.offsets) - 1
        rows = matrix(asked.cases(), asked.shown, count)
        found, scores = model.recommend(
            np.arange(count), rows, N=K, filter_already_liked_items=asked.exclude, recalculate_user=True
        )
        return np.where(np.isfinite(scores) & (scores > -1e30), found, -1).astype(np.int32)

    return ask


def lenskit_model(name: str, pairs: Pairs, settings: dict[str, Any]) -> Ask:
    """Fit a model of LensKit; a case is a query with its history."""
    import pandas as pd
    from lenskit.als import ImplicitMFScorer
    from lenskit.data import ItemList, RecQuery, from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer

    scorer: Any
    if name == "lenskit_item_knn":
        scorer = ItemKNNScorer(feedback="implicit", **settings)
    elif name == "lenskit_als":
        scorer = ImplicitMFScorer(embedding_size=64, **settings)
    else:
        scorer = EASEScorer(**settings)
    scorer.train(from_interactions_df(pd.DataFrame({"user_id": pairs.users, "item_id": pairs.items}).drop_duplicates()))
    known = np.unique(pairs.items)
    everything = ItemList(item_ids=known)

    def ask(asked: Asked) -> np.ndarray:
        rows = np.full((len(asked.offsets) - 1, K), -1, np.int32)
        for case in range(len(rows)):
            items = asked.shown[asked.offsets[case] : asked.offsets[case + 1]]
            query = RecQuery(user_items=ItemList(item_ids=np.unique(items[np.isin(items, known)])))
            scores = np.asarray(scorer(query, everything).scores(), dtype=np.float64)
            if asked.exclude:
                scores[np.isin(known, items)] = np.nan
            order = np.argsort(np.where(np.isfinite(scores), -scores, np.inf), kind="stable")[:K]
            order = order[np.isfinite(scores[order])]
            rows[case, : len(order)] = known[order]
        return rows

    return ask


def rectools_model(name: str, pairs: Pairs, settings: dict[str, Any]) -> Ask:
    """Fit RecTools' SASRec; each case is a user of its own."""
    del name
    import pandas as pd
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    def dataset(users: np.ndarray, items: np.ndarray) -> Any:
        when = pd.to_datetime(np.arange(len(users)), unit="s")  # order is all that SASRec reads of time
        return Dataset.construct(pd.DataFrame({"user_id": users, "item_id": items, "weight": 1.0, "datetime": when}))

    model = SASRecModel(
        n_factors=128, session_max_len=50, epochs=10, deterministic=True, recommend_torch_device="cpu", **settings
    )
    model.fit(dataset(pairs.users, pairs.items))

    def ask(asked: Asked) -> np.ndarray:
        known = np.isin(asked.shown, np.unique(pairs.items))
        cases, shown = asked.cases()[known], asked.shown[known]
        found = model.recommend(np.unique(cases), dataset(cases, shown), k=K, filter_viewed=asked.exclude)
        rows = np.full((len(asked.offsets) - 1, K), -1, np.int32)
        rows[found["user_id"].to_numpy(), found["rank"].to_numpy() - 1] = found["item_id"].to_numpy()
        return rows

    return ask


FAMILIES = {"implicit": implicit_model, "lenskit": lenskit_model, "rectools": rectools_model}


def chosen(peer: str, pairs: Pairs) -> dict[str, Any]:
    """Return the settings that answer best for a fifth of the pairs, given the others."""
    tries, family = GRID[peer], peer.split("_", maxsplit=1)[0]
    if len(tries) == 1:
        return tries[0]
    generator = np.random.default_rng(0)
    known = generator.random(len(pairs.users)) >= 0.2
    rest = Pairs(pairs.users[known], pairs.items[known], pairs.n_users, pairs.n_items)
    both = np.intersect1d(pairs.users[known], pairs.users[~known])
    users = np.sort(generator.choice(both, min(TRIED_USERS, len(both)), replace=False))
    lists = [rest.items[rest.users == user] for user in users]
    wanted = [pairs.items[~known & (pairs.users == user)] for user in users]
    asked = Asked(np.concatenate(lists), np.cumsum([0, *map(len, lists)]), exclude=True)

    def quality(settings: dict[str, Any]) -> float:
        rows = FAMILIES[family](peer, rest, settings)(asked)
        return float(
            np.mean([np.isin(row[:10], came).sum() / min(10, len(came)) for row, came in zip(rows, wanted, strict=True)])
        )

    return max(tries, key=quality)


def main() -> None:
    peer, source, out = sys.argv[1:]
    given = np.load(source)
    pairs = Pairs(given["users"], given["items"], int(given["n_users"]), int(given["n_items"]))
    settings = chosen(peer, pairs)
    ask = FAMILIES[peer.split("_", maxsplit=1)[0]](peer, pairs, settings)
    np.save(out, ask(Asked(given["shown"], given["offsets"], bool(given["exclude"]))))
    sys.stdout.write(f"{settings}\n")


if __name__ == "__main__":
    main()
