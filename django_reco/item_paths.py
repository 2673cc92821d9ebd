"""Where the fields of an item stand in a model of the shop."""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any, ClassVar, Final, Self, cast

from django.db.models import Model

from django_reco.conf import ItemsSpec
from django_reco.guess import Choice, guess
from django_reco.paths import load, relations_of, resolve, split

__all__ = ["BOUNDS", "CARD_PATHS", "GUESSED_PATHS", "ITEM_PATHS", "ItemPaths"]

GUESSED_PATHS: Final = (
    "title",
    "description",
    "brand",
    "price",
    "sale_price",
    "currency",
    "available",
    "quantity",
    "categories",
    "tags",
    "image",
    "url",
    "published",
    "expires",
    "rating",
    "rating_count",
)
"""Fields whose path is guessed from the model's where the shop names none."""
ITEM_PATHS: Final = (*GUESSED_PATHS, "group", "canonical", "language", "languages", "sites", "prices")
"""Fields that are given as a path."""
BOUNDS: Final = ("languages", "sites")
"""Where an item may be shown."""
CARD_PATHS: Final = ("title", "price", "sale_price", "currency", "image", "url", *BOUNDS, "prices")
"""Fields that a row of cards shows or looks at."""


class ItemPaths:
    """Where the fields of an item stand in one model of the shop: as given, else as guessed.

    The attributes are those of :class:`django_reco.conf.ItemsSpec`. What is ``None`` is guessed from the model's field
    names; ``""`` turns a field off.

    Parameters
    ----------
    model
        The shop's model.
    """

    text: ClassVar[Sequence[str] | str | None] = None
    queryset: ClassVar[str | None] = None
    where: ClassVar[Mapping[str, Any] | None] = None
    canonical: ClassVar[str | None] = None
    group: ClassVar[str | None] = None
    watch: ClassVar[Mapping[str, str] | Sequence[str]] = {}
    title: ClassVar[str | None] = None
    description: ClassVar[str | None] = None
    brand: ClassVar[str | None] = None
    price: ClassVar[str | None] = None
    sale_price: ClassVar[str | None] = None
    currency: ClassVar[str | None] = None
    available: ClassVar[str | None] = None
    quantity: ClassVar[str | None] = None
    categories: ClassVar[str | None] = None
    tags: ClassVar[str | None] = None
    image: ClassVar[str | None] = None
    url: ClassVar[str | None] = None
    rating: ClassVar[str | None] = None
    rating_count: ClassVar[str | None] = None
    published: ClassVar[str | None] = None
    expires: ClassVar[str | None] = None
    language: ClassVar[str | None] = None
    languages: ClassVar[str | None] = None
    sites: ClassVar[str | None] = None
    prices: ClassVar[str | None] = None
    prefetch: ClassVar[Sequence[str]] = ()
    attributes: ClassVar[Mapping[str, str]] = {}
    result_queryset_path: ClassVar[str | None] = None
    same_for_all: ClassVar[bool | None] = None

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.label: str = model._meta.label_lower
        self.bounded: frozenset[str] = frozenset(name for name in BOUNDS if getattr(self, name))
        """Which bounds some item model of the shop has; the others' items are everywhere."""
        self.priced_by_site = False
        """Whether the sites of some item model of the shop have prices of their own."""

    @classmethod
    def from_spec(cls, spec: ItemsSpec) -> type[Self]:
        """Return the class that one entry of ``RECO["ITEMS"]`` means."""
        given = {f.name: getattr(spec, f.name) for f in dataclass_fields(spec) if f.name not in {"model", "adapter"}}
        namespace = {key: value for key, value in given.items() if value not in (None, {}, ()) and key != "result_queryset"}
        namespace["result_queryset_path"] = spec.result_queryset
        return cast("type[Self]", type(f"{spec.model.replace('.', '')}Items", (cls,), namespace))

    @cached_property
    def guesses(self) -> dict[str, Choice]:
        """What was guessed, for the fields that the shop did not name."""
        found = {
            name: choice for name, choice in guess(self.model).items() if name in GUESSED_PATHS and getattr(self, name) is None
        }
        if self.text is not None:
            found.pop("description", None)
            if not self._text_callable:
                found.pop("title", None)
        where = guess(self.model).get("where")
        if where is not None and self.where is None and self.queryset is None:
            found["where"] = where
        return found

    def path(self, name: str) -> str | None:
        """Return the path of an item field, as given or as guessed; ``None`` when it has none."""
        given = getattr(self, name)
        if given is not None:
            return given or None
        if name == "title" and self._text_paths:
            return self._text_paths[0]
        choice = self.guesses.get(name)
        return None if choice is None else choice.path

    @property
    def _text_callable(self) -> str | None:
        """The dotted name of a callable that makes the text, where ``text`` is one."""
        names = (self.text,) if isinstance(self.text, str) else tuple(self.text or ())
        return names[0] if len(names) == 1 and self._is_dotted_callable(names[0]) else None

    @property
    def _text_paths(self) -> tuple[str, ...]:
        """The paths that make the text, where ``text`` is given as such."""
        if self._text_callable:
            return ()
        return (self.text,) if isinstance(self.text, str) else tuple(self.text or ())

    def _is_dotted_callable(self, path: str) -> bool:
        return "." in path and not hasattr(self.model, split(path)[0]) and split(path)[0] not in self._field_names

    @cached_property
    def _field_names(self) -> frozenset[str]:
        return frozenset(f.name for f in self.model._meta.get_fields())

    @cached_property
    def relations(self) -> tuple[list[str], list[str]]:
        """What the paths of this item need joined, and what prefetched."""
        given = [*map(self.path, ITEM_PATHS), *self.attributes.values(), *self._text_paths]
        joined, prefetched = self._needed_by(given)
        return joined, list(dict.fromkeys([*prefetched, *self.prefetch]))

    @cached_property
    def card_relations(self) -> tuple[list[str], list[str]]:
        """What a row of cards needs joined, and what prefetched: for all its objects at once instead of for each."""
        prefetched = self._needed_by(map(self.path, CARD_PATHS))[1]
        return self.relations[0], list(dict.fromkeys([*prefetched, *self.prefetch]))

    def _needed_by(self, paths: Iterable[str | None]) -> tuple[list[str], list[str]]:
        return relations_of(self.model, [path for path in paths if path and not self._is_dotted_callable(path)])

    def value(self, obj: Any, name: str) -> Any:
        """Return what stands on the object for an item field, before it is normalised."""
        path = self.path(name)
        return None if path is None else self._at(obj, path)

    def _at(self, obj: Any, path: str) -> Any:
        if path == "__str__":
            return str(obj)
        return load(path, self.label)(obj) if self._is_dotted_callable(path) else resolve(obj, path)
