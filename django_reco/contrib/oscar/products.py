"""Oscar's products as items: parents, public ones only, at the price and with the stock that the shop's strategy says.

A row costs two queries: the products with their first picture, and their stock records, the children's included. Both are left
where oscar itself looks for what was prefetched, so that the strategy asks for nothing more.
"""

# ruff: noqa: SLF001  what oscar and Django leave on prefetched objects, and Model._meta, are where others look for it

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.files.storage import default_storage
from django.core.signals import setting_changed
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.functional import cached_property
from django.utils.html import strip_tags
from django.utils.translation import get_language

from django_reco import metrics
from django_reco.items import Card, Items

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_reco")

__all__ = ["OscarCard", "ProductItems", "available", "currency", "image", "price", "quantity", "rating_count", "text"]

_HERE: Final = __name__
# As oscar's own product tile asks for it, so that one file serves both.
THUMBNAIL: Final = {"size": "x155", "upscale": False}
FACET_KINDS: Final = frozenset({"option", "multi_option", "boolean", "integer", "text"})
FACET_LENGTH: Final = 80


class ProductItems(Items):
    """``catalogue.Product``, forked or not; what stands in ``RECO["ITEMS"]`` beside the preset wins."""

    queryset: ClassVar[str | None] = "objects.browsable"
    canonical: ClassVar[str | None] = "parent"
    title: ClassVar[str | None] = "get_title"
    text: ClassVar[Sequence[str] | str | None] = f"{_HERE}.text"
    price: ClassVar[str | None] = f"{_HERE}.price"
    currency: ClassVar[str | None] = f"{_HERE}.currency"
    available: ClassVar[str | None] = f"{_HERE}.available"
    quantity: ClassVar[str | None] = f"{_HERE}.quantity"
    categories: ClassVar[str | None] = "get_categories"
    image: ClassVar[str | None] = f"{_HERE}.image"
    url: ClassVar[str | None] = "get_absolute_url"
    published: ClassVar[str | None] = "date_created"
    rating: ClassVar[str | None] = "rating"
    rating_count: ClassVar[str | None] = f"{_HERE}.rating_count"
    watch: ClassVar[Any] = {
        "partner.StockRecord": "product",
        "catalogue.ProductCategory": "product",
        "catalogue.ProductImage": "product",
        "catalogue.ProductAttributeValue": "product",
    }

    # -- which rows

    def index_queryset(self) -> QuerySet[Any]:
        """Return the parents and standalone products that the public may see, with all that an item holds of them."""
        rows = super().index_queryset().select_related("product_class").prefetch_related("images")
        rows = rows.prefetch_browsable_categories().prefetch_attribute_values()  # type: ignore[attr-defined]
        if _has(self.model, "reviews"):
            approved = Q(reviews__status=self._related("reviews").APPROVED)
            rows = rows.annotate(reco_rating_count=Count("reviews", filter=approved))
        return rows  # type: ignore[no-any-return]

    def result_queryset(self, request: HttpRequest | None) -> QuerySet[Any]:
        """Return the public products, each with the name of its first picture."""
        rows = super().result_queryset(request)
        if self.result_queryset_path:
            return rows
        pictured: QuerySet[Any] = rows.select_related("product_class").annotate(reco_image=self._first_picture)
        return pictured

    @cached_property
    def _first_picture(self) -> Subquery:
        pictures = self._related("images")._default_manager.filter(product=OuterRef("pk"))
        return Subquery(pictures.order_by("display_order").values("original")[:1])

    def _related(self, name: str) -> Any:
        """Return the model behind a relation, the shop's own where it forked oscar's."""
        return self.model._meta.get_field(name).related_model

    def prepare(self, objects: Sequence[Any], request: HttpRequest | None) -> None:
        """Ask the strategy about all of them, after one query for their stock records."""
        if not objects:
            return
        self._fetch_stock(objects)
        strategy = _strategy(request)
        for obj in objects:
            obj._reco_offer = _offer(strategy, obj)

    def _fetch_stock(self, objects: Sequence[Any]) -> None:
        """Leave each product's stock records, and each parent's public children with theirs, as if they had been prefetched."""
        by_key = {obj.pk: obj for obj in objects}
        parents = {obj.pk: {} for obj in objects if obj.is_parent}  # type: dict[Any, dict[Any, Any]]
        wanted = Q(product_id__in=[pk for pk in by_key if pk not in parents])
        rows = self._related("stockrecords")._default_manager.order_by("pk")
        if parents:
            wanted |= Q(product__parent__in=list(parents), product__is_public=True)
            rows = rows.select_related("product")
        records: dict[Any, list[Any]] = {pk: [] for pk in by_key}
        for record in rows.filter(wanted):
            product = by_key.get(record.product_id)
            if product is None:
                child = record.product
                child.parent = by_key[child.parent_id]
                product = parents[child.parent_id].setdefault(child.pk, child)
            record.product = product
            records.setdefault(product.pk, []).append(record)
        for pk, obj in by_key.items():
            _keep(obj, "stockrecords", records[pk])
            if pk in parents:
                children = sorted(parents[pk].values(), key=lambda child: child.pk)
                for child in children:
                    _keep(child, "stockrecords", records[child.pk])
                obj._prefetched_public_children = children

    def visible(self, obj: Any, request: HttpRequest | None) -> bool:
        """Whether the strategy lets this visitor buy it."""
        del request
        return available(obj)

    # -- ids

    def item_id(self, obj: Any) -> str:
        """Return the id of the product itself, or of a child's parent; the parent is not fetched for it."""
        return f"{self.label}:{obj.parent_id or obj.pk}"

    def pins(self, product: Any) -> list[str]:
        """Return the ids of the products that the shop itself recommends beside one (``ProductRecommendation``), best first."""
        rows = product.primary_recommendations.order_by("-ranking", "pk").values_list("recommendation", "recommendation__parent")
        return list(dict.fromkeys(f"{self.label}:{parent or pk}" for pk, parent in rows))

    # -- values

    def _attributes(self, obj: Any) -> dict[str, str | tuple[str, ...]]:
        out = super()._attributes(obj)
        for value in obj.get_attribute_values():
            if value.attribute.type not in FACET_KINDS or value.value in (None, ""):
                continue
            given = value.value if value.attribute.type == "multi_option" else [value.value]
            texts = tuple(text for text in map(str, given) if len(text) <= FACET_LENGTH)
            if texts:
                out.setdefault(value.attribute.code, texts[0] if len(texts) == 1 else texts)
        return out

    def card(self, obj: Any, site: str = "") -> Card:
        """Return what the row shows, at the price that the strategy asks of this request."""
        del site
        return OscarCard(
            title=obj.get_title(), url=self.page_url(obj), image=image(obj), price=price(obj), currency=currency(obj)
        )


