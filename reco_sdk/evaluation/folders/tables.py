"""Parquet columns as numpy arrays: ids as codes, times as epoch seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import ImportRefused, MissingExtra
from reco_sdk.types import Floats

__all__ = ["Ids", "Parquet", "normalise"]

# From these on, a number counts milli-, micro- or nanoseconds since 1970, and not seconds.
_EPOCH_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def normalise(column: str) -> str:
    """Return a column's name as it is compared: small letters only, ``CustomerID`` and ``customer_id`` are one."""
    return "".join(character for character in column.casefold() if character.isalnum())


class Ids:
    """Texts numbered in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def numbers(self, keys: Sequence[str]) -> npt.NDArray[np.int32]:
        """Return a number for each key, new ones for those not seen before."""
        known = self._numbers
        return np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int32, len(keys))


class Parquet:
    """One file, read column by column.

    Raises
    ------
    MissingExtra
        Without pyarrow.
    ImportRefused
        When it is no readable Parquet file, or holds no rows.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - optional, and slow to import
            import pyarrow.compute as pc  # noqa: PLC0415 - as above
            import pyarrow.parquet as pq  # noqa: PLC0415 - as above
        except ImportError as error:
            raise MissingExtra("pyarrow", "evaluate") from error
        self.path = path
        self._pa, self._pc = pa, pc
        try:
            self._file = pq.ParquetFile(path, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise ImportRefused(f"{path}: is no readable Parquet file ({error}); export it again") from error
        self.columns = tuple(self._file.schema_arrow.names)
        self.rows = int(self._file.metadata.num_rows)
        if not self.rows:
            raise ImportRefused(f"{path}: holds no rows; export it again")

    def find(self, names: Sequence[str]) -> str | None:
        """Return the file's name for the first of several names that it has, ``None`` for none."""
        have = {normalise(column): column for column in reversed(self.columns)}
        return next((have[normalise(name)] for name in names if normalise(name) in have), None)

    def need(self, what: str, names: Sequence[str]) -> str:
        """Return the same, and refuse the file that has none.

        Raises
        ------
        ImportRefused
            Naming the columns there are.
        """
        found = self.find(names)
        if found is None:
            raise ImportRefused(
                f"{self.path}: no column holds the {what}; call it {names[0]}; its columns are {', '.join(self.columns)}"
            )
        return found

    def ids(self, column: str, ids: Ids, *, nulls: bool = False) -> npt.NDArray[np.int32]:
        """Return the number of each row's id, -1 where there is none.

        Raises
        ------
        ImportRefused
            For ids that are neither text nor whole numbers, and, unless ``nulls``, for a row without one.
        """
        encoded = self._read(column)
        if not self._pa.types.is_dictionary(encoded.type):
            encoded = encoded.dictionary_encode()
        encoded = encoded.combine_chunks()
        if isinstance(encoded, self._pa.ChunkedArray):  # pyarrow keeps several chunks of some types
            encoded = self._pa.concat_arrays(encoded.unify_dictionaries().chunks)
        codes = self._pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        keys = [self._key(column, value) for value in encoded.dictionary.to_pylist()]
        # Numbered in order of appearance, and only what appears: a dictionary may hold more.
        used, first = np.unique(codes, return_index=True)
        used = used[np.argsort(first, kind="stable")]
        used = used[used >= 0]
        numbers = np.full(len(keys) + 1, -1, np.int32)
        wanted = [code for code in used.tolist() if keys[code]]
        numbers[wanted] = ids.numbers([keys[code] for code in wanted])
        out: npt.NDArray[np.int32] = numbers[codes]
        if not nulls and (out < 0).any():
            raise ImportRefused(
                f"{self.path}, row {int(np.argmax(out < 0)) + 1:,}: has no {column}; "
                f"{int((out < 0).sum()):,} of {self.rows:,} rows have none: fill it in or leave them out"
            )
        return out

    def numbers(self, column: str) -> Floats:
        """Return a column of numbers, NaN for none.

        Raises
        ------
        ImportRefused
            When they are not numbers.
        """
        values = self._read(column)
        try:
            return np.array(self._pc.cast(values, self._pa.float64()).to_numpy(), np.float64)
        except self._pa.ArrowException as error:
            raise ImportRefused(f"{self.path}: {column} holds what is not a number ({error})") from error

    def times(self, column: str) -> Floats:
        """Return epoch seconds from times, ISO 8601 texts, or numbers since 1970 in any unit from seconds on.

        Raises
        ------
        ImportRefused
            For what is none of these, and for a row without a time.
        """
        values, pa, pc = self._read(column), self._pa, self._pc
        kind = values.type
        try:
            if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                values = self._parse(values)
                kind = values.type
            if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
                stamps = pc.cast(pc.cast(values, pa.timestamp("us", getattr(kind, "tz", None))), pa.int64())
                seconds = np.asarray(pc.cast(stamps, pa.float64(), safe=False).to_numpy(), np.float64) / 1e6
            else:
                seconds = np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(), np.float64)
                greatest = float(np.nanmax(np.abs(seconds))) if np.isfinite(seconds).any() else 0.0
                seconds = seconds / next((unit for limit, unit in _EPOCH_UNITS if greatest >= limit), 1.0)
        except pa.ArrowException as error:
            raise ImportRefused(
                f"{self.path}: {column} holds what is not a time ({error}); write ISO 8601 or epoch seconds"
            ) from error
        missing = ~np.isfinite(seconds)
        if missing.any():
            raise ImportRefused(
                f"{self.path}, row {int(np.argmax(missing)) + 1:,}: has no {column}; "
                f"{int(missing.sum()):,} of {self.rows:,} rows have none: fill it in or leave them out"
            )
        return seconds

    def texts(self, column: str) -> list[str]:
        """Return a column as texts, ``""`` for none; lists are joined by commas."""
        return [_text(value) for value in self._read(column).to_pylist()]

    def _read(self, column: str) -> Any:
        try:
            return self._file.read(columns=[column], use_threads=False).column(0)
        except (self._pa.ArrowException, OSError) as error:
            raise ImportRefused(f"{self.path}: {column} cannot be read ({error}); export it again") from error

    def _parse(self, values: Any) -> Any:
        try:
            return self._pc.cast(values, self._pa.timestamp("us", "UTC"))
        except self._pa.ArrowException:  # texts without a zone
            return self._pc.cast(values, self._pa.timestamp("us"))

    def _key(self, column: str, value: object) -> str:
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float) and value.is_integer():  # ids beside missing ones become floats in pandas
            return str(int(value))
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        raise ImportRefused(f"{self.path}: {column} {value!r:.60} is no id; ids are texts or whole numbers")


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    return str(value).strip()
