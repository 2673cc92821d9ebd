"""Cross-category: what goes with these items from other parts of the shop.

How likely an item is in a basket with a seed is estimated from the baskets of both, and where those are few, from the baskets of
their categories: a Dirichlet prior whose mean is the coarser estimate (MacKay, Peto: A hierarchical Dirichlet language model,
Natural Language Engineering 1995). Of a category's items those come first that sell and whose text is near. Where nothing was
sold, what is nearest by text in other categories answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, NamedTuple

import numpy as np

from reco_sdk.items.catalogue import facet
from reco_sdk.items.item import CATEGORY_SEPARATOR
from reco_sdk.ports import Candidates
from reco_sdk.snapshot.view import top
from reco_sdk.sources.behaviour import Counted
from reco_sdk.sources.co_purchase import BASKETS_PRIOR, MAX_SEEDS
from reco_sdk.sources.context import Context, Reason, no_candidates, similar
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["CrossCategory", "SimilarElsewhere", "elsewhere"]

CATEGORIES_READ: Final = 6
"""Categories that go best with a seed's whose items are proposed."""
ITEMS_READ: Final = 50
"""Items of each of them."""
_SPREAD: Final = 4.0
"""What baskets say of a category counts this much less for one of its items: they hold others of it."""


def elsewhere(context: Context) -> BoolMask:
    """Return which allowed rows lie in none of the seeds' categories, nor under or above one of them."""
    if context.elsewhere is None:
        context.elsewhere = _elsewhere(context)
    return context.elsewhere


def _elsewhere(context: Context) -> BoolMask:
    view = context.view
    mask = context.mask & (view.main_category >= 0)
    for key in {view.main_category_key(seed) for seed in context.seeds.tolist()} - {None}:
        mask[view.facet_rows(str(key))] = False
        kind, _, path = str(key).partition("=")
        parts = path.split(f" {CATEGORY_SEPARATOR} ")
        for depth in range(1, len(parts)):
            # What is put into a category above it lies in that one itself, not under its other branches.
            above = facet(kind, f" {CATEGORY_SEPARATOR} ".join(parts[:depth]))
            mask &= view.main_category != view.category_code(above)
    return mask


class _Partner(NamedTuple):
    """A category that is bought with a seed's: its code, and the excess of common baskets by those of the seed's category."""

    seed: int
    code: int
    share: float
    rows: Rows
    fit: Floats


class CrossCategory:
    """Co-purchase with the seeds across categories: of the items themselves, else of their categories."""

    name: ClassVar[str] = "cross_category"

    def knows(self, context: Context) -> bool:
        """Return whether anything was bought together with a seed or its category."""
        behaviour = context.behaviour
        for seed in context.seeds[:MAX_SEEDS].tolist():
            number = behaviour.number_of_row(context.view, seed)
            if number >= 0 and len(behaviour.bought.pairs.of_item(number)[0]):
                return True
            code = int(context.view.main_category[seed])
            if code >= 0 and len(behaviour.categories.pairs.of_item(code)[0]):
                return True
        return False

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what is bought with the seeds from elsewhere, best first."""
        rows, shares = [], []
        for seed in context.seeds[:MAX_SEEDS].tolist():
            for found, share in (_of_item(context, seed), *((p.rows, p.share * p.fit) for p in _partners(context, seed))):
                rows.append(found)
                shares.append(share)
        if not rows:
            return no_candidates()
        distinct, inverse = np.unique(np.concatenate(rows), return_inverse=True)
        total = np.bincount(inverse, np.concatenate(shares), len(distinct)) / len(context.seeds[:MAX_SEEDS])
        kept = total > 0.0
        best, scores = top(distinct[kept].astype(np.int32), total[kept].astype(np.float32), k)
        return Candidates(best, np.sqrt(np.minimum(scores, np.float32(1.0))))

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the seed that it was bought with, else the category that its own is bought with."""
        view = context.view
        told: dict[int, Reason] = {}
        for seed in context.seeds[:MAX_SEEDS].tolist():
            found, _ = _of_item(context, seed)
            title = view.title(seed)
            told.update((row, Reason(f"Bought together with {title}", seed, title)) for row in found.tolist() if row not in told)
        for seed in context.seeds[:MAX_SEEDS].tolist():
            name = view.category_name(seed)
            for partner in _partners(context, seed):
                told.update((row, Reason(f"Goes with {name}", -1, name)) for row in partner.rows.tolist() if row not in told)
        return [told.get(row, Reason("Goes together")) for row in rows]