class OscarCard(Card):
    """A card whose price is written as oscar writes prices."""

    @property
    def price_text(self) -> str:
        """The price in the shop's own format (``OSCAR_CURRENCY_FORMAT``); empty without one."""
        return "" if self.price is None else _written(self.price, self.currency, get_language())


@lru_cache(maxsize=8_192)
def _written(price: Any, currency: str | None, language: str | None) -> str:
    """Return a price as oscar writes it in a language, which takes longer than all else that a card shows."""
    from oscar.templatetags.currency_filters import currency as written  # noqa: PLC0415  only where oscar is installed

    del language  # the one that is active
    return str(written(price, currency))


def _has(model: Any, name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())


def _keep(obj: Any, name: str, found: Iterable[Any]) -> None:
    """Leave on an object what ``prefetch_related`` would have left."""
    rows = getattr(obj, name).all()
    rows._result_cache = list(found)
    rows._prefetch_done = True
    obj.__dict__.setdefault("_prefetched_objects_cache", {})[name] = rows


# -- the strategy


def _strategy(request: HttpRequest | None) -> Any:
    """Return the strategy of a request, as oscar's middleware left it there; of nobody in particular without one."""
    known = getattr(request, "strategy", None)
    if known is not None:
        return known
    from oscar.core.loading import get_class  # noqa: PLC0415  only where oscar is installed

    return get_class("partner.strategy", "Selector")().strategy(request=request, user=getattr(request, "user", None))


