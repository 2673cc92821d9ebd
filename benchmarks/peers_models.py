"""Models of other packages behind one call: fit on pairs, answer histories. Needs the peer's package, and nothing of ours.

Each takes a case's history where its package lets it. What knows users only as they were fitted says so in ``AS_FITTED``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

K = 20
_AT_ONCE = 1_024

AS_FITTED = frozenset({"implicit_bpr", "implicit_lmf"})
"""These have no way to take in what a user did since the fit, and know nothing of users who came since."""
BY_TIME_LIMIT = frozenset({"rectools_sasrec"})
"""These learn as long as they are given."""


class Pairs(NamedTuple):
    """What a peer is fitted on, in order of time."""

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray
    n_users: int
    n_items: int


class Asked(NamedTuple):
    """Histories, newest last: of case ``c`` at ``offsets[c]:offsets[c + 1]``; whose; whether they may be answered with."""

    shown: np.ndarray
    times: np.ndarray
    offsets: np.ndarray
    users: np.ndarray
    exclude: bool

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def cases(self) -> np.ndarray:
        """Return the case of each of what is shown."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def some(self, start: int, stop: int) -> Asked:
        """Return the cases of a span."""
        low, high = self.offsets[start], self.offsets[stop]
        return Asked(
            self.shown[low:high],
            self.times[low:high],
            self.offsets[start : stop + 1] - low,
            self.users[start:stop],
            self.exclude,
        )


Ask = Callable[[Asked], np.ndarray]


