"""The shop's back office: creates, edits, bulk-updates, writes raw SQL, deletes, and rolls back."""

import random
import threading
import time
from decimal import Decimal
from itertools import count

from django.db import Error, connection, transaction

from tests.chaos.ledger import BY_SIGNAL, BY_SWEEP, Ledger
from tests.django.shops.plain.models import Category, Order, OrderLine, Product

LASTING = 60
FIRST_CENTS = 100_000
MOST = 500
WORDS = "linen summer dress ceramic coffee mug walnut desk lamp wool winter scarf copper kettle garden chair".split()


class _Wanted(Exception):
    """Rolls a transaction back."""


class Office(threading.Thread):
    """Writes until it is told to stop.

    Parameters
    ----------
    seed
        Of what it does, in which order.
    ledger
        Where it notes what it did.
    pause_seconds
        Between two writes, about.
    """

    def __init__(self, seed: str, ledger: Ledger, pause_seconds: float) -> None:
        super().__init__(name="office", daemon=True)
        self.stopping = threading.Event()
        self._random = random.Random(seed)
        self._ledger = ledger
        self._pause = pause_seconds
        self._cents = count(FIRST_CENTS)
        self.lasting: list[int] = []
        self._selling: dict[int, int] = {}
        self._hidden: set[int] = set()
        self._ways = {
            self.create: 4,
            self.edit: 6,
            self.hide: 2,
            self.show: 2,
            self.delete: 2,
            self.bulk_create: 1,
            self.bulk_update: 1,
            self.update: 1,
            self.raw_update: 1,
            self.raw_delete: 1,
            self.roll_back: 3,
            self.late_order: 1,
            self.order_rolled_back: 1,
        }

    def fill(self) -> None:
        """Make what is there before anything is broken."""
        self._categories = [Category.objects.create(name=name) for name in ("Home", "Garden", "Clothes", "Kitchen")]
        made = Product.objects.bulk_create(self._product() for _ in range(2 * LASTING))
        self.lasting = [product.pk for product in made[:LASTING]]
        self._selling = {product.pk: _cents(product) for product in made[LASTING:]}
        connection.close()

    def run(self) -> None:
        ways, weights = list(self._ways), list(self._ways.values())
        while not self.stopping.is_set():
            way = self._random.choices(ways, weights)[0]
            with self._ledger.quiet:
                try:
                    way()
                except Error:
                    self._ledger.count("writes that the shop's database refused")
                    connection.close()
            self.stopping.wait(self._pause * self._random.uniform(0.5, 1.5))
        connection.close()

    # -- one product, by the ORM: a signal each

    def create(self) -> None:
        if len(self._selling) > MOST:
            return
        product = self._product()
        product.save()
        self._selling[product.pk] = _cents(product)
        self._ledger.changed("created", BY_SIGNAL, {product.pk: _cents(product)})

    def edit(self) -> None:
        pk = self._random.choice([*self._selling, *self.lasting])
        cents = next(self._cents)
        with self._about([pk]):
            product = Product.objects.get(pk=pk)
            product.price, product.title = Decimal(cents) / 100, self._title()
            product.save()
        self._ledger.changed("edited", BY_SIGNAL, {pk: cents})

    def hide(self) -> None:
        """Unpublish, or sell the last piece."""
        (pk,) = self._some(1)
        with self._about([pk]):
            product = Product.objects.get(pk=pk)
            if self._random.random() < 0.5:
                product.is_active = False
            else:
                product.stock = 0
            product.save()
        self._selling.pop(pk)
        self._hidden.add(pk)
        self._ledger.changed("hidden", BY_SIGNAL, {pk: None})

    def show(self) -> None:
        if self._hidden:
            pk = self._random.choice(sorted(self._hidden))
            cents = next(self._cents)
            with self._about([pk]):
                product = Product.objects.get(pk=pk)
                product.is_active, product.stock, product.price = True, 5, Decimal(cents) / 100
                product.save()
            self._hidden.discard(pk)
            self._selling[pk] = cents
            self._ledger.changed("shown again", BY_SIGNAL, {pk: cents})

    def delete(self) -> None:
        (pk,) = self._some(1)
        with self._about([pk]):
            Product.objects.get(pk=pk).delete()
        self._selling.pop(pk)
        self._ledger.changed("deleted", BY_SIGNAL, {pk: None})

    # -- what sends no signal

    def bulk_create(self) -> None:
        if len(self._selling) > MOST:
            return
        made = Product.objects.bulk_create(self._product() for _ in range(5))
        prices = {product.pk: _cents(product) for product in made}
        self._selling |= prices
        self._ledger.changed("bulk-created", BY_SWEEP, dict(prices))

    def bulk_update(self) -> None:
        prices = {pk: next(self._cents) for pk in self._some(5)}
        with self._about(list(prices)):
            products = list(Product.objects.filter(pk__in=prices))
            for product in products:
                product.price = Decimal(prices[product.pk]) / 100
            Product.objects.bulk_update(products, ["price"])
        self._ledger.changed("bulk-updated", BY_SWEEP, dict(prices))

    def update(self) -> None:
        pks = self._some(2)
        with self._about(pks):
            Product.objects.filter(pk__in=pks).update(is_active=False)
        self._hidden.update(pks)
        for pk in pks:
            self._selling.pop(pk)
        self._ledger.changed("hidden by update()", BY_SWEEP, dict.fromkeys(pks))

    def raw_update(self) -> None:
        (pk,) = self._some(1)
        cents = next(self._cents)
        with self._about([pk]), connection.cursor() as cursor:
            cursor.execute("UPDATE plain_product SET price = %s WHERE id = %s", [Decimal(cents) / 100, pk])
        self._ledger.changed("updated by raw SQL", BY_SWEEP, {pk: cents})

    def raw_delete(self) -> None:
        (pk,) = self._some(1)
        with self._about([pk]), connection.cursor() as cursor:
            cursor.execute("DELETE FROM plain_product WHERE id = %s", [pk])
        self._selling.pop(pk)
        self._ledger.changed("deleted by raw SQL", BY_SWEEP, {pk: None})

    # -- what never happened

    def roll_back(self) -> None:
        """Create, edit and delete in a transaction, or in a savepoint of one, that comes to nothing."""
        cents = next(self._cents)
        edited, deleted = self._some(2)
        self._ledger.never_shows(cents=cents)

        def write() -> None:
            with transaction.atomic():
                product = self._product()
                self._ledger.never_shows(cents=_cents(product))
                product.save()
                self._ledger.never_shows(pk=product.pk)
                found = Product.objects.get(pk=edited)
                found.price = Decimal(cents) / 100
                found.save()
                Product.objects.get(pk=deleted).delete()
                raise _Wanted

        outer = self._random.random() < 0.5
        try:
            if outer:
                write()
            else:
                with transaction.atomic():
                    try:
                        write()
                    except _Wanted:
                        self._ledger.count("rolled back to a savepoint")
        except _Wanted:
            self._ledger.count("rolled back")

    # -- orders: lines are bought at the shop's pages too

    def late_order(self) -> None:
        """Commit an order after others that were placed later."""
        with transaction.atomic():
            order = Order.objects.create(paid=True)
            OrderLine.objects.create(order=order, product_id=self._random.choice(self.lasting), price=1, quantity=3)
            time.sleep(self._random.uniform(0.2, 0.8))
        self._ledger.count("orders committed late")

    def order_rolled_back(self) -> None:
        try:
            with transaction.atomic():
                order = Order.objects.create(paid=True)
                OrderLine.objects.create(order=order, product_id=self._random.choice(self.lasting), price=1)
                raise _Wanted
        except _Wanted:
            self._ledger.count("orders rolled back")

    # -- inside

    def _product(self) -> Product:
        return Product(
            title=self._title(),
            slug="chaos",
            category=self._random.choice(self._categories),
            price=Decimal(next(self._cents)) / 100,
        )

    def _title(self) -> str:
        return " ".join(self._random.sample(WORDS, 4))

    def _some(self, n: int) -> list[int]:
        """Return products that may be hidden or deleted; lasting ones are what is bought."""
        while len(self._selling) < n:
            self.create()
        return self._random.sample(sorted(self._selling), n)

    def _about(self, pks: list[int]) -> "_About":
        return _About(self, pks)

    def forget(self, pks: list[int]) -> None:
        """Leave alone what nobody knows: the database went away while it was written."""
        for pk in pks:
            self._selling.pop(pk, None)
            self._hidden.discard(pk)


class _About:
    """A write to some products, whose outcome is unknown when it fails."""

    def __init__(self, office: Office, pks: list[int]) -> None:
        self._office, self._pks = office, pks

    def __enter__(self) -> None:
        self._office._ledger.unsure(self._pks)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._office.forget(self._pks)


def _cents(product: Product) -> int:
    return int(product.price * 100)
