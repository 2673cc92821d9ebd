"""A request for recommendations → the shop's own objects, in order.

:func:`recommend` is what the tags call. An async view calls ``slate = await arecommend(request, …)`` and hands the slate
to its template; a tag that is rendered on the running loop works too, and holds the loop for its one query.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, overload

from asgiref.sync import sync_to_async
from django.core import signing

from django_reco import metrics
from django_reco.asked import MAX_LEFT_OUT, Question, build_request
from django_reco.caching import keep_apart
from django_reco.context import Visitor, on_loop, visitor_of
from django_reco.hydrate import hydrate
from django_reco.offloop import run_off_loop
from django_reco.outage import outages
from django_reco.placements import placement_spec
from django_reco.recommender import process
from django_reco.scopes import Scope, scope_of
from django_reco.segments import member_of
from django_reco.signals import slate_made
from django_reco.starts import starts_of
from django_reco.wording import names_of, reworded, spoken_of
from reco_sdk.errors import UnknownItem
from reco_sdk.ranking.slate import RecommendedItem
from reco_sdk.strategies import STRATEGIES

if TYPE_CHECKING:
    from django.http import HttpRequest

    from reco_sdk.ranking.slate import Slate

__all__ = ["ObjectSlate", "arecommend", "read_token", "recommend"]

logger = logging.getLogger("django_reco")

TOKEN_SALT: Final = "django_reco.slate"  # noqa: S105  a salt is no secret
TOKEN_SECONDS: Final = 86_400
WITHOUT_DATABASE: Final = 100


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
    fallback
        The strategy that stood in for the one that was asked first; empty: none had to.
    relaxed
        Names of the filters that were dropped to fill the row.
    """

    id: str = ""
    strategy: str = ""
    placement: str = ""
    tier: str = "empty"
    objects: tuple[Any, ...] = field(default=())
    site: str = ""
    fallback: str = ""
    relaxed: tuple[str, ...] = ()

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


def recommend(
    request: HttpRequest | None,
    strategy: str | None = None,
    *,
    seeds: Any = (),
    n: int | None = None,
    placement: str | None = None,
    exclude: Any = (),
    pinned: Any = (),
    fallback: Any = None,
    strict: bool | None = None,
    relaxed: bool | None = None,
    repeat: bool = False,
    user: Any = None,
    **filters: Any,
) -> ObjectSlate:
    """Return a slate of the shop's objects. Memory, then one query.

    Parameters
    ----------
    request
        Whose visitor and account are asked for; ``None`` for nobody.
    strategy
        A name in :data:`reco_sdk.strategies.STRATEGIES`; ``None``: what ``RECO["PLACEMENTS"]`` says of the placement.
    seeds
        What to start from: an object or item id, lines, a basket, a queryset, or a list of any of them.
    n
        How many, 1 to 1,000; by default the placement's where it says the strategy, else 8.
    placement
        Where it will be shown; by default ``"item"`` with seeds, else ``"home"``.
    exclude
        What to leave out, as for ``seeds``.
    pinned
        Objects or item ids that the page itself chose: they head the row in this order, as far as they may be shown.
    fallback
        Strategies to ask next, in order, as long as nothing was found; a list, or a text with commas.
    strict
        Only what the strategy's own sources find: a short or empty row rather than filler.
    relaxed
        Drop filters, in the order of :data:`reco_sdk.asking.RELAXES`, where fewer than ``n`` pass them.
    repeat
        Whether what other rows of this request show, or start from, may be shown once more.
    user
        An account to ask for instead of the request's visitor; nothing is then recorded.
    filters
        Of :class:`reco_sdk.ranking.filters.Filters`; ``category``, ``brand``, ``tag``, ``language`` name one;
        ``site`` is another than the request's.

    Returns
    -------
    ObjectSlate
        Empty while the recommender cannot be used; that is logged and counted. Also where a strategy needs something to
        start from and there is nothing, unless it names another for that.

    Raises
    ------
    InvalidRequest
        For an unknown strategy, placement or filter, or ``n`` out of bounds.
    """
    if on_loop():
        options = {"seeds": seeds, "n": n, "placement": placement, "exclude": exclude, "pinned": pinned, "fallback": fallback}
        options |= {"strict": strict, "relaxed": relaxed, "repeat": repeat, "user": user, **filters}
        return run_off_loop(recommend, request, strategy, **options)
    visitor = _visitor(request, placement, user)
    scope = scope_of(request, site=filters.pop("site", None))
    out = starts_of(exclude, MAX_LEFT_OUT)
    if visitor.shown and not repeat and not _own(strategy, placement):
        out += process.variants(visitor.shown)
    asked = build_request(
        request,
        visitor,
        strategy,
        seeds=seeds,
        n=n,
        placement=placement,
        exclude=out,
        fallback=fallback,
        strict=strict,
        relaxed=relaxed,
        filters=scope.narrowed(filters),
    )
    segments = process.segments_at(asked.placement, asked.strategies)
    if segments:
        asked = replace(asked, segments=() if user is not None else member_of(request, segments), by_segment=True)
    heads = [head for head in starts_of(pinned, MAX_LEFT_OUT) if head not in {*asked.seeds, *out}][: max(asked.shown, 0)]
    if heads:
        asked = asked.without(heads)
    if request is not None and asked.personal:
        keep_apart(request)
    shown = _answered(request, visitor, asked, heads, scope)
    visitor.shown.update(asked.seeds, (obj.reco.id for obj in shown))
    if slate_made.receivers:
        slate_made.send(sender=None, request=request, question=asked, slate=shown)
    if shown and visitor.followed:
        process.impression(shown, visitor)
    return shown


