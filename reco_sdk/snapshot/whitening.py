"""Whitening: the mean removed, the principal axes rescaled.

Sentence embeddings fill a narrow cone: a few directions carry most of the variance and every pair looks alike. Removing
the mean (Arora, Liang, Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017; Mu, Viswanath,
"All-but-the-top", ICLR 2018) and giving the axes equal variance (Su, Cao, Liu, Ou, "Whitening sentence representations
for better semantics and faster retrieval", 2021) makes the inner product tell items apart. The covariance is shrunk
towards a multiple of the identity (Ledoit, Wolf, "A well-conditioned estimator for large-dimensional covariance
matrices", 2004), so that a catalogue of few items is rescaled little and one of a handful not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.errors import InvalidInput, SnapshotCorrupt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reco_sdk.types import Vector, Vectors

__all__ = ["Whitening"]

MEAN: Final = "whitening_mean"
MATRIX: Final = "whitening_matrix"
# Below this many vectors neither mean nor axes say anything about the next one.
MIN_FIT: Final = 50
_ROWS_PER_STEP: Final = 65_536
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """An affine map ``x → (x - mean) W`` followed by L2 normalisation.

    ``W`` is symmetric (ZCA): among all whitening maps the one that moves vectors least; inner products are the same
    as with PCA whitening.

    Parameters
    ----------
    mean
        float32 ``(d,)``.
    matrix
        float32 ``(d, d)``.
    """

    mean: Vector
    matrix: Vectors

    @property
    def dimension(self) -> int:
        """Length ``d`` of the vectors it takes and gives."""
        return int(self.mean.shape[0])

    @classmethod
    def identity(cls, dimension: int) -> Whitening:
        """Return the map that only normalises."""
        return cls(np.zeros(dimension, np.float32), np.eye(dimension, dtype=np.float32))

    @classmethod
    def fit(
        cls, vectors: npt.NDArray[np.floating[Any]], *, shrinkage: float = 0.05, max_sample: int = 50_000, seed: int = 0
    ) -> Whitening:
        """Learn mean and axes; deterministic for the same input.

        With eigenvalues ``λ`` of the covariance of the ``n`` sampled unit vectors, an axis is divided by the root of
        ``(1 - s) λ + s mean(λ)``, where ``s = max(shrinkage, d / (n + d))``.

        Parameters
        ----------
        vectors
            ``(n, d)``, any float type. Fewer than 50, or vectors without any spread, give the identity.
        shrinkage
            Least part of the mean variance that every axis keeps, 0 (full whitening) to 1 (mean removal only).
        max_sample
            At most so many rows are looked at, drawn by ``seed``.
        seed
            For the draw.

        Raises
        ------
        InvalidInput
            For another shape, values that are not finite, or a shrinkage outside 0 to 1.
        """
        if not 0.0 <= shrinkage <= 1.0:
            raise InvalidInput("shrinkage", f"{shrinkage!r} is not between 0 and 1; 0.05 is usual")
        if max_sample < 1:
            raise InvalidInput("max_sample", f"{max_sample!r} is not positive; 50,000 is usual")
        if vectors.ndim != 2 or vectors.shape[1] < 1:
            raise InvalidInput("vectors", f"have shape {vectors.shape}; give (n, d)")
        n, d = vectors.shape
        if n > max_sample:
            rows = np.sort(np.random.default_rng(seed).choice(n, max_sample, replace=False))
            vectors = vectors[rows]
        sample = _unit(_finite(np.asarray(vectors, dtype=np.float32)))
        sample = sample[np.any(sample != 0.0, axis=1)]
        n = len(sample)
        if n < MIN_FIT:
            return cls.identity(d)
        mean = sample.mean(axis=0, dtype=np.float64)
        centred = sample - mean.astype(np.float32)
        covariance = (centred.T @ centred).astype(np.float64) / n
        variances, axes = np.linalg.eigh(covariance)
        variances = np.maximum(variances, 0.0)
        spread = float(variances.mean())
        if spread * d < 1e-6:
            return cls.identity(d)
        part = max(shrinkage, d / (n + d))
        shrunk = (1.0 - part) * variances / spread + part
        matrix = (axes / np.sqrt(np.maximum(shrunk, 1e-6))) @ axes.T
        return cls(mean.astype(np.float32), np.ascontiguousarray(matrix, dtype=np.float32))

    def transform(self, vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
        """Return float32 rows of unit length, of the shape given: ``(n, d)`` or one vector ``(d,)``.

        Zero vectors (nothing known), and vectors that equal the mean, come out as zeros.

        Raises
        ------
        InvalidInput
            For another dimension, or values that are not finite.
        """
        if vectors.ndim not in {1, 2} or vectors.shape[-1] != self.dimension:
            raise InvalidInput("vectors", f"have shape {vectors.shape}; give (n, {self.dimension})")
        flat = vectors.reshape(-1, self.dimension)
        out = np.empty(flat.shape, dtype=np.float32)
        for start in range(0, len(flat), _ROWS_PER_STEP):
            step = slice(start, start + _ROWS_PER_STEP)
            raw = _unit(_finite(np.asarray(flat[step], dtype=np.float32)))
            known = np.any(raw != 0.0, axis=1)
            out[step] = _unit(np.asarray((raw - self.mean) @ self.matrix, np.float32)) * known[:, None]
        return out.reshape(vectors.shape)

    def to_arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the arrays of a snapshot."""
        return {MEAN: self.mean, MATRIX: self.matrix}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Whitening:
        """Rebuild from :meth:`to_arrays`.

        Raises
        ------
        SnapshotCorrupt
            When an array is missing, or shapes or values cannot be.
        """
        try:
            mean, matrix = arrays[MEAN], arrays[MATRIX]
        except KeyError as error:
            raise SnapshotCorrupt(f"the snapshot lacks {error.args[0]}; build it again with sync") from error
        fits = mean.ndim == 1 and matrix.shape == (mean.shape[0], mean.shape[0])
        if not fits or not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
            raise SnapshotCorrupt(f"whitening of shapes {mean.shape} and {matrix.shape} cannot be; build it again with sync")
        return cls(np.asarray(mean, np.float32), np.asarray(matrix, np.float32))


def _finite(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise InvalidInput("vectors", "hold NaN or infinite values; embed those items again")
    return vectors


def _unit(vectors: Vectors) -> Vectors:
    """Return rows of unit length; rows of zeros (to rounding) stay zeros."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.where(norms > _TINY, vectors / np.maximum(norms, _TINY), 0.0).astype(np.float32)
    return unit
