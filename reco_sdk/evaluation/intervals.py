"""Bootstrap confidence intervals: whole users or sessions are drawn again, so that their cases stay together.

Efron, Tibshirani: An Introduction to the Bootstrap, 1993. Two sources that answered the same cases are compared in pairs:
both are drawn by the same weights, and the interval is that of their difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats

__all__ = ["Bootstrap"]

_UNITS_AT_ONCE: Final = 2_048


class Bootstrap:
    """Draws units with replacement, the same way for every source.

    Parameters
    ----------
    units
        Integers ``(c,)``: the user or session of each case.
    replicates
        How often all are drawn.
    level
        Of the interval.
    """

    def __init__(self, units: npt.NDArray[np.int32], *, replicates: int = 1_000, level: float = 0.95, seed: int = 0) -> None:
        _, self._units = np.unique(units, return_inverse=True)
        self._count = int(self._units.max()) + 1 if len(units) else 0
        self._replicates = replicates
        self._tails = [50.0 * (1.0 - level), 50.0 * (1.0 + level)]
        self._seed = seed

    def sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the replicates' sums of ``values``, float64 ``(c, m)``, and how many of them are not NaN.

        Returns
        -------
        sums, counts
            float64 ``(replicates, m)``.
        """
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0)
        columns = values.shape[1]
        total = np.empty((self._count, 2 * columns))
        for column in range(columns):
            total[:, column] = np.bincount(self._units, filled[:, column], self._count)
            total[:, columns + column] = np.bincount(self._units, known[:, column], self._count)
        out = np.zeros((self._replicates, 2 * columns))
        generator = np.random.default_rng(self._seed)
        for start in range(0, self._count, _UNITS_AT_ONCE):
            part = total[start : start + _UNITS_AT_ONCE]
            # How often each unit is drawn: Poisson(1), which for many units is what drawing them all again gives
            # (Hanley, MacGibbon: Creating non-parametric bootstrap samples using Poisson frequencies, 2006).
            out += generator.poisson(1.0, (self._replicates, len(part))).astype(np.float64) @ part
        return out[:, :columns], out[:, columns:]

    def means(self, values: Floats) -> Floats:
        """Return the replicates' means, ``(replicates, m)``; NaN values are passed over."""
        sums, counts = self.sums(values)
        means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return means

    def interval(self, replicates: Floats) -> list[tuple[float, float]]:
        """Return low and high end for each column of ``(replicates, m)``; NaN where it cannot be told."""
        out = []
        for column in replicates.T:
            finite = column[np.isfinite(column)]
            low, high = np.percentile(finite, self._tails) if len(finite) else (np.nan, np.nan)
            out.append((float(low), float(high)))
        return out

    def of(self, values: Floats, statistic: Callable[[Floats], Floats] | None = None) -> list[tuple[float, float]]:
        """Return the intervals of the means of ``values``, or of what ``statistic`` makes of the replicates' means."""
        means = self.means(values)
        return self.interval(means if statistic is None else statistic(means))
