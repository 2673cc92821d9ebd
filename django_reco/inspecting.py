"""What ``reco_init`` proposes: which installed model is the product, which the order line, and why."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import models

from django_reco.guess import Choice, OrderCandidate, guess, order_candidates

__all__ = ["ItemCandidate", "Proposal", "item_candidates", "propose"]

_NOT_SHOPS: Final = frozenset(
    {"admin", "auth", "contenttypes", "sessions", "sites", "messages", "django_reco", "flatpages", "redirects"}
)
_THINGS: Final = ("product", "item", "article", "book", "album", "phone", "listing", "offer", "good", "course", "dish", "film")
_NOT_THINGS: Final = (
    "order", "cart", "basket", "category", "image", "review", "attribute", "option", "recommendation", "stock", "price",
    "wish", "voucher", "coupon", "payment", "address", "shipping", "line", "class", "variant", "history", "log", "alert",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemCandidate:
    """A model that looks like what the shop sells: how much, and why."""

    model: type[models.Model]
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found.

    Parameters
    ----------
    items, orders
        All candidates, most likely first.
    chosen, line
        The one to propose, ``None`` where none stands out.
    guesses
        What was read from the chosen model's fields.
    canonical
        Path from a variant of the same model to its product.
    settings
        The dict to paste.
    """

    items: tuple[ItemCandidate, ...]
    orders: tuple[OrderCandidate, ...]
    chosen: ItemCandidate | None
    line: OrderCandidate | None
    guesses: dict[str, Choice]
    canonical: str | None
    settings: dict[str, Any]


def item_candidates() -> list[ItemCandidate]:
    """Return the installed models that look like what a shop sells, most likely first."""
    everything = [m for m in apps.get_models() if m._meta.app_label not in _NOT_SHOPS and not m._meta.proxy]
    found = []
    for model in everything:
        name = model.__name__.lower()
        guesses = guess(model)
        reasons: list[str] = []
        score = 0
        if name in _THINGS:
            score += 4
            reasons.append("its name")
        elif any(word in name for word in _THINGS):
            score += 2
            reasons.append("its name")
        score -= 4 * any(word in name for word in _NOT_THINGS)
        for target, worth in (("price", 3), ("url", 2), ("description", 1), ("categories", 1), ("image", 1), ("quantity", 1)):
            if target in guesses:
                score += worth
                reasons.append(f"{target}: {guesses[target].reason}")
        score += 1 if guesses["title"].path != "__str__" else -3
        lines = [c for c in order_candidates([model], everything) if c.score >= 5]
        if lines:
            score += 3
            reasons.append(f"order lines {lines[0].model._meta.label} point to it")
        if score >= 5:
            found.append(ItemCandidate(model, score, tuple(reasons)))
    return sorted(found, key=lambda c: (-c.score, c.model._meta.label))


def propose(label: str | None = None) -> Proposal:
    """Return a configuration for the shop that is installed.

    Parameters
    ----------
    label
        The product model, where it is known.

    Raises
    ------
    LookupError
        When there is no such model.
    """
    candidates = item_candidates()
    if label is not None:
        model = apps.get_model(label)
        chosen: ItemCandidate | None = ItemCandidate(model, 0, ("named on the command line",))
    else:
        chosen = _standing_out(candidates)
    if chosen is None:
        return Proposal(tuple(candidates), (), None, None, {}, None, {})
    guesses = guess(chosen.model)
    canonical = _parent(chosen.model)
    lines = _lines(chosen.model)
    line = _standing_out(lines)
    item: dict[str, Any] = {"model": chosen.model._meta.label}
    texts = [guesses[name].path for name in ("title", "description") if name in guesses and guesses[name].path != "__str__"]
    if texts:
        item["text"] = texts
    if "where" in guesses:
        item["where"] = {guesses["where"].path: True}
    item |= {
        name: guesses[name].path for name in ("url", "price", "available", "quantity", "categories", "image") if name in guesses
    }
    item |= {name: guesses[name].path for name in ("brand", "published") if name in guesses}
    if canonical:
        item["canonical"] = canonical
    settings: dict[str, Any] = {"ITEMS": item}
    if line is not None:
        settings["ORDERS"] = dict(line.settings)
    return Proposal(tuple(candidates), tuple(lines), chosen, line, guesses, canonical, settings)


def _standing_out(candidates: Sequence[Any]) -> Any:
    """Return the first when nothing comes close to it: nothing is guessed silently."""
    if not candidates:
        return None
    return candidates[0] if len(candidates) == 1 or candidates[0].score - candidates[1].score >= 2 else None


def _parent(model: type[models.Model]) -> str | None:
    for field in model._meta.concrete_fields:
        if field.is_relation and field.related_model is model and field.name in {"parent", "variant_of", "canonical", "master"}:
            return field.name
    return None


def _lines(model: type[models.Model]) -> list[OrderCandidate]:
    """Return what looks like order lines of a product, or of its variants in a table of their own."""
    everything = [m for m in apps.get_models() if m._meta.app_label not in _NOT_SHOPS]
    found = order_candidates([model], everything)
    for variant in everything:
        ways = [
            f.name for f in variant._meta.concrete_fields if f.is_relation and f.related_model is model and variant is not model
        ]
        if len(ways) != 1 or "variant" not in variant.__name__.lower():
            continue
        for candidate in order_candidates([variant], everything):
            settings = {**candidate.settings, "item": f"{candidate.settings['item']}.{ways[0]}"}
            found.append(OrderCandidate(candidate.model, candidate.score, f"{candidate.reason}.{ways[0]}", settings))
    return sorted(found, key=lambda c: (-c.score, c.model._meta.label))
