"""What a tag, a view or a call asks for → a question to the recommender."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import Q

from django_reco.conf import get_settings
from django_reco.context import Visitor
from django_reco.languages import speaking
from django_reco.paths import load
from django_reco.placements import MANY, PlacementSpec, placement_spec
from django_reco.q import expression_of
from django_reco.starts import starts_of
from django_reco.values import category_path, text_of
from reco_sdk.errors import InvalidRequest
from reco_sdk.placements import Placement
from reco_sdk.ranking.diversity import Diversity
from reco_sdk.ranking.filters import NO_FILTERS, Filters
from reco_sdk.request import MAX_N
from reco_sdk.strategies import STRATEGIES

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["MAX_LEFT_OUT", "Question", "build_request", "placement_for"]

MAX_LEFT_OUT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be answered; see :func:`reco_sdk.asking.ask`.

    Parameters
    ----------
    strategies
        In the order in which they are asked.
    placement
        Where the row will be shown.
    shown
        How many will be shown.
    n
        How many are asked for: a few to spare.
    seeds, visitor_id, user_id, filters, strict, relaxed, diversity, segments
        As there.
    by_segment
        Whether a rule is meant for some segments only, so that another visitor may be answered differently.
    """

    strategies: tuple[str, ...]
    placement: str
    shown: int
    n: int
    seeds: tuple[str, ...] = ()
    visitor_id: str | None = None
    user_id: str | None = None
    filters: Filters = NO_FILTERS
    strict: bool = False
    relaxed: bool = False
    diversity: Diversity | None = None
    segments: tuple[str, ...] = ()
    by_segment: bool = False

    @property
    def strategy(self) -> str:
        """The one that is asked first."""
        return self.strategies[0]

    @property
    def fields(self) -> dict[str, Any]:
        """Those of the engine's request."""
        names = ("placement", "n", "seeds", "visitor_id", "user_id", "filters", "strict", "diversity", "segments")
        return {name: getattr(self, name) for name in names}

    @property
    def personal(self) -> bool:
        """Whether another visitor may be answered differently."""
        if self.by_segment:
            return True
        if not (self.visitor_id or self.user_id):
            return False
        return any(
            s.personal
            or s.hides_seen
            or s.reads_purchases
            or (self.diversity or s.diversity).by_visitor
            or (self.filters.exclude_purchased and not s.keeps_purchased)
            for s in (STRATEGIES[name] for name in self.strategies)
        )

    def without(self, item_ids: Iterable[str], n: int | None = None) -> Question:
        """Return the same question with more left out."""
        out = self.filters.exclude_ids | frozenset(item_ids)
        return replace(self, n=self.n if n is None else n, filters=replace(self.filters, exclude_ids=out))


def placement_for(seeds: Iterable[str]) -> str:
    """Return the placement that a row most likely has: an item's page when it starts from an item."""
    return "item" if seeds else "home"


def build_request(
    request: HttpRequest | None,
    visitor: Visitor,
    strategy: str | None,
    *,
    seeds: Any,
    n: int | None,
    placement: str | None,
    exclude: Iterable[str],
    fallback: Any,
    strict: bool | None,
    relaxed: bool | None,
    filters: dict[str, Any],
) -> Question:
    """Return the question for what a tag or view asks; without a strategy, what the placement's settings say.

    Raises
    ------
    InvalidRequest
        When it cannot be answered as asked.
    """
    starts = starts_of(seeds)
    spec = None
    if strategy is None:
        placement = placement or placement_for(starts)
        spec = placement_spec(placement)
        if spec is None:
            raise InvalidRequest("placement", f"{placement!r} is unknown; see the list of placements")
        if not starts and spec.seeds and request is not None:
            starts = starts_of(load(spec.seeds, f'RECO["PLACEMENTS"]["{placement}"]["seeds"]')(request))
    base = spec.ask if isinstance(spec, PlacementSpec) else Placement(strategy=strategy or "")
    strategies = (base.strategy, *(base.fallback if fallback is None else _names(fallback)))
    for name in strategies:
        if name not in STRATEGIES:
            raise InvalidRequest("strategy", f"{name!r} is unknown; use one of {', '.join(sorted(STRATEGIES))}")
    number = base.n if n is None else n
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidRequest("n", f"{number!r} is not a whole number")
    out = frozenset(exclude)
    if base.strategy == "recently_viewed":
        out = out.union(visitor.seen, starts)
        starts = []
    return Question(
        strategies=strategies,
        placement=placement or placement_for(starts),
        shown=number,
        # A few to spare; but an error names what was asked.
        n=min(number + get_settings().spare, MAX_N) if 1 <= number <= MAX_N else number,
        seeds=tuple(starts),
        visitor_id=visitor.visitor_id,
        user_id=visitor.user_id,
        filters=_filters(base.filters, filters, out),
        strict=base.strict if strict is None else bool(strict),
        relaxed=base.relaxed if relaxed is None else bool(relaxed),
        diversity=base.diversity,
    )


def _names(given: Any) -> tuple[str, ...]:
    """Return the strategies of a fallback, written as a list or with commas between."""
    names = given.split(",") if isinstance(given, str) else given
    return tuple(str(name).strip() for name in names if str(name).strip())


def _filters(base: Filters, filters: Mapping[str, Any], out: frozenset[str]) -> Filters:
    given = {MANY.get(name, name): value for name, value in filters.items()}
    for name in ("price_min", "price_max"):
        if given.get(name) is not None and not isinstance(given[name], int | float):
            given[name] = float(given[name])
    for name in ("categories", "brands", "tags", "languages"):
        if name in given and not isinstance(given[name], str):
            values = given[name] if isinstance(given[name], list | tuple | set | frozenset) else [given[name]]
            # A page in another language names its category as an object, which is to be told as items were.
            with speaking(settings.LANGUAGE_CODE):
                given[name] = tuple(category_path(value) if name == "categories" else text_of(value) for value in values)
    if isinstance(given.get("where"), Q):
        given["where"] = expression_of(given["where"])
    if base.attributes and "attributes" in given:
        pairs = given["attributes"].items() if isinstance(given["attributes"], Mapping) else given["attributes"]
        given["attributes"] = {**dict(base.attributes), **dict(pairs)}
    if out:
        given["exclude_ids"] = out | base.exclude_ids | frozenset(given.get("exclude_ids", ()))
    if not given:
        return base
    try:
        return replace(base, **given) if base != NO_FILTERS else Filters(**given)
    except TypeError as error:
        raise InvalidRequest("filters", f"{', '.join(sorted(given))}: {error}") from error
