"""The serving side of one snapshot: arrays mapped from its files, shared by every process that maps them."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import RecoError
from reco_sdk.index.clusters import ClusterLayout
from reco_sdk.index.exact import ExactIndex
from reco_sdk.index.hnsw import HnswIndex, hnsw_available
from reco_sdk.index.planner import PlannedIndex
from reco_sdk.items.catalogue import Columns
from reco_sdk.items.tables import IdTable
from reco_sdk.ports import VectorIndex
from reco_sdk.snapshot.builder import HNSW_FILE, SESSIONS_FILE
from reco_sdk.snapshot.elsewhere import Elsewhere
from reco_sdk.snapshot.format import Snapshot
from reco_sdk.snapshot.log import Postings
from reco_sdk.snapshot.sessions import SessionTable
from reco_sdk.snapshot.whitening import Whitening
from reco_sdk.types import Floats, Rows, Scores, Vectors

__all__ = ["Base", "first_codes"]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Base:
    """One opened snapshot; nothing in it changes, but for the graph that arrives when it is loaded.

    Parameters
    ----------
    columns
        The catalogue, ``n`` rows.
    vectors, has_vector
        float32 ``(n, d)`` whitened unit rows (zero where ``has_vector`` is False).
    neighbours, neighbour_scores
        int32 and float32 ``(n, k)``: each row's nearest rows, descending, padded with −1.
    group_order, group_sorted
        int32 and uint64 ``(n,)``: rows in ascending order of their group, and those groups.
    popular, trending, sold
        float64 ``(n,)``: decayed weights at ``reference`` (epoch seconds), negative ones included.
    absent, absent_weights, absent_bought
        Items that visitors did something to and that are not in the catalogue, and their float64 ``(3, m)`` popular,
        trending and sold.
    bought
        What each visitor bought.
    whitening
        The map that new vectors go through; ``None`` when nothing had a vector.
    index
        Nearest neighbours among ``vectors``; ``None`` when nothing had a vector.
    session_table
        Recent sessions.
    graph
        The HNSW graph of a large catalogue, once it is loaded.
    elsewhere
        What lies around each category of a large catalogue; ``None`` for a small one.
    """

    snapshot: Snapshot | None
    meta: dict[str, Any]
    columns: Columns
    vectors: Vectors
    has_vector: npt.NDArray[np.bool_]
    neighbours: Rows
    neighbour_scores: Scores
    group_order: Rows
    group_sorted: npt.NDArray[np.uint64]
    popular: Floats
    trending: Floats
    sold: Floats
    absent: IdTable
    absent_weights: Floats
    absent_bought: Postings
    bought: Postings
    whitening: Whitening | None
    index: PlannedIndex | None
    session_table: SessionTable
    graph: HnswIndex | None = field(default=None, repr=False)
    elsewhere: Elsewhere | None = field(default=None, repr=False)
    _brands: Rows | None = field(default=None, repr=False)
    _session_index: VectorIndex | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def fingerprint(self) -> str:
        """The model of the vectors, empty for none."""
        return str(self.meta["fingerprint"])

    @property
    def item_version(self) -> int:
        """The store's item version the snapshot was built at."""
        return int(self.meta["item_version"])

    @property
    def sequence(self) -> int:
        """The last interaction the snapshot counts."""
        return int(self.meta["sequence"])

    @property
    def reference(self) -> float:
        """Epoch seconds to which decayed weights refer."""
        return float(self.meta["reference"])

    @property
    def dimension(self) -> int:
        """Length of the vectors, 0 when nothing had one."""
        return 0 if self.whitening is None else int(self.meta["dimension"])

    @classmethod
    def empty(cls, now: float) -> Base:
        """Return what serves before there is a snapshot: no items at all."""
        nothing = np.empty(0, np.float64)
        meta = {"fingerprint": "", "item_version": 0, "sequence": 0, "reference": now, "items": 0, "recipe_version": ""}
        vectors = np.empty((0, 1), np.float32)
        rows = np.empty(0, np.int32)
        return cls(
            snapshot=None,
            meta=meta,
            columns=Columns.of([]),
            vectors=vectors,
            has_vector=np.empty(0, np.bool_),
            neighbours=rows.reshape(0, 0),
            neighbour_scores=np.empty((0, 0), np.float32),
            group_order=rows,
            group_sorted=np.empty(0, np.uint64),
            popular=nothing,
            trending=nothing,
            sold=nothing,
            absent=IdTable.of([]),
            absent_weights=np.empty((3, 0)),
            absent_bought=Postings(np.empty(0, np.uint64), np.zeros(1, np.int64), rows),
            bought=Postings(np.empty(0, np.uint64), np.zeros(1, np.int64), rows),
            whitening=None,
            index=None,
            session_table=SessionTable(vectors, np.zeros(1, np.int64), rows, nothing),
        )

    @classmethod
    def of(cls, snapshot: Snapshot, *, exact_limit: int) -> Base:
        """Serve an opened snapshot; the graph of a large catalogue is loaded by :meth:`load_graph`.

        Raises
        ------
        SnapshotCorrupt
            When an array it needs is not there.
        """
        array = snapshot.array
        named = {name: array(name) for name in snapshot.array_names}
        vectors, has_vector = array("vectors"), array("has_vector")
        base = cls(
            snapshot=snapshot,
            meta=dict(snapshot.meta),
            columns=Columns.from_arrays(array),
            vectors=vectors,
            has_vector=has_vector,
            neighbours=array("neighbours"),
            neighbour_scores=array("neighbour_scores"),
            group_order=array("group_order"),
            group_sorted=array("group_sorted"),
            popular=array("popular"),
            trending=array("trending"),
            sold=array("sold"),
            absent=IdTable.from_arrays(array, "absent"),
            absent_weights=array("absent_weights"),
            absent_bought=Postings(array("absent_bought_keys"), array("absent_bought_offsets"), array("absent_bought_rows")),
            bought=Postings(array("bought_keys"), array("bought_offsets"), array("bought_rows")),
            whitening=Whitening.from_arrays(named) if snapshot.meta["whitened"] else None,
            index=None,
            session_table=SessionTable.from_arrays(array),
            elsewhere=Elsewhere.from_arrays(named),
        )
        if base.whitening is not None:
            base.index = PlannedIndex(
                vectors,
                hnsw=lambda: base.graph,
                clusters=ClusterLayout.from_arrays(named),
                exact_limit=exact_limit,
                finite=False,
            )
        return base

    @property
    def path(self) -> Path | None:
        """The snapshot's folder."""
        return None if self.snapshot is None else self.snapshot.path

    def load_graph(self) -> None:
        """Load the HNSW graph of a large catalogue, in any thread, and tell brands apart; used from then on."""
        self.brands()
        if self.index is None or self.snapshot is None or HNSW_FILE not in self.snapshot.file_names or not hnsw_available():
            return
        try:
            self.graph = HnswIndex.load(self.snapshot.file(HNSW_FILE), self.dimension)
        except RecoError:
            logger.exception("the graph of %s cannot be loaded; searches go on without it", self.path)

    def brands(self) -> Rows:
        """Return the code of each row's brand, int32, −1 for none; worked out once."""
        if self._brands is None:
            self._brands = first_codes(self.columns, b"brand=")
        return self._brands

    def session_index(self) -> VectorIndex:
        """Return the index over recent sessions, loaded on first use."""
        with self._lock:
            if self._session_index is None:
                if self.snapshot is not None and SESSIONS_FILE in self.snapshot.file_names and hnsw_available():
                    self._session_index = HnswIndex.load(self.snapshot.file(SESSIONS_FILE), self.dimension)
                else:
                    self._session_index = ExactIndex(self.session_table.vectors)
            return self._session_index


def first_codes(columns: Columns, begin: bytes) -> Rows:
    """Return the code of each row's first facet whose key begins like this, int32; −1 for none."""
    facets, out = columns.facets, np.full(len(columns), -1, np.int32)
    names = facets.vocabulary.texts
    starts = np.flatnonzero(np.diff(names.offsets) >= len(begin))
    letters = names.blob[names.offsets[starts][:, None] + np.arange(len(begin))]
    wanted = np.zeros(len(facets.vocabulary), np.bool_)
    wanted[starts[(letters == np.frombuffer(begin, np.uint8)).all(axis=1)]] = True
    places = np.flatnonzero(wanted[facets.row_codes])[::-1]
    out[facets.row_offsets.searchsorted(places, side="right") - 1] = facets.row_codes[places]  # the first is written last
    return out
