"""The view: one snapshot plus what changed since, as one row space. Immutable; a change makes the next view.

Rows below ``n_base`` are the snapshot's, the rest are the delta's. A changed or deleted item's snapshot row is
not alive any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from reco_sdk.items.catalogue import Columns
from reco_sdk.items.item import Item
from reco_sdk.snapshot.base import Base, first_codes
from reco_sdk.types import BoolMask, Rows, Scores, Vector, Vectors

__all__ = ["View", "top"]

_S = TypeVar("_S", bound=np.generic)
# What a visitor looked at is asked for again with each of their pages.
_ROWS_REMEMBERED: Final = 10_000
_SITES_KEPT: Final = 1_000


def top(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """Return the ``k`` best by descending score, ties by ascending row."""
    if len(rows) > 4 * k:
        best = np.argpartition(scores, len(scores) - k)[-k:]
        # Everything tied with the last one stays in play, so that the cut does not depend on the partition.
        best = np.flatnonzero(scores >= scores[best].min())
        rows, scores = rows[best], scores[best]
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def _joined(base: npt.NDArray[_S], delta: npt.NDArray[_S]) -> npt.NDArray[_S]:
    return np.concatenate((base, delta)) if len(delta) else base


class View:
    """What one request reads.

    Parameters
    ----------
    base
        The snapshot.
    changed
        Items that are new or different since, any order.
    vectors
        Their raw vectors by id (not whitened), where known, in the snapshot's model.
    deleted
        Ids deleted since.
    version
        Grows with every view of a process.
    """

    def __init__(
        self, base: Base, changed: Sequence[Item], vectors: Mapping[str, Vector], deleted: Collection[str], version: int
    ) -> None:
        self.base = base
        self.version = version
        self.columns = base.columns
        """The snapshot's, with the prices of :attr:`site`."""
        self.site = ""
        self.n_base = len(base)
        self.delta = Columns.of(changed)
        self.n_delta = len(changed)
        self._delta_vectors, has_vector = _whitened(base, changed, vectors)
        self.has_vector: BoolMask = _joined(base.has_vector, has_vector)
        self.dimension = self._delta_vectors.shape[1]
        self.alive: BoolMask = np.ones(self.n_base + len(changed), np.bool_)
        for item_id in (*deleted, *(item.id for item in changed)):
            row = base.columns.ids.row(item_id)
            if row >= 0:
                self.alive[row] = False
        self.group = _joined(base.columns.group, self.delta.group)
        self.price = _joined(base.columns.price, self.delta.price)
        self.discount = _joined(base.columns.discount, self.delta.discount)
        self.published = _joined(base.columns.published, self.delta.published)
        self.expires = _joined(base.columns.expires, self.delta.expires)
        self.available = _joined(base.columns.available, self.delta.available)
        self.rating_count = _joined(base.columns.rating_count, self.delta.rating_count)
        self.main_category = _joined(
            base.columns.main_category, _in_base_codes(base.columns, self.delta, self.delta.main_category)
        )
        self._at_sites: dict[str, View] = {}
        self._brands: npt.NDArray[np.int32] | None = None
        self._rows: dict[str, int] = {}
        self._current: tuple[float, float, BoolMask] = (np.inf, -np.inf, self.alive)

    def __len__(self) -> int:
        return len(self.alive)

    def with_columns(self, columns: Mapping[str, Any]) -> View:
        """Return a view with other columns, to ask what would be if."""
        twin = copy(self)
        for name, column in columns.items():
            setattr(twin, name, column)
        twin._current = (np.inf, -np.inf, twin.alive)  # noqa: SLF001 -- its own class
        twin._at_sites = {}  # noqa: SLF001
        return twin

    def at_site(self, site: str) -> View:
        """Return the view with a site's prices; itself where the site has none of its own."""
        if site == self.site:
            return self
        found = self._at_sites.get(site)
        if found is None:
            columns, delta = self.base.columns.at_site(site), self.delta.at_site(site)
            found = self
            if columns is not self.base.columns or delta is not self.delta:
                price, discount = _joined(columns.price, delta.price), _joined(columns.discount, delta.discount)
                own = {"site": site, "columns": columns, "delta": delta, "price": price, "discount": discount}
                found = self.with_columns(own)
            if len(self._at_sites) < _SITES_KEPT:
                self._at_sites = {**self._at_sites, site: found}  # replaced, since any thread may ask
        return found

    # -- ids and texts

    def row(self, item_id: str) -> int:
        """Return the row of an item that is alive, −1 otherwise."""
        found = self._rows.get(item_id)
        if found is None:
            found = self._look_up(item_id)
            if len(self._rows) < _ROWS_REMEMBERED:
                self._rows[item_id] = found
        return found

    def _look_up(self, item_id: str) -> int:
        row = self.delta.ids.row(item_id) if self.n_delta else -1
        if row >= 0:
            return self.n_base + row
        row = self.base.columns.ids.row(item_id)
        return row if row >= 0 and self.alive[row] else -1

    def item_id(self, row: int) -> str:
        """Return the id of a row."""
        return self.base.columns.ids[row] if row < self.n_base else self.delta.ids[row - self.n_base]

    def title(self, row: int) -> str:
        """Return the title of a row."""
        return self.base.columns.titles[row] if row < self.n_base else self.delta.titles[row - self.n_base]

    def category_name(self, row: int) -> str:
        """Return the leaf name of a row's main category, empty when it has none."""
        if row < self.n_base:
            return self.base.columns.category_names[row]
        return self.delta.category_names[row - self.n_base]

    @property
    def brands(self) -> npt.NDArray[np.int32]:
        """int32 ``(n,)``: a number for each row's brand as filters know it, below 0 for none; read on first use."""
        if self._brands is None:
            own = first_codes(self.delta, b"brand=")
            self._brands = _joined(self.base.brands(), _in_base_codes(self.base.columns, self.delta, own))
        return self._brands

    def brand(self, row: int) -> str:
        """Return the brand of a row as filters know it, empty when it has none."""
        columns, local = (self.base.columns, row) if row < self.n_base else (self.delta, row - self.n_base)
        return next(iter(columns.facets.values(local, "brand")), "")

    # -- sets of rows

    def facet_rows(self, key: str) -> npt.NDArray[np.integer[Any]]:
        """Return the rows with a facet value (see ``items.catalogue.facet``), alive or not."""
        rows = self.base.columns.facets.rows(key)
        return np.concatenate((rows, self.delta.facets.rows(key) + self.n_base)) if self.n_delta else rows

    def main_category_key(self, row: int) -> str | None:
        """Return the facet key of a row's main category."""
        columns, local = (self.base.columns, row) if row < self.n_base else (self.delta, row - self.n_base)
        code = int(columns.main_category[local])
        return columns.facets.vocabulary[code] if code >= 0 else None

    def main_category_rows(self, code: int) -> Rows:
        """Return the rows whose main category has a code of :attr:`main_category`, alive or not."""
        names = self.base.columns.facets.vocabulary
        later = code - len(names)
        rows = self.facet_rows(names[code]) if later < 0 else self.delta.facets.rows_of(later) + self.n_base
        found: Rows = rows[self.main_category[rows] == code].astype(np.int32)
        return found

    def category_code(self, key: str) -> int:
        """Return the code in :attr:`main_category` of a category's facet key, −1 for one that no item has."""
        names = self.base.columns.facets.vocabulary
        code = names.row(key)
        if code >= 0 or not self.n_delta:
            return code
        own = self.delta.facets.vocabulary.row(key)
        return len(names) + own if own >= 0 else -1

    def variants(self, row: int) -> npt.NDArray[np.integer[Any]]:
        """Return all rows of the row's group, itself included."""
        wanted = self.group[row]
        groups = self.base.group_sorted
        low = int(groups.searchsorted(wanted))
        high = low
        if low < self.n_base and groups[low] == wanted:
            # Most items stand alone: a second search only where they do not.
            alone = low + 1 == self.n_base or groups[low + 1] != wanted
            high = low + 1 if alone else int(groups.searchsorted(wanted, side="right"))
        rows = self.base.group_order[low:high]
        if self.n_delta:
            rows = np.concatenate((rows, np.flatnonzero(self.delta.group == wanted).astype(np.int32) + np.int32(self.n_base)))
        return rows

    def variants_of(self, rows: Sequence[int]) -> npt.NDArray[np.integer[Any]]:
        """Return all rows of the groups of several rows, themselves included."""
        wanted = self.group[np.asarray(rows)]
        groups = self.base.group_sorted
        low, high = groups.searchsorted(wanted), groups.searchsorted(wanted, side="right")
        if (high - low <= 1).all():  # most items stand alone
            found: npt.NDArray[np.integer[Any]] = self.base.group_order[low[high > low]]
        else:
            found = np.concatenate([self.base.group_order[start:stop] for start, stop in zip(low, high, strict=True)])
        if not self.n_delta:
            return found
        return np.concatenate((found, np.flatnonzero(np.isin(self.delta.group, wanted)).astype(np.int32) + np.int32(self.n_base)))

    def current(self, now: float, *, available: bool) -> BoolMask:
        """Return which rows are alive, published and not expired at ``now`` (epoch seconds), and available if asked.

        Cached until the next item is published or expires. Do not write to it.
        """
        valid_from, valid_until, mask = self._current
        if not valid_from <= now < valid_until:
            mask = self.alive & (self.published <= now) & (self.expires > now)
            edges = np.concatenate((self.published[self.published > now], self.expires[self.expires > now]))
            self._current = (now, float(edges.min()) if len(edges) else np.inf, mask)
        return mask & self.available if available else mask

    def valid_until(self, now: float) -> float:
        """Return the epoch seconds at which :meth:`current` changes next, infinity for never."""
        self.current(now, available=False)
        return self._current[1]

    # -- vectors

    def vectors_of(self, rows: npt.NDArray[np.integer[Any]]) -> Vectors:
        """Return float32 ``(len(rows), d)``; zero where a row has no vector."""
        # A snapshot without vectors has none of this length either.
        fits = self.base.vectors.shape[1] == self.dimension
        if fits and (not self.n_delta or not len(rows) or int(rows.max()) < self.n_base):
            return np.asarray(self.base.vectors[rows])
        out = np.empty((len(rows), self.dimension), np.float32)
        in_base = rows < self.n_base
        if in_base.any():
            out[in_base] = self.base.vectors[rows[in_base]]
        out[~in_base] = self._delta_vectors[rows[~in_base] - self.n_base]
        return out

    def search(self, query: Vector, k: int, mask: BoolMask) -> tuple[Rows, Scores]:
        """Return the ``k`` rows nearest to a whitened unit vector among those that ``mask`` allows.

        The snapshot answers through its index, the delta by an exact scan.
        """
        parts: list[tuple[Rows, Scores]] = []
        if self.base.index is not None:
            allowed = mask[: self.n_base]
            if not self.base.has_vector.all():
                allowed = allowed & self.base.has_vector
            parts.append(self.base.index.search(query, k, allowed))
        if self.n_delta:
            parts.append(self._search_delta(query, k, mask))
        return _merged(parts, k)

    def neighbours_of_each(
        self, rows: npt.NDArray[np.integer[Any]], k: int, mask: BoolMask
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return the best ``k`` of the precomputed neighbours of each row, and of the delta; nothing is searched.

        Returns
        -------
        int32 and float32 ``(len(rows), m)``: rows and cosines, −inf where the mask does not allow a row.
        """
        if self.n_base:
            in_base = np.minimum(rows, self.n_base - 1)
            near = self.base.neighbours[in_base, :k]
            allowed = mask[near] & (near >= 0) & (rows < self.n_base)[:, None]
            cosines = np.where(allowed, self.base.neighbour_scores[in_base, :k], -np.inf)
        else:
            near, cosines = np.empty((len(rows), 0), np.int32), np.empty((len(rows), 0), np.float32)
        if self.n_delta:
            fresh = np.flatnonzero(mask[self.n_base :] & self.has_vector[self.n_base :])
            more = self.vectors_of(rows) @ self._delta_vectors[fresh].T
            more[rows[:, None] == fresh + self.n_base] = -np.inf  # an item is not its own neighbour
            near = np.concatenate((near, np.broadcast_to((fresh + self.n_base).astype(np.int32), more.shape)), axis=1)
            cosines = np.concatenate((cosines, more), axis=1)
        return near, cosines.astype(np.float32)

    def neighbours(self, row: int, k: int, mask: BoolMask) -> tuple[Rows, Scores]:
        """Return up to ``k`` rows most similar to a row's item among those that ``mask`` allows.

        Reads the precomputed row where that leaves at least half of ``k``, and searches where too much of it is
        masked out.
        """
        if not self.has_vector[row]:
            return _merged([], k)
        if row < self.n_base:
            rows, scores = self.base.neighbours[row], self.base.neighbour_scores[row]
            # Below the last one, rows of the snapshot are missing that might be better than one of the delta.
            floor = scores[-1] if len(scores) and self.base.neighbours.shape[1] < self.n_base - 1 else -np.inf
            keep = (rows >= 0) & mask[rows]
            parts = [(rows[keep], scores[keep])]
            if self.n_delta:
                near, cosines = self._search_delta(np.asarray(self.base.vectors[row]), k, mask)
                parts.append((near[cosines >= floor], cosines[cosines >= floor]))
            rows, scores = _merged(parts, k)
            if 2 * len(rows) >= k or floor == -np.inf:
                return rows, scores
        vector = self.vectors_of(np.asarray([row]))[0]
        rows, scores = self.search(vector, k + 1, mask)
        other = rows != row
        return rows[other][:k], scores[other][:k]

    def elsewhere(self, row: int, mask: BoolMask, limit: int) -> tuple[Rows, Scores]:
        """Return some rows of other categories that lie near a row's own, as far as ``mask`` allows them, and their cosines.

        None for a small catalogue, where searches cost little. In no order.
        """
        if self.base.elsewhere is None or not self.has_vector[row]:
            return _merged([], 0)
        rows = self.base.elsewhere.around(int(self.main_category[row]))
        rows = rows[(rows >= 0) & mask[rows]][:limit]
        return rows, self.vectors_of(rows) @ self.vectors_of(np.asarray([row]))[0]

    def whiten(self, raw: Vector) -> Vector | None:
        """Map a raw vector of the snapshot's model into the space searched here; ``None`` if it cannot be."""
        if self.base.whitening is None:
            return raw if raw.shape == (self.dimension,) else None
        if raw.shape != (self.base.dimension,):
            return None
        return np.asarray(self.base.whitening.transform(raw[None])[0])

    def _search_delta(self, query: Vector, k: int, mask: BoolMask) -> tuple[Rows, Scores]:
        allowed = np.flatnonzero(mask[self.n_base :] & self.has_vector[self.n_base :])
        if not len(allowed) or self._delta_vectors.shape[1] != len(query):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return top((allowed + self.n_base).astype(np.int32), self._delta_vectors[allowed] @ query, k)


def _merged(parts: Sequence[tuple[Rows, Scores]], k: int) -> tuple[Rows, Scores]:
    """Merge answers that are each in order."""
    if not parts:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    if len(parts) == 1:
        return parts[0][0][:k], parts[0][1][:k]
    return top(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), k)


def _in_base_codes(base: Columns, delta: Columns, own: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return codes of the delta's facets in the snapshot's codes; those it does not know come after them."""
    names, mine = base.facets.vocabulary, delta.facets.vocabulary
    codes = {code: names.row(mine[code]) if code >= 0 else -1 for code in set(own.tolist())}
    later = {code: len(names) + code if code >= 0 > known else known for code, known in codes.items()}
    return np.asarray([later[code] for code in own.tolist()], dtype=np.int32)


def _whitened(base: Base, changed: Sequence[Item], vectors: Mapping[str, Vector]) -> tuple[Vectors, BoolMask]:
    """Return the delta's vectors in the snapshot's space, and which rows have one."""
    dimension = base.dimension or next((len(v) for v in vectors.values()), 1)
    out = np.zeros((len(changed), dimension), np.float32)
    has_vector = np.zeros(len(changed), np.bool_)
    for row, item in enumerate(changed):
        vector = vectors.get(item.id)
        if vector is not None and len(vector) == dimension:
            out[row] = vector
            has_vector[row] = True
    if base.whitening is not None and has_vector.any():
        out[has_vector] = base.whitening.transform(out[has_vector])
    return out, has_vector
