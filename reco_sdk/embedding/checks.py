"""What every embedder promises, checked where vectors come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reco_sdk.errors import EmbeddingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from reco_sdk.types import Vectors

__all__ = ["check_texts", "check_vectors", "unit_rows"]


def check_texts(texts: Sequence[str]) -> list[str]:
    """Return ``texts`` as a list in which every text can be encoded; lone surrogates become question marks.

    Raises
    ------
    EmbeddingError
        For one text instead of a sequence, or an entry that is not text.
    """
    if isinstance(texts, str):
        raise EmbeddingError("one text was given where a sequence belongs; give [text]")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise EmbeddingError(f"entry {position} is {type(text).__name__}, not text; give text")
    return [text.encode("utf-8", "replace").decode() for text in texts]


def check_vectors(vectors: Vectors, count: int, dimension: int, who: str = "the model") -> Vectors:
    """Return ``vectors`` if they are what an embedder promises; ``who`` made them stands in the error.

    Raises
    ------
    EmbeddingError
        For another shape than ``(count, dimension)``, or NaN or infinite values.
    """
    if vectors.shape != (count, dimension):
        raise EmbeddingError(
            f"{who} answered with shape {vectors.shape} instead of {(count, dimension)}; "
            "check that its name and its dimension are what was configured"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise EmbeddingError(
            f"{who} answered with NaN or infinite values for {int((~finite).sum())} of {count} texts; "
            "try full precision or another model"
        )
    return vectors


def unit_rows(vectors: npt.NDArray[np.floating[Any]], who: str = "the model") -> Vectors:
    """Return float32 rows of unit length, normalised in double precision.

    Raises
    ------
    EmbeddingError
        For a row of zeros, which has no direction.
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    if (norms == 0.0).any():
        raise EmbeddingError(f"{who} answered with a vector of zeros; check that it is an embedding model")
    return np.ascontiguousarray(wide / norms, dtype=np.float32)
