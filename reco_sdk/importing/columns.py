"""Which column feeds which field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reco_sdk.errors import ConfigError, ImportRefused
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.values import is_empty

__all__ = ["ColumnMap", "Gathered", "Vocabulary", "normalise"]

ATTRIBUTE: Final = "attribute:"
MAX_UNKNOWN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names one kind of row is known by.

    Parameters
    ----------
    fields
        That a mapping may name.
    required
        Of them, those without which no row can be stored.
    aliases
        Other names of fields, normalised; later ones give way to earlier ones where both hold a value.
    merged
        Fields that take the values of all their columns.
    ignored
        Columns that are known, and known to be of no use: never reported.
    """

    fields: frozenset[str]
    required: tuple[str, ...]
    aliases: Mapping[str, str]
    merged: frozenset[str]
    ignored: frozenset[str]


@dataclass(slots=True)
class Gathered:
    """The values of one row by field; for merged fields all of them, best first."""

    values: dict[str, Any]
    attributes: dict[str, Any]
    columns: dict[str, str]


def normalise(column: str) -> str:
    """Return a column's name as it is compared: lower case, underscores, no ``g:``."""
    return column.strip().lower().removeprefix("g:").replace(" ", "_").replace("-", "_")


class ColumnMap:
    """Sort the values of rows into fields.

    A field is fed, in this order, by the column that ``options.mapping`` names for it, by the column of its own
    name, by its aliases.

    Raises
    ------
    ConfigError
        When the mapping or the constants name an unknown field.
    """

    def __init__(self, vocabulary: Vocabulary, options: ImportOptions) -> None:
        for given, flag in ((options.mapping, "map"), (options.constants, "set")):
            for name in given:
                if name not in vocabulary.fields:
                    raise ConfigError(f"{flag} {name}=…: {name!r} is no field; known are {', '.join(sorted(vocabulary.fields))}")
        self._vocabulary = vocabulary
        self._constants = dict(options.constants)
        self._mapped: dict[str, list[str]] = {}
        for name, column in options.mapping.items():
            self._mapped.setdefault(column, []).append(name)
        self._taken = frozenset(options.mapping)
        self._all_attributes = "*" in options.attributes
        self._attributes = frozenset(normalise(name) for name in options.attributes)
        self._ranks = {alias: rank for rank, alias in enumerate(vocabulary.aliases, start=2)}
        self._targets: dict[str, tuple[tuple[int, str], ...]] = {}
        self.unknown: dict[str, None] = {}

    def check(self, name: str, columns: tuple[str, ...] | None) -> None:
        """Refuse a table that lacks a mapped column, or any column for a required field.

        Raises
        ------
        ImportRefused
            Naming the columns there are.
        """
        if columns is None:
            return
        shown = ", ".join(columns[:40]) or "none"
        for column in self._mapped:
            if column not in columns:
                raise ImportRefused(f"{name}: has no column {column!r} to map; its columns are {shown}")
        fed = {field for column in columns for _, field in self._targets_of(column)} | set(self._constants)
        for field in self._vocabulary.required:
            if field not in fed:
                raise ImportRefused(
                    f"{name}: no column holds the {field}; its columns are {shown}; name one with --map {field}=COLUMN"
                )

    def gather(self, row: Mapping[str, Any]) -> Gathered:
        """Return the values of one row; empty ones are left out."""
        best: dict[str, int] = {}
        merged: dict[str, list[tuple[int, Any]]] = {}
        out = Gathered({}, {}, {})
        for column, value in row.items():
            if is_empty(value):
                if column not in self._targets:
                    self._targets_of(column)
                continue
            for rank, field in self._targets.get(column) or self._targets_of(column):
                if field.startswith(ATTRIBUTE):
                    out.attributes[field.removeprefix(ATTRIBUTE)] = value
                elif field in self._vocabulary.merged:
                    merged.setdefault(field, []).append((rank, value))
                    out.columns.setdefault(field, column)
                elif rank < best.get(field, 10_000):
                    best[field] = rank
                    out.values[field] = value
                    out.columns[field] = column
        for field, ranked in merged.items():
            out.values[field] = [value for _, value in sorted(ranked, key=lambda pair: pair[0])]
        for field, constant in self._constants.items():
            out.values.setdefault(field, [constant] if field in self._vocabulary.merged else constant)
        return out

    def _targets_of(self, column: str) -> tuple[tuple[int, str], ...]:
        found = self._targets.get(column)
        if found is None:
            found = tuple(self._find(column))
            if len(self._targets) < 10 * MAX_UNKNOWN:
                self._targets[column] = found
        return found

    def _find(self, column: str) -> Iterable[tuple[int, str]]:
        if column in self._mapped:
            return [(0, field) for field in self._mapped[column]]
        name = normalise(column)
        field = name if name in self._vocabulary.fields else self._vocabulary.aliases.get(name)
        if field is not None and field not in self._taken:
            return [(1 if name == field else self._ranks[name], field)]
        if field is not None and field.startswith(ATTRIBUTE):
            return [(1, field)]
        if name in self._attributes or (self._all_attributes and name not in self._vocabulary.ignored):
            return [(1, ATTRIBUTE + column.strip())]
        if name not in self._vocabulary.ignored and len(self.unknown) < MAX_UNKNOWN:
            self.unknown[column] = None
        return ()
