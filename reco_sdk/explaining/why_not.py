"""Why an item is not in a slate: the first stage that dropped it, and what would show it.

What would show it is found by asking again: each thing that stands in the way is removed, in a copy of the request or of the
catalogue, until the item is there. So what is proposed has been tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

import numpy as np

from reco_sdk.engine import Engine
from reco_sdk.explaining.answers import Change, WhyNot
from reco_sdk.explaining.dropped import Found, look, more_text
from reco_sdk.messages import said
from reco_sdk.request import MAX_N, Request
from reco_sdk.snapshot.view import View
from reco_sdk.trace import Trace

__all__ = ["why_not"]

MOST_CHANGES: Final = 8
_COLUMNS: Final = {
    "published_at": "published",
    "expires_at": "expires",
    "availability": "available",
    "quantity": "available",
}


def why_not(engine: Engine, item_id: str, request: Request) -> WhyNot:
    """Say which stage first dropped an item, and what would show it. Memory only; any thread may call it.

    Raises
    ------
    UnknownItem
        When none of the request's seeds is in the catalogue.
    """
    started = perf_counter()
    view = engine.state.view.at_site(request.filters.site)
    row = view.row(item_id)
    if row < 0:
        engine.recommend(replace(request, n=1), Trace())  # an unknown seed is an error all the same
        text = said("the catalogue does not hold it: it was never stored, or was deleted, or its id is written differently")
        return WhyNot(item_id=item_id, stage="unknown_item", text=text, timings_ms=_since(started))
    engine = copy(engine)
    engine.gives_reasons = False
    first: Found | None = None
    changes: list[Change] = []
    asked = request
    while True:
        found = look(engine, row, asked)
        first = first or found
        if found.stage == "shown" or found.change is None or len(changes) == MOST_CHANGES:
            break
        changes.append(found.change)
        asked = replace(asked, **found.change.request)
        engine = _changed(engine, row, found.change)
    if found.stage == "shown" and any(change.item for change in changes):
        changes += _behind_its_equals(engine, row, asked)
    return WhyNot(
        item_id=item_id,
        title=view.title(row),
        stage=first.stage,
        text=first.text,
        changes=_joined(changes) if found.stage == "shown" else (),
        timings_ms=_since(started),
        **first.more,
    )


def _since(started: float) -> Mapping[str, float]:
    return {"total": (perf_counter() - started) * 1_000.0}


def _joined(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes without those that a later one makes anew: of two numbers of places only the larger counts."""
    kept = [
        change
        for place, change in enumerate(changes)
        if set(change.request) != {"n"} or not any(set(later.request) == {"n"} for later in changes[place + 1 :])
    ]
    return tuple(kept)


def _changed(engine: Engine, row: int, change: Change) -> Engine:
    """Return an engine over what a change makes of the catalogue and of the rules; nothing of the real ones is touched."""
    if not change.item and not change.rules:
        return engine
    state = engine.state
    if change.item:
        state = replace(state, view=_with_item(state.view, row, change.item))
    if change.rules and state.rules is not None:
        state = replace(state, rules=state.rules.without(change.rules))
    twin = copy(engine)
    twin.state = state
    twin._masks = {}  # noqa: SLF001 -- those of the real catalogue are not to be mixed with these
    return twin


def _with_item(view: View, row: int, patch: Mapping[str, Any]) -> View:
    columns: dict[str, Any] = {}
    for name, value in patch.items():
        column = _COLUMNS[name]
        columns[column] = np.array(getattr(view, column))
        columns[column][row] = True if column == "available" else value.timestamp() if value is not None else math.inf
    return view.with_columns(columns)


def _behind_its_equals(engine: Engine, row: int, request: Request) -> list[Change]:
    """Return the places more that a changed item may need: once it is stored anew it stands behind all that score the same."""
    item_id = engine.state.view.item_id(row)
    slate = engine.recommend(replace(request, n=MAX_N), Trace())
    own = next((item for item in slate.items if item.id == item_id), None)
    if own is None:
        return []
    last = max(item.position for item in slate.items if abs(item.score - own.score) <= 1e-9) + 1
    if last <= request.n:
        return []
    return [Change(text=more_text(last, request.n), request={"n": last})]
