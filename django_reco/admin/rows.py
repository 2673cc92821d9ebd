"""Rows as the admin shows them: what a placement answers for a product, why, and what a rule would change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django_reco.asked import build_request
from django_reco.context import Visitor
from django_reco.hydrate import hydrate
from django_reco.registry import adapter_for, adapters
from django_reco.rendering import heading
from django_reco.rules import read_rules
from django_reco.scopes import scope_of
from reco_sdk.asking import ask
from reco_sdk.errors import InvalidRule, UnknownItem
from reco_sdk.explaining import answering, explained, why_not, with_rule
from reco_sdk.items.catalogue import Columns
from reco_sdk.placements import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_reco.asked import Question
    from reco_sdk.engine import Engine
    from reco_sdk.explaining import Explanation, ItemExplanation, WhyNot
    from reco_sdk.explaining.chain import Ask
    from reco_sdk.ranking.rules import Rule
    from reco_sdk.snapshot.view import View

__all__ = ["Row", "Shown", "missing", "page", "pictures", "preview", "search", "touching"]

FROM_ITEM: Final = ("item", "cart", "checkout", "order_confirmation")
"""Placements whose rows start from a product."""
MOST_FOUND: Final = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One place of a row.

    Parameters
    ----------
    why
        What the recommender says of it.
    image
        Its picture, where the shop's object has one.
    moved
        In a preview: places up, below 0 down.
    new
        In a preview: not in the row before.
    """

    why: ItemExplanation
    image: str | None = None
    moved: int = 0
    new: bool = False

    @property
    def down(self) -> int:
        """Places down, 0 for none."""
        return max(-self.moved, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """What one placement answers."""

    placement: str
    heading: str
    told: Explanation
    items: tuple[Shown, ...]


def preview(engine: Engine, rule: Rule, item_id: str, placement: str) -> dict[str, Any]:
    """Return a row before and after a rule; nothing is stored.

    Parameters
    ----------
    engine
        What answers.
    rule
        Taken to hold now, in place of the stored one of its id.
    item_id
        What the row starts from, where its placement does.
    placement
        Where it is shown.

    Raises
    ------
    RecoError
        When it cannot be asked so.
    """
    asked = _question(engine, placement if placement in DEFAULTS else "item", item_id)
    asked = replace(asked, segments=rule.segments)  # as those see the row that it is meant for
    try:
        rules = [other for other in read_rules() if other.enabled]
    except InvalidRule:
        rules = None  # those that the engine could read
    before, after = (_row(one, asked) for one in (engine, with_rule(engine, rule, rules)))
    places = {shown.why.id: shown.why.position for shown in before.items}
    items = tuple(
        replace(shown, new=shown.why.id not in places, moved=places.get(shown.why.id, shown.why.position) - shown.why.position)
        for shown in after.items
    )
    same = [shown.why.id for shown in before.items] == [shown.why.id for shown in items]
    return {"before": before, "after": replace(after, items=items), "same": same}


def page(engine: Engine, item_id: str) -> list[Row]:
    """Return the rows of every placement for a product, those that start from it first."""
    names = (*FROM_ITEM, *(name for name in DEFAULTS if name not in FROM_ITEM and name != "email"))
    rows = []
    for name in names:
        try:
            rows.append(_row(engine, _question(engine, name, item_id)))
        except UnknownItem:
            continue
    return rows


def missing(engine: Engine, wanted: str, item_id: str, placement: str) -> WhyNot:
    """Return why a product is not in a row, and what would show it.

    Raises
    ------
    RecoError
        When the row cannot be asked for.
    """
    asked = _question(engine, placement if placement in DEFAULTS else "item", item_id)
    return why_not(engine, wanted, answering(engine, _ask(engine, asked)))


def touching(engine: Engine, item_id: str) -> list[Rule]:
    """Return the rules that act on a product, the first first."""
    active, row = engine.state.rules, engine.state.view.row(item_id)
    if active is None or row < 0:
        return []
    return [rule for rule in active.rules if item_id in rule.items or active.names(rule, row)]


def search(view: View, words: str) -> list[tuple[str, str]]:
    """Return id and title of the products whose title holds every word, or that have this id."""
    wanted = words.casefold().split()
    found: list[tuple[str, str]] = []
    for row in range(len(view)):
        if len(found) == MOST_FOUND:
            break
        if not view.alive[row]:
            continue
        item_id, title = view.item_id(row), view.title(row)
        if words == item_id or all(word in title.casefold() for word in wanted):
            found.append((item_id, title))
    return found


def pictures(item_ids: Sequence[str]) -> dict[str, str]:
    """Return the addresses of products' pictures, where the shop has any and may show the product; one query."""
    if not any(adapter.path("image") for adapter in adapters().values()):
        return {}
    out = {}
    for item_id, obj in hydrate(item_ids, None).items():
        adapter = adapter_for(obj)
        image = None if adapter is None else adapter.card(obj).image
        if image:
            out[item_id] = image
    return out


def _question(engine: Engine, placement: str, item_id: str) -> Question:
    seeds = [item_id] if item_id and placement in FROM_ITEM else []
    filters: dict[str, Any] = {}
    if item_id and placement == "category":
        path = _category(engine.state.view, item_id)
        filters = {"category": path} if path else {}
    asked = build_request(
        None, Visitor(), None, seeds=seeds, n=None, placement=placement, exclude=(), fallback=None, strict=None, relaxed=None,
        filters=scope_of(None).narrowed(filters),
    )  # fmt: skip
    return replace(asked, n=asked.shown)


def _category(view: View, item_id: str) -> str:
    """Return the path of the category that a product lies in, the deepest."""
    row = view.row(item_id)
    if row < 0:
        return ""
    columns: Columns = view.base.columns if row < view.n_base else view.delta
    return max(columns.facets.values(row if row < view.n_base else row - view.n_base, "category"), key=len, default="")


def _ask(engine: Engine, asked: Question) -> Ask:
    return lambda answer: ask(answer, lambda: engine.state.view, asked.strategies, relaxed=asked.relaxed, **asked.fields)


def _row(engine: Engine, asked: Question) -> Row:
    told = explained(engine, _ask(engine, asked))
    images = pictures([item.id for item in told.items])
    items = tuple(Shown(item, images.get(item.id)) for item in told.items)
    return Row(asked.placement, heading(told.slate.strategy) or told.slate.strategy, told, items)
