"""Placements: what is asked for at each place of a shop, as defaults and as settings."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any, Final

from reco_sdk.errors import ConfigError, InvalidRequest
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.filters import Filters
from reco_sdk.request import MAX_N, PLACEMENTS
from reco_sdk.strategies import STRATEGIES

__all__ = ["DEFAULTS", "KEYS", "Placement", "read_placements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What is asked for at one placement.

    Parameters
    ----------
    strategy
        Asked first.
    n
        How many.
    fallback
        Strategies that are asked next, in this order, as long as nothing was found.
    filters
        What may be recommended there.
    strict
        Only what a strategy's own sources find, as in :class:`reco_sdk.request.Request`.
    relaxed
        Where fewer than ``n`` pass the filters, drop them one by one, as in :func:`reco_sdk.asking.ask`.
    diversity
        Caps, variety, rotation, places for new items; ``None``: as each strategy has it.
    """

    strategy: str
    n: int = 8
    fallback: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    strict: bool = False
    relaxed: bool = False
    diversity: Diversity | None = None

    @property
    def strategies(self) -> tuple[str, ...]:
        """All that may be asked, in order."""
        return (self.strategy, *self.fallback)


KEYS: Final = (*(f.name for f in dataclass_fields(Placement)), "where")
"""What the settings of a placement may name."""

DEFAULTS: Final[Mapping[str, Placement]] = {
    "home": Placement(strategy="recommended_for_you"),
    "category": Placement(strategy="bestsellers"),
    "item": Placement(strategy="you_may_also_like", fallback=("recommended_for_you",)),
    "cart": Placement(strategy="bought_together", fallback=("recommended_for_you",), n=6),
    "checkout": Placement(strategy="bought_together", fallback=("buy_again", "recommended_for_you"), n=4),
    "order_confirmation": Placement(strategy="bought_together", fallback=("recommended_for_you",)),
    "search_results": Placement(strategy="recommended_for_you"),
    "no_results": Placement(strategy="recommended_for_you"),
    "not_found": Placement(strategy="trending"),
    "account": Placement(strategy="buy_again", fallback=("recommended_for_you",)),
    "email": Placement(strategy="recommended_for_you"),
}
"""Every placement, and what is asked for there unless settings say otherwise."""


def read_placements(raw: object, setting: str = "placements") -> dict[str, Placement]:
    """Return every placement: the defaults, changed by what settings say of some.

    Parameters
    ----------
    raw
        ``{"cart": {"strategy": "bought_together", "n": 4, "filters": {"price_max": 50}, "fallback": ["bestsellers"]}}``;
        a text alone is a strategy. What is left out stays as in :data:`DEFAULTS`.
    setting
        How errors call it.

    Raises
    ------
    ConfigError
        For what cannot work: it names the setting, and after a semicolon the mend.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f'{setting} is {type(raw).__name__}, not a dict; write {{"cart": {{"n": 6}}}}')
    found = dict(DEFAULTS)
    for name, given in raw.items():
        where = f'{setting}["{name}"]'
        if name not in PLACEMENTS:
            raise ConfigError(f"{setting} has no placement {name!r}; {_nearest(name, PLACEMENTS)}")
        found[name] = _placement(found[name], {"strategy": given} if isinstance(given, str) else given, where)
    return found


def _placement(base: Placement, given: object, where: str) -> Placement:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} is {type(given).__name__}, not a dict; give a dict, or the name of a strategy")
    for key in given:
        if key not in KEYS:
            raise ConfigError(f"{where} has no setting {key!r}; {_nearest(key, KEYS)}")
    changes: dict[str, Any] = {}
    if "strategy" in given:
        changes["strategy"] = _strategy(given["strategy"], f'{where}["strategy"]')
    if "n" in given:
        changes["n"] = given["n"]
        if isinstance(given["n"], bool) or not isinstance(given["n"], int) or not 1 <= given["n"] <= MAX_N:
            raise ConfigError(f'{where}["n"] is {given["n"]!r}; give a whole number from 1 to {MAX_N:,}')
    if "fallback" in given:
        names = given["fallback"]
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise ConfigError(f'{where}["fallback"] is {names!r}; give a list of strategies')
        changes["fallback"] = tuple(_strategy(name, f'{where}["fallback"]') for name in names)
    for key in ("strict", "relaxed"):
        if key in given:
            changes[key] = given[key]
            if not isinstance(given[key], bool):
                raise ConfigError(f'{where}["{key}"] is {given[key]!r}; give True or False')
    if "diversity" in given:
        changes["diversity"] = _diversity(given["diversity"], f'{where}["diversity"]')
    if "filters" in given or "where" in given:
        changes["filters"] = _filters(given, where)
    made = replace(base, **changes)
    if made.strict and made.relaxed:
        raise ConfigError(f"{where} is strict and relaxed at once; choose one")
    return made


def _diversity(given: object, where: str) -> Diversity:
    if not isinstance(given, Mapping):
        raise ConfigError(f'{where} is {given!r}, not a dict; give shares, {{"brand_share": 0.5}}')
    try:
        return Diversity.from_dict(given)
    except InvalidRequest as error:
        raise ConfigError(f"{where}: {error}; see reco_sdk.ranking.diversity.Diversity") from error


def _filters(given: Mapping[Any, Any], where: str) -> Filters:
    named = given.get("filters", {})
    if not isinstance(named, Mapping):
        raise ConfigError(f'{where}["filters"] is {named!r}; give a dict of filters, {{"price_max": 50}}')
    known = [f.name for f in dataclass_fields(Filters) if f.init]
    for key in named:
        if key not in known:
            raise ConfigError(f'{where}["filters"] has no filter {key!r}; {_nearest(key, known)}')
    try:
        return Filters(**named, **({"where": given["where"]} if given.get("where") else {}))
    except (InvalidRequest, TypeError) as error:
        raise ConfigError(f'{where}["filters"]: {error}; see the filters of reco_sdk.ranking.filters.Filters') from error


def _strategy(name: object, where: str) -> str:
    if not isinstance(name, str) or name not in STRATEGIES:
        raise ConfigError(f"{where} is {name!r}, which is no strategy; {_nearest(name, STRATEGIES)}")
    return name


def _nearest(name: object, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
