"""The sweep: every row that may be recommended compared with the store.

It finds what sent no signal: ``bulk_create``, ``bulk_update``, ``queryset.update``, raw SQL, restored backups, another
language's tools. Rows are read in chunks by ascending key; only items whose content differs are written.
"""

# ruff: noqa: SLF001  Model._meta and Model._default_manager are Django's documented API

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db.models import Count, DateTimeField, IntegerField, Max

from django_reco.items import Items
from django_reco.registry import adapters
from reco_sdk.errors import ConfigError, InvalidItem
from reco_sdk.items.item import Item

__all__ = ["Keeper", "SweepReport", "bring_up_to_date", "pulse", "sweep"]

CHUNK = 500


class Keeper(Protocol):
    """What the sweep needs of the recommender."""

    def content_hashes(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Return the stored content hash by id."""
        ...

    def item_count(self) -> int:
        """Return how many items are stored."""
        ...

    def stored_ids(self) -> Iterator[str]:
        """Yield the ids of all stored items."""
        ...

    def upsert(self, items: Sequence[Item]) -> None:
        """Store items."""
        ...

    def delete(self, item_ids: Sequence[str]) -> int:
        """Delete items, return how many there were."""
        ...


@dataclass(slots=True)
class SweepReport:
    """What one sweep found.

    Parameters
    ----------
    items
        Items of the shop.
    new, changed, deleted
        How many the store did not have, had otherwise, and should not have had.
    refused
        Items that cannot be stored; those stored before are kept as they were.
    """

    items: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    refused: list[InvalidItem] = field(default_factory=list)


def sweep(keeper: Keeper, *, dry_run: bool = False, progress: Callable[[int], None] | None = None) -> SweepReport:
    """Bring the store in line with every row that may be recommended.

    Parameters
    ----------
    keeper
        The recommender.
    dry_run
        Only look.
    progress
        Called with the number of rows of each chunk.
    """
    report = SweepReport()
    seen: set[str] = set()
    for adapter in adapters().values():
        for objects in _chunks(adapter):
            items, refused = adapter.items(objects)
            report.refused += refused
            seen.update(item.id for item in items)
            seen.update(error.item_id for error in refused if error.item_id)
            report.items += len(items)
            _write(keeper, items, report, dry_run=dry_run)
            if progress is not None:
                progress(len(objects))
    expected = len(seen) - (report.new if dry_run else 0)
    if keeper.item_count() > expected or report.refused:
        gone = [item_id for item_id in keeper.stored_ids() if item_id not in seen and _ours(item_id)]
        for start in range(0, len(gone), CHUNK):
            chunk = gone[start : start + CHUNK]
            # Read once more: what came after its chunk was read is in the store by its mark, and not gone.
            report.deleted += len(chunk) if dry_run else bring_up_to_date(keeper, chunk).deleted
            if progress is not None:
                progress(0)
    return report


def _ours(item_id: str) -> bool:
    """Whether an id is of a model of the shop; what else was stored by other means is left alone."""
    return item_id.partition(":")[0] in adapters()


def _chunks(adapter: Items) -> Iterator[list[Any]]:
    rows = adapter.index_queryset().order_by("pk")
    last: Any = None
    while True:
        objects = list((rows if last is None else rows.filter(pk__gt=last))[:CHUNK])
        if not objects:
            return
        yield objects
        last = objects[-1].pk


def _write(keeper: Keeper, items: Sequence[Item], report: SweepReport, *, dry_run: bool) -> None:
    stored = keeper.content_hashes([item.id for item in items])
    differing = [item for item in items if stored.get(item.id) != item.content_hash]
    report.new += sum(item.id not in stored for item in differing)
    report.changed += sum(item.id in stored for item in differing)
    if differing and not dry_run:
        keeper.upsert(differing)


def bring_up_to_date(keeper: Keeper, item_ids: Sequence[str]) -> SweepReport:
    """Read the truth of a few items again, through the adapter's queryset: changed, or gone.

    Parameters
    ----------
    keeper
        The recommender.
    item_ids
        Any ids; those of no model of the shop are passed over.
    """
    report = SweepReport()
    by_label: dict[str, set[str]] = {}
    for item_id in item_ids:
        by_label.setdefault(item_id.partition(":")[0], set()).add(item_id)
    for label, ids in by_label.items():
        adapter = adapters().get(label)
        if adapter is None:
            continue
        objects = list(adapter.index_queryset().filter(pk__in=_keys(adapter, ids)))
        items, refused = adapter.items(objects)
        report.items += len(items)
        report.refused += refused
        _write(keeper, items, report, dry_run=False)
        gone = ids - {item.id for item in items} - {error.item_id for error in refused if error.item_id}
        if gone:
            report.deleted += keeper.delete(sorted(gone))
    return report


def _keys(adapter: Items, item_ids: Iterable[str]) -> list[Any]:
    """Return the primary keys behind item ids, without those that cannot be one: no row has them."""
    keys = []
    for item_id in item_ids:
        with contextlib.suppress(ConfigError):
            keys.append(adapter.pk_of(item_id))
    return keys


def pulse() -> str:
    """Return a value that changes when rows come, go, or are saved; one cheap query for each model.

    It does not change on ``queryset.update``: it says when to hurry, never that nothing happened.
    """
    beats: dict[str, list[str]] = {}
    for label, adapter in adapters().items():
        stamps = [f.name for f in adapter.model._meta.concrete_fields if isinstance(f, DateTimeField) and f.auto_now]
        wanted: dict[str, Any] = {"n": Count("pk"), **{f"at_{name}": Max(name) for name in stamps}}
        if isinstance(adapter.model._meta.pk, IntegerField):
            wanted["last"] = Max("pk")  # not every database has a greatest UUID
        rows = adapter.index_queryset().select_related(None).prefetch_related(None).order_by()
        found = rows.aggregate(**wanted)
        beats[label] = [str(found[name]) for name in sorted(wanted)]
    return json.dumps(beats, sort_keys=True)
