"""``{% load reco %}``: rows of recommendations.

``{% you_may_also_like product %}`` renders a row; ``{% you_may_also_like product n=6 as slate %}`` gives the objects;
``{% reco_row "cart" basket %}`` asks for what ``RECO["PLACEMENTS"]`` says of a placement.

All tags take the options of :func:`django_reco.recommend` (``n``, ``placement``, ``exclude``, ``fallback``, ``strict``,
``relaxed``, ``repeat``, ``user``), filters (``category=``, ``brand=``, ``tag=``, ``price_min=``, ``price_max=``, …), ``title``,
``template``, ``lazy`` and ``track``. No exception leaves a tag: it is logged, counted, and the row is empty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.template.base import FilterExpression, Node, Parser, Token, kwarg_re
from django.utils.safestring import mark_safe

from django_reco import metrics
from django_reco.lazy import lazy_row
from django_reco.outage import outages
from django_reco.paths import as_list
from django_reco.registry import item_id_of
from django_reco.rendering import render_slate
from django_reco.slates import ObjectSlate, recommend
from django_reco.tracking import track_view, view_by_row

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.context import Context

__all__ = ["register"]

logger = logging.getLogger("django_reco")
register = template.Library()

# Strategy → what its tag takes beside options, and whether it must.
TAGS: Final[Mapping[str, tuple[str, bool]]] = {
    "similar_items": ("seeds", True),
    "you_may_also_like": ("seeds", True),
    "bought_together": ("seeds", True),
    "cross_category": ("seeds", True),
    "recommended_for_you": ("", False),
    "buy_again": ("", False),
    "recently_viewed": ("", False),
    "trending": ("category", False),
    "bestsellers": ("category", False),
    "new_arrivals": ("category", False),
    "on_sale": ("category", False),
}
_SHOWN: Final = "_reco_shown"


class RowNode(Node):
    """One row: a strategy or a placement, what to start from, options, and perhaps a name to keep the slate under."""

    def __init__(
        self,
        tag: str,
        strategy: str | None,
        seeds: list[FilterExpression],
        options: dict[str, FilterExpression],
        target: str | None,
    ) -> None:
        self.tag = tag
        self.strategy = strategy
        self.seeds = seeds
        self.options = options
        self.target = target

    def render(self, context: Context) -> str:
        """Return the row, or keep the slate; on any failure nothing, logged and counted."""
        try:
            return self._render(context)
        except Exception as error:
            metrics.count("tag.error")
            if not outages.tells(error):
                logger.exception("reco: {%% %s %%} shows nothing", self.tag)
        if self.target:
            context[self.target] = ObjectSlate(strategy=self.strategy or "")
        return ""

    def _render(self, context: Context) -> str:
        request: HttpRequest | None = getattr(context, "request", None) or context.get("request")
        options = {name: expression.resolve(context) for name, expression in self.options.items()}
        shown = {name: options.pop(name, None) for name in ("title", "template")}
        tracks = options.pop("track", True)
        lazy = options.pop("lazy", False)
        seeds = [seed for expression in self.seeds for seed in as_list(expression.resolve(context))]
        if "n" in options:
            options["n"] = _whole(options["n"])
        # What is looked at now, where the row is of an item's page.
        viewed = seeds[0] if tracks and len(seeds) == 1 and options.get("placement") in (None, "item") else None
        if lazy:
            if shown["template"]:
                options["template"] = shown["template"]  # which no address can carry
            views = viewed is not None and item_id_of(viewed) is not None
            return mark_safe(lazy_row(request, self.strategy, seeds, {**options, "title": shown["title"]}, views=views))  # noqa: S308  a template's output
        on_page = None if request is not None else context.dicts[0].setdefault(_SHOWN, set())
        if on_page and not options.get("repeat"):
            options["exclude"] = [*as_list(options.get("exclude")), *on_page]
        slate = recommend(request, self.strategy, seeds=seeds, **options)
        if on_page is not None:
            on_page.update(obj.reco.id for obj in slate)
        # After the slate: what is looked at now is not yet something to be reminded of.
        if viewed is not None:
            self._view(request, viewed)
        if self.target:
            context[self.target] = slate
            return ""
        # A strategy that a page named to stand in has its own heading.
        strategy = slate.fallback if slate.fallback and options.get("fallback") else self.strategy
        row = render_slate(slate, request, strategy=strategy, context=context, **shown)
        return mark_safe(row)  # noqa: S308  a template's output

    @staticmethod
    def _view(request: HttpRequest | None, seed: Any) -> None:
        view_by_row(request, seed)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _compiler(tag: str, takes: str, needed: bool) -> Callable[[Parser, Token], Node]:
    def compile_tag(parser: Parser, token: Token) -> Node:
        bits = token.split_contents()[1:]
        target = None
        if len(bits) >= 2 and bits[-2] == "as":
            target = bits[-1]
            bits = bits[:-2]
        given: list[FilterExpression] = []
        options: dict[str, FilterExpression] = {}
        for bit in bits:
            match = kwarg_re.match(bit)
            name, value = match.groups() if match else (None, bit)
            if name is None:
                given.append(parser.compile_filter(value))
            else:
                options[name] = parser.compile_filter(value)
        if "lazy" in options and target:
            raise template.TemplateSyntaxError(f"{{% {tag} %}} cannot be lazy and give its objects at once; leave one out")
        if takes == "placement":
            if not given:
                raise template.TemplateSyntaxError(f'{{% {tag} %}} names a placement: {{% {tag} "cart" basket %}}')
            options["placement"] = given.pop(0)
            return RowNode(tag, None, given, options, target)
        if takes == "category" and given:
            if len(given) > 1 or "category" in options:
                raise template.TemplateSyntaxError(f"{{% {tag} %}} takes one category: {{% {tag} category %}}")
            options["category"] = given.pop()
        if given and not takes:
            raise template.TemplateSyntaxError(f"{{% {tag} %}} starts from no item; give filters as name=value")
        if needed and not given:
            raise template.TemplateSyntaxError(f"{{% {tag} %}} starts from an item: {{% {tag} product %}}")
        return RowNode(tag, tag, given, options, target)

    return compile_tag


for _tag, (_takes, _needed) in TAGS.items():
    register.tag(_tag, _compiler(_tag, _takes, _needed))
register.tag("reco_row", _compiler("reco_row", "placement", True))


@register.simple_tag(takes_context=True)
def reco_view(context: Context, obj: Any) -> str:
    """Record that this page shows an item, where no row of the page starts from it."""
    try:
        item_id = item_id_of(obj)
        if item_id:
            track_view(getattr(context, "request", None) or context.get("request"), item_id)
    except Exception as error:
        metrics.count("tag.error")
        if not outages.tells(error):
            logger.exception("reco: {%% reco_view %%} failed")
    return ""
