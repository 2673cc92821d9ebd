"""A request for recommendations → the shop's own objects, in order.

:func:`recommend` is what the tags call. An async view calls ``slate = await arecommend(request, …)`` and hands the slate
to its template; a tag that is rendered on the running loop works too, and holds the loop for its one query.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, overload

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import signing

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.context import Visitor, on_loop, visitor_of
from django_reco.hydrate import hydrate
from django_reco.languages import speaking
from django_reco.offloop import run_off_loop
from django_reco.outage import outages
from django_reco.recommender import process
from django_reco.registry import item_id_of
from django_reco.scopes import Scope, scope_of
from django_reco.values import category_path, text_of
from reco_sdk.errors import InvalidRequest, UnknownItem
from reco_sdk.ranking.filters import Filters
from reco_sdk.ranking.slate import RecommendedItem
from reco_sdk.request import MAX_N, Request

if TYPE_CHECKING:
    from django.http import HttpRequest

    from reco_sdk.ranking.slate import Slate

__all__ = ["ObjectSlate", "arecommend", "build_request", "placement_for", "read_token", "recommend"]

logger = logging.getLogger("django_reco")

TOKEN_SALT: Final = "django_reco.slate"  # noqa: S105  a salt is no secret
TOKEN_SECONDS: Final = 86_400
# A product page may be of a thing that is not in the catalogue (yet, or any more): what to answer then.
WITHOUT_SEED: Final = {"you_may_also_like": "recommended_for_you"}
WITHOUT_DATABASE: Final = 100
_NO_FILTERS: Final = Filters()
_LISTS: Final = {"category": "categories", "brand": "brands", "language": "languages", "tag": "tags", "attribute": "attributes"}


@dataclass(frozen=True, slots=True)
class ObjectSlate(Sequence[Any]):
    """The shop's objects in order, each with ``.reco`` (a :class:`~reco_sdk.ranking.slate.RecommendedItem`).

    Parameters
    ----------
    id
        Quoted by what follows from it: ``track(request, "select_item", product, slate_id=slate.id)``.
    strategy, placement, tier
        What was asked, for where, and what answered.
    objects
        In order.
    site
        Key of the site or channel that it is shown on, where the shop has such.
    """

    id: str = ""
    strategy: str = ""
    placement: str = ""
    tier: str = "empty"
    objects: tuple[Any, ...] = field(default=())
    site: str = ""

    @property
    def token(self) -> str:
        """The slate's id and placement, signed: what the beacon takes as proof that the row was shown."""
        return signing.TimestampSigner(salt=TOKEN_SALT).sign(f"{self.id}:{self.placement}")

    def __len__(self) -> int:
        return len(self.objects)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Any, ...]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.objects[index]


def read_token(token: str) -> tuple[str, str]:
    """Return (slate id, placement) of a token that this site made within a day.

    Raises
    ------
    django.core.signing.BadSignature
        For any other text.
    """
    slate_id, _, placement = signing.TimestampSigner(salt=TOKEN_SALT).unsign(token, max_age=TOKEN_SECONDS).partition(":")
    return slate_id, placement


def placement_for(seeds: Sequence[Any]) -> str:
    """Return the placement that a row most likely has: an item's page when it starts from an item."""
    return "item" if seeds else "home"


def recommend(
    request: HttpRequest | None,
    strategy: str = "recommended_for_you",
    *,
    seeds: Iterable[Any] = (),
    n: int = 8,
    placement: str | None = None,
    exclude: Iterable[Any] = (),
    pinned: Iterable[Any] = (),
    **filters: Any,
) -> ObjectSlate:
    """Return a slate of the shop's objects. Memory, then one query.

    Parameters
    ----------
    request
        Whose visitor and account are asked for; ``None`` for nobody.
    strategy
        ``"similar_items"``, ``"you_may_also_like"``, ``"bought_together"``, ``"recommended_for_you"``,
        ``"recently_viewed"``, ``"trending"``, ``"bestsellers"`` or ``"new_arrivals"``.
    seeds
        Objects or item ids to start from.
    n
        How many, 1 to 1,000.
    placement
        Where it will be shown; by default ``"item"`` with seeds, else ``"home"``.
    exclude
        Objects or item ids to leave out.
    pinned
        Objects or item ids that the page itself chose: they head the row in this order, as far as they may be shown.
    filters
        Of :class:`reco_sdk.ranking.filters.Filters`; ``category``, ``brand``, ``tag``, ``language`` name one;
        ``site`` is another than the request's.

    Returns
    -------
    ObjectSlate
        Empty while the recommender cannot be used; that is logged and counted. Also ``"bought_together"`` of nothing.

    Raises
    ------
    InvalidRequest
        For an unknown strategy, placement or filter, or ``n`` out of bounds.
    """
    seeds, exclude = list(seeds), list(exclude)
    heads = _heads(pinned, [*seeds, *exclude])[:n]
    if strategy == "bought_together" and not any(item_id_of(seed) for seed in seeds if seed is not None and seed != ""):
        # Nothing goes with an empty cart.
        return ObjectSlate(strategy=strategy, placement=placement or placement_for(seeds))
    if on_loop():
        options = {"seeds": seeds, "n": n, "placement": placement, "exclude": exclude, "pinned": heads, **filters}
        return run_off_loop(recommend, request, strategy, **options)
    scope = scope_of(request, site=filters.pop("site", None))
    filters = scope.narrowed(filters)
    asked = build_request(request, strategy, seeds=seeds, n=n, placement=placement, exclude=[*exclude, *heads], filters=filters)
    _take_session(visitor_of(request))
    slate = _answer(asked)
    if slate is None or not (slate.items or heads):
        metrics.count("slate.empty")
        return ObjectSlate(strategy=asked.strategy, placement=asked.placement)
    chosen = [*map(_head, heads), *slate.items]
    found = hydrate([item.id for item in chosen], request, scope)
    if len(found) < n and len(slate.items) == asked.n:
        # More was hidden lately than there are spare ones, and there is more: ask once again without it.
        hidden = frozenset(slate.ids) - frozenset(found)
        # Without the database there are only those that were shown before: they are looked for far down.
        wanted = max(asked.n, WITHOUT_DATABASE) if outages else asked.n
        again = _answer(replace(asked, n=wanted, filters=replace(asked.filters, exclude_ids=asked.filters.exclude_ids | hidden)))
        if again is not None:
            chosen = [*chosen[: len(heads)], *again.items]
            found |= hydrate([item.id for item in chosen if item.id not in found], request, scope)
    shown = _shown(slate, [(item, found[item.id]) for item in chosen if item.id in found][:n], scope)
    if shown and visitor_of(request).followed:
        process.impression(shown, asked)
    return shown


