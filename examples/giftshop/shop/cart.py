"""The cart: product keys and quantities in the visitor's session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.http import HttpRequest

from shop.models import Product

SESSION_KEY: Final = "cart"
MOST_PER_LINE: Final = 99
MOST_LINES: Final = 50


@dataclass(frozen=True, slots=True)
class CartLine:
    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity


class Cart:
    def __init__(self, request: HttpRequest) -> None:
        self._session = request.session
        self._quantities: dict[str, int] = dict(self._session.get(SESSION_KEY, {}))
        self._lines: list[CartLine] | None = None

    def __iter__(self) -> Iterator[CartLine]:
        return iter(self.lines)

    def __len__(self) -> int:
        """How many things, not how many kinds: answered from the session alone."""
        return sum(self._quantities.values())

    def __bool__(self) -> bool:
        return bool(self._quantities)

    @property
    def lines(self) -> list[CartLine]:
        """What can still be bought, oldest first."""
        if self._lines is None:
            found = Product.objects.in_stock().for_cards().in_bulk(int(key) for key in self._quantities)
            self._lines = [
                CartLine(found[int(key)], min(quantity, found[int(key)].stock))
                for key, quantity in self._quantities.items()
                if int(key) in found
            ]
        return self._lines

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    @property
    def products(self) -> list[Product]:
        return [line.product for line in self.lines]

    def add(self, product: Product, quantity: int = 1) -> None:
        key = str(product.pk)
        wanted = self._quantities.pop(key, 0) + quantity
        self._quantities[key] = min(wanted, product.stock, MOST_PER_LINE)
        while len(self._quantities) > MOST_LINES:
            self._quantities.pop(next(iter(self._quantities)))
        self._save()

    def set(self, product: Product, quantity: int) -> None:
        if quantity <= 0:
            self.remove(product)
            return
        self._quantities[str(product.pk)] = min(quantity, product.stock, MOST_PER_LINE)
        self._save()

    def remove(self, product: Product) -> None:
        self._quantities.pop(str(product.pk), None)
        self._save()

    def clear(self) -> None:
        self._quantities.clear()
        self._save()

    def _save(self) -> None:
        self._lines = None
        self._session[SESSION_KEY] = self._quantities
