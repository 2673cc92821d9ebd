"""Asks a LightGBM booster without what its Python wrapper does around each call, which takes longer than small forests.

The wrapper makes a predictor, tells kinds of data apart and writes parameters down anew for every request. What it calls in
the end is one function of LightGBM's C interface, which is documented and called here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reco_sdk.types import Floats

__all__ = ["caller"]

_FLOAT32: Final = 0
_ROW_MAJOR: Final = 1
_SCORES: Final = 0
_PARAMETERS: Final = b"num_threads=1"

Predict = Callable[[npt.NDArray[np.float32]], Floats]


def caller(booster: Any) -> Predict:
    """Return what gives float64 ``(m,)`` for float32 ``(m, n)``: the scores that ``booster.predict`` gives, in one thread."""
    from lightgbm import basic  # noqa: PLC0415 - an extra

    library, handle = getattr(basic, "_LIB", None), getattr(booster, "_handle", None)
    rounds = int(booster.best_iteration) if booster.best_iteration > 0 else -1

    def by_wrapper(features: npt.NDArray[np.float32]) -> Floats:
        return np.asarray(booster.predict(features, num_threads=1), np.float64)

    if library is None or handle is None:  # private names, and not of every version
        return by_wrapper
    width, call = int(booster.num_feature()), library.LGBM_BoosterPredictForMat

    def directly(features: npt.NDArray[np.float32]) -> Floats:
        count = len(features)
        if features.shape != (count, width) or not count:
            return by_wrapper(features)  # which says what is wrong
        features = np.ascontiguousarray(features, np.float32)
        scores, written = np.empty(count), ctypes.c_int64(0)
        failed = call(
            handle,
            ctypes.c_void_p(features.ctypes.data),
            _FLOAT32,
            ctypes.c_int32(count),
            ctypes.c_int32(width),
            _ROW_MAJOR,
            _SCORES,
            0,
            rounds,
            _PARAMETERS,
            ctypes.byref(written),
            ctypes.c_void_p(scores.ctypes.data),
        )
        return by_wrapper(features) if failed or written.value != count else scores

    return directly
