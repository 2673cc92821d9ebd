"""``reco.Items``: what of a shop's model is an item.

The settings compile into this class; a shop that needs more writes it in ``<app>/reco.py``::

    import django_reco as reco


    @reco.register("shop.Product")
    class ProductItems(reco.Items):
        text = ["title", "description"]
        price = "current_price"

        def result_queryset(self, request):
            return super().result_queryset(request).filter(site=request.site)
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Manager, Model, QuerySet
from django.urls import NoReverseMatch

from django_reco import metrics
from django_reco.item_paths import ITEM_PATHS, ItemPaths
from django_reco.languages import own_language, speaking
from django_reco.paths import as_list, first, load, resolve, split
from django_reco.values import (
    Offer,
    address,
    category_path,
    key_of,
    moment,
    money,
    number,
    priced,
    stock,
    text_of,
    text_or_none,
)
from reco_sdk.errors import ConfigError, InvalidItem
from reco_sdk.items.item import Item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

__all__ = ["EVERYWHERE", "ITEM_PATHS", "Card", "Items"]

logger = logging.getLogger("django_reco")

EVERYWHERE: Final = "*"
"""Bound of an item whose model has none, in a shop with another model that has."""


@dataclass(frozen=True, slots=True)
class Card:
    """What the shipped row shows of one object."""

    title: str
    url: str | None
    image: str | None
    price: Any
    currency: str | None

    @property
    def price_text(self) -> str:
        """The price as the active language writes it, with its currency; empty without one."""
        return "" if self.price in (None, "") else priced(self.price, self.currency)


class Items(ItemPaths):
    """One model of the shop as items. Override attributes, or methods where a path is not enough.

    The attributes are those of :class:`django_reco.conf.ItemsSpec`. What is ``None`` is guessed from the model's field
    names; ``""`` turns a field off.

    Parameters
    ----------
    model
        The shop's model.
    """

    def __init__(self, model: type[Model]) -> None:
        super().__init__(model)
        self._category_paths: dict[tuple[type[Model], Any], str] = {}

    # -- which rows -------------------------------------------------------------------------------------------------

    def _base_queryset(self, path: str | None, *args: Any) -> QuerySet[Any]:
        if not path:
            return self.model._default_manager.all()
        root = split(path)[0]
        if not hasattr(self.model, root):
            made = load(path, f'RECO["ITEMS"] {self.label}')(*args)
        else:
            made = self.model
            for name in split(path):
                made = getattr(made, name)
                if callable(made) and not isinstance(made, Manager | type):
                    made = made()
        if isinstance(made, Manager):
            made = made.all()
        if not isinstance(made, QuerySet):
            raise ConfigError(f"{self.label}: {path!r} gives {type(made).__name__}, not a queryset")
        return made

    def _where(self) -> Mapping[str, Any]:
        if self.where is not None:
            return self.where
        choice = self.guesses.get("where")
        return {} if choice is None else {choice.path: True}

    def index_queryset(self) -> QuerySet[Any]:
        """Return the rows that may be recommended."""
        rows = self._base_queryset(self.queryset)
        where = self._where()
        if where:
            rows = rows.filter(**where)
        joined, prefetched = self.relations
        if joined:
            rows = rows.select_related(*joined)
        return rows.prefetch_related(*prefetched) if prefetched else rows

    def result_queryset(self, request: HttpRequest | None) -> QuerySet[Any]:
        """Return the rows that may be shown to this request; a row of cards is fetched through it in one query."""
        if self.result_queryset_path:
            return self._base_queryset(self.result_queryset_path, request)
        rows = self._base_queryset(self.queryset)
        where = self._where()
        joined, prefetched = self.card_relations
        rows = rows.filter(**where) if where else rows
        rows = rows.select_related(*joined) if joined else rows
        return rows.prefetch_related(*prefetched) if prefetched else rows

    @property
    def shows_all_the_same(self) -> bool:
        """Whether ``result_queryset`` is the same for every request, so that one visitor's row may show what another's did.

        Asked only while the shop's database is away. A queryset of the shop's own might depend on the request; unless
        ``same_for_all`` says otherwise, it is taken to.
        """
        if self.same_for_all is not None:
            return self.same_for_all
        return not self.result_queryset_path and type(self).result_queryset is Items.result_queryset

    def prepare(self, objects: Sequence[Any], request: HttpRequest | None) -> None:
        """Add to objects that a queryset gave what a row or an item needs beside, for all of them at once; by default nothing.

        Called before :meth:`visible` with the objects of a row, before :meth:`item` with those of a sweep (without a request).
        """

    def visible(self, obj: Any, request: HttpRequest | None) -> bool:
        """Whether an object that ``result_queryset`` gave may be shown: by default, whether it can be bought.

        Only what stands on the object itself is looked at, so that no further query is made.
        """
        del request
        for name in self._stock_fields:
            value = getattr(obj, name)
            if not value:
                return value is None
        return True

    @cached_property
    def _stock_fields(self) -> tuple[str, ...]:
        """The object's own fields that say whether it can be bought."""
        paths = (self.path(name) for name in ("available", "quantity"))
        return tuple(path for path in paths if path and len(split(path)) == 1 and path in self._field_names)

    # -- ids --------------------------------------------------------------------------------------------------------

    def item_id(self, obj: Any) -> str:
        """Return the id of the item that stands for ``obj``: its own, or that of its canonical product."""
        standing = self.canonical_object(obj)
        return f"{self.label if isinstance(standing, self.model) else standing._meta.label_lower}:{standing.pk}"

    def canonical_object(self, obj: Any) -> Any:
        """Return the product that stands for a variant, or the object itself."""
        if not self.canonical:
            return obj
        return first(resolve(obj, self.canonical)) or obj

    def pk_of(self, item_id: str) -> Any:
        """Return the primary key of an item id of this model.

        Raises
        ------
        ConfigError
            When it cannot be one.
        """
        text = item_id.partition(":")[2]
        field: Any = self.model._meta.pk
        try:
            while field.remote_field is not None:
                field = field.target_field
            return field.to_python(text)
        except Exception as error:
            raise ConfigError(f"{item_id!r} is no id of {self.label}") from error

    # -- object → item ----------------------------------------------------------------------------------------------

    def items(self, objects: Iterable[Any]) -> tuple[list[Item], list[InvalidItem]]:
        """Return the items of ``objects`` (variants left out), and what was refused."""
        self._category_paths.clear()
        made: list[Item] = []
        refused: list[InvalidItem] = []
        objects = list(objects)
        self.prepare(objects, None)
        for obj in objects:
            if self.canonical and self.canonical_object(obj) is not obj:
                continue
            try:
                made.append(self.item(obj))
            except InvalidItem as error:
                metrics.count("item.refused")
                refused.append(error)
        return made, refused

    def item(self, obj: Any) -> Item:
        """Return the item of one object, read in the shop's own language whatever language is active.

        Raises
        ------
        InvalidItem
            When a value cannot be; it names item and field.
        """
        language = own_language(obj)
        with speaking(language, obj):
            return self._item(obj, language)

    def _item(self, obj: Any, language: str) -> Item:
        item_id = self.item_id(obj)
        offers = self.offers(obj)
        price, currency = money(self.value(obj, "price"))
        if price is None and offers:
            price, currency = next(iter(offers.values())).asked
        title, description = self._texts(obj)
        availability, quantity = stock(item_id, self.value(obj, "available"), self.value(obj, "quantity"))
        return Item(
            id=item_id,
            title=title,
            description=description,
            group_id=text_or_none(first(self.value(obj, "group"))),
            categories=tuple(self._category_path(entry) for entry in as_list(self.value(obj, "categories"))),
            brand=text_or_none(first(self.value(obj, "brand"))),
            price=price,
            sale_price=money(self.value(obj, "sale_price"))[0],
            currency=text_or_none(self.value(obj, "currency")) or currency,
            prices={site: offer.prices for site, offer in offers.items()},
            availability=availability,
            quantity=quantity,
            image_url=address(first(self.value(obj, "image"))),
            page_url=self.page_url(obj),
            attributes=self._attributes(obj),
            tags=tuple(text_of(entry) for entry in as_list(self.value(obj, "tags"))),
            rating=number(first(self.value(obj, "rating"))),
            rating_count=first(self.value(obj, "rating_count")),
            published_at=moment(first(self.value(obj, "published"))),
            expires_at=moment(first(self.value(obj, "expires"))),
            language=text_or_none(first(self.value(obj, "language"))) or (language if self.languages else None),
        )

    def _texts(self, obj: Any) -> tuple[str, str]:
        title = text_of(first(self.value(obj, "title")))
        made_by = self._text_callable
        if made_by:
            return title, text_of(load(made_by, self.label)(obj))
        if self.text is None:
            return title, text_of(first(self.value(obj, "description")))
        parts = [text_of(entry) for name in self._text_paths for entry in as_list(self._at(obj, name))]
        if self.description:
            parts.append(text_of(first(self.value(obj, "description"))))
        return title, "\n".join(dict.fromkeys(part for part in parts if part and part != title))

    def _attributes(self, obj: Any) -> dict[str, str | tuple[str, ...]]:
        out: dict[str, str | tuple[str, ...]] = {}
        for name, path in self.attributes.items():
            values = tuple(text_of(entry) for entry in as_list(self._at(obj, path)))
            if values:
                out[name] = values[0] if len(values) == 1 else values
        return out | self.bounds(obj)

    def bounds(self, obj: Any) -> dict[str, tuple[str, ...]]:
        """Return the languages and sites that an object may be shown in, where the shop knows such bounds.

        One of nowhere has no value, and no request asks for none.
        """
        out = {}
        for name in self.bounded:
            values = tuple(dict.fromkeys(map(key_of, as_list(self.value(obj, name))))) if self.path(name) else (EVERYWHERE,)
            if values:
                out[name] = values
        return out

    def _category_path(self, category: Any) -> str:
        """Return ``"Women > Dresses"`` for a category that is text or a model with parents."""
        if not isinstance(category, Model):
            return text_of(category)
        key = (type(category), category.pk)
        if key not in self._category_paths:
            self._category_paths[key] = category_path(category)
        return self._category_paths[key]

    def page_url(self, obj: Any) -> str | None:
        """Return the address of the object's page; ``None`` when it has none."""
        try:
            return text_or_none(self.value(obj, "url"))
        except NoReverseMatch as error:
            metrics.count("item.no_url")
            logger.warning("reco: %s has no page: %s", self.item_id(obj), error)
            return None

    def card(self, obj: Any, site: str = "") -> Card:
        """Return what the shipped row shows of an object.

        Parameters
        ----------
        site
            Key of the site or channel that the row is shown on.
        """
        price, currency = self._asked(obj, site)
        return Card(
            title=text_of(first(self.value(obj, "title"))),
            url=self.page_url(obj),
            image=address(first(self.value(obj, "image"))),
            price=price,
            currency=text_or_none(first(self.value(obj, "currency"))) if currency is None else currency,
        )

    def _asked(self, obj: Any, site: str) -> tuple[Any, str | None]:
        """Return what is asked now: on this site, where sites have prices of their own."""
        own = self.offers(obj).get(site) if site else None
        if own is not None:
            return own.asked
        lowest = money(self.value(obj, "sale_price"))
        return money(self.value(obj, "price")) if lowest[0] in (None, "") else lowest

    def offers(self, obj: Any) -> dict[str, Offer]:
        """Return what sites or channels ask where that is another price, by their keys."""
        given = self.value(obj, "prices") or {}
        found = {key_of(site): Offer.of(value) for site, value in given.items()}
        return {site: offer for site, offer in found.items() if offer.price is not None}
