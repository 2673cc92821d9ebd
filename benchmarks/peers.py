"""Other packages on the same splits, side by side with the fusion and with each source alone.

    RECO_PEERS_PYTHON=…/bin/python python -m benchmarks.run peers --data FOLDER --keep FOLDER

``pip install 'reco-sdk[peers]'`` brings implicit, LensKit, RecPack and RecTools with its SASRec. They ask for older NumPy than
others do: an environment of their own, whose interpreter ``RECO_PEERS_PYTHON`` names. Each is given what the protocol lets
models be fitted on and the history of each case, and answers with twenty items a case, which are held against what came by the
same code as ours. Answers are kept, ours by the state of the code: what was done is not done again. What is not installed, and
what took over ``--budget-minutes`` (15 by default) is left out, and the table says why.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.peers_apart import GRID
from benchmarks.peers_models import AS_FITTED
from benchmarks.quality import TABLES, state_of_code

__all__ = ["DATA", "export", "run", "table"]

DATA: Final = ("ml100k", "retail", "beauty")
MINUTES: Final = 15.0
_LEAD: Final = "NDCG@10"
_NOTES: Final = {
    "as fitted": "knows users as they were fitted, not what they did since",
    "timed": "learnt until its time was spent, or the loss on held-back items rose",
}


def run(data: Path, only: Sequence[str] = (), keep: Path | None = None, minutes: float | None = None) -> dict[str, float]:
    """Return the figures of every peer and of ours on each data set."""
    figures: dict[str, float] = {}
    for name in only or DATA:
        if (data / TABLES[name][0]).is_dir():
            kept = (keep or ROOT / "bench-out" / "kept") / "peers" / name
            kept.mkdir(parents=True, exist_ok=True)
            figures |= _compare(name, data / TABLES[name][0], kept, 60.0 * (minutes or MINUTES))
        else:
            print(f"{name}: {data / TABLES[name][0]} is not there", flush=True)
    return figures


def _compare(name: str, folder: Path, kept: Path, seconds: float) -> dict[str, float]:
    from reco_sdk.evaluation.replay import Answers
    from reco_sdk.evaluation.scorecard import Yardstick
    from reco_sdk.evaluation.splitting import make_split

    data = _read(name, folder)
    split, tried = (make_split(data, TABLES[name][2], part=part) for part in ("test", "validation"))
    fitted = data.log.take(split.fit)
    digest = export(data.log, split, tried, kept / "given.npz")
    answers = dict(_ours(name, data, split, kept, digest))
    facts: dict[str, dict[str, Any]] = {}
    for place, peer in enumerate(GRID, 1):
        print(f"  {name}: {peer} ({place} of {len(GRID)}) …", flush=True)
        facts[peer] = _ask(peer, kept, digest, seconds)
        if "left_out" in facts[peer]:
            print(f"    is left out: {facts[peer]['left_out']}", flush=True)
        else:
            with np.load(kept / f"{peer}.npz") as rows:
                answers[peer] = [rows[key] for key in sorted(rows)]
    figures: dict[str, float] = {}
    for way, cases in enumerate(split.cases):
        vectors = data.items.vectors if data.items.vectors is not None else np.zeros((data.log.n_items, 1), np.float32)
        yardstick = Yardstick(data.log, fitted, cases, vectors, 0)
        cards = {source: yardstick.score(Answers(rows[way], np.zeros(len(cases)))) for source, rows in answers.items()}
        label = f"{name}{'_new' if way else ''}"
        rows, lows = [], {True: [float("inf")], False: [float("inf")]}
        for source, card in cards.items():
            figures[f"{label}_{source}"] = value = card.means()[_LEAD]
            ahead = cards["fusion"].ahead_of(card, yardstick.bootstrap)[_LEAD] if source != "fusion" else None
            if ahead is not None:
                lows[source in GRID].append(ahead[1])
            of = facts.get(source, {})
            rows.append((source, value, card.intervals(yardstick.bootstrap)[_LEAD], card.means()["HitRate@10"], ahead, of, way))
        written = table(f"{label}: {cases.name or split.protocol}, {len(cases):,} cases", rows, facts)
        (kept / f"{label}.md").write_text(written)
        print(written, flush=True)
        figures |= {f"{label}_{which}": min(lows[peers]) for which, peers in (("ahead", True), ("ahead_alone", False))}
    return figures


def table(title: str, rows: Sequence[tuple[Any, ...]], facts: dict[str, dict[str, Any]]) -> str:
    """Return a table of the best first, and what was left out with the reason."""
    lines = [f"| {title} | {_LEAD} | HR@10 | the fusion is ahead by | settings, notes | s |", "|---|---|---|---|---|---|"]
    for source, value, (low, high), hits, ahead, of, way in sorted(rows, key=lambda row: -row[1]):
        chosen = of["settings"][way] if of.get("settings") else {}
        notes = [", ".join(f"{name} {setting}" for name, setting in chosen.items())] if chosen else []
        notes += [_NOTES["as fitted"]] * (source in AS_FITTED) + [_NOTES["timed"]] * bool(of.get("timed"))
        beside = "" if ahead is None else f"{ahead[0]:.4f} [{ahead[1]:.4f}, {ahead[2]:.4f}]"
        cells = (
            f"**{source}**" if source == "fusion" else source,
            f"{value:.4f} [{low:.4f}, {high:.4f}]",
            f"{hits:.4f}",
            beside,
            "; ".join(notes),
            str(of.get("seconds", "")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {peer} | | | | left out: {of['left_out']} | |" for peer, of in facts.items() if "left_out" in of]
    return "\n".join(lines) + "\n"


def _read(name: str, folder: Path) -> Any:
    from reco_sdk.cli.evaluating import _data

    text = TABLES[name][TABLES[name].index("--text") + 1] if "--text" in TABLES[name] else None
    return asyncio.run(_data(Namespace(folder=folder, text=text, model=None, store=None, vectors=None), None))


def export(log: Any, split: Any, tried: Any, path: Path) -> str:
    """Write what a peer may know, and return a digest of it.

    Which is what it is fitted on, in order of time; what of that is known where settings are tried; the history of each case,
    newest last; and what came, for the cases that settings are tried on only.
    """
    fitted = log.take(split.fit)
    given: dict[str, Any] = {name: getattr(fitted, name) for name in ("users", "items", "times")}
    given |= {"n_users": log.n_users, "n_items": log.n_items, "known": tried.fit[split.fit], "ways": len(split.cases)}
    for part, ways in (("test", split.cases), ("validation", tried.cases)):
        for way, cases in enumerate(ways):
            asked = cases if part == "test" or len(cases) <= 2_000 else cases.take(_drawn(len(cases), 2_000))
            given |= {f"{part}_{way}_{name}": value for name, value in _of_cases(log, asked, told=part != "test").items()}
    digest = hashlib.sha256()
    for name in sorted(given):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(given[name]).tobytes())
    np.savez(path, **given)
    return digest.hexdigest()


def _drawn(count: int, most: int) -> Any:
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def _of_cases(log: Any, cases: Any, *, told: bool) -> dict[str, Any]:
    shown = [cases.places[start:stop] for start, stop in zip(cases.starts, cases.stops, strict=True)]
    places = np.concatenate(shown) if shown else np.empty(0, np.int64)
    return {
        "shown": log.items[places],
        "times": log.times[places],
        "offsets": np.cumsum([0, *map(len, shown)]),
        "users": log.users[cases.targets[cases.offsets[:-1]]],
        "exclude": cases.exclude_input,
        "came": log.items[cases.targets] if told else np.empty(0, np.int32),
        "came_offsets": cases.offsets if told else np.zeros(1, np.int64),
    }


def _ours(name: str, data: Any, split: Any, kept: Path, digest: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the answers of the fusion and of each source alone, fitted now unless they are kept of the same code."""
    from reco_sdk.evaluation.contenders import contenders
    from reco_sdk.evaluation.replay import replay

    state = f"{state_of_code()} {digest}"
    ours = [contender for contender in contenders(data, ordered=split.ordered) if not contender.on_request]
    for contender in sorted(ours, key=lambda one: one.name != "fusion"):
        path = kept / f"ours_{contender.name}.npz"
        if path.exists():
            with np.load(path) as rows:
                if str(rows["state"]) == state:
                    yield contender.name, [rows[str(way)] for way in range(len(split.cases))]
                    continue
        print(f"  {name}: {contender.name} …", flush=True)
        model = contender.fit(data.log.take(split.fit), data.items, 600.0)
        if not hasattr(model, "scores"):
            continue
        answers = [replay(model, data.log, cases, 20).rows for cases in split.cases]
        np.savez(path, state=state, **{str(way): rows for way, rows in enumerate(answers)})
        yield contender.name, answers


