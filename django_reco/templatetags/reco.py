"""``{% load reco %}``: rows of recommendations.

``{% you_may_also_like product %}`` renders a row; ``{% you_may_also_like product n=6 as slate %}`` gives the objects.
All tags take ``n``, ``placement``, ``title``, ``template``, ``exclude`` and filters (``category=``, ``brand=``, ``tag=``,
``price_min=``, ``price_max=``, ``available=``, …). No exception leaves a tag: it is logged, counted, and the row is empty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.template.base import FilterExpression, Node, Parser, Token, kwarg_re
from django.utils.safestring import mark_safe

from django_reco import metrics
from django_reco.conf import get_settings
from django_reco.outage import outages
from django_reco.paths import as_list
from django_reco.registry import item_id_of
from django_reco.rendering import render_slate
from django_reco.slates import ObjectSlate, recommend
from django_reco.tracking import track_view

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.context import Context

__all__ = ["register"]

logger = logging.getLogger("django_reco")
register = template.Library()

# Strategy → whether its tag takes what to start from.
TAGS: Final = {
    "similar_items": True,
    "you_may_also_like": True,
    "bought_together": True,
    "recommended_for_you": False,
    "recently_viewed": False,
    "trending": False,
    "bestsellers": False,
    "new_arrivals": False,
}


class RowNode(Node):
    """One row: a strategy, what to start from, options, and perhaps a name to keep the slate under."""

    def __init__(
        self, strategy: str, seeds: list[FilterExpression], options: dict[str, FilterExpression], target: str | None
    ) -> None:
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
                logger.exception("reco: {%% %s %%} shows nothing", self.strategy)
        if self.target:
            context[self.target] = ObjectSlate(strategy=self.strategy)
        return ""

    def _render(self, context: Context) -> str:
        request: HttpRequest | None = getattr(context, "request", None) or context.get("request")
        options = {name: expression.resolve(context) for name, expression in self.options.items()}
        shown = {name: options.pop(name, None) for name in ("title", "template")}
        tracks = options.pop("track", True)
        seeds = [seed for expression in self.seeds for seed in as_list(expression.resolve(context))]
        options["exclude"] = as_list(options.get("exclude"))
        options["n"] = _whole(options.get("n", 8))
        slate = recommend(request, self.strategy, seeds=seeds, **options)
        # After the slate: what is looked at now is not yet something to be reminded of.
        if tracks and len(seeds) == 1 and options.get("placement") in (None, "item"):
            self._view(request, seeds[0])
        if self.target:
            context[self.target] = slate
            return ""
        row = render_slate(slate, request, strategy=self.strategy, context=context, **shown)
        return mark_safe(row)  # noqa: S308  a template's output

    @staticmethod
    def _view(request: HttpRequest | None, seed: Any) -> None:
        config = get_settings()
        if config.track_views and all(event.kind != "view_item" for event in config.events):
            item_id = item_id_of(seed)
            if item_id:
                track_view(request, item_id)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _compiler(strategy: str, takes_seeds: bool) -> Callable[[Parser, Token], Node]:
    def compile_tag(parser: Parser, token: Token) -> Node:
        bits = token.split_contents()[1:]
        target = None
        if len(bits) >= 2 and bits[-2] == "as":
            target = bits[-1]
            bits = bits[:-2]
        seeds: list[FilterExpression] = []
        options: dict[str, FilterExpression] = {}
        for bit in bits:
            match = kwarg_re.match(bit)
            name, value = match.groups() if match else (None, bit)
            if name is None:
                seeds.append(parser.compile_filter(value))
            else:
                options[name] = parser.compile_filter(value)
        if seeds and not takes_seeds:
            raise template.TemplateSyntaxError(f"{{% {strategy} %}} starts from no item; give filters as name=value")
        if takes_seeds and not seeds:
            raise template.TemplateSyntaxError(f"{{% {strategy} %}} starts from an item: {{% {strategy} product %}}")
        return RowNode(strategy, seeds, options, target)

    return compile_tag


for _strategy, _takes_seeds in TAGS.items():
    register.tag(_strategy, _compiler(_strategy, _takes_seeds))


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
