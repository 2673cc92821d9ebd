"""The catalogue as columns: one row an item, facets as postings, everything an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from reco_sdk.items.item import CATEGORY_SEPARATOR, Item
from reco_sdk.items.tables import IdTable, TextTable, key_hash
from reco_sdk.types import Floats, Rows

__all__ = ["Columns", "Facets", "SitePrices", "attribute_kind", "facet"]

NO_FACET: Final = -1


def facet(kind: str, value: str) -> str:
    """Return the key of one facet value, for example ``facet("brand", "Acme")``; case does not matter."""
    return f"{kind}={value.strip().casefold()}"


def attribute_kind(name: str) -> str:
    """Return the kind of facet of an attribute, for :func:`facet`; no name and value read like another pair."""
    return "attribute." + name.strip().casefold().replace("=", "\x1f")


def _category_facets(path: str) -> list[str]:
    parts = [part.strip() for part in path.split(CATEGORY_SEPARATOR)]
    return [facet("category", f" {CATEGORY_SEPARATOR} ".join(parts[: depth + 1])) for depth in range(len(parts))]


def _facets(item: Item) -> list[str]:
    keys = [key for path in item.categories for key in _category_facets(path)]
    if item.brand:
        keys.append(facet("brand", item.brand))
    if item.language:
        keys.append(facet("language", item.language))
    if item.currency:
        keys.append(facet("currency", item.currency))
    keys.append(facet("availability", item.availability))
    keys += [facet("tag", tag) for tag in item.tags]
    for name, value in item.attributes.items():
        values = (value,) if isinstance(value, str) else value
        keys += [facet(attribute_kind(name), entry) for entry in values]
    return list(dict.fromkeys(keys))


def _known(values: Iterable[float | None], n: int) -> Floats:
    """Return ``n`` numbers, NaN where there is none."""
    return np.fromiter((np.nan if value is None else value for value in values), np.float64, n)


class Facets:
    """Rows by facet value (postings).

    Parameters
    ----------
    vocabulary
        Facet keys by code.
    offsets
        int64 ``(codes + 1,)`` into ``rows``.
    rows
        int32, the rows of each code, ascending.
    row_offsets
        int64 ``(n + 1,)`` into ``row_codes``.
    row_codes
        int32, the codes of each row.
    """

    __slots__ = ("offsets", "postings", "row_codes", "row_offsets", "vocabulary")

    def __init__(
        self, vocabulary: IdTable, offsets: npt.NDArray[np.int64], rows: Rows, row_offsets: npt.NDArray[np.int64], row_codes: Rows
    ) -> None:
        self.vocabulary = vocabulary
        self.offsets = offsets
        self.postings = rows
        self.row_offsets = row_offsets
        self.row_codes = row_codes

    @classmethod
    def of(cls, keys_by_row: Sequence[Sequence[str]]) -> Facets:
        """Build postings from each row's facet keys."""
        lists: dict[str, list[int]] = {}
        for row, keys in enumerate(keys_by_row):
            for key in keys:
                lists.setdefault(key, []).append(row)
        names = list(lists)
        codes = {name: code for code, name in enumerate(names)}
        row_offsets = np.zeros(len(keys_by_row) + 1, dtype=np.int64)
        np.cumsum([len(keys) for keys in keys_by_row], out=row_offsets[1:])
        row_codes = np.fromiter((codes[key] for keys in keys_by_row for key in keys), np.int32, int(row_offsets[-1]))
        offsets = np.zeros(len(names) + 1, dtype=np.int64)
        np.cumsum([len(lists[name]) for name in names], out=offsets[1:])
        rows = np.fromiter((row for name in names for row in lists[name]), dtype=np.int32, count=int(offsets[-1]))
        return cls(IdTable.of(names), offsets, rows, row_offsets, row_codes)

    def rows(self, key: str) -> Rows:
        """Return the rows with this facet value, int32 ascending; empty when nobody has it."""
        return self.rows_of(self.vocabulary.row(key))

    def rows_of(self, code: int) -> Rows:
        """Return the rows of a facet code."""
        if code < 0:
            return self.postings[:0]
        return self.postings[self.offsets[code] : self.offsets[code + 1]]

    def values(self, row: int, kind: str) -> list[str]:
        """Return a row's values of one kind as :func:`facet` spells them, in the order of the item."""
        codes = self.row_codes[self.row_offsets[row] : self.row_offsets[row + 1]].tolist()
        begin = f"{kind}="
        return [key.removeprefix(begin) for key in map(self.vocabulary.__getitem__, codes) if key.startswith(begin)]