def _ask(peer: str, kept: Path, digest: str, seconds: float) -> dict[str, Any]:
    """Fit and ask one peer in a process of its own, unless it was done; return what is known of it."""
    known = kept / f"{peer}.done.json"
    state = f"{digest} {json.dumps(GRID[peer])}"
    if known.exists() and (facts := json.loads(known.read_text()))["state"] == state and facts.get("limit", seconds) >= seconds:
        return dict(facts)
    python = os.environ.get("RECO_PEERS_PYTHON", sys.executable)
    command = [python, "-m", "benchmarks.peers_apart", peer, str(kept / "given.npz"), str(kept / peer), str(seconds)]
    (kept / f"{peer}.json").unlink(missing_ok=True)
    started = time.monotonic()
    facts = {"state": state}
    try:
        with (kept / f"{peer}.log").open("w") as log:
            done = subprocess.run(command, check=False, cwd=ROOT, stdout=log, stderr=log, timeout=1.2 * seconds)
    except subprocess.TimeoutExpired:
        facts |= {"left_out": f"it took over {1.2 * seconds / 60.0:.0f} minutes", "limit": seconds}
    else:
        told = kept / f"{peer}.json"
        if done.returncode or not told.exists():  # some trainers end with 0 when they are stopped
            lines = (kept / f"{peer}.log").read_text().strip().splitlines() or ["no reason given"]
            return facts | {"left_out": lines[-1][:200]}  # is asked again next time: it may be installed by then
        facts |= json.loads(told.read_text())
    facts["took"] = round(time.monotonic() - started, 1)
    known.write_text(json.dumps(facts))
    return facts
