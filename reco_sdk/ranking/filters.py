"""Filters: what a request allows, as one mask over the rows, before anything is cut."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reco_sdk.errors import InvalidRequest
from reco_sdk.items.catalogue import attribute_kind, facet
from reco_sdk.snapshot.view import View
from reco_sdk.types import BoolMask

if TYPE_CHECKING:
    from reco_sdk.ranking.expressions import Expression

__all__ = ["NO_FILTERS", "Filters"]

_OF_THE_REQUEST: Final = frozenset({"exclude_purchased", "one_per_group", "exclude_ids", "catalogue_key", "varying"})
AttributePairs = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What may be recommended. All given conditions must hold; the values of one are alternatives.

    Parameters
    ----------
    available
        Only what can be bought now.
    price_min, price_max
        Bounds of what is asked now, both included; an item without a price fails a bound.
    categories
        Paths; items at or under one of them, ``"Women"`` includes ``"Women > Dresses"``.
    brands, languages, tags
        Alternatives; case does not matter.
    attributes
        ``{"colour": ("red", "blue")}``: for each name one of its values.
    site
        The site or channel whose prices count, here, in expressions and in what is on sale; empty, or one without prices of its
        own: the items' own.
    where
        A filter expression, ``"brand == seed.brand and price < 50"``; see :mod:`reco_sdk.ranking.expressions`.
    only_ids
        Nothing but these, ``None`` for no such condition.
    exclude_ids
        None of these.
    exclude_purchased
        Not what this visitor or user bought.
    one_per_group
        At most one variant of a product.

    Raises
    ------
    InvalidRequest
        For a bound that is not a number, or a lower bound above the upper.
    InvalidExpression
        For a ``where`` that cannot be read.
    """

    available: bool = True
    price_min: float | None = None
    price_max: float | None = None
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attributes: AttributePairs = ()
    site: str = ""
    where: str = ""
    only_ids: frozenset[str] | None = None
    exclude_ids: frozenset[str] = field(default_factory=frozenset)
    exclude_purchased: bool = True
    one_per_group: bool = True
    catalogue_key: tuple[object, ...] = field(init=False, repr=False, compare=False, default=())
    """What of the filters decides the mask of a view, for caching it."""
    varying: Expression | None = field(init=False, repr=False, compare=False, default=None)
    """The expression, where it speaks of the seed or the time: it is worked out for each request."""

    def __post_init__(self) -> None:
        for name in ("price_min", "price_max"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and abs(value) <= sys.float_info.max):
                raise InvalidRequest(name, f"{value!r} is not a number; leave it out for no bound")
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise InvalidRequest("price_min", f"{self.price_min:g} is above price_max {self.price_max:g}")
        for name in ("categories", "brands", "languages", "tags"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        given: Any = self.attributes
        pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else given
        try:
            attributes = tuple((str(k), _texts(f"attributes.{k}", v)) for k, v in pairs)
        except (TypeError, ValueError) as error:
            if isinstance(error, InvalidRequest):
                raise
            raise InvalidRequest("attributes", f"{given!r} is not a mapping of names to texts") from error
        object.__setattr__(self, "attributes", attributes)
        if not isinstance(self.site, str):
            raise InvalidRequest("site", f"is {type(self.site).__name__}, not text")
        if self.only_ids is not None:
            object.__setattr__(self, "only_ids", frozenset(_texts("only_ids", self.only_ids)))
        object.__setattr__(self, "exclude_ids", frozenset(_texts("exclude_ids", self.exclude_ids)))
        key = tuple(getattr(self, f.name) for f in fields(self) if f.name not in _OF_THE_REQUEST)
        if self.where:
            expression = _parse(self.where)
            if expression.needs_seed or expression.needs_now:
                object.__setattr__(self, "varying", expression)
        object.__setattr__(self, "catalogue_key", key)

    def mask(self, view: View, now: float) -> BoolMask:
        """Return which rows may be recommended at ``now`` (epoch seconds); a fresh array.

        ``exclude_ids``, ``exclude_purchased``, ``one_per_group`` and ``varying`` depend on the request and are the engine's.
        """
        if self.site:
            view = view.at_site(self.site)
        mask = np.array(view.current(now, available=self.available))
        if self.price_min is not None:
            mask &= view.price >= self.price_min
        if self.price_max is not None:
            mask &= view.price <= self.price_max
        for kind, values in (
            ("category", tuple(_path(c) for c in self.categories)),
            ("brand", self.brands),
            ("language", self.languages),
            ("tag", self.tags),
            *((attribute_kind(name), values) for name, values in self.attributes),
        ):
            if values:
                allowed = np.zeros(len(view), np.bool_)
                for value in values:
                    allowed[view.facet_rows(facet(kind, value))] = True
                mask &= allowed
        if self.only_ids is not None:
            allowed = np.zeros(len(view), np.bool_)
            allowed[[row for row in map(view.row, self.only_ids) if row >= 0]] = True
            mask &= allowed
        if self.where and self.varying is None:
            mask &= _parse(self.where).mask(view, now)
        return mask


def _parse(where: object) -> Expression:
    from reco_sdk.ranking.expressions import parse_expression  # noqa: PLC0415  only where expressions are used

    if not isinstance(where, str):
        raise InvalidRequest("where", f"is {type(where).__name__}; give an expression as text")
    return parse_expression(where)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _path(category: str) -> str:
    return " > ".join(part.strip() for part in category.split(">") if part.strip())


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, Iterable):
        raise InvalidRequest(name, f"is {type(value).__name__}; give a list of texts")
    entries = (value,) if isinstance(value, str) else tuple(value)
    for entry in entries:
        if not isinstance(entry, str):
            raise InvalidRequest(name, f"{entry!r} is {type(entry).__name__}, not text")
    return entries


NO_FILTERS: Final = Filters()
"""What a request that names none is asked with: made once."""