@dataclass(frozen=True, slots=True)
class SitePrices:
    """What sites ask where it is not the items' own price: sparse, site after site.

    Parameters
    ----------
    sites
        Their keys.
    offsets
        int64 ``(sites + 1,)`` into the rest.
    rows, price, discount
        int32, float64 and float32: the rows of each site, what it asks now, and the part that its sale takes off.
    """

    sites: IdTable
    offsets: npt.NDArray[np.int64]
    rows: Rows
    price: Floats
    discount: npt.NDArray[np.float32]

    @classmethod
    def of(cls, items: Sequence[Item]) -> SitePrices:
        """Collect those of items, one row each, in their order."""
        found: dict[str, list[tuple[int, float | None, float]]] = {}
        for row, item in enumerate(items):
            for site in item.prices:
                found.setdefault(site, []).append((row, *item.asked_at(site)))
        entries = [entry for listed in found.values() for entry in listed]
        offsets = np.zeros(len(found) + 1, np.int64)
        np.cumsum([len(listed) for listed in found.values()], out=offsets[1:])
        rows, n = np.asarray([row for row, _, _ in entries], np.int32), len(entries)
        price = _known((asked for _, asked, _ in entries), n)
        discount = np.fromiter((part for _, _, part in entries), np.float32, n)
        return cls(IdTable.of(list(found)), offsets, rows, price, discount)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name, for a snapshot."""
        own = {f"site_prices_{name}": getattr(self, name) for name in ("offsets", "rows", "price", "discount")}
        return self.sites.to_arrays("site_prices_sites") | own

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]]) -> SitePrices:
        """Rebuild them from a snapshot's arrays."""
        rest = (array(f"site_prices_{name}") for name in ("offsets", "rows", "price", "discount"))
        return cls(IdTable.from_arrays(array, "site_prices_sites"), *rest)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Columns:
    """``n`` items as arrays.

    Parameters
    ----------
    ids
        Item ids by row.
    titles
        Titles by row.
    group
        uint64 ``(n,)``: equal for variants of one product.
    price
        float64 ``(n,)`` what is asked now, NaN when unknown.
    discount
        float32 ``(n,)``: the part of the price that a sale takes off, 0 to 1; 0 for what is not on sale.
    available
        bool ``(n,)``.
    published, expires
        float64 ``(n,)`` epoch seconds; −inf and +inf when open.
    quantity
        float64 ``(n,)`` pieces in stock, NaN when unknown.
    rating
        float64 ``(n,)``, NaN when unknown.
    rating_count
        int32 ``(n,)``.
    main_category
        int32 ``(n,)``: code of the main category's full path in ``facets``, −1 for none.
    facets
        Rows by category, brand, language, currency, availability, tag and attribute.
    category_names
        The main category's leaf name by row, as written.
    site_prices
        Where sites ask another price.
    """

    ids: IdTable
    titles: TextTable
    group: npt.NDArray[np.uint64]
    price: Floats
    discount: npt.NDArray[np.float32]
    available: npt.NDArray[np.bool_]
    published: Floats
    expires: Floats
    quantity: Floats
    rating: Floats
    rating_count: npt.NDArray[np.int32]
    main_category: npt.NDArray[np.int32]
    facets: Facets
    category_names: TextTable
    site_prices: SitePrices

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, items: Sequence[Item]) -> Columns:
        """Build the columns of items, one row each, in their order."""
        facets = Facets.of([_facets(item) for item in items])
        codes = {facets.vocabulary[code]: code for code in range(len(facets.vocabulary))}
        main = [codes[_category_facets(i.categories[0])[-1]] if i.categories else NO_FACET for i in items]
        leaves = [i.categories[0].split(CATEGORY_SEPARATOR)[-1].strip() if i.categories else "" for i in items]
        n = len(items)
        return cls(
            ids=IdTable.of([i.id for i in items]),
            titles=TextTable.of(i.title for i in items),
            group=np.fromiter((key_hash(i.group_id or i.id) for i in items), dtype=np.uint64, count=n),
            price=_known((i.effective_price for i in items), n),
            discount=np.fromiter((i.discount for i in items), np.float32, n),
            available=np.fromiter((i.is_available for i in items), dtype=np.bool_, count=n),
            published=np.fromiter((i.published_at.timestamp() if i.published_at else -np.inf for i in items), np.float64, n),
            expires=np.fromiter((i.expires_at.timestamp() if i.expires_at else np.inf for i in items), np.float64, n),
            quantity=_known((i.quantity for i in items), n),
            rating=_known((i.rating for i in items), n),
            rating_count=np.fromiter((min(i.rating_count or 0, 2**31 - 1) for i in items), dtype=np.int32, count=n),
            main_category=np.asarray(main, dtype=np.int32).reshape(n),
            facets=facets,
            category_names=TextTable.of(leaves),
            site_prices=SitePrices.of(items),
        )

    def at_site(self, site: str) -> Columns:
        """Return the columns with a site's prices; themselves where it has none of its own. Made once, and kept."""
        place = self.site_prices.sites.row(site)
        if place < 0:
            return self
        kept = _at_sites.setdefault(self, {})
        found = kept.get(site)
        if found is None:
            part = slice(int(self.site_prices.offsets[place]), int(self.site_prices.offsets[place + 1]))
            rows = self.site_prices.rows[part]
            price, discount = np.array(self.price), np.array(self.discount)
            price[rows], discount[rows] = self.site_prices.price[part], self.site_prices.discount[part]
            found = kept[site] = replace(self, price=price, discount=discount)
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return every array by name, for a snapshot."""
        out: dict[str, npt.NDArray[Any]] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, IdTable):
                out |= value.to_arrays(f.name)
            elif isinstance(value, TextTable):
                out |= {f"{f.name}_blob": value.blob, f"{f.name}_offsets": value.offsets}
            elif isinstance(value, SitePrices):
                out |= value.to_arrays()
            elif isinstance(value, Facets):
                out |= value.vocabulary.to_arrays("facets_vocabulary")
                out |= {"facets_offsets": value.offsets, "facets_rows": value.postings}
                out |= {"facets_row_offsets": value.row_offsets, "facets_row_codes": value.row_codes}
            else:
                out[f.name] = value
        return out

    @classmethod
    def from_arrays(cls, array: Callable[[str], npt.NDArray[Any]]) -> Columns:
        """Rebuild the columns from a snapshot's arrays, without copying them."""

        def texts(name: str) -> TextTable:
            return TextTable(array(f"{name}_blob"), array(f"{name}_offsets"))

        return cls(
            ids=IdTable.from_arrays(array, "ids"),
            titles=texts("titles"),
            group=array("group"),
            price=array("price"),
            discount=array("discount"),
            available=array("available"),
            published=array("published"),
            expires=array("expires"),
            quantity=array("quantity"),
            rating=array("rating"),
            rating_count=array("rating_count"),
            main_category=array("main_category"),
            facets=Facets(
                IdTable.from_arrays(array, "facets_vocabulary"),
                array("facets_offsets"),
                array("facets_rows"),
                array("facets_row_offsets"),
                array("facets_row_codes"),
            ),
            category_names=texts("category_names"),
            site_prices=SitePrices.from_arrays(array),
        )


_at_sites: WeakKeyDictionary[Columns, dict[str, Columns]] = WeakKeyDictionary()