def _of_item(context: Context, seed: int) -> tuple[Rows, Floats]:
    """Return rows from elsewhere that orders hold with a seed, and the excess as a share of the seed's, shrunk."""
    behaviour = context.behaviour
    number = behaviour.number_of_row(context.view, seed)
    numbers, excess = behaviour.bought.excess(number) if number >= 0 else (np.empty(0, np.int32), np.empty(0))
    rows = behaviour.rows(context.view, numbers)
    kept = rows >= 0
    kept[kept] = elsewhere(context)[rows[kept]]
    baskets = _baskets(behaviour.bought, number)
    return rows[kept], excess[kept] / (baskets + BASKETS_PRIOR)


def _partners(context: Context, seed: int) -> Iterator[_Partner]:
    """Yield the categories that go best with a seed's, and of each the rows that fit best."""
    view, behaviour = context.view, context.behaviour
    code = int(view.main_category[seed])
    if code < 0:
        return
    codes, excess = behaviour.categories.excess(code)
    number = behaviour.number_of_row(view, seed)
    # The prior's part of the whole: the less, the more is known of the seed itself.
    part = BASKETS_PRIOR / (_baskets(behaviour.bought, number) + BASKETS_PRIOR)
    weight = part / _SPREAD / (_baskets(behaviour.categories, code) + BASKETS_PRIOR)
    for place in np.argsort(-excess, kind="stable")[:CATEGORIES_READ].tolist():
        rows, fit = _of_category(context, seed, int(codes[place]))
        if len(rows):
            yield _Partner(seed, int(codes[place]), float(excess[place]) * weight, rows, fit)


def _of_category(context: Context, seed: int, code: int) -> tuple[Rows, Floats]:
    view = context.view
    rows = view.main_category_rows(code)
    rows = rows[elsewhere(context)[rows]]
    popular = context.orders.popular[rows]
    if len(rows) > 4 * ITEMS_READ:
        best = np.argpartition(-popular, 4 * ITEMS_READ)[: 4 * ITEMS_READ]
        rows, popular = rows[best], popular[best]
    near = np.maximum(view.vectors_of(rows) @ view.vectors_of(np.asarray([seed]))[0], 0.0) if view.has_vector[seed] else 0.0
    rows, fit = top(rows.astype(np.int32), (0.1 + 0.5 * popular + 0.4 * near).astype(np.float32), ITEMS_READ)
    return rows, fit.astype(np.float64)


def _baskets(counted: Counted, number: int) -> float:
    return float(counted.popularity[number]) if 0 <= number < len(counted.popularity) else 0.0


class SimilarElsewhere:
    """The nearest by text that lie in other categories than the seeds."""

    name: ClassVar[str] = "similar_elsewhere"

    def candidates(self, context: Context, k: int) -> Candidates:
        """Return what is nearest to the seeds' mean elsewhere."""
        view = context.view
        seeds = context.seeds[view.has_vector[context.seeds]]
        mask = elsewhere(context)
        if not len(seeds) or not mask.any():
            return no_candidates()
        mean = view.vectors_of(seeds).mean(axis=0)
        length = float(np.linalg.norm(mean))
        return similar(*view.search((mean / length).astype(np.float32), k, mask)) if length > 0.0 else no_candidates()

    def reasons(self, context: Context, rows: Sequence[int]) -> list[Reason]:
        """Name the category that it comes from."""
        names = [context.view.category_name(row) for row in rows]
        return [Reason(f"From {name}", title=name) for name in names]
