"""A slate → HTML, through the first template that is there: by placement and strategy, then by each, then ours."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.signals import setting_changed
from django.template.loader import select_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from django_reco import metrics
from django_reco.registry import adapter_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from django_reco.items import Card
    from django_reco.slates import ObjectSlate

__all__ = ["cards", "heading", "render_slate", "template_names"]


# Under our own name, so that a shop's reco/row.html is found wherever its app stands, and may extend it.
OURS: Final = "django_reco/row.html"


_HEADINGS: Final = {
    "similar_items": gettext_noop("Similar items"),
    "you_may_also_like": gettext_noop("You may also like"),
    "recommended_for_you": gettext_noop("Recommended for you"),
    "recently_viewed": gettext_noop("Recently viewed"),
    "trending": gettext_noop("Trending now"),
    "bestsellers": gettext_noop("Bestsellers"),
    "new_arrivals": gettext_noop("New arrivals"),
}


def template_names(strategy: str, placement: str) -> tuple[str, ...]:
    """Return where a row's template is looked for, first to last."""
    return f"reco/{placement}/{strategy}.html", f"reco/{placement}.html", f"reco/{strategy}.html", "reco/row.html", OURS


def heading(strategy: str) -> str:
    """Return the heading of a row in the reader's language."""
    text = _HEADINGS.get(strategy)
    return _(text) if text else ""


def cards(slate: ObjectSlate) -> Iterator[tuple[Any, Card]]:
    """Yield (object, what the shipped row shows of it), in order."""
    for obj in slate:
        adapter = adapter_for(obj)
        if adapter is not None:
            yield obj, adapter.card(obj)


def render_slate(
    slate: ObjectSlate, request: HttpRequest | None, *, strategy: str, title: str | None = None, template: str | None = None
) -> str:
    """Return the row's HTML; empty for an empty slate.

    Parameters
    ----------
    slate
        What to show.
    request
        For the template's context processors.
    strategy
        As it was asked for; what answered may be another.
    title
        Heading; by default the strategy's, ``""`` for none.
    template
        Name of the template, instead of looking for one.
    """
    if not slate:
        return ""
    names = (template,) if template else template_names(strategy, slate.placement)
    context = {
        "slate": slate,
        "objects": slate.objects,
        "cards": lambda: list(cards(slate)),
        "title": heading(strategy) if title is None else title,
        "strategy": strategy,
        "placement": slate.placement,
    }
    metrics.count("row.rendered")
    return str(_template(names).render(context, request))


@lru_cache(maxsize=256)
def _found(names: tuple[str, ...]) -> Any:
    return select_template(list(names))


def _template(names: tuple[str, ...]) -> Any:
    # While developing, a template that was just written is to be found.
    return select_template(list(names)) if settings.DEBUG else _found(names)


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting in {"TEMPLATES", "INSTALLED_APPS", "DEBUG"}:
        _found.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_reco.rendering")
