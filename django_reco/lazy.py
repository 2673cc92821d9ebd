"""Rows that a page fetches once it is shown, so that the page itself may be cached: their place in it, and their address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse

from django_reco import metrics
from django_reco.asked import placement_for
from django_reco.placements import MANY, placement_spec
from django_reco.rendering import heading
from django_reco.starts import starts_of
from django_reco.values import category_path, text_of
from reco_sdk.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["lazy_row"]

_FLAGS: Final = ("strict", "relaxed")
_PLAIN: Final = ("n", "price_min", "price_max", "title", "fallback", "where", *_FLAGS)
_LISTS: Final = ("category", "brand", "tag", "language")


def lazy_row(request: HttpRequest | None, strategy: str | None, seeds: Any, options: Mapping[str, Any], *, views: bool) -> str:
    """Return the place of a row that is fetched later. Nothing is asked, no query is made, nothing in it is a visitor's.

    Parameters
    ----------
    request
        Of the page.
    strategy, seeds, options
        As of :func:`django_reco.slates.recommend`; what starts the row stands in its address.
    views
        Whether fetching it records a view of the item it starts from.

    Raises
    ------
    InvalidRequest
        For an option that an address cannot carry.
    ConfigError
        When the addresses are not among the site's.
    """
    query = list(_query(strategy, starts_of(seeds), options))
    placement = options.get("placement") or placement_for(starts_of(seeds))
    spec = placement_spec(placement)
    title = options.get("title")
    if title is None:
        title = (spec.title if spec is not None and strategy is None else None) or heading(
            strategy or (spec.ask.strategy if spec is not None else "")
        )
    try:
        row, frame = reverse("reco:row"), reverse("reco:frame")
    except NoReverseMatch as error:
        raise ConfigError(
            "a lazy row is fetched from an address of django_reco; add path('reco/', include('django_reco.urls')) to the urls"
        ) from error
    text = urlencode(query)
    metrics.count("row.lazy")
    given = {
        "row_url": f"{row}?{text}{'&view=1' if views else ''}",
        "frame_url": f"{frame}?{text}",
        "title": title,
        "placement": placement,
        "strategy": strategy or "",
    }
    return render_to_string("django_reco/lazy.html", given, request)


def _query(strategy: str | None, seeds: list[str], options: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if strategy is not None:
        yield "strategy", strategy
    if options.get("placement"):
        yield "placement", str(options["placement"])
    for seed in seeds:
        yield "item", seed
    for item_id in starts_of(options.get("exclude"), 200):
        yield "exclude", item_id
    back = {many: one for one, many in MANY.items()}
    for name, value in options.items():
        name = back.get(name, name)  # noqa: PLW2901  a filter as an address calls it
        if value is None or name in {"placement", "exclude", "repeat"}:
            continue
        if name in _FLAGS:
            if value:
                yield name, "1"
        elif name in _LISTS:
            values = value if isinstance(value, list | tuple | set | frozenset) else [value]
            yield from ((name, category_path(v) if name == "category" else text_of(v)) for v in values)
        elif name in _PLAIN:
            yield name, str(value)
        else:
            raise InvalidRequest(name, "cannot be given to a lazy row; set it in RECO['PLACEMENTS'], or leave lazy out")
