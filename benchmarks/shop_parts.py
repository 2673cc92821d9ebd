"""Where the time of a page goes: its parts, timed from outside while the shop's process serves it.

Whatever is timed keeps running as it is; each part costs about a microsecond more, which counts as ours.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from time import perf_counter_ns
from typing import Any

__all__ = ["PARTS", "Parts", "of_pages", "settled"]

PARTS = ("engine", "request", "hydrate", "template", "view", "rest", "middleware")
"""Our own time, in the order in which it is printed; it is their sum."""


class Parts:
    """Milliseconds by name, added up until the next page."""

    def __init__(self) -> None:
        self.ms: defaultdict[str, float] = defaultdict(float)
        self._begun: int | None = None

    def watch(self, owner: Any, attribute: str, name: str, where: Callable[..., bool] = lambda *_, **__: True) -> None:
        """Time every call of a function, method or property from now on; ``where`` says of which arguments."""
        given = owner.__dict__[attribute]
        call = given.fget if isinstance(given, property) else given
        again: Any = type(given) if isinstance(given, property | staticmethod) else lambda function: function

        def timed(*args: Any, **kwargs: Any) -> Any:
            if not where(*args, **kwargs):
                return call(*args, **kwargs)
            started = perf_counter_ns()
            try:
                return call(*args, **kwargs)
            finally:
                self.ms[name] += (perf_counter_ns() - started) / 1e6

        setattr(owner, attribute, again(timed))

    def watch_from_to(self, begins: tuple[Any, str], ends: tuple[Any, str], name: str) -> None:
        """Time from the beginning of one call to the end of the next call of another."""
        begin, end = begins[0].__dict__[begins[1]], ends[0].__dict__[ends[1]]

        def begun(*args: Any, **kwargs: Any) -> Any:
            self._begun = perf_counter_ns()
            return begin(*args, **kwargs)

        def ended(*args: Any, **kwargs: Any) -> Any:
            try:
                return end(*args, **kwargs)
            finally:
                if self._begun is not None:
                    self.ms[name] += (perf_counter_ns() - self._begun) / 1e6
                    self._begun = None

        setattr(begins[0], begins[1], begun)
        setattr(ends[0], ends[1], ended)


def _is_row(template: Any, *_: Any) -> bool:
    return template.name is not None and template.name.startswith("reco/")


@cache
def _watched() -> Parts:
    """Return the parts of this process's pages, being timed from now on."""
    from django.db.models.query import QuerySet
    from django.template.base import Template

    from benchmarks import plain_row
    from django_reco import middleware, slates
    from django_reco.items import Items
    from django_reco.recommender import Process
    from django_reco.templatetags import reco

    parts = Parts()
    parts.watch(Template, "_render", "drawn", _is_row)
    parts.watch(plain_row, "fetched", "query")
    parts.watch(reco.RowNode, "render", "tag")
    parts.watch(reco, "render_slate", "template")
    parts.watch(reco.RowNode, "_view", "view")
    parts.watch(slates, "build_request", "request")
    parts.watch(Process, "recommend_now", "engine")
    parts.watch(slates, "hydrate", "hydrate")
    parts.watch(slates.ObjectSlate, "token", "token")
    # From asking for the shop's queryset until its objects are there.
    parts.watch_from_to((Items, "result_queryset"), (QuerySet, "_fetch_all"), "query")
    parts.watch(middleware.RecoMiddleware, "_finish", "middleware")
    return parts


def of_pages(client: Any, addresses: list[str]) -> dict[str, list[float]]:
    """Visit pages; return the milliseconds of each part of each, and of the whole page."""
    parts = _watched()
    visited: list[dict[str, float]] = []
    gc.collect()
    gc.disable()
    for address in addresses:
        parts.ms.clear()
        started = perf_counter_ns()
        client.get(address)
        parts.ms["page"] = (perf_counter_ns() - started) / 1e6
        visited.append(settled(dict(parts.ms)))
    gc.enable()
    return {name: [part[name] for part in visited] for name in visited[0]}


def settled(ms: dict[str, float]) -> dict[str, float]:
    """Return what is whose: the query and the cards are the shop's, what is left of the tag is ours."""
    cards = ms["drawn"] - ms.get("token", 0.0)
    if "tag" not in ms:
        return {"page": ms["page"], "query": ms["query"], "cards": cards}
    own = {
        "engine": ms["engine"],
        "request": ms["request"],
        "hydrate": ms["hydrate"] - ms["query"],
        "template": ms["template"] - cards,
        "view": ms["view"],
        "middleware": ms["middleware"],
    }
    inside = sum(ms[name] for name in ("engine", "request", "hydrate", "template", "view"))
    own["rest"] = ms["tag"] - inside
    return {
        "page": ms["page"],
        "query": ms["query"],
        "cards": cards,
        "own": sum(own.values()),
        **own,
    }
