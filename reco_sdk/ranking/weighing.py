"""Rules that boost and bury, over one view: as bits of each row, and as what each byte of them multiplies a score by.

All candidates are weighed by looking up a product for each byte. Which rule did what is worked out for what is shown alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from reco_sdk.ranking.fusion import Fused
from reco_sdk.ranking.rules import Rule
from reco_sdk.types import BoolMask, Floats, Rows

__all__ = ["RULES", "Weighing", "Weights", "rule_name"]

RULES: Final = "rules"
"""What all rules together did to a score, among its contributions, until :meth:`Weighing.told_apart`."""
_BITS: Final[BoolMask] = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).view(np.bool_)


def rule_name(rule: Rule) -> str:
    """Return how a rule is named among the contributions to a score."""
    return f"rule:{rule.id}"


class Weights(NamedTuple):
    """What the rules for one place do.

    Parameters
    ----------
    bits
        uint8, a bit for each rule of all that is set where it is meant.
    products
        float64 ``(256 · bytes,)``: what each byte of a row's bits multiplies its score by.
    """

    bits: npt.NDArray[np.uint8]
    products: Floats


class Weighing:
    """What rules that boost and bury act on.

    Parameters
    ----------
    rules
        All rules, the first first.
    rows
        What each of them acts on whatever the request.
    count
        How many rows the view has.
    """

    def __init__(self, rules: Sequence[Rule], rows: Sequence[npt.NDArray[np.int32]], count: int) -> None:
        self._numbers = [n for n, rule in enumerate(rules) if rule.action in {"boost", "bury"}]
        self._places = {number: place for place, number in enumerate(self._numbers)}
        self._rules = [(rule_name(rules[number]), rules[number].factor or 1.0) for number in self._numbers]
        """Their names among the contributions, and their factors."""
        self._bits = np.zeros((count, (len(self._numbers) + 7) // 8), np.uint8)
        for place, number in enumerate(self._numbers):
            self._bits[rows[number], place >> 3] |= np.uint8(128 >> (place & 7))
        self._steps: npt.NDArray[Any] = 256 * np.arange(self._bits.shape[1])

    def meant(self, numbers: Iterable[int]) -> Weights | None:
        """Return what some of all rules do; ``None`` where none of them boosts or buries."""
        places = [self._places[number] for number in numbers if number in self._places]
        if not places:
            return None
        on, factors = np.zeros(len(self._rules), np.bool_), np.ones((self._bits.shape[1], 1, 8))
        on[places] = True
        factors.reshape(-1)[places] = [self._rules[place][1] for place in places]
        return Weights(np.packbits(on), np.where(_BITS, factors, 1.0).prod(axis=2).reshape(-1))

    def weigh(self, fused: Fused, weights: Weights | None, varying: Mapping[int, BoolMask]) -> Fused:
        """Multiply scores by the factors of rules; what that does is one contribution, :data:`RULES`.

        A score below 0 is divided instead, so that a boost raises it too.

        Parameters
        ----------
        fused
            The candidates.
        weights
            Of the rules that are meant.
        varying
            What rules act on in this request, by their number.
        """
        rows, scores = fused.rows, fused.scores
        factors: Floats | None = None
        if weights is not None:
            bits = self._bits[rows]
            if (bits & weights.bits).any():
                factors = weights.products[bits + self._steps].prod(axis=1)
        for number, mask in varying.items():
            if number in self._places and (hit := mask[rows]).any():
                factors = np.where(hit, self._rules[self._places[number]][1], 1.0) * (1.0 if factors is None else factors)
        if factors is None:
            return fused
        after = scores * factors if scores.min() >= 0.0 else np.where(scores >= 0, scores * factors, scores / factors)
        given = np.concatenate((fused.contributions, (after - scores)[:, None]), axis=1)
        return Fused.of(rows, given, (*fused.properties, RULES))

    def told_apart(
        self, contributions: Sequence[Mapping[str, float]], rows: Rows, weights: Weights | None, varying: Mapping[int, BoolMask]
    ) -> list[dict[str, float]]:
        """Return the contributions to the scores of some rows with a part for each rule in the place of :data:`RULES`."""
        hit = np.zeros((len(rows), len(self._rules)), np.bool_)
        if weights is not None:
            hit |= np.unpackbits(self._bits[rows] & weights.bits, axis=1, count=len(self._rules)).view(np.bool_)
        for number, mask in varying.items():
            if number in self._places:
                hit[:, self._places[number]] |= mask[rows]
        acting: list[list[tuple[str, float]]] = [[] for _ in contributions]
        for row, place in zip(*(found.tolist() for found in hit.nonzero()), strict=True):
            acting[row].append(self._rules[place])
        return [_told_apart(given, rules) for given, rules in zip(contributions, acting, strict=True)]


def _told_apart(given: Mapping[str, float], rules: Sequence[tuple[str, float]]) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, value in given.items():
        if name != RULES:
            out[name] = value
            continue
        start = before = sum(out.values())
        product = 1.0
        for rule, factor in rules:
            product *= factor
            after = start * product if start >= 0 else start / product
            out[rule] = after - before
            before = after
    return out