def _matrix(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Any:
    from scipy import sparse

    out = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    out.sum_duplicates()
    return out


def _best(scores: np.ndarray) -> np.ndarray:
    """Return the best of each row, -1 where it has ended."""
    found = np.argpartition(-scores, min(K, scores.shape[1] - 1), axis=1)[:, :K]
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    found = np.take_along_axis(found, order, axis=1)
    return np.where(np.isfinite(np.take_along_axis(scores, found, axis=1)), found, -1).astype(np.int32)


def implicit_model(name: str, pairs: Pairs, settings: dict[str, Any], seconds: float) -> Ask:
    """Fit a model of ``implicit``; where it can, a case is a row of its own, solved or summed anew."""
    del seconds
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.lmf import LogisticMatrixFactorization
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender

    models: dict[str, Callable[..., Any]] = {
        "implicit_als": lambda **given: AlternatingLeastSquares(factors=64, random_state=0, use_gpu=False, **given),
        "implicit_bpr": lambda **given: BayesianPersonalizedRanking(factors=64, random_state=0, use_gpu=False, **given),
        "implicit_lmf": lambda **given: LogisticMatrixFactorization(factors=64, random_state=0, **given),
        "implicit_bm25": BM25Recommender,
        "implicit_cosine": CosineRecommender,
    }
    model = models[name](**settings)
    model.fit(_matrix(pairs.users, pairs.items, (pairs.n_users, pairs.n_items)), show_progress=False)
    known = np.bincount(pairs.users, minlength=pairs.n_users) > 0

    def ask(asked: Asked) -> np.ndarray:
        rows = _matrix(asked.cases(), asked.shown, (len(asked), pairs.n_items))
        as_fitted = name in AS_FITTED
        found, scores = model.recommend(
            asked.users if as_fitted else np.arange(len(asked)),
            rows,
            N=K,
            filter_already_liked_items=asked.exclude,
            **({} if as_fitted else {"recalculate_user": True}),
        )
        told = np.isfinite(scores) & (scores > -1e30)
        if as_fitted:
            told &= known[asked.users][:, None]
        return np.where(told, found, -1).astype(np.int32)

    return ask


def lenskit_model(name: str, pairs: Pairs, settings: dict[str, Any], seconds: float) -> Ask:
    """Fit a model of LensKit; a case is a query with its history."""
    del seconds
    import pandas as pd
    from lenskit.als import ImplicitMFScorer
    from lenskit.data import ItemList, RecQuery, from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer, UserKNNScorer

    models: dict[str, Callable[..., Any]] = {
        "lenskit_item_knn": lambda **given: ItemKNNScorer(feedback="implicit", **given),
        "lenskit_user_knn": lambda **given: UserKNNScorer(feedback="implicit", **given),
        "lenskit_als": lambda **given: ImplicitMFScorer(embedding_size=64, **given),
        "lenskit_ease": EASEScorer,
    }
    scorer = models[name](**settings)
    scorer.train(from_interactions_df(pd.DataFrame({"user_id": pairs.users, "item_id": pairs.items}).drop_duplicates()))
    known = np.unique(pairs.items)
    everything = ItemList(item_ids=known)

    def ask(asked: Asked) -> np.ndarray:
        rows = np.full((len(asked), K), -1, np.int32)
        for case in range(len(rows)):
            items = asked.shown[asked.offsets[case] : asked.offsets[case + 1]]
            query = RecQuery(user_items=ItemList(item_ids=np.unique(items[np.isin(items, known)])))
            scores = np.asarray(scorer(query, everything).scores(), dtype=np.float64)
            scores[~np.isfinite(scores)] = -np.inf
            if asked.exclude:
                scores[np.isin(known, items)] = -np.inf
            best = _best(scores[None, :])[0]
            rows[case, : len(best)] = np.where(best >= 0, known[best], -1)
        return rows

    return ask


def recpack_model(name: str, pairs: Pairs, settings: dict[str, Any], seconds: float) -> Ask:
    """Fit a neighbourhood model of RecPack: of items, or of sequences (STAN)."""
    del seconds
    import pandas as pd
    from recpack.algorithms import STAN, ItemKNN
    from recpack.matrix import InteractionMatrix
    from scipy import sparse

    if not hasattr(sparse.spmatrix, "A"):  # SciPy 1.14 took away what STAN reads, and RecTools asks for that version
        sparse.spmatrix.A = property(lambda self: self.toarray())

    def interactions(users: np.ndarray, items: np.ndarray, times: np.ndarray) -> Any:
        # Cases are rows beyond all users: STAN asks for one and the same users when it fits and when it answers.
        frame = pd.DataFrame({"user": users, "item": items, "time": times.astype(np.int64)})
        return InteractionMatrix(frame, "item", "user", timestamp_ix="time", shape=(pairs.n_users + _AT_ONCE, pairs.n_items))

    model = STAN(**settings) if name == "recpack_stan" else ItemKNN(**settings)
    model.fit(interactions(pairs.users, pairs.items, pairs.times))

    def ask(asked: Asked) -> np.ndarray:
        rows = [np.empty((0, K), np.int32)]
        for start in range(0, len(asked), _AT_ONCE):
            part = asked.some(start, min(start + _AT_ONCE, len(asked)))
            found = model.predict(interactions(pairs.n_users + part.cases(), part.shown, part.times))
            scores = found[pairs.n_users : pairs.n_users + len(part)].toarray().astype(np.float64)
            scores[scores == 0.0] = -np.inf  # what has no neighbour is no answer
            if part.exclude:
                scores[part.cases(), part.shown] = -np.inf
            rows.append(_best(scores))
        return np.concatenate(rows)

    return ask


def rectools_model(name: str, pairs: Pairs, settings: dict[str, Any], seconds: float) -> Ask:
    """Fit RecTools' SASRec until the loss on last items rises, or time is spent; each case is a user of its own."""
    del name
    import pandas as pd
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import EarlyStopping
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    def dataset(users: np.ndarray, items: np.ndarray) -> Any:
        when = pd.to_datetime(np.arange(len(users)), unit="s")  # order is all that SASRec reads of time
        return Dataset.construct(pd.DataFrame({"user_id": users, "item_id": items, "weight": 1.0, "datetime": when}))

    def trainer() -> Any:
        return Trainer(
            max_epochs=200,
            max_time=timedelta(seconds=seconds),
            callbacks=[EarlyStopping("val_loss", patience=4)],
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            deterministic=True,
        )

    model = SASRecModel(
        session_max_len=50,
        deterministic=True,
        recommend_torch_device="cpu",
        get_trainer_func=trainer,
        get_val_mask_func=_last_of_each,
        **settings,
    )
    model.fit(dataset(pairs.users, pairs.items))
    known = np.unique(pairs.items)

    def ask(asked: Asked) -> np.ndarray:
        of_known = np.isin(asked.shown, known)
        cases, shown = asked.cases()[of_known], asked.shown[of_known]
        found = model.recommend(np.unique(cases), dataset(cases, shown), k=K, filter_viewed=asked.exclude)
        rows = np.full((len(asked), K), -1, np.int32)
        rows[found["user_id"].to_numpy(), found["rank"].to_numpy() - 1] = found["item_id"].to_numpy()
        return rows

    return ask


def _last_of_each(interactions: Any) -> np.ndarray:
    """Return whether each of the interactions is the last of its user's, for users drawn by lot."""
    order = interactions.sort_values("datetime", kind="stable")
    last = order.groupby("user_id").tail(1)
    drawn = last.sample(min(len(last), 2_000), random_state=0)
    return np.asarray(interactions.index.isin(drawn.index))


FAMILIES = {"implicit": implicit_model, "lenskit": lenskit_model, "recpack": recpack_model, "rectools": rectools_model}


def fit_peer(peer: str, pairs: Pairs, settings: dict[str, Any], seconds: float) -> Ask:
    """Fit a peer by its name, the package before the first underscore."""
    return FAMILIES[peer.split("_", maxsplit=1)[0]](peer, pairs, settings, seconds)
