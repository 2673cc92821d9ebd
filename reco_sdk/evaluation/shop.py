"""The shop's own store as a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.evaluation.dataset import Dataset, make_log, session_numbers
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import Store
from reco_sdk.reading import PAGE, read_vectors
from reco_sdk.snapshot.whitening import Whitening
from reco_sdk.training.model import KIND_CODES, Items
from reco_sdk.types import Vectors

__all__ = ["read_shop"]

# What says that somebody wanted an item. Searches name none; the others undo.
_POSITIVE: Final = {
    kind: KIND_CODES.index(kind) for kind in ("view_item", "select_item", "add_to_cart", "add_to_wishlist", "purchase", "rate")
}
_LIKED: Final = 3.0

Progress = Callable[[str, int, int], None]


async def read_shop(
    store: Store,
    recipe: TextRecipe,
    fingerprint: str,
    *,
    gap_seconds: float,
    name: str,
    progress: Progress | None = None,
    until: int | None = None,
) -> Dataset:
    """Read items, their stored vectors, and what visitors did with those that are still there.

    Parameters
    ----------
    recipe, fingerprint
        Whose vectors are read; nothing is embedded here.
    gap_seconds
        A longer pause begins a new session.
    name
        For the report.
    progress
        Called with stage, done and total.
    until
        The last sequence of the log to be read; default: the last there is.

    Raises
    ------
    StoreError
        When the store fails.
    """
    items: list[Item] = []
    async for changes in store.iter_items():
        items += [change.item for change in changes if change.item is not None]
    vectors, missing = await _vectors(store, recipe, items, fingerprint)
    rows = {item.id: row for row, item in enumerate(items)}
    reader = _Reader(rows, await store.aliases())
    sequence, total = 0, await store.interaction_sequence() if until is None else until
    while sequence < total and (page := await store.interactions_since(sequence, PAGE)):
        for stored in page:
            if stored.sequence <= total:
                reader.add(stored.interaction)
        sequence = page[-1].sequence
        if progress is not None:
            progress("interactions", min(sequence, total), total)
    notes = [f"{count:,} interactions {what} are left out" for what, count in reader.left_out.items()]
    if missing and fingerprint:
        notes.append(f"{missing:,} items have no vector yet; `reco sync` makes them")
    users, rows_of, times, kinds = reader.arrays()
    log, _ = make_log(
        users,
        rows_of,
        times,
        session_numbers(users, times, gap_seconds),
        kinds=kinds,
        n_users=len(reader.users),
        n_items=len(items),
    )
    return Dataset(
        name=name,
        item_ids=tuple(rows),
        items=_columns(items, vectors),
        texts=tuple(recipe.text(item) for item in items) or None,
        log=log,
        timed=True,
        notes=tuple(notes),
    )


class _Reader:
    """Collects interactions as numbers."""

    def __init__(self, rows: Mapping[str, int], aliases: Mapping[str, str]) -> None:
        self._rows = rows
        self._aliases = aliases
        self.users: dict[tuple[bool, str], int] = {}
        self.left_out: dict[str, int] = {}
        self._parts: list[tuple[int, int, float, int]] = []
        self._done: list[npt.NDArray[np.float64]] = []

    def add(self, interaction: Interaction) -> None:
        kind = _POSITIVE.get(interaction.kind)
        row = None if interaction.item_id is None else self._rows.get(interaction.item_id)
        disliked = interaction.kind == "rate" and (interaction.value or 0.0) < _LIKED
        if kind is None or disliked:
            self._leave_out(f"of the kind {interaction.kind}" if kind is None else "that rate an item below 3")
            return
        if row is None:
            self._leave_out("with items that are not there any more")
            return
        account = interaction.user_id or self._aliases.get(interaction.visitor_id or "")
        who = (True, account) if account else (False, interaction.visitor_id or "")
        user = self.users.setdefault(who, len(self.users))
        self._parts.append((user, row, interaction.at.timestamp(), kind))
        if len(self._parts) == PAGE:
            self._pack()

    def _leave_out(self, what: str) -> None:
        self.left_out[what] = self.left_out.get(what, 0) + 1

    def _pack(self) -> None:
        self._done.append(np.asarray(self._parts, np.float64).reshape(-1, 4))
        self._parts.clear()

    def arrays(
        self,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        self._pack()
        users, rows, times, kinds = np.concatenate(self._done).T
        return users.astype(np.int32), rows.astype(np.int32), np.ascontiguousarray(times), kinds.astype(np.int8)


async def _vectors(store: Store, recipe: TextRecipe, items: list[Item], fingerprint: str) -> tuple[Vectors | None, int]:
    found: dict[str, npt.NDArray[np.float32]] = {}
    for start in range(0, len(items), PAGE):
        found |= await read_vectors(store, recipe, items[start : start + PAGE], fingerprint)
    if not found:
        return None, len(items)
    raw = np.zeros((len(items), len(next(iter(found.values())))), np.float32)
    for row, item in enumerate(items):
        if item.id in found:
            raw[row] = found[item.id]
    return Whitening.fit(raw[np.any(raw != 0.0, axis=1)]).transform(raw), len(items) - len(found)


def _columns(items: list[Item], vectors: Vectors | None) -> Items:
    categories: dict[str, int] = {}
    brands: dict[str, int] = {}
    prices = [item.effective_price for item in items]
    return Items(
        count=len(items),
        vectors=vectors,
        categories=np.asarray(
            [categories.setdefault(item.categories[0], len(categories)) if item.categories else -1 for item in items], np.int32
        ),
        brands=np.asarray([brands.setdefault(item.brand, len(brands)) if item.brand else -1 for item in items], np.int32),
        prices=np.asarray([np.nan if price is None else price for price in prices], np.float64),
    )
