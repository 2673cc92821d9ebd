"""What ``reco_init`` proposes: which installed models are sold, which are the order lines, and why."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, models

from django_reco.guess import Choice, guess, visible_querysets
from django_reco.guess_orders import OrderCandidate, generic_candidates, order_candidates
from django_reco.guess_tables import Listing, Own, Table, listing_of, table_of, variants_of
from django_reco.item_paths import GUESSED_PATHS

__all__ = ["ItemCandidate", "Proposal", "Sold", "item_candidates", "propose"]

_NOT_SHOPS: Final = frozenset(
    {"admin", "auth", "contenttypes", "sessions", "sites", "messages", "django_reco", "flatpages", "redirects"}
)
_THINGS: Final = ("product", "item", "article", "book", "album", "phone", "listing", "offer", "good", "course", "dish", "film")
_NOT_THINGS: Final = (
    "order", "cart", "basket", "category", "image", "review", "attribute", "option", "recommendation", "stock", "price",
    "wish", "voucher", "coupon", "payment", "address", "shipping", "line", "class", "variant", "history", "log", "alert",
    "translation", "channel", "purchase",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemCandidate:
    """A model that looks like what the shop sells: how much, and why."""

    model: type[models.Model]
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sold:
    """One model that the shop sells, and where its fields stand.

    Parameters
    ----------
    candidate
        The model, and why it.
    guesses
        What was read from its fields.
    table, listing
        Tables beside it: of variants or stock, and for each site or channel.
    queryset
        The method of its manager that gives what shoppers may see.
    canonical
        Path from a variant of the same model to its product.
    line
        Its own order lines, where one model stands out.
    """

    candidate: ItemCandidate
    guesses: dict[str, Choice]
    table: Table | None
    listing: Listing | None
    queryset: str | None
    canonical: str | None
    line: OrderCandidate | None

    @property
    def translated(self) -> bool:
        """Whether django-parler keeps its texts."""
        return hasattr(self.candidate.model, "_parler_meta")

    def settings(self) -> dict[str, Any]:
        """Return its entry of ``ITEMS``."""
        guesses, out = self.guesses, dict[str, Any](model=self.candidate.model._meta.label)
        texts = [guesses[name].path for name in ("title", "description") if name in guesses and guesses[name].path != "__str__"]
        if texts:
            out["text"] = texts
        if self.queryset:
            out["queryset"] = self.queryset
        elif "where" in guesses:
            out["where"] = {guesses["where"].path: True}
        if self.translated:
            out["languages"] = "get_available_languages"
        if self.listing is not None:
            functions = self.listing.functions()
            out |= {
                name: Own(function)
                for name, function in (("sites", "sites_of"), ("prices", "prices_of"))
                if function in functions
            }
            out["prefetch"] = [self.listing.prefetch]
        out |= {name: guesses[name].path for name in GUESSED_PATHS if name in guesses and name not in {"title", "description"}}
        if self.table is not None:
            out |= {} if self.table.price is None else {"price": f"{self.table.accessor}.{self.table.price}"}
            out |= {} if self.table.pieces is None else {"quantity": f"{self.table.accessor}.{self.table.pieces}"}
        if self.canonical:
            out["canonical"] = self.canonical
        watch = {beside.model._meta.label: beside.back for beside in (self.table, self.listing) if beside is not None}
        return out | ({"watch": watch} if watch else {})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found.

    Parameters
    ----------
    items, orders
        All candidates, most likely first.
    sold
        The models to propose; empty where none stands out.
    lines
        The order lines to propose; empty where none stands out.
    settings
        The dict to paste.
    functions
        Source of the functions that it names.
    """

    items: tuple[ItemCandidate, ...]
    orders: tuple[OrderCandidate, ...]
    sold: tuple[Sold, ...] = ()
    lines: tuple[OrderCandidate, ...] = ()
    settings: dict[str, Any] | None = None
    functions: tuple[str, ...] = ()


def _installed() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m._meta.app_label not in _NOT_SHOPS and not m._meta.proxy]