def _offer(strategy: Any, product: Any) -> Any:
    return strategy.fetch_for_parent(product) if product.is_parent else strategy.fetch_for_product(product)


def _offer_of(product: Any) -> Any:
    """Return price and availability of one product: as prepared, else asked for nobody in particular."""
    if "_reco_offer" not in product.__dict__:
        product._reco_offer = _offer(_strategy(None), product)
    return product._reco_offer


def price(product: Any) -> Any:
    """Return what a shopper is shown as the price: with tax where that is known; ``None`` for none."""
    found = _offer_of(product).price
    if not found.exists:
        return None
    return found.incl_tax if found.is_tax_known else found.excl_tax


def currency(product: Any) -> str | None:
    """Return the code of the price's currency."""
    found = _offer_of(product).price
    return found.currency if found.exists else None


def available(product: Any) -> bool:
    """Whether the product, or one of its children, can be bought."""
    return bool(_offer_of(product).availability.is_available_to_buy)


def quantity(product: Any) -> int | None:
    """Return how many can be bought, where stock is counted."""
    found = getattr(_offer_of(product).availability, "num_available", None)
    return None if found is None else int(found)


def text(product: Any) -> str:
    """Return what the product is about: its title, its categories and its description without markup."""
    names = [category.name for category in product.get_categories()]
    description = " ".join(strip_tags(product.description or "").split())
    return "\n".join(filter(None, [product.get_title(), *names, description]))


def rating_count(product: Any) -> int | None:
    """Return how many approved reviews there are, where the query counted them."""
    return getattr(product, "reco_rating_count", None) or None


# -- pictures


def image(product: Any) -> str | None:
    """Return the address of the first picture, as small as oscar's tile shows it; of oscar's stand-in where there is none."""
    return _thumbnail(_picture(product))


def _picture(product: Any) -> str | None:
    """Return the file of a product's first picture: as the row's query found it, else as fetched or to be fetched."""
    if "reco_image" in product.__dict__:
        return product.__dict__["reco_image"] or None
    pictures = product.images.all()
    return pictures[0].original.name if pictures else None


@lru_cache(maxsize=8_192)
def _thumbnail(name: str | None) -> str | None:
    """Return the address of a thumbnail; it is made once, by the process that reads the catalogue, and found again by others."""
    from oscar.core.loading import get_model  # noqa: PLC0415  only where oscar is installed
    from oscar.core.thumbnails import get_thumbnailer  # noqa: PLC0415

    product: Any = get_model("catalogue", "Product")
    picture: Any = get_model("catalogue", "ProductImage")
    try:
        source = picture(original=name).original if name else product().get_missing_image().name
        return str(get_thumbnailer().generate_thumbnail(source, **THUMBNAIL).url)
    except Exception:
        metrics.count("oscar.no_thumbnail")
        logger.warning("reco: no thumbnail of %s; rows show the picture itself", name or "the stand-in", exc_info=True)
        return default_storage.url(name) if name else None


def _forget(*, setting: str, **_: Any) -> None:
    if setting in {"MEDIA_ROOT", "MEDIA_URL", "STORAGES", "OSCAR_THUMBNAILER"}:
        _thumbnail.cache_clear()
    if setting in {"OSCAR_CURRENCY_FORMAT", "OSCAR_DEFAULT_CURRENCY", "LANGUAGE_CODE"}:
        _written.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_reco.contrib.oscar")
