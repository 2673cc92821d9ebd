"""Merchandising rules at work: what they hide, boost, bury, pin and replace in one view of the catalogue.

Worked out beside the requests, whenever a rule or an item changes. A request looks up which rules are meant for it (kept by
where it is asked) and reads from there: rules that hide as one mask, those that boost and bury as bits of each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from reco_sdk.items.catalogue import Columns, facet
from reco_sdk.ranking.draft import Draft
from reco_sdk.ranking.expressions import Expression, parse_expression
from reco_sdk.ranking.filters import Filters
from reco_sdk.ranking.fusion import Fused
from reco_sdk.ranking.nodes import path_of
from reco_sdk.ranking.rules import Rule
from reco_sdk.ranking.weighing import Weighing, Weights, rule_name
from reco_sdk.snapshot.view import View
from reco_sdk.types import BoolMask, Rows

__all__ = ["ActiveRules", "Place", "RuleSet", "Steering", "rule_name"]

_KEPT: Final = 512
_Target = tuple[tuple[str, ...], ...]
_rows_in_base: WeakKeyDictionary[Columns, dict[_Target, npt.NDArray[np.int32]]] = WeakKeyDictionary()
"""What each target names in a snapshot, which later views share."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row is asked for, as far as rules care.

    Parameters
    ----------
    placement, strategy
        Of the request.
    filters
        Sites, languages and categories are read from them.
    segments
        Whoever asks belongs to.
    """

    placement: str
    strategy: str
    filters: Filters
    segments: tuple[str, ...] = ()


class RuleSet:
    """The rules of one version of the store.

    Parameters
    ----------
    version
        The number of the last change.
    rules
        All of them; those that are not enabled do nothing.
    """

    def __init__(self, version: int, rules: Sequence[Rule]) -> None:
        self.version = version
        self.rules = tuple(sorted((rule for rule in rules if rule.enabled), key=lambda rule: (-rule.priority, rule.id)))
        self.all_rules = tuple(rules)

    def over(self, view: View) -> ActiveRules | None:
        """Work the rules out over a view; ``None`` where there are none."""
        return ActiveRules(self, view) if self.rules else None


@dataclass(frozen=True, slots=True)
class _Meant:
    """The rules for one place, until the dates of one begin or end."""

    since: float
    until: float
    numbers: tuple[int, ...]
    hidden: BoolMask | None
    weights: Weights | None
    pins: tuple[int, ...]
    replaces: Rule | None
    varying: tuple[int, ...]


class ActiveRules:
    """Rules over one view; any thread may ask."""

    def __init__(self, rules: RuleSet, view: View) -> None:
        self.version = rules.version
        self.rules = rules.rules
        self._expressions: list[Expression | None] = [parse_expression(r.where) if r.where else None for r in self.rules]
        self._without: frozenset[str] = frozenset()
        self._for_some = [rule for rule in self.rules if rule.segments]
        self.segments = frozenset(name for rule in self._for_some for name in rule.segments)
        """What rules ask of whoever asks."""
        self._work_out(view)

    def _work_out(self, view: View) -> None:
        self._view = view
        self._rows = [self._target(number) for number in range(len(self.rules))]
        self.weighing = Weighing(self.rules, self._rows, len(view))
        pages = dict.fromkeys(path_of(path) for rule in self.rules for path in rule.in_categories)
        self._pages: dict[str, BoolMask] = {path: self._facet(view, "category", path) for path in pages}
        self._meant: dict[tuple[object, ...], _Meant] = {}
        self._at_sites: dict[View, ActiveRules] = {}

    def at_site(self, view: View) -> ActiveRules:
        """Return the rules over the view of a site, :meth:`~reco_sdk.snapshot.view.View.at_site`; kept."""
        if view is self._view:
            return self
        found = self._at_sites.get(view)
        if found is None:
            found = copy(self)
            found._work_out(view)  # noqa: SLF001 -- its own class
            self._at_sites = {**self._at_sites, view: found}
        return found

    # -- what each rule acts on

    def _target(self, number: int) -> npt.NDArray[np.int32]:
        """Return the rows that a rule names, without what depends on the request; the snapshot's are shared."""
        rule, view = self.rules[number], self._view
        columns = view.columns
        kept = _rows_in_base.setdefault(columns, {})
        expression = self._expressions[number]
        where = "" if expression is None or _varies(expression) else rule.where
        constant = expression if where else None
        key = (rule.items, rule.categories, rule.brands, (where,))
        if key not in kept:
            if len(kept) >= 4 * _KEPT:
                kept.clear()
            kept[key] = _named(columns, rule, constant)
        rows = kept[key]
        if view.n_delta:
            rows = np.concatenate((rows, _named(view.delta, rule, constant) + np.int32(view.n_base)))
        return rows

    @staticmethod
    def _facet(view: View, kind: str, text: str) -> BoolMask:
        out = np.zeros(len(view), np.bool_)
        out[view.facet_rows(facet(kind, text))] = True
        return out

    def named_by(self, number: int, now: float, seeds: Sequence[int]) -> BoolMask:
        """Return the rows that a rule acts on in one request."""
        out = np.zeros(len(self._view), np.bool_)
        out[self._rows[number]] = True
        expression = self._expressions[number]
        if expression is not None and _varies(expression):
            out |= expression.mask(self._view, now, seeds)
        return out

    def names(self, rule: Rule, row: int) -> bool:
        """Return whether a rule acts on a row whatever the request."""
        return bool(np.isin(row, self._rows[self.rules.index(rule)]))

    def never(self, rule: Rule) -> bool:
        """Return whether a rule acts on nothing that is in the catalogue, whatever the request."""
        number = self.rules.index(rule)
        expression = self._expressions[number]
        return not (expression is not None and _varies(expression)) and not self._view.alive[self._rows[number]].any()

    def without(self, rule_ids: Collection[str]) -> ActiveRules:
        """Return the rules as if some of them were taken back, to ask what would be if."""
        twin = copy(self)
        twin._meant, twin._at_sites = {}, {}  # noqa: SLF001 -- its own class
        twin._without = self._without | set(rule_ids)  # noqa: SLF001
        return twin

    # -- which rules are meant

    def segments_at(self, placement: str, strategies: Collection[str]) -> frozenset[str]:
        """Return the segments that decide over a row: another visitor may be shown another one."""
        return frozenset(
            name
            for rule in self._for_some
            if (not rule.placements or placement in rule.placements)
            and (not rule.strategies or not set(rule.strategies).isdisjoint(strategies))
            for name in rule.segments
        )

    def meant(self, place: Place, now: float, seeds: Sequence[int]) -> _Meant:
        """Return the rules for a place at ``now`` (epoch seconds)."""
        on = tuple(any(mask[row] for row in seeds) for mask in self._pages.values()) if seeds and self._pages else ()
        filters = place.filters
        bounds = filters.site, filters.attributes, filters.languages, filters.categories
        key = (place.placement, place.strategy, bounds, place.segments, on)
        found = self._meant.get(key)
        if found is None or not found.since <= now < found.until:
            found = self._look_up(place, now, on)
            if len(self._meant) >= _KEPT:
                self._meant = {}
            self._meant[key] = found
        return found

    def _look_up(self, place: Place, now: float, on: tuple[bool, ...]) -> _Meant:
        bounds = dict(place.filters.attributes)
        here: Mapping[str, frozenset[str]] = {
            "placements": frozenset({place.placement}),
            "strategies": frozenset({place.strategy}),
            "sites": _folded((*bounds.get("sites", ()), place.filters.site)),
            "languages": _folded((*bounds.get("languages", ()), *place.filters.languages)),
            "segments": frozenset(place.segments),
        }
        pages = {path for path, lies in zip(self._pages, on, strict=False) if lies}
        given = [path_of(path).casefold() for path in place.filters.categories]
        pages |= {path for path in self._pages if any(_is_under(one, path.casefold()) for one in given)}
        numbers = [
            n
            for n, rule in enumerate(self.rules)
            if rule.id not in self._without
            and rule.holds_at(now)
            and _holds_here(rule, here)
            and (not rule.in_categories or pages & set(map(path_of, rule.in_categories)))
        ]
        edges = [
            at.timestamp()
            for rule in self.rules
            for at in (rule.starts_at, rule.ends_at)
            if at is not None and at.timestamp() > now
        ]
        hides = [n for n in numbers if self.rules[n].action == "hide"]
        hidden = np.zeros(len(self._view), np.bool_) if any(len(self._rows[n]) for n in hides) else None
        if hidden is not None:
            for n in hides:
                hidden[self._rows[n]] = True
        acts = (n for n in numbers if self.rules[n].action == "replace")
        return _Meant(
            since=now,
            until=min(edges, default=math.inf),
            numbers=tuple(numbers),
            hidden=hidden,
            weights=self.weighing.meant(numbers),
            pins=tuple(n for n in numbers if self.rules[n].action == "pin"),
            replaces=next((self.rules[n] for n in acts), None),
            varying=tuple(n for n in numbers if (e := self._expressions[n]) is not None and _varies(e)),
        )

    def at(self, place: Place, now: float, seeds: Sequence[int]) -> Steering | None:
        """Return what rules do to one request; ``None`` where none is meant."""
        meant = self.meant(place, now, seeds)
        return Steering(self, self._view, meant, now, seeds) if meant.numbers else None


