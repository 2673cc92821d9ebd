"""A slate while it is made: rows and what contributed to each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

__all__ = ["Draft"]


@dataclass(slots=True)
class Draft:
    """One entry a place, best first.

    Parameters
    ----------
    rows
        Of the items.
    contributions
        To each score, by source.
    pinned
        The rows that rules put where they are.
    """

    rows: list[int]
    contributions: list[dict[str, float]]
    pinned: set[int] = field(default_factory=set)

    def put(self, slots: Mapping[int, tuple[int, str]], gone: Collection[int], n: int) -> None:
        """Put rows into slots, and what was there around them.

        A row that is put somewhere has the score of the place before it, the first that of the best of the rest, so that scores
        never rise along the slate.

        Parameters
        ----------
        slots
            Row, and the name of what puts it there, by place from 0. A slate too short for a slot has the row at its end.
        gone
            What does not stand elsewhere any more.
        n
            How many places there are.
        """
        own = dict(zip(self.rows, self.contributions, strict=True))
        rest = [row for row in self.rows if row not in gone]
        waiting = sorted(slots)
        rows: list[int] = []
        names: list[str] = []
        while len(rows) < n and (waiting or rest):
            if waiting and (waiting[0] <= len(rows) or not rest):
                row, name = slots[waiting.pop(0)]
            else:
                row, name = rest.pop(0), ""
            rows.append(row)
            names.append(name)
        score = next((sum(own[row].values()) for row, name in zip(rows, names, strict=True) if not name), 1.0)
        contributions: list[dict[str, float]] = []
        for row, name in zip(rows, names, strict=True):
            given = dict(own.get(row, {}))
            if name:
                given[name] = score - sum(given.values())
                self.pinned.add(row)
            else:
                score = sum(given.values())
            contributions.append(given)
        self.rows[:], self.contributions[:] = rows, contributions
