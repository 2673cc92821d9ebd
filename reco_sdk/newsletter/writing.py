"""Rows → one file, by parts: a run that was killed goes on after its last whole part."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin

from reco_sdk.errors import ConfigError, MissingExtra
from reco_sdk.newsletter.rows import read_users, rows
from reco_sdk.placements import Placement
from reco_sdk.recommender import CoreRecommender

__all__ = ["COLUMNS", "Described", "Report", "write_newsletter"]

COLUMNS: Final = ("user_id", "position", "item_id", "title", "url", "image", "price", "currency", "score", "reason", "strategy")
USERS_A_PART: Final = 5_000
FORMATS: Final = (".csv", ".parquet")


class Described(NamedTuple):
    """What a mail shows of an item."""

    title: str = ""
    url: str = ""
    image: str = ""
    price: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one run did.

    Parameters
    ----------
    users, rows
        Users that were answered, and lines that were written, in this run.
    resumed
        Users that an earlier run had done.
    empty
        Users for whom there was nothing.
    fallbacks
        Users by the strategy that stood in.
    seconds
        How long the answers took, reading and writing included.
    """

    users: int
    rows: int
    resumed: int
    empty: int
    fallbacks: Mapping[str, int]
    seconds: float


async def write_newsletter(
    reco: CoreRecommender,
    target: Path,
    *,
    users: Iterable[str] | None = None,
    strategy: str | None = None,
    n: int | None = None,
    reasons: bool = False,
    resume: bool = False,
    base_url: str = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Write every user's row of the placement ``email`` to a CSV or Parquet file, a line for each item.

    Parameters
    ----------
    reco
        Open.
    target
        The file; it is there only once it is whole. The parts lie beside it until then.
    users
        Ids of the accounts; by default all that ever did anything.
    strategy, n
        Instead of what the placement ``email`` says.
    reasons
        Whether to fill the column ``reason``, which takes a quarter longer; else it is empty.
    resume
        Go on with what an earlier run left; else begin anew.
    base_url
        Address of the shop, put before addresses of items that lack it.
    progress
        Called with (stage, done, all).

    Raises
    ------
    ConfigError
        For a file that is neither ``.csv`` nor ``.parquet``, a strategy that is unknown, or parts of a run with other settings.
    MissingExtra
        For Parquet, without pyarrow.
    """
    started = time.monotonic()
    base = reco.placements["email"] if strategy is None else Placement(strategy=strategy, n=reco.placements["email"].n)
    number = base.n if n is None else n
    parts = _Parts(target, {"strategies": list(base.strategies), "n": number, "reasons": reasons}, resume=resume)
    readers = await read_users(reco, None if progress is None else lambda done, of: progress("history", done, of))
    wanted = sorted(set(users)) if users is not None else list(readers.users)
    left = [user for user in wanted if user > parts.last] if parts.last is not None else wanted
    known: dict[str, Described] = {}
    lines = empty = done = 0
    fallbacks: dict[str, int] = {}
    fields = {"placement": "email", "n": number, "filters": base.filters, "strict": base.strict, "diversity": base.diversity}
    answers = rows(reco, readers.tracker, left, base.strategies, relaxed=base.relaxed, reasons=reasons, **fields)
    for start in range(0, len(left), USERS_A_PART):
        chunk = left[start : start + USERS_A_PART]
        slates = await asyncio.to_thread(list, islice(answers, len(chunk)))
        await _describe(reco, known, {item_id for _, slate in slates for item_id in slate.ids}, base_url)
        part: list[tuple[Any, ...]] = []
        for user, slate in slates:
            shown = [item for item in slate if item.id in known]  # the others were deleted meanwhile
            empty += not shown
            if slate.fallback and shown:
                fallbacks[slate.fallback] = fallbacks.get(slate.fallback, 0) + 1
            for place, item in enumerate(shown):
                part.append((user, place, item.id, *known[item.id], round(item.score, 6), item.reason, slate.strategy))
        parts.add(part, chunk[-1])
        lines += len(part)
        done += len(chunk)
        if progress is not None:
            progress("users", len(wanted) - len(left) + done, len(wanted))
    parts.join()
    return Report(
        users=done,
        rows=lines,
        resumed=len(wanted) - len(left),
        empty=empty,
        fallbacks=fallbacks,
        seconds=time.monotonic() - started,
    )


async def _describe(reco: CoreRecommender, known: dict[str, Described], item_ids: set[str], base_url: str) -> None:
    for item_id, item in (await reco.store.get_items(sorted(item_ids - set(known)))).items():
        price = item.effective_price
        known[item_id] = Described(
            item.title,
            urljoin(base_url, item.page_url) if item.page_url else "",
            urljoin(base_url, item.image_url) if item.image_url else "",
            "" if price is None else f"{price:.2f}",
            item.currency or "",
        )


class _Parts:
    """Parts of the file in a folder beside it, and a note of how far they reach; each is there whole or not at all."""

    def __init__(self, target: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
        if target.suffix not in FORMATS:
            raise ConfigError(f"{target.name}: a newsletter is written as {' or '.join(FORMATS)}; name such a file")
        if target.suffix == ".parquet":
            _arrow()
        self.target = target
        self.folder = target.with_name(target.name + ".parts")
        self._note = self.folder / "note.json"
        self._settings = dict(settings)
        self.last: str | None = None
        self._count = 0
        if resume and self._note.exists():
            note = json.loads(self._note.read_text("utf-8"))
            if note["settings"] != self._settings:
                raise ConfigError(
                    f"{self.folder} holds parts of a run with {note['settings']}; ask for the same, or leave --resume out"
                )
            self.last, self._count = note["last"], note["parts"]
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, lines: Sequence[tuple[Any, ...]], last: str) -> None:
        """Keep one more part, then note that it is there: a part that nobody noted is written again."""
        _write(self._part(self._count), [lines])
        self._count += 1
        draft = self._note.with_suffix(".new")
        draft.write_text(json.dumps({"settings": self._settings, "last": last, "parts": self._count}), "utf-8")
        draft.replace(self._note)

    def join(self) -> None:
        """Make the file of all parts, and remove them."""
        draft = self.target.with_name(self.target.name + ".new")
        paths = [self._part(number) for number in range(self._count)]
        if self.target.suffix == ".csv":
            _write(draft, (), csv_format=True)
            with draft.open("ab") as out:
                for path in paths:
                    with path.open("rb") as part:
                        part.readline()
                        shutil.copyfileobj(part, out)
        else:
            arrow, parquet = _arrow()
            with parquet.ParquetWriter(draft, _schema(arrow)) as writer:
                for path in paths:
                    writer.write_table(parquet.read_table(path))
        draft.replace(self.target)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, number: int) -> Path:
        return self.folder / f"{number:06d}{self.target.suffix}"


def _write(path: Path, tables: Iterable[Sequence[tuple[Any, ...]]], *, csv_format: bool = False) -> None:
    if csv_format or path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(COLUMNS)
            for lines in tables:
                writer.writerows(lines)
        return
    arrow, parquet = _arrow()
    schema = _schema(arrow)
    with parquet.ParquetWriter(path, schema) as parts:
        for lines in tables:
            columns: Iterator[Any] = zip(*lines, strict=True) if lines else iter([[]] * len(COLUMNS))
            parts.write_table(arrow.table(dict(zip(COLUMNS, map(list, columns), strict=True)), schema=schema))


def _schema(arrow: Any) -> Any:
    kinds = {"position": arrow.int32(), "score": arrow.float64()}
    return arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415  optional
        from pyarrow import parquet  # noqa: PLC0415  as above
    except ImportError as error:
        raise MissingExtra("pyarrow", "import") from error
    return pa, parquet
