"""Asking a model case after case, as a page would, and taking the time of each answer."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput
from reco_sdk.evaluation.cases import Cases
from reco_sdk.training.model import Log, Model
from reco_sdk.types import Floats

__all__ = ["Answers", "Peak", "percentiles", "replay"]

Tell = Callable[[int, int], None]
"""Called with how many cases are done, and of how many."""

_EVERY: Final = 256
_WARM_UP: Final = 20
_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said to each case.

    Parameters
    ----------
    rows
        int32 ``(c, k)``, best first, -1 where the list has ended.
    milliseconds
        float64 ``(c,)``.
    """

    rows: npt.NDArray[np.int32]
    milliseconds: Floats


def percentiles(milliseconds: Floats) -> dict[str, float]:
    """Return what the report says of the time that answers took."""
    p50, p90, p99 = np.percentile(milliseconds, (50, 90, 99)) if len(milliseconds) else (0.0, 0.0, 0.0)
    return {"p50": float(p50), "p90": float(p90), "p99": float(p99)}


def replay(model: Model, log: Log, cases: Cases, k: int, tell: Tell | None = None) -> Answers:
    """Ask a model all cases, one after the other.

    Raises
    ------
    InvalidInput
        When an answer cannot be: an item that is not allowed or is none, one twice, or more than ``k``.
    """
    count = len(cases)
    rows = np.full((count, k), -1, np.int32)
    took = np.zeros(count)
    mask = np.ones(log.n_items, np.bool_)
    for case in range(min(_WARM_UP, count)):  # the first calls pay for pages and caches of everything after them
        model.scores(*cases.shown(case, log), k, mask if cases.exclude_input else None)
    for case in range(count):
        items, times = cases.shown(case, log)
        if cases.exclude_input:
            mask[items] = False
            started = time.perf_counter_ns()
            answer = model.scores(items, times, k, mask)
            took[case] = time.perf_counter_ns() - started
            found = answer.rows
            wrong = not mask[found].all()
            mask[items] = True
        else:
            started = time.perf_counter_ns()
            answer = model.scores(items, times, k)
            took[case] = time.perf_counter_ns() - started
            found = answer.rows
            wrong = False
        if wrong or len(found) > k:
            raise InvalidInput(
                "scores", f"case {case:,} was answered with what is not allowed, or with too much", subject=model.name
            )
        rows[case, : len(found)] = found
        if tell is not None and (case + 1) % _EVERY == 0:
            tell(case + 1, count)
    if tell is not None:
        tell(count, count)
    _check(rows, log.n_items, model.name)
    return Answers(rows, took / 1e6)


def _check(rows: npt.NDArray[np.int32], n_items: int, name: str) -> None:
    ordered = np.sort(rows, axis=1)
    if rows.size and (ordered[:, -1].max() >= n_items or ordered[:, 0].min() < -1):
        raise InvalidInput("scores", f"an answer names an item beyond the {n_items:,} there are", subject=name)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise InvalidInput("scores", "an answer names an item twice", subject=name)


class Peak:
    """The most memory that this process held since, in MiB; where the system cannot say so, since it began."""

    def __init__(self) -> None:
        with suppress(OSError):
            _CLEAR.write_text("5")

    def mib(self) -> float:
        """Return it."""
        with suppress(OSError):
            for line in _STATUS.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024.0
        import resource  # noqa: PLC0415 - not on every system

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (2**20 if sys.platform == "darwin" else 1024.0)
