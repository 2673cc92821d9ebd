"""Parquet through pyarrow, one record batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reco_sdk.errors import ImportRefused, MissingExtra
from reco_sdk.importing.opening import Opened
from reco_sdk.importing.readers.table import Row, Table, broken

__all__ = ["read_parquet"]

_BATCH: Final = 1_000


def read_parquet(opened: Opened) -> Table:
    """Return the rows of a Parquet file; their lines are row numbers from 1.

    Raises
    ------
    MissingExtra
        Without pyarrow.
    ImportRefused
        For a damaged file, or a gzipped one (Parquet compresses by itself, and must be read out of order).
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional, and slow to import
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingExtra("pyarrow", "import") from error
    name = opened.source.name
    if opened.compressed:
        raise ImportRefused(f"{name}: is a gzipped Parquet file; unpack it first, gunzip does")
    try:
        file = pq.ParquetFile(opened.stream, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise ImportRefused(f"{name}: is no readable Parquet file ({error}); export it again") from error
    total = max(1, int(file.metadata.num_rows))
    done = [0]

    def position() -> int:
        return opened.size * done[0] // total

    return Table(columns=tuple(file.schema_arrow.names), rows=_rows(name, file, pa, done), position=position)


def _rows(name: str, file: Any, pa: Any, done: list[int]) -> Iterator[Row]:
    with file:
        try:
            for batch in file.iter_batches(batch_size=_BATCH):
                for values in batch.to_pylist():
                    done[0] += 1
                    yield Row(done[0], values)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise broken(name, done[0] + 1, f"the file is damaged from here on ({error}); export it again") from error
