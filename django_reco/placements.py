"""``RECO["PLACEMENTS"]``: what is asked for, and how it is shown, at each place of the shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django_reco.conf import get_settings
from django_reco.specs import Problem
from reco_sdk.errors import ConfigError
from reco_sdk.placements import DEFAULTS, Placement, read_placements

__all__ = ["MANY", "PlacementSpec", "placement_spec", "read_specs"]

MANY: Final = {"category": "categories", "brand": "brands", "language": "languages", "tag": "tags", "attribute": "attributes"}
"""Filters as a tag names one, and as the recommender calls several."""
_OWN: Final = ("title", "template", "seeds")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSpec:
    """One entry of ``RECO["PLACEMENTS"]``; what is left out stays as it is by default.

    Parameters
    ----------
    ask
        Strategy, fallbacks, number and filters.
    title
        Heading of the row; by default that of the strategy that answered.
    template
        Name of the row's template; by default it is looked for, see the how-to on templates.
    seeds
        Dotted name of ``callable(request)`` that returns what the row starts from where the page names nothing: a cart, a list.
    """

    ask: Placement
    title: str | None = None
    template: str | None = None
    seeds: str | None = None


def read_specs(raw: object) -> tuple[dict[str, PlacementSpec], list[Problem]]:
    """Return every placement that can be read, and what cannot work."""
    name = 'RECO["PLACEMENTS"]'
    if not isinstance(raw, Mapping):
        return {}, [_problem(f"{name} is {type(raw).__name__}, not a dict; write {{'cart': {{'n': 6}}}}")]
    specs: dict[str, PlacementSpec] = {}
    problems: list[Problem] = []
    for placement, given in raw.items():
        own: dict[str, Any] = {}
        rest = given
        if isinstance(given, Mapping):
            own = {key: given[key] for key in _OWN if given.get(key) is not None}
            rest = {key: value for key, value in given.items() if key not in _OWN}
            if isinstance(rest.get("filters"), Mapping):
                rest["filters"] = {MANY.get(key, key): value for key, value in rest["filters"].items()}
        for key, value in own.items():
            if not isinstance(value, str):
                problems.append(_problem(f'{name}["{placement}"]["{key}"] is {value!r}; give text'))
        try:
            specs[placement] = PlacementSpec(ask=read_placements({placement: rest}, name)[placement], **own)
        except ConfigError as error:
            problems.append(_problem(str(error)))
    return specs, problems


def _problem(told: str) -> Problem:
    message, _, mend = told.partition("; ")
    return Problem("reco.E060", f"{message}.", f"{mend[:1].upper()}{mend[1:]}.")


def placement_spec(name: str) -> PlacementSpec | None:
    """Return what the settings say of a placement, else the default; ``None`` where there is no such placement."""
    found = get_settings().placements.get(name)
    if found is not None:
        return found  # type: ignore[no-any-return]
    default = DEFAULTS.get(name)
    return None if default is None else PlacementSpec(ask=default)
