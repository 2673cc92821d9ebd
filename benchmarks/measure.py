"""How things are measured: alternated rounds, percentiles, pinned threads, memory by mapping."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

__all__ = [
    "PINNED",
    "alternate",
    "fresh_python",
    "p50",
    "p99",
    "resident_bytes",
    "time_each",
    "time_each_async",
]

ROOT: Final = Path(__file__).resolve().parent.parent
# With more BLAS threads than cores, small products take a hundred times as long.
PINNED: Final[Mapping[str, str]] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
_MAPPING: Final = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)$")


def p50(values: Sequence[float]) -> float:
    """Return the median."""
    return float(np.median(values))


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return float(np.percentile(values, 99))


def time_each(call: Callable[[Any], object], arguments: Iterable[Any]) -> list[float]:
    """Return the milliseconds of each ``call(argument)``; the collector waits meanwhile."""
    took = []
    gc.collect()
    gc.disable()
    try:
        for argument in arguments:
            started = time.perf_counter_ns()
            call(argument)
            took.append((time.perf_counter_ns() - started) / 1e6)
    finally:
        gc.enable()
    return took


async def time_each_async(call: Callable[[Any], Awaitable[object]], arguments: Iterable[Any]) -> list[float]:
    """Return the milliseconds of each ``await call(argument)``."""
    took = []
    gc.collect()
    gc.disable()
    try:
        for argument in arguments:
            started = time.perf_counter_ns()
            await call(argument)
            took.append((time.perf_counter_ns() - started) / 1e6)
    finally:
        gc.enable()
    return took


def alternate(rounds: int, **contenders: Callable[[int], float]) -> dict[str, list[float]]:
    """Run the contenders in turn, ``rounds`` times, the order turned round each time; return what each answered.

    Noise that comes and goes then meets all of them.
    """
    answers: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in names:
            answers[name].append(contenders[name](number))
    return answers


def fresh_python(code: str, **environment: str) -> Any:
    """Run ``code`` in a new, pinned interpreter; return what its last line of JSON says."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **PINNED, **environment},
    )
    if done.returncode:
        raise RuntimeError(f"a measuring process failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def resident_bytes(outside: Path | None = None) -> int:
    """Return this process's resident memory; pages mapped from files below ``outside`` are left out.

    Needs ``/proc`` (Linux).
    """
    total, counted = 0, True
    for line in Path("/proc/self/smaps").read_text().splitlines():
        mapping = _MAPPING.match(line)
        if mapping:
            counted = outside is None or not mapping[1].startswith(str(outside.resolve()))
        elif counted and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total
