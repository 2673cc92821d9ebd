"""The shop's own past: what its pages asked in the last days, and the shop as it was before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from reco_sdk.config import Config
from reco_sdk.errors import ConfigError, SnapshotError
from reco_sdk.evaluation.cases import Cases, Part, Split
from reco_sdk.evaluation.dataset import Dataset
from reco_sdk.evaluation.leakage import Guard
from reco_sdk.evaluation.placements import placement_split
from reco_sdk.evaluation.shop import read_shop
from reco_sdk.items.text import TextRecipe
from reco_sdk.ports import Store
from reco_sdk.reading import PAGE
from reco_sdk.sessions.session import Event
from reco_sdk.snapshot.base import Base
from reco_sdk.snapshot.builder import of_log
from reco_sdk.snapshot.format import Snapshot
from reco_sdk.snapshot.log import InteractionLog
from reco_sdk.training.behaviour import learn_behaviour
from reco_sdk.training.examples import Past, Question
from reco_sdk.training.model import KIND_CODES

__all__ = ["PARTS", "STRATEGIES_OF", "History", "read_history", "read_past"]

STRATEGIES_OF: Final = {
    "item": ("you_may_also_like", "similar_items"),
    "cart": ("bought_together",),
    "home": ("recommended_for_you",),
}
"""What is asked at each placement of :func:`~reco_sdk.evaluation.placements.placement_split`."""
PARTS: Final[tuple[Part, Part]] = ("validation", "test")
"""The days that are learnt from, and the last ones, that decide."""
_ITEM_PAGE: Final = "item"
_CART: Final = "cart"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class History:
    """What happened, and how it is divided.

    Parameters
    ----------
    data
        The log.
    splits
        By part; a guard has looked at each.
    notes
        Why there is nothing to learn from, if so.
    """

    data: Dataset
    splits: dict[Part, Split]
    notes: tuple[str, ...] = ()

    def questions(self, part: Part, strategy: str, config: Config, *, most: int, seed: int) -> list[Question]:
        """Return what pages asked a strategy in a part's days, in an order drawn by lot."""
        split = self.splits.get(part)
        if split is None:
            return []
        for cases in split.cases:
            if strategy in STRATEGIES_OF.get(cases.name, ()):
                drawn = np.random.default_rng(seed).permutation(len(cases))[:most]
                return [_question(self.data, cases, int(case), config) for case in drawn]
        return []


def _question(data: Dataset, cases: Cases, case: int, config: Config) -> Question:
    log, ids = data.log, data.item_ids
    targets = cases.targets[cases.offsets[case] : cases.offsets[case + 1]]
    at = float(log.times[targets].min())
    shown = cases.places[cases.starts[case] : cases.stops[case]]
    lately = shown[log.times[shown] >= at - config.visitor_ttl_days * 86_400.0][-config.session_cap :]
    history = tuple(
        Event(KIND_CODES[int(log.kinds[place])], ids[int(log.items[place])], float(log.times[place])) for place in lately
    )
    seeds: tuple[str, ...] = ()
    if cases.name == _ITEM_PAGE:
        seeds = (ids[int(log.items[shown[-1]])],)
    elif cases.name == _CART:
        seeds = tuple(ids[int(item)] for item in log.items[shown])
    return Question(
        at=at,
        history=() if cases.name == _CART else history,
        seeds=seeds,
        targets=tuple(ids[int(item)] for item in np.unique(log.items[targets])),
        unit=int(cases.units[case]),
    )


async def read_history(
    store: Store, recipe: TextRecipe, config: Config, *, until: int, days: float, progress: Progress | None
) -> History:
    """Read what visitors did up to a sequence of the log, and divide it by time.

    Parameters
    ----------
    days
        Length of each part; no more than a quarter of the whole.

    Raises
    ------
    Leakage
        When a split shows what it asks for; nothing is learnt then.
    StoreError
        When the store fails.
    """
    data = await read_shop(
        store,
        recipe,
        "",
        gap_seconds=config.session_gap_minutes * 60.0,
        name="the shop's store",
        progress=progress,
        until=until,
    )
    return await asyncio.to_thread(_divided, data, days)


def _divided(data: Dataset, days: float) -> History:
    splits: dict[Part, Split] = {}
    notes: list[str] = []
    for part in PARTS:
        try:
            split = placement_split(data, part=part, days=days)
        except ConfigError as error:
            notes.append(str(error))
            continue
        Guard(data.log, split)
        splits[part] = split
    return History(data, splits, tuple(notes))


async def read_past(store: Store, snapshot: Snapshot, config: Config, cuts: Sequence[float], *, until: int) -> list[Past]:
    """Return the shop as it was at each of some times: its items as the snapshot holds them, and what was done before.

    Raises
    ------
    SnapshotError
        When the snapshot cannot be read.
    StoreError
        When the store fails.
    """
    aliases = await store.aliases()
    logs = [InteractionLog(aliases) for _ in cuts]
    sequence = 0
    while sequence < until and (page := await store.interactions_since(sequence, PAGE)):
        sequence = page[-1].sequence
        known = [stored.interaction for stored in page if stored.sequence <= until]
        for log, cut in zip(logs, cuts, strict=True):
            await asyncio.to_thread(log.add, [i for i in known if i.at.timestamp() < cut])
    return [await asyncio.to_thread(_past, snapshot, log, cut, config) for log, cut in zip(logs, cuts, strict=True)]


def _past(snapshot: Snapshot, log: InteractionLog, cut: float, config: Config) -> Past:
    base = Base.of(snapshot, exact_limit=config.exact_limit)
    ids = [base.columns.ids[row] for row in range(len(base))]
    if len(ids) == 0:
        raise SnapshotError(f"{snapshot.path} holds no items; run sync")
    log.clean(config.session_gap_minutes * 60.0)
    _, arrays = of_log(log, ids, base.columns, learn_behaviour, cut, config)
    return Past(Base.of(snapshot.overlaid(arrays, {"reference": cut}), exact_limit=config.exact_limit), config)
