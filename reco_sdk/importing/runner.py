"""The import itself: read a batch in a thread, store it, note how far it came.

A resumed import reads the rows before the checkpoint again, without storing them: so ids that stand twice are still
found, and its report and list of refusals are those of an import that was never interrupted.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from reco_sdk.errors import ImportRefused, InvalidInput, InvalidItem
from reco_sdk.importing.checkpoint import Checkpoint
from reco_sdk.importing.columns import ColumnMap, Gathered
from reco_sdk.importing.download import LocalSource, local_source
from reco_sdk.importing.interaction_rows import InteractionRows
from reco_sdk.importing.item_rows import ItemRows
from reco_sdk.importing.opening import OF_INTERACTIONS, Opened, open_source
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.progress import Progress
from reco_sdk.importing.readers import BadRow, Row, Table, read
from reco_sdk.importing.refusals import Refusal, RefusalLog, excerpt
from reco_sdk.importing.report import ImportReport, ImportStopped
from reco_sdk.importing.seen import SeenIds
from reco_sdk.interactions.interaction import Interaction
from reco_sdk.items.item import Item
from reco_sdk.ports import InteractionStore, ItemStore, StateStore

__all__ = ["import_interactions", "import_items"]

T = TypeVar("T")
_DEFAULTS = ImportOptions()
_BATCH_BYTES = 16 * 2**20


class _ItemTarget(ItemStore, StateStore, Protocol):
    """What items are imported into."""


class _InteractionTarget(InteractionStore, StateStore, Protocol):
    """What interactions are imported into."""


class _Converter(Protocol):
    """Rows to values of one kind."""

    kind: str
    columns: ColumnMap

    def convert(self, gathered: Gathered) -> Any: ...


async def import_items(
    store: _ItemTarget | None,
    source: str | os.PathLike[str],
    options: ImportOptions = _DEFAULTS,
    *,
    refusals: RefusalLog | None = None,
    progress: Callable[[Progress], None] | None = None,
    now: datetime | None = None,
) -> ImportReport:
    """Import items from a file or an http(s) address.

    Parameters
    ----------
    store
        That takes them; may be ``None`` for a dry run.
    source
        Path or address.
    options
        How to read it.
    refusals
        Takes each row that is not stored.
    progress
        Called after each batch, from the caller's loop.
    now
        For sales with an effective date; default: the time now.

    Returns
    -------
    ImportReport
        Complete also for a resumed import, its counts of stored rows aside.

    Raises
    ------
    ImportRefused
        When the source cannot be read; :class:`ImportStopped`, with the report so far, when it breaks on the way.
    StoreError
        When the store fails; run it again to continue after the last stored batch.
    """
    converter = ItemRows(options, now)

    async def write(batch: Sequence[Item]) -> tuple[int, int, int]:
        if store is None:
            return 0, 0, 0
        report = await store.upsert_items(batch)
        return report.inserted, report.changed, report.unchanged

    return await _Import(converter, store, write, options, refusals, progress).run(source)


async def import_interactions(
    store: _InteractionTarget | None,
    source: str | os.PathLike[str],
    options: ImportOptions = _DEFAULTS,
    *,
    refusals: RefusalLog | None = None,
    progress: Callable[[Progress], None] | None = None,
    now: datetime | None = None,
    taken: Callable[[Sequence[Interaction]], None] | None = None,
) -> ImportReport:
    """Import interactions; as :func:`import_items`. ``taken`` is called with each batch of those that are fit to be stored.

    A row needs ``kind``, ``at`` (or ``timestamp``), ``visitor_id`` or ``user_id``, and ``item_id`` (of a search:
    ``query``). Importing a file again stores nothing twice.
    """
    converter = InteractionRows(options, now)

    async def write(batch: Sequence[Interaction]) -> tuple[int, int, int]:
        if store is None:
            return 0, 0, 0
        added = await store.append_interactions(batch)
        return added, 0, len(batch) - added

    return await _Import(converter, store, write, options, refusals, progress, taken).run(source)


@dataclass(slots=True)
class _Batch:
    """What one turn of reading gave."""

    accepted: list[Any] = field(default_factory=list)
    rows: int = 0
    refused: list[Refusal] = field(default_factory=list)
    finished: bool = False
    failure: ImportRefused | None = None


class _Import:
    """One run over one source."""

    def __init__(
        self,
        converter: _Converter,
        store: StateStore | None,
        write: Callable[[Sequence[Any]], Awaitable[tuple[int, int, int]]],
        options: ImportOptions,
        refusals: RefusalLog | None,
        progress: Callable[[Progress], None] | None,
        taken: Callable[[Sequence[Any]], None] | None = None,
    ) -> None:
        self._taken = taken
        self._converter = converter
        self._store = None if options.dry_run else store
        self._write = write
        self._options = options
        self._log = refusals or RefusalLog()
        self._progress = progress
        self._rows = 0
        self._stored = [0, 0, 0]

    async def run(self, source: str | os.PathLike[str]) -> ImportReport:
        """Read, convert and store everything."""
        started = time.perf_counter()
        async with local_source(source, self._options, self._downloaded) as local:
            opened = await _in_thread(lambda: open_source(local, self._options.format))
            with closing(opened), closing(SeenIds()) as seen:
                return await self._run(local, opened, seen, started)

    async def _run(self, local: LocalSource, opened: Opened, seen: SeenIds, started: float) -> ImportReport:
        checkpoint = None if self._store is None else Checkpoint(self._store, self._converter.kind, local, self._options)
        resumed_at = 0
        if checkpoint is not None and not self._options.restart:
            resumed_at = await checkpoint.rows_done()
        table = await _in_thread(lambda: read(opened, self._options))
        if opened.format in OF_INTERACTIONS and self._converter.kind == "items":
            raise ImportRefused(f"{local.name}: holds what visitors did, and no items; import it as interactions")
        self._converter.columns.check(local.name, table.columns)
        batch = _Batch()
        try:
            while not (batch.finished or batch.failure):
                limit = (
                    self._options.batch_size
                    if self._rows >= resumed_at
                    else min(self._options.batch_size, resumed_at - self._rows)
                )
                batch = await _in_thread(partial(self._read, table, limit, seen))
                await self._keep(batch, checkpoint, resumed_at)
                if self._progress is not None:
                    self._progress(Progress("import", table.position(), opened.size, self._rows, self._log.count))
        finally:
            close = getattr(table.rows, "close", None)
            if close is not None:
                close()
        report = self._report(local, opened, table, resumed_at, time.perf_counter() - started)
        if batch.failure is not None:
            raise ImportStopped(str(batch.failure), report) from batch.failure
        if checkpoint is not None:
            await checkpoint.clear()
        return report

    async def _keep(self, batch: _Batch, checkpoint: Checkpoint | None, resumed_at: int) -> None:
        replayed = self._rows < resumed_at
        self._rows += batch.rows
        for refusal in batch.refused:
            self._log.add(refusal)
        if self._taken is not None and batch.accepted:
            await asyncio.to_thread(self._taken, batch.accepted)
        if checkpoint is None or replayed or not batch.rows:
            return
        if batch.accepted:
            for place, number in enumerate(await self._write(batch.accepted)):
                self._stored[place] += number
        await checkpoint.save(self._rows)

    def _read(self, table: Table, limit: int, seen: SeenIds) -> _Batch:
        batch = _Batch()
        start = table.position()
        try:
            while batch.rows < limit and table.position() - start < _BATCH_BYTES:
                row = next(table.rows, None)
                if row is None:
                    batch.finished = True
                    break
                batch.rows += 1
                self._take(row, batch, seen)
        except ImportRefused as error:
            batch.failure = error
        return batch

    def _take(self, row: Row | BadRow, batch: _Batch, seen: SeenIds) -> None:
        if isinstance(row, BadRow):
            batch.refused.append(Refusal(row.line, None, "row", row.reason, row.value))
            return
        gathered = self._converter.columns.gather(row.values)
        try:
            value = self._converter.convert(gathered)
        except InvalidInput as error:
            named = error.item_id if isinstance(error, InvalidItem) else gathered.values.get("item_id")
            at_fault = gathered.values.get(error.field.partition(".")[0])
            batch.refused.append(
                Refusal(row.line, None if named is None else excerpt(named), error.field, error.reason, excerpt(at_fault))
            )
            return
        if isinstance(value, Item):
            before = seen.first_line(value.id, row.line)
            if before is not None:
                reason = f"stands twice in the file: line {before:,} named it first, line {row.line:,} again; the first is kept"
                batch.refused.append(Refusal(row.line, value.id, "id", reason, excerpt(value.id)))
                return
        batch.accepted.append(value)

    def _downloaded(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(Progress("download", done, total))

    def _report(self, local: LocalSource, opened: Opened, table: Table, resumed_at: int, seconds: float) -> ImportReport:
        inserted, changed, unchanged = self._stored
        return ImportReport(
            source=local.name,
            format=opened.format,
            kind=self._converter.kind,
            rows=self._rows,
            inserted=inserted,
            changed=changed,
            unchanged=unchanged,
            refused=self._log.count,
            refusals=tuple(self._log.groups()),
            unknown_columns=tuple(self._converter.columns.unknown),
            left_out=dict(table.left_out),
            resumed_at=resumed_at,
            dry_run=self._options.dry_run,
            seconds=seconds,
        )


async def _in_thread(call: Callable[[], T]) -> T:
    """Run ``call`` in a thread, and when cancelled wait for it: the caller closes the file it reads."""
    task = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
