"""The rulebook: rules as a store holds them, what they may name, and where they are at odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from reco_sdk.errors import InvalidRule
from reco_sdk.messages import said
from reco_sdk.ports import RuleStore
from reco_sdk.ranking.merchandising import ActiveRules, RuleSet
from reco_sdk.ranking.nodes import path_of
from reco_sdk.ranking.rules import Rule
from reco_sdk.request import PLACEMENTS
from reco_sdk.sessions.segments import KNOWN_SEGMENTS
from reco_sdk.snapshot.view import View
from reco_sdk.strategies import STRATEGIES

__all__ = ["Conflict", "check_names", "conflicts", "load_rules"]

_SHOWN: Final = 3
_SCOPES: Final = ("placements", "strategies", "sites", "languages")
_NEW: Final = {"new_visitor"}
_SEEN_BEFORE: Final = set(KNOWN_SEGMENTS) - _NEW


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two rules at odds, or one that can do nothing.

    Parameters
    ----------
    kind
        ``slot`` (two pins on one place), ``hidden`` (what is pinned or listed is hidden), ``replaced`` (two replacements of
        one row) or ``nothing`` (a rule that acts on no item).
    rule_ids
        Of the rules.
    text
        In plain words, with the mend.
    """

    kind: str
    rule_ids: tuple[str, ...]
    text: str


def check_names(rule: Rule) -> None:
    """Refuse a rule that names a placement or strategy that there is not.

    Raises
    ------
    InvalidRule
        Naming the known ones.
    """
    strategies = (*rule.strategies, *((rule.strategy,) if rule.strategy else ()))
    for name, given, known in (("placements", rule.placements, PLACEMENTS), ("strategy", strategies, STRATEGIES)):
        for word in given:
            if word not in known:
                raise InvalidRule(rule.id, name, f"{word!r} is unknown; use one of {', '.join(sorted(known))}")


async def load_rules(store: RuleStore, known: RuleSet) -> tuple[RuleSet, str | None]:
    """Return the store's rules, ``known`` itself when nothing changed since, and what was wrong with one that was left out."""
    if await store.rule_version() == known.version:
        return known, None
    version, stored = await store.rules()
    rules: list[Rule] = []
    wrong: str | None = None
    for one in stored:
        try:
            rules.append(Rule.of_stored(one))
        except InvalidRule as error:
            wrong = f"{error}; the other rules hold"
    return RuleSet(version, rules), wrong


def conflicts(rules: Sequence[Rule], view: View | None = None) -> list[Conflict]:
    """Return where enabled rules are at odds, in the order of the rules.

    Parameters
    ----------
    rules
        All of them.
    view
        The catalogue, to find rules that act on nothing, and what is hidden by a category or an expression.
    """
    live = [rule for rule in rules if rule.enabled]
    active = None if view is None else RuleSet(0, live).over(view)
    out: list[Conflict] = []
    for one, other in combinations(live, 2):
        found = _odds(one, other, active, view) if _meet(one, other) else None
        if found is not None:
            out.append(found)
    if active is not None:
        out += [_nothing(rule) for rule in live if _acts_on_nothing(rule, active, view)]
    return out


def _meet(one: Rule, other: Rule) -> bool:
    """Return whether both may be meant for one request."""
    if one.ends_at is not None and other.starts_at is not None and one.ends_at <= other.starts_at:
        return False
    if other.ends_at is not None and one.starts_at is not None and other.ends_at <= one.starts_at:
        return False
    for name in _SCOPES:
        mine, theirs = set(getattr(one, name)), set(getattr(other, name))
        if mine and theirs and not mine & theirs:
            return False
    # Somebody may belong to several segments, but nobody is both new and known.
    mine, theirs = set(one.segments), set(other.segments)
    if mine and theirs and any(a <= _NEW and b <= _SEEN_BEFORE for a, b in ((mine, theirs), (theirs, mine))):
        return False
    pages = [[path_of(path).casefold() for path in rule.in_categories] for rule in (one, other)]
    related = any(f"{a} > ".startswith(f"{b} > ") or f"{b} > ".startswith(f"{a} > ") for a in pages[0] for b in pages[1])
    return not pages[0] or not pages[1] or related


def _odds(one: Rule, other: Rule, active: ActiveRules | None, view: View | None) -> Conflict | None:
    ids = one.id, other.id
    if one.action == other.action == "pin":
        shared = _slots(one) & _slots(other)
        if shared:
            first = min((one, other), key=lambda rule: (-rule.priority, rule.id))
            text = said(
                "both pin to place %(slot)s; %(first)s goes first, the other takes the next place. Give them different places, "
                "dates or placements",
                slot=min(shared), first=first.id,
            )  # fmt: skip
            return Conflict("slot", ids, text)
    if one.action == other.action == "replace":
        first = min((one, other), key=lambda rule: (-rule.priority, rule.id))
        text = said("both replace one row; only %(first)s does. Give them different placements or rows", first=first.id)
        return Conflict("replaced", ids, text)
    for hiding, showing in ((one, other), (other, one)):
        if hiding.action == "hide" and showing.action in {"pin", "replace"}:
            lost = [item for item in showing.items if _hides(hiding, item, active, view)]
            if lost:
                text = said(
                    "%(hiding)s hides what %(showing)s shows: %(items)s. What is hidden is not shown",
                    hiding=hiding.id, showing=showing.id, items=[*lost[:_SHOWN], *(["…"] if len(lost) > _SHOWN else [])],
                )  # fmt: skip
                return Conflict("hidden", ids, text)
    return None


def _slots(rule: Rule) -> set[int]:
    first = rule.slot or 1
    return set(range(first, first + max(len(rule.items), 1)))


def _hides(rule: Rule, item_id: str, active: ActiveRules | None, view: View | None) -> bool:
    if item_id in rule.items:
        return True
    row = -1 if view is None else view.row(item_id)
    return active is not None and row >= 0 and active.names(rule, row)


def _acts_on_nothing(rule: Rule, active: ActiveRules, view: View | None) -> bool:
    if view is None:
        return False
    if rule.action == "replace":
        return bool(rule.items) and all(view.row(item) < 0 for item in rule.items)
    return active.never(rule)


def _nothing(rule: Rule) -> Conflict:
    text = said("%(rule)s acts on no item of the catalogue. Look at what it names, or delete it", rule=rule.id)
    return Conflict("nothing", (rule.id,), text)
