"""A slate → HTML, through the first template that is there: by placement and strategy, then by each, then ours."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.signals import setting_changed
from django.template.backends.django import Template as DjangoTemplate
from django.template.loader import select_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from django_reco import metrics
from django_reco.emails import absolute, shop_url
from django_reco.placements import placement_spec
from django_reco.registry import adapter_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from django.template.context import Context

    from django_reco.items import Card
    from django_reco.slates import ObjectSlate

__all__ = ["cards", "heading", "render_slate", "template_names"]


# Under our own name, so that a shop's reco/row.html is found wherever its app stands, and may extend it.
OURS: Final = "django_reco/row.html"
OUR_MAIL: Final = "django_reco/email.html"


_HEADINGS: Final = {
    "similar_items": gettext_noop("Similar items"),
    "you_may_also_like": gettext_noop("You may also like"),
    "bought_together": gettext_noop("Often bought together"),
    "buy_again": gettext_noop("Buy again"),
    "cross_category": gettext_noop("Goes well with it"),
    "on_sale": gettext_noop("On sale"),
    "recommended_for_you": gettext_noop("Recommended for you"),
    "recently_viewed": gettext_noop("Recently viewed"),
    "trending": gettext_noop("Trending now"),
    "bestsellers": gettext_noop("Bestsellers"),
    "new_arrivals": gettext_noop("New arrivals"),
}


def template_names(strategy: str, placement: str) -> tuple[str, ...]:
    """Return where a row's template is looked for, first to last."""
    if placement == "email":
        # What is drawn for a page is not for a mail.
        return f"reco/email/{strategy}.html", "reco/email.html", OUR_MAIL
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
            yield obj, adapter.card(obj, slate.site) if slate.site else adapter.card(obj)


def render_slate(
    slate: ObjectSlate,
    request: HttpRequest | None,
    *,
    strategy: str | None,
    title: str | None = None,
    template: str | None = None,
    context: Context | None = None,
    base_url: str = "",
) -> str:
    """Return the row's HTML; empty for an empty slate.

    Parameters
    ----------
    slate
        What to show.
    request
        For the template's context processors, where there is no page around the row.
    strategy
        As it was asked for; what answered may be another. ``None`` where the placement said it: then its settings give title and
        template as well, and a strategy that stood in has its own title.
    title
        Heading; by default the strategy's, ``""`` for none.
    template
        Name of the template, instead of looking for one.
    context
        Of the page that the row stands in. The row sees what it holds, as an included template does.
    base_url
        Address of the shop, for links in a mail; by default as :func:`django_reco.emails.shop_url` says.
    """
    if not slate:
        return ""
    if strategy is None:
        strategy = slate.strategy
        spec = placement_spec(slate.placement)
        if spec is not None:
            template = template or spec.template
            title = spec.title if title is None and not slate.fallback else title
    names = (template,) if template else template_names(strategy, slate.placement)
    base = base_url or shop_url(request) if slate.placement == "email" else ""
    given = {
        "slate": slate,
        "objects": slate.objects,
        "cards": lambda: [(obj, absolute(card, base)) for obj, card in cards(slate)] if base else list(cards(slate)),
        "title": heading(strategy) if title is None else title,
        "strategy": strategy,
        "placement": slate.placement,
    }
    found = _template(names)
    metrics.count("row.rendered")
    if context is not None and _includes(context, found, request):
        return _included(context, found, given)
    return str(found.render(given, request))


def _includes(context: Context, found: Any, request: HttpRequest | None) -> bool:
    """Whether the page's context holds all that the template would be given if it were rendered by itself."""
    return (
        isinstance(found, DjangoTemplate)
        and context.template is not None
        and context.template.engine is found.template.engine
        and getattr(context, "request", None) is request
    )


def _included(context: Context, found: DjangoTemplate, given: dict[str, Any]) -> str:
    """Draw the row as ``{% include %}`` does: the page's context processors do not run once more for every row."""
    # A copy: whatever goes wrong in the row, and whatever it sets, the page's own context stays as it is.
    inner = copy(context)
    inner.autoescape = found.template.engine.autoescape
    inner.update(given)
    return str(found.template.render(inner))


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