def _own(strategy: str | None, placement: str | None) -> bool:
    """Whether a row lists what the visitor viewed or bought: a list with holes would be worse than a product shown twice."""
    if strategy is None:
        spec = placement_spec(placement or "home")
        strategy = "" if spec is None else spec.ask.strategy
    known = STRATEGIES.get(strategy)
    return known is not None and known.keeps_purchased


def _visitor(request: HttpRequest | None, placement: str | None, user: Any) -> Visitor:
    visitor = visitor_of(request)
    if user is None and placement != "email":
        return visitor
    # For an account alone: no browser is known again, and nothing is logged as shown.
    return Visitor(user_id=visitor.user_id if user is None else str(user.pk), shown=visitor.shown)


async def arecommend(request: HttpRequest | None, strategy: str | None = None, **options: Any) -> ObjectSlate:
    """As :func:`recommend`, for async views: the one query runs in a thread."""
    slate: ObjectSlate = await sync_to_async(recommend)(request, strategy, **options)
    return slate


def _answered(request: HttpRequest | None, visitor: Visitor, asked: Question, heads: Sequence[str], scope: Scope) -> ObjectSlate:
    _take_session(visitor)
    slate = _slate(asked)
    if slate is None or not (slate.items or heads):
        metrics.count("slate.empty")
        return ObjectSlate(strategy=asked.strategy, placement=asked.placement)
    chosen = [*map(_head, heads), *slate.items]
    found = hydrate([item.id for item in chosen], request, scope)
    if len(found) < asked.shown and len(slate.items) == asked.n:
        # More was hidden lately than there are spare ones, and there is more: ask once again without it.
        hidden = frozenset(slate.ids) - frozenset(found)
        # Without the database there are only those that were shown before: they are looked for far down.
        again = _slate(asked.without(hidden, max(asked.n, WITHOUT_DATABASE) if outages else asked.n))
        if again is not None:
            chosen = [*chosen[: len(heads)], *again.items]
            found |= hydrate([item.id for item in chosen if item.id not in found], request, scope)
    kept = [item for item in chosen if item.id in found][: asked.shown]
    told = spoken_of(kept, scope.language)
    names = names_of({**found, **hydrate([id_ for id_ in told if id_ not in found], request, scope)}) if told else {}
    return _shown(slate, [(reworded(item, scope.language, names), found[item.id]) for item in kept], scope)


def _head(item_id: str) -> RecommendedItem:
    """Return the place of an item that the page itself chose."""
    return RecommendedItem(item_id, 1.0, "Chosen by the shop", "pinned", contributions={"pinned": 1.0})


def _take_session(visitor: Visitor) -> None:
    """Let this process know what the visitor did in others just now."""
    if visitor.session is not None and (events := visitor.session.take(visitor.user_id)):
        process.take_session(visitor.visitor_id, visitor.user_id, events)


def _slate(asked: Question) -> Slate | None:
    try:
        return process.recommend_now(asked)
    except UnknownItem:
        metrics.count("slate.unknown_seed")
        return None


def _shown(slate: Slate, chosen: Sequence[tuple[RecommendedItem, Any]], scope: Scope) -> ObjectSlate:
    for position, (item, obj) in enumerate(chosen):
        obj.reco = item if item.position == position else item._replace(position=position)
    metrics.count("slate.shown" if chosen else "slate.empty")
    metrics.count(f"slate.tier.{slate.tier}")
    if slate.fallback:
        metrics.count(f"slate.fallback.{slate.fallback}")
    if slate.relaxed:
        metrics.count("slate.relaxed")
    return ObjectSlate(
        id=slate.id,
        strategy=slate.strategy,
        placement=slate.placement,
        tier=slate.tier,
        objects=tuple(obj for _, obj in chosen),
        site=scope.site,
        fallback=slate.fallback,
        relaxed=slate.relaxed,
    )