def item_candidates() -> list[ItemCandidate]:
    """Return the installed models that look like what a shop sells, most likely first."""
    bought = _named_by_lines()
    found = []
    for model in _installed():
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
        beside = table_of(model) or listing_of(model)
        if beside is not None and "price" not in guesses:
            score += 3
            reasons.append(f"{beside.model._meta.label} holds its price or stock")
        score += 1 if guesses["title"].path != "__str__" else -3
        lines = [c for c in _lines(model) if c.score >= 5]
        if lines or model in bought:
            score += 3
            shown = lines[0].model._meta.label if lines else bought[model]
            reasons.append(f"order lines {shown} point to it")
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
        chosen = [ItemCandidate(apps.get_model(label), 0, ("named on the command line",))]
    else:
        chosen = _chosen(candidates)
    if not chosen:
        return Proposal(tuple(candidates), ())
    sold = [_sold(candidate) for candidate in chosen]
    lines = [one.line for one in sold if one.line is not None]
    found = [line for candidate in chosen for line in _lines(candidate.model)]
    if not found:
        found = generic_candidates(_installed())
        line = _standing_out(found)
        lines = [] if line is None else [line]
    entries: list[Any] = [one.settings() for one in sold]
    settings: dict[str, Any] = {}
    functions: dict[str, str] = {}
    for one in sold:
        functions |= {} if one.listing is None else one.listing.functions()
    if "site_of" in functions:
        settings["SITE"] = Own("site_of")
    settings["ITEMS"] = entries if len(entries) > 1 else entries[0]
    if lines:
        blocks = [dict(line.settings) for line in lines]
        settings["ORDERS"] = blocks if len(blocks) > 1 else blocks[0]
    return Proposal(tuple(candidates), tuple(found), tuple(sold), tuple(lines), settings, tuple(functions.values()))


def _chosen(candidates: Sequence[ItemCandidate]) -> list[ItemCandidate]:
    """Return the models that are sold: the one that stands out, or those that lines on the same orders, or generic ones, name."""
    bought = _named_by_lines()
    if bought:
        named = [candidate for candidate in candidates if candidate.model in bought]
        if named:
            return named
    first = _standing_out(candidates)
    if first is not None:
        return [first]
    orders: dict[Any, list[ItemCandidate]] = {}
    for candidate in candidates:
        line = _standing_out(_lines(candidate.model))
        if line is not None and line.order is not None:
            orders.setdefault((line.order), []).append(candidate)
    several = [group for group in orders.values() if len(group) > 1 and group[0] is candidates[0]]
    lines = [_standing_out(_lines(candidate.model)).model for group in several for candidate in group]
    return several[0] if len(several) == 1 and len(set(lines)) == len(lines) else []


def _named_by_lines() -> dict[type[models.Model], str]:
    """Return the models that generic order lines name, by what is bought so far."""
    from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415  only where the shop installed it

    out: dict[type[models.Model], str] = {}
    for line in generic_candidates(_installed()):
        try:
            kinds = line.model._default_manager.order_by().values_list(line.settings["content_type"], flat=True).distinct()
            found = [ContentType.objects.get_for_id(kind).model_class() for kind in kinds[:20]]
        except DatabaseError:
            continue  # not migrated yet
        out |= dict.fromkeys((model for model in found if model is not None), line.model._meta.label)
    return out


def _sold(candidate: ItemCandidate) -> Sold:
    model = candidate.model
    querysets = visible_querysets(model)
    return Sold(
        candidate=candidate,
        guesses=guess(model),
        table=table_of(model),
        listing=listing_of(model),
        queryset=querysets[0] if querysets else None,
        canonical=_parent(model),
        line=_standing_out(_lines(model)),
    )


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
    everything = _installed()
    found = order_candidates([model], everything)
    for variant, back in variants_of(model):
        for line in order_candidates([variant], everything):
            settings = {**line.settings, "item": f"{line.settings['item']}.{back}"}
            found.append(OrderCandidate(line.model, line.score, f"{line.reason}.{back}", settings, line.order))
    return sorted(found, key=lambda c: (-c.score, c.model._meta.label))
