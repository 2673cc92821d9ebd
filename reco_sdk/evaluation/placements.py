"""The shop's own last days, asked as its pages ask: beside an item, in the cart, at home."""

from __future__ import annotations

from typing import Final

import numpy as np

from reco_sdk.errors import ConfigError
from reco_sdk.evaluation.cases import Cases, Part, Split, without_repeats
from reco_sdk.evaluation.dataset import Dataset, Sequences
from reco_sdk.evaluation.splitting import DAY_SECONDS, following_sessions, last_days
from reco_sdk.training.model import KIND_CODES

__all__ = ["placement_split"]

_ON_A_PAGE: Final = tuple(KIND_CODES.index(kind) for kind in ("view_item", "select_item", "add_to_cart"))
_LARGEST_CART: Final = 10
_IN_CART: Final = tuple(KIND_CODES.index(kind) for kind in ("add_to_cart", "purchase"))


def placement_split(data: Dataset, *, part: Part = "test", days: float = 30.0) -> Split:
    """Split a shop's log by time, and ask by placement.

    * ``item``: what a visitor turns to next in the session, from an item's page
    * ``cart``: what else comes into the cart, or is bought, in the session; while it holds ten items at most
    * ``home``: what a session of somebody who was here before holds

    As a page does not show again what was just seen, only items that are new to the visitor are asked for.

    Parameters
    ----------
    part
        ``validation`` for the days before the last ones.
    days
        How many; no more than a quarter of the whole.

    Raises
    ------
    ConfigError
        When too little happened to ask anything.
    """
    cut, until = last_days(data, part, days)
    log = data.log
    sessions = following_sessions(data, cut, until)
    asked = (
        without_repeats(_next_items(data, cut, until), log, "item"),
        without_repeats(_rest_of_carts(data, cut, until), log, "cart"),
        without_repeats(sessions.take(np.flatnonzero(sessions.lengths())), log, "home"),
    )
    cases = tuple(entry for entry in asked if len(entry))
    if not cases:
        raise ConfigError(
            f"{data.name}: nobody did anything twice in the last {(until - cut) / DAY_SECONDS:.1f} days; "
            "evaluate again when more has happened, or on a longer --days"
        )
    counts = ", ".join(f"{entry.name} {len(entry):,}" for entry in cases)
    window = f"the {'last' if part == 'test' else 'last but one'} {(until - cut) / DAY_SECONDS:.1f} days"
    return Split("time-split", part, log.times < cut, cases, cut=cut, description=f"{counts} cases in {window}")


def _next_items(data: Dataset, cut: float, until: float) -> Cases:
    log = data.log
    sequences = Sequences.of(log.users, log.n_users)
    places = sequences.places
    time, session, item, kind = log.times[places], log.sessions[places], log.items[places], log.kinds[places]
    follows = np.zeros(len(log), np.bool_)
    follows[1:] = (session[1:] == session[:-1]) & (item[1:] != item[:-1]) & (time[1:] >= cut) & (time[1:] < until)
    follows[1:] &= np.isin(kind[:-1], _ON_A_PAGE)
    at = np.flatnonzero(follows)
    user = log.users[places[at]]
    return Cases(
        places=places,
        starts=sequences.offsets[:-1][user],
        stops=at,
        targets=places[at],
        offsets=np.arange(len(at) + 1),
        units=user,
        exclude_input=True,
    )


def _rest_of_carts(data: Dataset, cut: float, until: float) -> Cases:
    log = data.log
    inside = np.flatnonzero(np.isin(log.kinds, _IN_CART) & (log.times >= cut) & (log.times < until))
    # Each item of a session once, where it came first.
    _, first = np.unique(log.sessions[inside].astype(np.int64) * log.n_items + log.items[inside], return_index=True)
    cart = inside[np.sort(first)]
    cart = cart[np.argsort(log.sessions[cart], kind="stable")]
    session = log.sessions[cart]
    begins = np.flatnonzero(np.r_[len(cart) > 0, session[1:] != session[:-1]]) if len(cart) else np.empty(0, np.int64)
    sizes = np.diff(np.append(begins, len(cart)))
    begin, end = np.repeat(begins, sizes), np.repeat(begins + sizes, sizes)
    at = np.arange(len(cart))
    asked = (at > begin) & (at <= begin + _LARGEST_CART)
    at, begin, end = at[asked], begin[asked], end[asked]
    offsets = np.zeros(len(at) + 1, np.int64)
    np.cumsum(end - at, out=offsets[1:])
    rest = np.repeat(at - offsets[:-1], end - at) + np.arange(offsets[-1])
    return Cases(
        places=cart, starts=begin, stops=at, targets=cart[rest], offsets=offsets, units=log.users[cart[at]], exclude_input=True
    )
