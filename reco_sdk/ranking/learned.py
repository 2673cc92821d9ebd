"""The learned fusion as it serves: for each source a weight, and a table that boosted trees were written down as.

Every tree reads one source only (its score, the place it gave, and how much is known of the visitor), or one property of the
items, so the trees of a source are together a step function of two or three numbers: a table, read exactly, without a tree.
A score is then the sum of what each source and each property gives. Nothing is attributed afterwards, nothing is negative:
trees may only rise with a source's score, and what a source gives to a row that it did not propose is 0.

Lou, Caruana, Gehrke, Hooker: Accurate intelligible models with pairwise interactions, KDD 2013.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import SnapshotCorrupt
from reco_sdk.ports import Candidates
from reco_sdk.ranking.features import ITEM_FEATURES, Asked, item_features
from reco_sdk.ranking.fusion import Fused, merge
from reco_sdk.snapshot.format import Snapshot
from reco_sdk.types import Floats

__all__ = ["NO_MODEL", "LearnedFusion", "RankingModel", "Table"]

_PLACES: Final = np.arange(100_000, dtype=np.float64)


class _Named(Protocol):
    name: ClassVar[str]


_S = TypeVar("_S", bound=_Named)


@dataclass(frozen=True, slots=True)
class Table:
    """A step function.

    Parameters
    ----------
    edges
        float64, ascending, for each axis: a value belongs to the first edge that is not below it.
    values
        float64, one more along each axis than it has edges. The first axis is how much is known of the visitor.
    """

    edges: tuple[Floats, ...]
    values: Floats

    def at(self, known: float, *columns: Floats) -> Floats:
        """Return the values at ``columns``, float64 ``(m,)`` each, one for each axis but the first."""
        part = self.values[int(self.edges[0].searchsorted(known))]
        found: Floats = part[tuple(edge.searchsorted(column) for edge, column in zip(self.edges[1:], columns, strict=True))]
        return found


@dataclass(frozen=True, slots=True)
class LearnedFusion:
    """What ranks the candidates of one strategy.

    Parameters
    ----------
    weights
        By source. One that is not named here, because it came later, counts ``scale`` times the weight set by hand.
    scale
        Of weights here to those set by hand.
    tables
        By source, over what is known, score and place; by property of :data:`ITEM_FEATURES`, over what is known and its value.
    """

    weights: Mapping[str, float]
    scale: float
    tables: Mapping[str, Table] = field(default_factory=dict)

    def widening(self, sources: Sequence[tuple[_S, float]], fallback: Sequence[_S]) -> list[tuple[_S, float]]:
        """Return those of a strategy's fallbacks that were learnt to be ranked among its sources."""
        names = {source.name for source, _ in sources}
        more = (source for source in fallback if source.name in self.weights and source.name not in names)
        return [(source, 0.0) for source in more]

    def fuse(self, parts: Sequence[tuple[Candidates, float]], names: Sequence[str], asked: Asked) -> Fused:
        """Rank the candidates of several sources; ties by ascending row.

        Parameters
        ----------
        parts
            Candidates, best first, and the weight of their source that was set by hand.
        names
            Of the sources.
        """
        rows, inverse = merge(parts)
        properties = [name for name in ITEM_FEATURES if name in self.tables]
        contributions = np.zeros((len(rows), len(parts) + len(properties)))
        start, known = 0, float(asked.known)
        for column, (name, (candidates, weight)) in enumerate(zip(names, parts, strict=True)):
            stop = start + len(candidates.rows)
            scores = candidates.scores.astype(np.float64)
            given = self.weights.get(name, self.scale * weight) * scores
            table = self.tables.get(name)
            if table is not None:
                given += table.at(known, scores, _PLACES[: len(scores)])
            contributions[inverse[start:stop], column] = given
            start = stop
        if properties and len(rows):
            values = item_features(asked, rows)
            for column, name in enumerate(properties, len(parts)):
                contributions[:, column] = self.tables[name].at(known, values[ITEM_FEATURES.index(name)])
        return Fused.of(rows, contributions, tuple(properties))

    def to_arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Return the tables as arrays by name."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, table in sorted(self.tables.items()):
            arrays[f"{prefix}-{name}"] = table.values
            arrays |= {f"{prefix}-{name}-{axis}": edges for axis, edges in enumerate(table.edges)}
        return arrays

    def to_meta(self) -> dict[str, Any]:
        """Return the rest, JSON-ready."""
        tables = {name: len(table.edges) for name, table in sorted(self.tables.items())}
        return {"weights": dict(sorted(self.weights.items())), "scale": self.scale, "tables": tables}

    @classmethod
    def of(cls, meta: Mapping[str, Any], arrays: Any, prefix: str) -> LearnedFusion:
        """Rebuild from :meth:`to_meta` and a function that returns an array by name.

        Raises
        ------
        SnapshotCorrupt
            When the two do not belong together.
        """
        tables: dict[str, Table] = {}
        for name, axes in meta["tables"].items():
            edges = tuple(np.asarray(arrays(f"{prefix}-{name}-{axis}"), np.float64) for axis in range(int(axes)))
            values = np.asarray(arrays(f"{prefix}-{name}"), np.float64)
            wanted = 2 if name in ITEM_FEATURES else 3
            if len(edges) != wanted or values.shape != tuple(len(edge) + 1 for edge in edges):
                raise SnapshotCorrupt(f"the table {name!r} of the ranking model does not fit its edges; train again")
            tables[name] = Table(edges, values)
        return cls({name: float(weight) for name, weight in meta["weights"].items()}, float(meta["scale"]), tables)


@dataclass(frozen=True, slots=True)
class RankingModel:
    """The learned fusions that serve.

    Parameters
    ----------
    fusions
        By strategy; one that is not named goes by the weights set by hand.
    meta
        What training wrote beside them: verdicts, and what was read.
    name
        Of the folder, empty for none.
    """

    fusions: Mapping[str, LearnedFusion] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all tables as arrays by name."""
        return {key: value for name, fusion in sorted(self.fusions.items()) for key, value in fusion.to_arrays(name).items()}

    def to_meta(self) -> dict[str, Any]:
        """Return the rest, JSON-ready."""
        return {**self.meta, "fusions": {name: fusion.to_meta() for name, fusion in sorted(self.fusions.items())}}

    @classmethod
    def of(cls, snapshot: Snapshot) -> RankingModel:
        """Read a model's folder.

        Raises
        ------
        SnapshotError
            When something is missing or does not fit.
        """
        try:
            fusions = {
                name: LearnedFusion.of(meta, snapshot.array, name) for name, meta in dict(snapshot.meta["fusions"]).items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotCorrupt(f"{snapshot.path} is no ranking model: {error!r}; train again") from error
        meta = {**snapshot.meta, "created_at": snapshot.created_at.isoformat()}
        return cls(fusions, meta, snapshot.path.name)


NO_MODEL: Final = RankingModel()
"""What serves before anything was learnt."""