async def arecommend(request: HttpRequest | None, strategy: str = "recommended_for_you", **options: Any) -> ObjectSlate:
    """As :func:`recommend`, for async views: the one query runs in a thread."""
    slate: ObjectSlate = await sync_to_async(recommend)(request, strategy, **options)
    return slate


def build_request(
    request: HttpRequest | None,
    strategy: str,
    *,
    seeds: Iterable[Any],
    n: int,
    placement: str | None,
    exclude: Iterable[Any],
    filters: dict[str, Any],
) -> Request:
    """Return the engine's request for what a tag or view asks: a few more items than will be shown.

    Raises
    ------
    InvalidRequest
        When it cannot be answered as asked.
    """
    starts = [seed for seed in seeds if seed is not None and seed != ""]
    ids = tuple(found for seed in starts if (found := item_id_of(seed)))
    out = {found for obj in exclude if obj is not None and (found := item_id_of(obj))}
    visitor = visitor_of(request)
    if strategy == "recently_viewed":
        out.update(visitor.seen, ids)
        ids = ()
    if isinstance(n, bool) or not isinstance(n, int):
        raise InvalidRequest("n", f"{n!r} is not a whole number")
    if strategy in {"similar_items", "you_may_also_like"} and not ids:
        strategy = WITHOUT_SEED.get(strategy, strategy)
    given = dict(filters)
    for one, many in _LISTS.items():
        if one in given:
            given[many] = given.pop(one)
    for name in ("price_min", "price_max"):
        if given.get(name) is not None and not isinstance(given[name], int | float):
            given[name] = float(given[name])
    for name in ("categories", "brands", "tags", "languages"):
        if name in given and not isinstance(given[name], str):
            values = given[name] if isinstance(given[name], list | tuple | set | frozenset) else [given[name]]
            # A page in another language names its category as an object, which is to be told as items were.
            with speaking(settings.LANGUAGE_CODE):
                given[name] = tuple(category_path(value) if name == "categories" else text_of(value) for value in values)
    if out:
        given["exclude_ids"] = frozenset(out) | frozenset(given.get("exclude_ids", ()))
    try:
        wanted = Filters(**given) if given else _NO_FILTERS
    except TypeError as error:
        raise InvalidRequest("filters", f"{', '.join(sorted(given))}: {error}") from error
    return Request(
        strategy=strategy,
        placement=placement or placement_for(starts),
        # A few to spare; but an error names what was asked.
        n=min(n + get_settings().spare, MAX_N) if 1 <= n <= MAX_N else n,
        seeds=ids,
        visitor_id=visitor.visitor_id,
        user_id=visitor.user_id,
        filters=wanted,
    )


def _heads(pinned: Iterable[Any], others: Sequence[Any]) -> list[str]:
    """Return the ids of what the page pinned, each once, without what it starts from or leaves out."""
    out = {item_id_of(obj) for obj in others if obj is not None}
    return [found for found in dict.fromkeys(map(item_id_of, pinned)) if found and found not in out]


def _head(item_id: str) -> RecommendedItem:
    """Return the place of an item that the page itself chose."""
    return RecommendedItem(item_id, 1.0, "Chosen by the shop", "pinned", contributions={"pinned": 1.0})


def _take_session(visitor: Visitor) -> None:
    """Let this process know what the visitor did in others just now."""
    if visitor.session is not None and (events := visitor.session.take(visitor.user_id)):
        process.take_session(visitor.visitor_id, visitor.user_id, events)


def _answer(asked: Request) -> Slate | None:
    try:
        return process.recommend_now(asked)
    except UnknownItem:
        metrics.count("slate.unknown_seed")
        if asked.strategy not in WITHOUT_SEED:
            return None
        return process.recommend_now(replace(asked, strategy=WITHOUT_SEED[asked.strategy], seeds=()))


def _shown(slate: Slate, chosen: Sequence[tuple[RecommendedItem, Any]], scope: Scope) -> ObjectSlate:
    for position, (item, obj) in enumerate(chosen):
        obj.reco = item if item.position == position else item._replace(position=position)
    metrics.count("slate.shown" if chosen else "slate.empty")
    return ObjectSlate(slate.id, slate.strategy, slate.placement, slate.tier, tuple(obj for _, obj in chosen), scope.site)