class Steering:
    """What the rules that are meant for it do to one request, stage by stage."""

    __slots__ = ("_meant", "_now", "_rules", "_seeds", "_view", "key", "replaces")

    def __init__(self, rules: ActiveRules, view: View, meant: _Meant, now: float, seeds: Sequence[int]) -> None:
        self._rules, self._view, self._meant, self._now, self._seeds = rules, view, meant, now, seeds
        self.key = (rules.version, meant.numbers)
        self.replaces = meant.replaces

    @property
    def pins(self) -> bool:
        """Whether anything is pinned."""
        return bool(self._meant.pins)

    @property
    def rules(self) -> list[Rule]:
        """The rules that are meant, the first first."""
        return [self._rules.rules[number] for number in self._meant.numbers]

    def hidden(self) -> BoolMask | None:
        """Return which rows rules hide, ``None`` for none."""
        out = self._meant.hidden
        for number in self._meant.varying:
            if self._rules.rules[number].action == "hide":
                more = self._rules.named_by(number, self._now, self._seeds)
                out = more if out is None else out | more
        return out

    def hiding(self, row: int) -> list[Rule]:
        """Return the rules that hide a row, the first first."""
        return [
            self._rules.rules[number]
            for number in self._meant.numbers
            if self._rules.rules[number].action == "hide" and self._rules.named_by(number, self._now, self._seeds)[row]
        ]

    def hide(self, mask: BoolMask) -> None:
        """Take out of a mask what rules hide."""
        hidden = self.hidden()
        if hidden is not None:
            np.greater(mask, hidden, out=mask)

    def weigh(self, fused: Fused) -> Fused:
        """Multiply scores by the factors of rules that boost and bury; see :meth:`told_apart` for which did what."""
        meant = self._meant
        if (meant.weights is None and not meant.varying) or not len(fused.rows):
            return fused
        return self._rules.weighing.weigh(fused, meant.weights, self._varying_masks())

    def told_apart(self, rows: Rows, contributions: list[dict[str, float]]) -> list[dict[str, float]]:
        """Return the contributions to the scores of rows with one for each rule that boosts or buries them."""
        return self._rules.weighing.told_apart(contributions, rows, self._meant.weights, self._varying_masks())

    def _varying_masks(self) -> dict[int, BoolMask]:
        """Return what rules that boost or bury act on in this request, where that depends on it, by their numbers."""
        numbers = (number for number in self._meant.varying if self._rules.rules[number].factor is not None)
        return {number: self._rules.named_by(number, self._now, self._seeds) for number in numbers}

    def listed(self, rule: Rule, mask: BoolMask, n: int, one_per_group: bool) -> Draft:
        """Return the row that a rule lists, as far as ``mask`` lets it be shown."""
        out = Draft([], [])
        free = mask.copy()
        for row in map(self._view.row, rule.items):
            if row < 0 or not free[row] or len(out.rows) >= n:
                continue
            free[self._view.variants(row) if one_per_group else row] = False
            out.rows.append(row)
            out.contributions.append({rule_name(rule): 1.0 - len(out.rows) / (2.0 * n)})
        out.pinned.update(out.rows)
        return out

    def pin(self, draft: Draft, mask: BoolMask, n: int, one_per_group: bool, best: Callable[[BoolMask], int]) -> None:
        """Put what is pinned into its slot, as far as ``mask`` allows it; the rest moves on, variants of it go.

        Parameters
        ----------
        draft
            The slate so far; changed in place.
        mask
            What may be shown.
        n
            How many places there are.
        one_per_group
            Whether one variant stands for all.
        best
            Returns the best row of a mask, −1 for none: for pins of what is not in the slate.
        """
        free = mask.copy()
        slots: dict[int, tuple[int, str]] = {}
        for number in self._meant.pins:
            rule = self._rules.rules[number]
            slot = (rule.slot or 1) - 1
            for row in self._to_pin(number, draft, free, one_per_group, best):
                while slot in slots:  # whoever goes first has the slot, the next one what follows
                    slot += 1
                if slot >= n:
                    break
                free[self._view.variants(row) if one_per_group else row] = False
                slots[slot] = (row, rule_name(rule))
                slot += 1
        if slots:
            gone = {int(r) for row, _ in slots.values() for r in (self._view.variants(row) if one_per_group else (row,))}
            draft.put(slots, gone, n)

    def _to_pin(
        self, number: int, draft: Draft, free: BoolMask, one_per_group: bool, best: Callable[[BoolMask], int]
    ) -> list[int]:
        rule = self._rules.rules[number]
        if rule.items:
            out: list[int] = []
            left = free.copy()
            for row in map(self._view.row, rule.items):
                if row >= 0 and left[row]:
                    left[self._view.variants(row) if one_per_group else row] = False
                    out.append(row)
            return out
        named = self._rules.named_by(number, self._now, self._seeds) & free
        found = next((row for row in draft.rows if named[row]), -1)
        if found < 0:
            found = best(named)
        return [found] if found >= 0 else []


def _named(columns: Columns, rule: Rule, expression: Expression | None) -> npt.NDArray[np.int32]:
    """Return which rows of some columns a rule names."""
    out = np.zeros(len(columns), np.bool_)
    out[[row for row in map(columns.ids.row, rule.items) if row >= 0]] = True
    for path in rule.categories:
        out[columns.facets.rows(facet("category", path_of(path)))] = True
    for brand in rule.brands:
        out[columns.facets.rows(facet("brand", brand))] = True
    if expression is not None:
        out |= expression.mask_of(columns)
    return np.flatnonzero(out).astype(np.int32)


def _varies(expression: Expression) -> bool:
    return expression.needs_seed or expression.needs_now


def _folded(texts: Sequence[str]) -> frozenset[str]:
    return frozenset(text.strip().casefold() for text in texts)


def _holds_here(rule: Rule, here: Mapping[str, frozenset[str]]) -> bool:
    for name, present in here.items():
        wanted: Any = getattr(rule, name)
        if wanted and not (_folded(wanted) & present if name in {"sites", "languages"} else present & set(wanted)):
            return False
    return True


def _is_under(path: str, parent: str) -> bool:
    return path == parent or path.startswith(f"{parent} > ")
