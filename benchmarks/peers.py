"""Other packages on the same splits: implicit, LensKit and RecTools with its SASRec, each as it comes, beside the fusion.

    python -m benchmarks.run peers --data FOLDER
    RECO_PEERS_PYTHON=…/bin/python python -m benchmarks.run peers --data FOLDER

``pip install 'reco-sdk[peers]'`` brings them. They ask for older NumPy than others do: an environment of their own is best, and
``RECO_PEERS_PYTHON`` names its interpreter. They are given what the protocol lets models be fitted on and the history of each
case, and answer with twenty items a case, which are held against what came by the same code as ours. What is not installed is
left out, and the reason printed.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.quality import TABLES

__all__ = ["DATA", "PEERS", "export", "run"]

DATA: Final = ("ml100k", "beauty", "retail")
PEERS: Final = (
    "implicit_als",
    "implicit_bm25",
    "implicit_cosine",
    "lenskit_item_knn",
    "lenskit_als",
    "lenskit_ease",
    "rectools_sasrec",
)
_SECONDS: Final = 900
_LEAD: Final = "NDCG@10"


def run(data: Path, only: Sequence[str] = ()) -> dict[str, float]:
    """Return the figures of every peer and of ours on each data set."""
    figures: dict[str, float] = {}
    for name in only or DATA:
        if (data / TABLES[name][0]).is_dir():
            figures |= _compare(name, data / TABLES[name][0])
    return figures


def _compare(name: str, folder: Path) -> dict[str, float]:
    from reco_sdk.evaluation.contenders import fusion
    from reco_sdk.evaluation.replay import Answers, replay
    from reco_sdk.evaluation.scorecard import Yardstick
    from reco_sdk.evaluation.splitting import make_split

    data = _read(name, folder)
    split = make_split(data, TABLES[name][2])
    fitted = data.log.take(split.fit)
    ours = fusion(data, ordered=split.ordered).fit(fitted, data.items, 600.0)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for place, cases in enumerate(split.cases):
            vectors = data.items.vectors if data.items.vectors is not None else np.zeros((data.log.n_items, 1), np.float32)
            yardstick = Yardstick(data.log, fitted, cases, vectors, 0)
            head = yardstick.score(replay(ours, data.log, cases, 20))
            label = f"{name}{'_new' if place else ''}"
            figures[f"{label}_fusion"] = head.means()[_LEAD]
            export(fitted, data.log, cases, Path(scratch) / "in.npz")
            lows = []
            for peer in PEERS:
                out = Path(scratch) / f"{peer}.npy"
                if not _ask(peer, Path(scratch) / "in.npz", out):
                    continue
                card = yardstick.score(Answers(np.load(out), np.zeros(len(cases))))
                value, low, _ = head.ahead_of(card, yardstick.bootstrap)[_LEAD]
                figures[f"{label}_{peer}"] = card.means()[_LEAD]
                print(f"  {label} {peer}: {_LEAD} {card.means()[_LEAD]:.4f}, ours ahead by {value:.4f} [{low:.4f}, …", flush=True)
                lows.append(low)
            if lows:
                figures[f"{label}_ahead"] = min(lows)
    return figures


def _read(name: str, folder: Path) -> Any:
    from reco_sdk.cli.evaluating import _data

    text = TABLES[name][TABLES[name].index("--text") + 1] if "--text" in TABLES[name] else None
    return asyncio.run(_data(Namespace(folder=folder, text=text, model=None, store=None, vectors=None), None))


def export(fitted: Any, log: Any, cases: Any, path: Path) -> None:
    """Write what a peer may know: what it is fitted on, in order of time, and the history of each case, newest last."""
    shown = [cases.places[start:stop] for start, stop in zip(cases.starts, cases.stops, strict=True)]
    np.savez(
        path,
        users=fitted.users,
        items=fitted.items,
        n_users=log.n_users,
        n_items=log.n_items,
        shown=log.items[np.concatenate(shown)] if shown else np.empty(0, np.int32),
        offsets=np.cumsum([0, *map(len, shown)]),
        exclude=cases.exclude_input,
    )


def _ask(peer: str, given: Path, out: Path) -> bool:
    """Fit and ask one peer in a process of its own; return whether it answered."""
    python = os.environ.get("RECO_PEERS_PYTHON", sys.executable)
    command = [python, str(ROOT / "benchmarks" / "peers_apart.py"), peer, str(given), str(out)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"  {peer} is left out: it took over {_SECONDS} s", flush=True)
        return False
    answered = done.returncode == 0 and out.exists()  # some trainers end with 0 when they are stopped
    if not answered:
        print(f"  {peer} is left out: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", flush=True)
    return answered
