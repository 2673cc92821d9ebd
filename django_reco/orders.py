"""``RECO["ORDERS"]``: the shop's own order lines, read as purchases.

A purchase is known by its line (``event_id = "order:<label>:<pk>"``), so that reading a line twice counts it once. Lines
are read forward from a cursor; lines that came to count behind it (an order paid later than the next one) are found by
counting, and fetched by going back until they are all there.

Lines that were cancelled or given back are read in the same way, as refunds of their purchases.
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from django_reco import metrics
from django_reco.conf import OrdersSpec, get_settings
from django_reco.paths import first, lookup_of, model_at, relations_of, resolve, split
from django_reco.registry import adapter_for, adapters, find_model, item_id_of
from django_reco.values import moment, money
from reco_sdk.errors import InvalidInteraction
from reco_sdk.interactions.interaction import Interaction

__all__ = ["Orders", "OrdersReport", "orders", "refunds"]

logger = logging.getLogger("django_reco")

Append = Callable[[Sequence[Interaction]], int]


@dataclass(slots=True)
class OrdersReport:
    """What reading one model of order lines did.

    Parameters
    ----------
    read, new, refused, without_item
        Lines looked at, purchases that were not known, lines that cannot be, lines whose item is gone.
    """

    read: int = 0
    new: int = 0
    refused: int = 0
    without_item: int = 0


class Orders:
    """One model of order lines.

    Parameters
    ----------
    spec
        Its entry in the settings.
    refunded
        Whether the lines that were given back are read, as refunds.
    """

    def __init__(self, spec: OrdersSpec, *, refunded: bool = False) -> None:
        self.spec = spec
        self.refunded = refunded
        self.model: type[Model] = find_model(spec.model, 'RECO["ORDERS"]')
        self.label: str = self.model._meta.label_lower

    @property
    def state_name(self) -> str:
        """Name of the cursor in the store."""
        return f"django.orders:{self.label}{':refunded' if self.refunded else ''}"

    def lines(self) -> QuerySet[Any]:
        """Return the lines that count, with what their paths need."""
        joined, prefetched = self._relations
        rows = self.model._default_manager.filter(**(self.spec.refunded if self.refunded else self.spec.where))
        if joined:
            rows = rows.select_related(*joined)
        return rows.prefetch_related(*prefetched) if prefetched else rows

    @cached_property
    def _relations(self) -> tuple[list[str], list[str]]:
        spec = self.spec
        paths = [p for p in (self._group, self._user, spec.quantity, spec.price, spec.at) if p]
        if not spec.content_type and self._direct is None:
            paths.append(spec.item)
        return relations_of(self.model, paths)

    @cached_property
    def _direct(self) -> tuple[str, str] | None:
        """(label, column) when the line's own column names the item, so that no product needs to be fetched."""
        if self.spec.content_type:
            return None
        try:
            field: Any = self.model._meta.get_field(self.spec.item)
        except FieldDoesNotExist:
            return None
        target = field.related_model if field.is_relation and field.concrete and not field.many_to_many else None
        adapter = adapter_for(target) if isinstance(target, type) else None
        if adapter is None or adapter.canonical or getattr(field, "target_field", None) is not adapter.model._meta.pk:
            return None
        return adapter.label, field.attname

    @cached_property
    def _group(self) -> str | None:
        return self._cheap(self.spec.group) if self.spec.group else None

    @cached_property
    def _user(self) -> str | None:
        return self._cheap(self.spec.user) if self.spec.user else None

    @cached_property
    def _basket(self) -> str:
        """Label in the ids of baskets: that of the order, so that lines of two models on one order are one basket."""
        order = model_at(self.model, self.spec.group) if self.spec.group else None
        return self.label if order is None else order._meta.label_lower

    def _cheap(self, path: str) -> str:
        """Return the path to the key instead of the object, where the object itself is not needed."""
        lookup = lookup_of(self.model, path)
        if lookup is None:
            return path
        current: Any = self.model
        for name in split(path)[:-1]:
            current = current._meta.get_field(name).related_model
        try:
            field = current._meta.get_field(split(path)[-1])
        except FieldDoesNotExist:
            return path
        return ".".join([*split(path)[:-1], field.attname]) if field.is_relation else path

    # -- line → purchase --------------------------------------------------------------------------------------------

    def item_id(self, line: Any) -> str | None:
        """Return the item of a line; ``None`` when it is gone or no item."""
        if self._direct is not None:
            label, column = self._direct
            key = getattr(line, column)
            return None if key is None else f"{label}:{key}"
        if self.spec.content_type:
            return self._generic(line)
        obj = first(resolve(line, self.spec.item))
        return None if obj is None else item_id_of(obj)

    def _generic(self, line: Any) -> str | None:
        from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415  only where the shop installed it

        kind = resolve(line, f"{self.spec.content_type}_id")
        key = first(resolve(line, self.spec.item))
        if kind is None or key is None:
            return None
        model = ContentType.objects.get_for_id(kind).model_class()
        adapter = None if model is None else adapter_for(model)
        if adapter is None:
            return None
        if not adapter.canonical:
            # Keys are kept as text, and spelled as the model spells them.
            return f"{adapter.label}:{adapter.pk_of(f'{adapter.label}:{key}')}"
        obj = adapter.model._default_manager.filter(pk=key).first()
        return None if obj is None else adapter.item_id(obj)

    def purchase(self, line: Any) -> Interaction | None:
        """Return the purchase that a line is; ``None`` when its item is gone.

        Raises
        ------
        InvalidInteraction
            When a value of the line cannot be.
        """
        item_id = self.item_id(line)
        if item_id is None:
            return None
        group = self._key(line, self._group)
        user = self._key(line, self._user)
        at = moment(first(resolve(line, self.spec.at))) if self.spec.at else None
        quantity = first(resolve(line, self.spec.quantity)) if self.spec.quantity else 1
        amount, currency = money(resolve(line, self.spec.price)) if self.spec.price else (None, None)
        basket = f"order:{self.label}:{line.pk}" if group is None else f"order:{self._basket}:{group}"
        return Interaction(
            kind="purchase",
            item_id=item_id,
            user_id=user,
            # Whoever buys without an account is one shopper for each order.
            visitor_id=None if user else basket,
            session_id=basket,
            at=at or timezone.now(),
            quantity=1 if quantity is None else int(quantity),
            value=None if amount is None else float(amount),
            currency=currency,
            event_id=f"order:{self.label}:{line.pk}",
        )

    def _key(self, line: Any, path: str | None) -> str | None:
        value = first(resolve(line, path)) if path else None
        if value is None or value == "":
            return None
        return str(value.pk if isinstance(value, Model) else value)

    # -- reading ----------------------------------------------------------------------------------------------------

    @cached_property
    def _time(self) -> str | None:
        return lookup_of(self.model, self.spec.at) if self.spec.at else None

    def count(self) -> int:
        """Return how many lines count."""
        return self._base().count()

    def _base(self) -> QuerySet[Any]:
        rows = self.lines()
        return rows.filter(**{f"{self._time}__isnull": False}) if self._time else rows

    def _order(self, *, back: bool = False) -> list[str]:
        sign = "-" if back else ""
        return [f"{sign}{self._time}", f"{sign}pk"] if self._time else [f"{sign}pk"]

    def _place(self, line: Any) -> tuple[Any, Any]:
        return (resolve(line, self._time) if self._time else None), line.pk

    def _side(self, place: tuple[Any, Any], way: str) -> Q:
        at, pk = place
        if self._time:
            return Q(**{f"{self._time}__{way}": at}) | Q(**{self._time: at, f"pk__{way}": pk})
        return Q(**{f"pk__{way}": pk})

    def read(
        self,
        state: str | None,
        append: Append,
        *,
        recount: bool = True,
        chunk: int = 2_000,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[OrdersReport, str | None]:
        """Read what is new; return what was done and the next state.

        Parameters
        ----------
        state
            As the last call returned it; ``None`` reads everything.
        append
            Stores purchases and returns how many were new.
        recount
            Whether to look for lines that came to count behind the cursor.
        progress
            Called with the number of lines of each chunk.
        """
        report = OrdersReport()
        place, behind = self._decoded(state)
        if place is not None and recount:
            now_behind = self._base().filter(self._side(place, "lt") | self._at(place)).count()
            if now_behind > behind:
                self._go_back(place, now_behind - behind, append, report, chunk)
            behind = now_behind
        for lines in self._chunks(place, chunk):
            self._store(lines, append, report)
            place = self._place(lines[-1])
            behind += len(lines)
            if progress is not None:
                progress(len(lines))
        return report, self._encoded(place, behind)

    def _at(self, place: tuple[Any, Any]) -> Q:
        at, pk = place
        return Q(**{self._time: at, "pk": pk}) if self._time else Q(pk=pk)

    def _chunks(self, place: tuple[Any, Any] | None, chunk: int) -> Iterator[list[Any]]:
        """Yield the lines after a place, in one pass of the database over them."""
        rows = self._base().order_by(*self._order())
        if place is not None:
            rows = rows.filter(self._side(place, "gt"))
        lines: list[Any] = []
        for line in rows.iterator(chunk_size=chunk):
            lines.append(line)
            if len(lines) == chunk:
                yield lines
                lines = []
        if lines:
            yield lines

    def _go_back(self, place: tuple[Any, Any], missing: int, append: Append, report: OrdersReport, chunk: int) -> None:
        """Read backwards from the cursor until as many new purchases were found as are missing."""
        start = report.new
        while report.new - start < missing:
            rows = self._base().filter(self._side(place, "lt")).order_by(*self._order(back=True))
            lines = list(rows[:chunk])
            if not lines:
                return
            self._store(lines, append, report)
            place = self._place(lines[-1])

    def _store(self, lines: Sequence[Any], append: Append, report: OrdersReport) -> None:
        purchases = []
        for line in lines:
            try:
                purchase = self.purchase(line)
            except (InvalidInteraction, ValueError, TypeError) as error:
                report.refused += 1
                metrics.count("order.refused")
                logger.warning("reco: order line %s:%s left out: %s", self.label, line.pk, error)
                continue
            if purchase is None:
                report.without_item += 1
            else:
                purchases.append(purchase)
        report.read += len(lines)
        if purchases:
            new = append(purchases)
            # What was given back had been bought, whether it was read as such or not: a refund then takes back nothing else.
            report.new += append([_refund(purchase) for purchase in purchases]) if self.refunded else new

    def _encoded(self, place: tuple[Any, Any] | None, behind: int) -> str | None:
        if place is None:
            return None
        at, pk = place
        return json.dumps({"at": None if at is None else str(at), "pk": str(pk), "behind": behind, "by": self._time})

    def _decoded(self, state: str | None) -> tuple[tuple[Any, Any] | None, int]:
        if state is None:
            return None, 0
        data = json.loads(state)
        if data["by"] != self._time:
            return None, 0  # the settings name another time: read everything in its order
        at: Any = data["at"]
        if at is not None:
            parsed = parse_datetime(at)
            at = parsed if isinstance(parsed, datetime) else at
        pk = self.model._meta.pk.to_python(data["pk"])
        return (at, pk), int(data["behind"])


def _refund(purchase: Interaction) -> Interaction:
    """Return what takes a purchase back; at its own time, so that it is that one and no other."""
    return replace(purchase, kind="refund", event_id=f"refund:{purchase.event_id}")


def refunds() -> list[Orders]:
    """Return the shop's models of order lines whose lines may be given back; raises as :func:`orders`."""
    adapters()
    return [Orders(spec, refunded=True) for spec in get_settings().orders if spec.refunded]


def orders() -> list[Orders]:
    """Return the shop's models of order lines.

    Raises
    ------
    ConfigError
        When the settings cannot work, or name a model that is not installed.
    """
    adapters()
    return [Orders(spec) for spec in get_settings().orders]
